"""Draws of augmentations: what strength, order and seed change, and what they leave alone."""

import pytest
import torch

from course_lib.data import augment
from course_lib.viz.arrays.augmentation_draws import (
    OPERATIONS,
    STEPS,
    Operation,
    augmented,
    chosen_operations,
)

IMAGE = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(0))


def draw(*names, strength=3, draws=4, seed=(0,), image=IMAGE):
    return augmented(image, [(name, OPERATIONS[name]) for name in names], strength, draws, seed)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_keeps_size_and_range_and_says_what_it_does(name):
    operation = OPERATIONS[name]
    assert len(operation.settings) in (1, STEPS)
    for strength in range(1, STEPS + 1):
        views = draw(name, strength=strength)
        assert views.shape == (4, 3, 24, 24)
        assert 0 <= views.min() <= views.max() <= 1
        assert operation.words(operation.setting(strength))
    different = any(not torch.equal(views[0], one) for one in views[1:])
    assert different == operation.random
    assert len({operation.words(one) for one in operation.settings}) == len(operation.settings)


@pytest.mark.parametrize("name", [name for name, one in OPERATIONS.items() if len(one.settings) > 1])
def test_a_higher_strength_changes_the_same_draw_more(name):
    ramp = 0.8 * torch.linspace(0, 1, 24).expand(3, 24, 24) + 0.2 * IMAGE  # of noise, every turn is as far
    distance = [(draw(name, strength=s, draws=8, image=ramp) - ramp).square().mean() for s in (1, 3, 5)]
    assert distance[0] < distance[1] < distance[2]


def test_known_operations():
    assert torch.equal(draw("flip")[0], IMAGE.flip(2))
    grey = draw("colour drop")[0]
    assert torch.equal(grey[0], grey[1])
    torch.testing.assert_close(draw("Sobel")[:1], augment.sobel(IMAGE[None]))
    dark = draw("solarize", strength=3, image=torch.full((3, 8, 8), 0.25))
    assert (dark == 0.25).all()  # below the threshold of a half
    turned = draw("quarter turn", draws=32)
    quarters = [IMAGE.rot90(n, (1, 2)) for n in (1, 2, 3)]
    found = [next(n for n, one in enumerate(quarters) if torch.equal(one, view)) for view in turned]
    assert set(found) == {0, 1, 2}


def test_the_second_operation_leaves_the_first_one_as_it_was():
    first, both = draw("crop and resize"), draw("crop and resize", "flip")
    assert torch.equal(both, first.flip(3))
    other = draw("flip", "solarize"), draw("solarize", "flip")
    assert torch.equal(*other)  # these two commute
    assert not torch.equal(draw("rotate", "crop and resize"), draw("crop and resize", "rotate"))


def test_the_same_seed_the_same_draws():
    assert torch.equal(draw("colour jitter"), draw("colour jitter"))
    assert not torch.equal(draw("colour jitter"), draw("colour jitter", seed=(1,)))
    assert not torch.equal(draw("colour jitter", seed=(0, 1)), draw("colour jitter", seed=(1, 0)))
    before = IMAGE.clone()
    draw("Gaussian noise")
    assert torch.equal(IMAGE, before)


def test_operations_are_chosen_by_name_or_given():
    assert list(chosen_operations(None, True, "here")) == list(OPERATIONS)
    assert "quarter turn" not in chosen_operations(None, False, "here")
    assert list(chosen_operations(["flip", "Sobel"], False, "here")) == ["flip", "Sobel"]
    own = chosen_operations({"darker": lambda images, generator: images / 2}, False, "here")
    assert torch.equal(augmented(IMAGE, list(own.items()), 1, 2), (IMAGE / 2).expand(2, -1, -1, -1))
    with pytest.raises(ValueError, match="here: there is no operation 'blurr'; choose of crop"):
        chosen_operations(["blurr"], True, "here")
    with pytest.raises(ValueError, match="needs square images"):
        chosen_operations(["quarter turn"], False, "here")
    with pytest.raises(ValueError, match="operations is empty"):
        chosen_operations([], True, "here")
    with pytest.raises(TypeError, match="give a function"):
        chosen_operations({"half": 0.5}, True, "here")


def test_bad_input_is_answered_in_a_sentence():
    with pytest.raises(ValueError, match="whole number from 1 to 5"):
        draw("flip", strength=6)
    half = Operation(lambda images, _, generator: images[..., ::2], (None,), lambda _: "halved")
    with pytest.raises(ValueError, match=r"half made .* out of"):
        augmented(IMAGE, [("half", half)], 1)
