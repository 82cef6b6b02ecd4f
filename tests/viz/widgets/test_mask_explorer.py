"""The mask explorer without a browser: paintings, masks, honest errors."""

import numpy as np
import pytest
import torch

from course_lib.losses.patches import patchify
from course_lib.methods import MAE, SimCLR
from course_lib.models import VisionTransformer, resnet
from course_lib.viz.arrays.reconstruction import reconstruction_panels
from course_lib.viz.widgets import mask_explorer
from course_lib.viz.widgets.mask_explorer import PAINTERS, MaskExplorer


def method(**options):
    torch.manual_seed(0)
    encoder = VisionTransformer(16, 4, 12, 1, 2)
    return MAE(encoder, decoder_width=8, decoder_depth=1, decoder_heads=2, **options)


def images(count=2, height=16, width=24):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def explorer():
    return MaskExplorer(method(), images())


def test_every_ratio_and_pattern_is_prepared(explorer):
    table = explorer.table()
    assert len(table) == 2 * 3 * 4 == len(explorer.arrays["painted"])
    assert not table[["image", "pattern", "ratio"]].duplicated().any()
    hidden = explorer.arrays["mask"].sum(1)
    assert dict(zip(table.ratio, hidden, strict=True)) == {0.25: 6, 0.5: 12, 0.75: 18, 0.9: 22}  # of 24
    assert explorer.state["ratio"] == 0.75  # as in training
    for place in (0, 7, 23):  # painted together as well as alone
        found = explorer.answer(explorer.config["prepared"][place])
        assert np.abs(found["painted"].astype(int) - explorer.arrays["painted"][place]).max() <= 1
        np.testing.assert_allclose(found["errors"], explorer.arrays["errors"][place], rtol=1e-4)


def test_paintings_are_those_of_the_method(explorer):
    kept = [1, 5, 20]
    found = explorer.answer({"image": 1, "kept": [20, 1, 5]})
    panels = reconstruction_panels(explorer.method, images()[1:], kept=kept)
    assert np.array_equal(found["painted"], (panels.reconstruction[0] * 255).round().byte().numpy())
    assert np.flatnonzero(found["mask"] == 0).tolist() == kept


def test_errors_by_hand():
    x = images()
    plain = method(normalize=False)
    plain.predict = lambda view, kept: torch.full((len(view), 24, 48), 2.0)  # painted white: it is cut to 1
    explorer = MaskExplorer(plain, x, ratios=(0.5,), patterns=("grid",))
    mask = torch.from_numpy(explorer.arrays["mask"][0]).bool()
    rows = patchify(x[:1], 4)[0].unflatten(1, (16, 3))
    hidden, visible = rows[mask], rows[~mask]
    expected = {
        "model": (1 - hidden).square().mean(),
        "visible_mean": (hidden - visible.mean((0, 1))).square().mean(),
        "own_mean": (hidden - hidden.mean((1, 2), keepdim=True)).square().mean(),
    }
    assert list(expected) == list(PAINTERS)
    assert explorer.errors() == pytest.approx({name: float(one) for name, one in expected.items()}, rel=1e-5)
    assert "own mean" not in explorer.alt_text  # nothing was put back


def test_a_normalised_model_that_says_nothing_paints_the_own_mean():
    silent = method()
    silent.predict = lambda view, kept: torch.zeros(len(view), 24, 48)
    errors = MaskExplorer(silent, images()).errors()
    assert errors["model"] == pytest.approx(errors["own_mean"], rel=1e-4)
    assert errors["model"] < errors["visible_mean"]


def test_masks_depend_on_round_and_picture(explorer):
    state = explorer.state
    assert not torch.equal(explorer.kept(state), explorer.kept(state | {"round": 1}))
    assert not torch.equal(explorer.kept(state), explorer.kept(state | {"image": 1}))
    assert torch.equal(explorer.kept(state), MaskExplorer(method(), images()).kept())
    other = MaskExplorer(method(), images(), seed=1)
    assert not torch.equal(explorer.kept(state), other.kept(state))


def test_large_pictures_are_prepared_in_part(monkeypatch):
    monkeypatch.setattr(mask_explorer, "BYTES", 5 * 3 * 16 * 24)
    explorer = MaskExplorer(method(), images(), state={"ratio": 0.9, "pattern": "block", "image": 1})
    prepared = explorer.config["prepared"]
    assert len(prepared) == len(explorer.arrays["painted"]) == 5
    assert prepared[0] == {"image": 1, "pattern": "block", "ratio": 0.9, "round": 0}
    assert {one["ratio"] for one in prepared} == {0.9}
    assert explorer.every_request() == []
    explorer.choose(ratio=0.25)
    assert explorer.every_request() == [{"image": 1, "pattern": "block", "ratio": 0.25, "round": 0}]


def test_figure_and_words(explorer, legible):
    figure = legible(explorer.figure())
    assert [axis.get_ylabel() for axis in figure.axes[::4]] == [
        "25 % removed", "50 % removed", "75 % removed", "90 % removed"
    ]  # fmt: skip
    errors = explorer.errors()
    assert "Picture 1 with 18 of 24 patches hidden, pattern random." in figure.alt_text
    assert f"the model {errors['model']:.4f}" in figure.alt_text
    assert f"each patch in its own mean {errors['own_mean']:.4f}" in figure.alt_text
    explorer.choose(kept=list(range(12)))
    figure = legible(explorer.figure())
    assert len(figure.axes) == 4
    assert "12 of 24 patches hidden, chosen one by one" in explorer.alt_text
    explorer.choose(ratio=0.75)
    assert explorer.state["kept"] is None


def test_state_comes_from_the_browser_and_answers_go_back():
    view, sent = MaskExplorer(method(), images()), []
    view.widget.send = lambda *message: sent.append(message)
    view.widget.state = view.state | {"kept": [0, 1, 2]}
    view.widget.log = [{"did": "patches"}]
    assert view.kept().tolist() == [0, 1, 2]
    assert view.log == [{"did": "patches"}]
    view._reply(view.widget, {"id": 1, "request": {"image": 0, "kept": [3, 4]}}, [])
    assert sent[0][0]["arrays"]["painted"]["shape"] == [3, 16, 24]
    view._reply(view.widget, {"id": 2, "request": {"image": 0, "kept": []}}, [])
    assert "at least one stays" in sent[1][0]["error"]
    view.choose(pattern="grid")
    assert view.widget.state["pattern"] == "grid"
    assert view.widget.state["kept"] is None
    view.close()


def test_basic_controls(explorer):
    box = explorer.basic()
    controls = {one.description: one for one in box.children if hasattr(one, "description")}
    controls["ratio"].value = 0.5
    assert "12 of 24 patches hidden" in box.children[-1].value
    controls["ratio"].value = 0.75


def test_mistakes_get_a_sentence():
    with pytest.raises(TypeError, match=r"method is SimCLR; give a methods\.MAE"):
        MaskExplorer(SimCLR(resnet((4,), (1,))), images())
    with pytest.raises(ValueError, match="cannot be cut into patches of 4"):
        MaskExplorer(method(), images(2, 16, 22))
    with pytest.raises(ValueError, match="patterns out of random, block, grid"):
        MaskExplorer(method(), images(), patterns=("stripes",))
    with pytest.raises(ValueError, match="at least one ratio"):
        MaskExplorer(method(), images(), ratios=())
    with pytest.raises(ValueError, match="at least 1 must go"):
        MaskExplorer(method(), images(), ratios=(0.0,))
    view = MaskExplorer(method(), images())
    for kept in ([], list(range(24)), [3, 3], [-1], [24]):
        with pytest.raises(ValueError, match="so that at least one stays and at least one is hidden"):
            view.choose(kept=kept)
    with pytest.raises(ValueError, match=r"ratio 0\.3; choose of"):
        view.choose(ratio=0.3)
    with pytest.raises(ValueError, match="there are 2 images"):
        view.choose(image=2)
