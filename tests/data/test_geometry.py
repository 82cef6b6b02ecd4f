import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from course_lib.data import horizontal_flip, random_resized_crop, rotate, rotate90
from course_lib.data.geometry import crop_resize, draw_boxes, rotate_by


def boxes_of_torchvision(count, height, width, scale, ratio):
    crop, image = v2.RandomResizedCrop(8, scale=scale, ratio=ratio), torch.empty(3, height, width)
    draws = [crop.make_params([image]) for _ in range(count)]
    return torch.tensor([[d["top"], d["left"], d["height"], d["width"]] for d in draws]).double()


@pytest.mark.parametrize(
    ("height", "width", "scale", "ratio"),
    [
        (48, 48, (0.08, 1.0), (3 / 4, 4 / 3)),
        (96, 40, (0.2, 1.0), (3 / 4, 4 / 3)),  # so narrow that tries fail and the fallback is used
        (30, 200, (0.5, 1.0), (0.9, 1.1)),  # no try ever fits
    ],
)
def test_boxes_follow_torchvisions_law(height, width, scale, ratio, generator):
    torch.manual_seed(1)
    count = 4000
    ours = draw_boxes(count, height, width, scale, ratio, generator).double()
    theirs = boxes_of_torchvision(count, height, width, scale, ratio)
    for name, statistic in {
        "area": lambda b: b[:, 2] * b[:, 3],
        "aspect": lambda b: (b[:, 3] / b[:, 2]).log(),
        "top": lambda b: b[:, 0],
        "left": lambda b: b[:, 1],
        "free space above": lambda b: b[:, 0] / (height - b[:, 2]).clamp(min=1),
    }.items():
        p = stats.ks_2samp(statistic(ours).numpy(), statistic(theirs).numpy()).pvalue
        assert p > 1e-3, f"{name}: p = {p}"


def test_boxes_that_never_fit_are_the_central_fallback(generator):
    wide = draw_boxes(5, 30, 200, (0.5, 1.0), (0.9, 1.1), generator)
    assert wide.tolist() == [[0, (200 - 33) // 2, 30, 33]] * 5
    tall = draw_boxes(5, 200, 30, (0.5, 1.0), (0.9, 1.1), generator)
    assert tall.tolist() == [[(200 - 33) // 2, 0, 33, 30]] * 5


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.floats(0.01, 1.0), st.integers(0, 10**6))
def test_boxes_lie_inside_the_image(height, width, low, seed):
    boxes = draw_boxes(64, height, width, (low, 1.0), generator=torch.Generator().manual_seed(seed))
    top, left, box_h, box_w = boxes.unbind(1)
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] >= 1).all()
    assert (top + box_h <= height).all()
    assert (left + box_w <= width).all()


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(48, 48, 48), (40, 64, 48), (96, 128, (48, 40)), (48, 48, 20), (9, 5, (33, 7)), (7, 9, 1)],
)
def test_crop_and_resize_equals_torchvision_for_the_same_box(height, width, size, antialias, generator):
    images = torch.rand(24, 3, height, width, generator=generator)
    boxes = draw_boxes(24, height, width, generator=generator)
    flip = torch.rand(24, generator=generator) < 0.5
    out = crop_resize(images, boxes, size, flip, antialias)
    target = [size, size] if isinstance(size, int) else list(size)
    for image, box, mirrored, one in zip(images, boxes.tolist(), flip, out, strict=True):
        expected = F.resized_crop(image, *box, target, antialias=antialias)
        expected = F.horizontal_flip(expected) if mirrored else expected
        torch.testing.assert_close(one, expected, atol=3e-5, rtol=0)


def test_antialias_matters_only_where_the_box_shrinks(generator):
    images = torch.rand(2, 3, 32, 32, generator=generator)
    boxes = torch.tensor([[0, 0, 32, 32], [4, 4, 8, 8]])
    plain, averaged = (crop_resize(images, boxes, 16, antialias=flag) for flag in (False, True))
    assert (plain[0] - averaged[0]).abs().max() > 0.05
    torch.testing.assert_close(plain[1], averaged[1], atol=1e-6, rtol=0)


def test_each_image_gets_its_own_crop(generator):
    images = torch.rand(1, 3, 32, 32, generator=generator).expand(16, -1, -1, -1)
    crops = random_resized_crop(images, generator=generator)
    assert len({round(float(crop.double().sum()), 6) for crop in crops}) == 16


def test_flip_is_per_image_with_its_probability(pictures, generator):
    many = pictures[6:7].expand(4000, -1, -1, -1)
    flipped = horizontal_flip(many, 0.3, generator)
    is_flipped = (flipped == many.flip(3)).flatten(1).all(1)
    is_same = (flipped == many).flatten(1).all(1)
    assert (is_flipped ^ is_same).all()
    assert abs(int(is_flipped.sum()) - 1200) < 4 * math.sqrt(4000 * 0.3 * 0.7)
    assert torch.equal(horizontal_flip(pictures, 1.0, generator), F.horizontal_flip(pictures))
    assert torch.equal(horizontal_flip(pictures, 0.0, generator), pictures)


def test_quarter_turns(generator):
    square = torch.rand(8, 3, 6, 6, generator=generator)
    turns = torch.tensor([0, 1, 2, 3, 4, -1, 5, 2])
    out = rotate90(square, turns=turns)
    for image, quarter, one in zip(square, turns.tolist(), out, strict=True):
        assert torch.equal(one, image.rot90(quarter, (1, 2)))
    drawn = rotate90(square[:1].expand(4000, -1, -1, -1), generator=generator)
    counts = [(drawn == square[0].rot90(k, (1, 2))).flatten(1).all(1).sum().item() for k in range(4)]
    assert sum(counts) == 4000
    assert stats.chisquare(counts).pvalue > 1e-3


def test_quarter_turn_of_a_rectangle_is_refused():
    with pytest.raises(
        ValueError, match=r"rotate90: images are \(4, 6\); a quarter turn needs square images"
    ):
        rotate90(torch.zeros(1, 3, 4, 6))
    with pytest.raises(ValueError, match=r"turns is \(3,\); one quarter turn per image, \(2,\)"):
        rotate90(torch.zeros(2, 3, 4, 4), turns=torch.zeros(3))


def test_small_rotation_equals_torchvision_for_the_same_angle(pictures):
    angles = torch.linspace(-180, 180, len(pictures))
    out = rotate_by(pictures, angles)
    for image, angle, one in zip(pictures, angles.tolist(), out, strict=True):
        expected = F.rotate(image, angle, F.InterpolationMode.BILINEAR)
        torch.testing.assert_close(one, expected, atol=1e-4, rtol=0)


def test_angles_are_uniform_per_image(generator):
    dot = torch.zeros(1, 3, 33, 33)
    dot[:, :, 16, 28] = 1  # 12 px right of the centre: its new place tells the angle
    turned = rotate(dot.expand(2000, -1, -1, -1), 40.0, generator=generator)[:, 0]
    place = torch.arange(33.0) - 16
    mass = turned.sum((1, 2))
    x, y = (turned.sum(1) * place).sum(1) / mass, (turned.sum(2) * place).sum(1) / mass
    angle = torch.rad2deg(torch.atan2(-y, x))
    assert stats.kstest(angle.numpy(), stats.uniform(-40, 80).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"scale": (0.5, 0.2)}, r"scale is \(0.5, 0.2\); a pair with 0 < low <= high"),
        ({"scale": (0.0, 1.0)}, r"scale is \(0.0, 1.0\)"),
        ({"ratio": 1.0}, r"ratio is 1.0; a pair \(low, high\)"),
        ({"size": 0}, r"size is 0; height and width of at least 1"),
    ],
)
def test_bad_arguments_of_the_crop(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        random_resized_crop(torch.zeros(2, 3, 8, 8), **arguments)
