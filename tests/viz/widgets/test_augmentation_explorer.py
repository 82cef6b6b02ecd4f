"""The augmentation explorer without a browser: numbers, requests, sentences."""

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.viz.widgets.augmentation_explorer import PAGE_BYTES, SIDE, AugmentationExplorer


class Means(nn.Module):
    """Mean colour: blind to a flip, not to colours."""

    def forward(self, images):
        return images.mean((2, 3))


class Left(nn.Module):
    """Mean colour of the left half: sees a flip."""

    def forward(self, images):
        return images[..., : images.shape[3] // 2].mean((2, 3))


def images(count=3, height=16, width=16):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def explorer():
    return AugmentationExplorer(images(), encoder={"means": Means(), "left": Left()})


def test_numbers_are_distances_to_the_original(explorer):
    state = explorer.state | {"first": "flip", "image": 1}
    views = explorer.views(state)
    pixels, cosines = explorer.numbers(state, views)
    original = images()[1]
    assert pixels[0] == pytest.approx(float((original.flip(2) - original).square().mean().sqrt()), rel=1e-5)
    assert cosines[0, 0] == pytest.approx(1, abs=1e-5)  # the mean is not changed by a mirror
    assert cosines[1, 0] < 0.999
    black = AugmentationExplorer(torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)]), operations={
        "white": lambda x, generator: torch.ones_like(x)
    })  # fmt: skip
    assert black.table()["pixels"].tolist() == pytest.approx([1.0] * 4)
    assert black.between["pixels"] == pytest.approx(1.0)


def test_two_pictures_are_the_measure(explorer):
    x = images()
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([float((x[a] - x[b]).square().mean().sqrt()) for a, b in pairs])
    assert explorer.between["pixels"] == pytest.approx(expected, rel=1e-5)
    means = nn.functional.normalize(x.mean((2, 3)), dim=1)
    assert explorer.between["cosines"][0] == pytest.approx(
        np.mean([float(means[a] @ means[b]) for a, b in pairs]), rel=1e-5
    )
    alone = AugmentationExplorer(images(1), encoder=Means())
    assert alone.between == {"pixels": None, "cosines": [None]}
    assert "two pictures" not in alone.alt_text


def test_answers_are_what_is_asked_for(explorer):
    request = {"image": 2, "first": "cutout", "second": "flip", "strength": 5, "round": 1}
    found = explorer.answer(request)
    views = explorer.views(request)
    assert found["views"].shape == (4, 3, 16, 16)
    assert np.array_equal(found["views"], (views * 255).round().byte().numpy())
    assert found["cosines"].shape == (2, 4)
    again = explorer.answer(request | {"round": 2})
    assert not np.array_equal(found["views"], again["views"])
    alone = explorer.answer(request | {"second": ""})  # the flip does not change where the hole is
    assert np.array_equal(found["views"], alone["views"][..., ::-1])
    one = explorer.answer({"image": 0, "first": "Sobel", "second": "", "strength": 1, "round": 0})
    assert len(one["views"]) == 1  # nothing in it is random


def test_the_page_holds_every_single_operation(explorer):
    requests = explorer.every_request()
    assert {(r["image"], r["first"]) for r in requests} == {
        (image, name) for image in range(3) for name in explorer.operations
    }
    assert {r["strength"] for r in requests if r["first"] == "rotate"} == {1, 2, 3, 4, 5}
    assert {r["strength"] for r in requests if r["first"] == "flip"} == {1}
    assert len(requests) == len({str(r) for r in requests})
    assert all(explorer.request(explorer._checked(r)) == r for r in requests)


def test_large_pictures_travel_small_and_a_page_stays_small():
    large = AugmentationExplorer(
        images(6, 200, 120), operations=["rotate", "cutout", "Gaussian noise"], draws=8
    )
    assert large.arrays["images"].shape == (6, 3, SIDE, round(120 * SIDE / 200))
    requests = large.every_request()
    assert len(requests) * large.arrays["views"].nbytes <= PAGE_BYTES
    assert all(r["strength"] == 3 for r in requests[:18])  # the middle one of all comes first
    assert "quarter turn" not in AugmentationExplorer(images(1, 8, 12)).operations


def test_figure_and_words(explorer, legible):
    explorer.choose(first="colour jitter", second="flip", strength=5, image=1)
    figure = legible(explorer.figure())
    assert "colour jitter, then flip at strength 5 of 5" in figure.get_suptitle()
    assert (
        "Picture 2 and 4 of it: changed in brightness, contrast and saturation by up to 80 %"
        in figure.alt_text
    )
    assert "then mirrored left to right" in figure.alt_text
    rows = explorer.table()
    assert list(rows) == ["draw", "pixels", "means", "left"]
    assert f"mean cosine of left {rows['left'].mean():.2f}" in explorer.alt_text
    explorer.choose(first="flip", second="", strength=3, image=0)
    assert len(legible(explorer.figure()).axes) == 18  # a row of draws, two rows of eleven operations


def test_state_and_log_come_from_the_browser():
    view = AugmentationExplorer(images())
    sent = []
    view.widget.send = lambda *message: sent.append(message)
    view.widget.state = view.state | {"first": "rotate", "strength": 2}
    view.widget.log = [{"did": "look"}]
    assert view.state["first"] == "rotate"
    assert view.log == [{"did": "look"}]
    view._reply(view.widget, {"id": 7, "request": view.request(view.state)}, [])
    message = sent[0][0]
    assert message["id"] == 7
    assert message["arrays"]["views"]["shape"] == [4, 3, 16, 16]
    view._reply(view.widget, {"id": 8, "request": {**view.request(view.state), "first": "blurr"}}, [])
    assert "operations 'blurr' and ''; choose of crop" in sent[1][0]["error"]
    view.choose(second="flip")
    assert view.widget.state["second"] == "flip"
    view.close()


def test_basic_controls(explorer):
    box = explorer.basic()
    controls = {one.description: one for one in box.children if hasattr(one, "description")}
    assert set(controls) >= {"image", "strength", "first", "second"}
    before = box.children[-2].value
    controls["first"].value = "Sobel"
    assert explorer.state["first"] == "Sobel"
    assert box.children[-2].value != before
    assert "the strength of its edges" in box.children[-1].value
    explorer.choose(first="crop and resize")


def test_mistakes_get_a_sentence():
    with pytest.raises(ValueError, match="at most 2"):
        AugmentationExplorer(images(), encoder={"a": Means(), "b": Means(), "c": Means()})
    with pytest.raises(ValueError, match="'a' is no PyTorch module"):
        AugmentationExplorer(images(), encoder={"a": max})
    with pytest.raises(ValueError, match="1 to 8 draws"):
        AugmentationExplorer(images(), draws=0)
    with pytest.raises(ValueError, match="strength is 9; it goes from 1 to 5"):
        AugmentationExplorer(images(), state={"strength": 9})
    with pytest.raises(ValueError, match="there is no step"):
        AugmentationExplorer(images()).choose(step=1)
    with pytest.raises(ValueError, match="B, 3, H, W"):
        AugmentationExplorer(torch.rand(2, 1, 8, 8))
    with pytest.raises(TypeError, match="images is a list"):
        AugmentationExplorer([[1]])
    with pytest.raises(ValueError, match=r"\[0, 1\] is needed"):
        AugmentationExplorer(255 * images())
