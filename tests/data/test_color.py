import colorsys
import math

import pytest
import torch
from scipy import stats
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from course_lib.data import color_jitter, grayscale, solarize
from course_lib.data.color import (
    ORDERS,
    brightness_,
    contrast_,
    draw_jitter,
    group_by_order,
    hue_,
    jitter_,
    saturation_,
)

STEPS = [
    (brightness_, F.adjust_brightness, 0.0, 2.0),
    (contrast_, F.adjust_contrast, 0.0, 2.0),
    (saturation_, F.adjust_saturation, 0.0, 2.0),
    (hue_, F.adjust_hue, -0.5, 0.5),
]


@pytest.mark.parametrize(("ours", "theirs", "low", "high"), STEPS)
def test_each_change_equals_torchvision_for_the_same_factor(ours, theirs, low, high, pictures, generator):
    factors = torch.rand(len(pictures), generator=generator) * (high - low) + low
    factors[:3] = torch.tensor([low, high, (low + high) / 2])
    out = ours(pictures.clone(), factors)
    expected = torch.stack([theirs(i, f.item()) for i, f in zip(pictures, factors, strict=True)])
    tolerance = torch.full((len(pictures), 1, 1, 1), 4e-6)
    assert ((out - expected).abs() <= tolerance).all()


def test_hue_equals_pythons_own_hsv():
    colors = torch.tensor(
        [[r, g, b] for r in (0, 0.3, 1) for g in (0, 0.6, 1) for b in (0, 0.3, 0.8)]
    ).float()
    for shift in (-0.5, -0.3, 0.0, 0.1, 0.5):
        out = hue_(colors[:, :, None, None].clone(), torch.full((len(colors),), shift))[:, :, 0, 0]
        for rgb, new in zip(colors.tolist(), out.tolist(), strict=True):
            h, s, v = colorsys.rgb_to_hsv(*rgb)
            assert new == pytest.approx(colorsys.hsv_to_rgb((h + shift) % 1, s, v), abs=1e-6)


def test_jitter_equals_torchvision_for_the_same_factors_and_order(pictures):
    strengths = (0.8, 0.8, 0.8, 0.2)
    factors = torch.tensor([[1.6, 0.4, 1.7, -0.15]]).expand(len(pictures), -1)
    theirs = [theirs for _, theirs, _, _ in STEPS]
    for order in ORDERS:
        expected = pictures
        for step in order:
            expected = theirs[step](expected, factors[0, step].item())
        out = jitter_(pictures.clone(), factors, order, strengths)
        assert (out - expected).abs().quantile(0.999) < 1e-5  # hue after a clamp at nearly grey pixels
        torch.testing.assert_close(out[6:], expected[6:], atol=1e-4, rtol=0)


def test_factors_follow_torchvisions_law(generator):
    strengths = (0.8, 1.3, 0.4, 0.2)
    torch.manual_seed(0)
    transform = v2.ColorJitter(*strengths)
    drawn = [transform.make_params([]) for _ in range(3000)]
    keys = ("brightness_factor", "contrast_factor", "saturation_factor", "hue_factor")
    factors, order = draw_jitter(6000, *strengths, 0.8, generator)
    for column, key in enumerate(keys):
        theirs = [d[key] for d in drawn]
        assert stats.ks_2samp(factors[:, column].numpy(), theirs).pvalue > 1e-3, key
    jittered = order[order >= 0]
    assert abs(len(jittered) - 4800) < 4 * math.sqrt(6000 * 0.8 * 0.2)
    assert stats.chisquare(jittered.bincount(minlength=24).numpy()).pvalue > 1e-3


def test_pixels_after_jitter_follow_torchvisions_law(generator):
    """One picture, changed many times by each: the clouds of mean colours and of contrasts must agree."""
    torch.manual_seed(0)
    picture = torch.rand(3, 6, 6, generator=generator) * torch.tensor([0.9, 0.5, 0.3])[:, None, None]
    theirs = v2.ColorJitter(0.8, 0.8, 0.8, 0.2)
    many = torch.stack([theirs(picture) for _ in range(800)])
    ours = color_jitter(picture.expand(3200, -1, -1, -1), 0.8, 0.8, 0.8, 0.2, generator=generator)
    statistics = {f"mean of channel {c}": lambda x, c=c: x[:, c].mean((1, 2)) for c in range(3)}
    statistics["standard deviation"] = lambda x: x.flatten(1).std(1)
    statistics["red minus green of one pixel"] = lambda x: x[:, 0, 2, 2] - x[:, 1, 2, 2]
    for name, statistic in statistics.items():
        p = stats.ks_2samp(statistic(ours).numpy(), statistic(many).numpy()).pvalue
        assert p > 1e-3, f"{name}: p = {p}"


def test_groups_hold_every_image_once(generator):
    _, order = draw_jitter(500, 0.4, 0.4, 0.4, 0.1, 0.7, generator)
    rows, groups = group_by_order(order, largest=16)
    assert sorted(rows.tolist()) == list(range(500))
    covered = []
    for steps, group in groups:
        members = rows[group]
        covered += members.tolist()
        assert 0 < len(members) <= 16
        for code in order[members].tolist():
            assert steps == (() if code < 0 else ORDERS[code])
    assert covered == rows.tolist()


def test_jitter_leaves_its_input_and_the_unchosen_alone(pictures, generator):
    before = pictures.clone()
    out = color_jitter(pictures, p=0.5, generator=generator)
    assert torch.equal(pictures, before)
    colorful = slice(6, None)
    changed = (out != before).flatten(1).any(1)[colorful]
    assert 0 < changed.sum() < len(changed)
    assert torch.equal(color_jitter(pictures, p=0.0, generator=generator), before)


def test_a_strength_of_zero_skips_its_change(pictures, generator):
    torch.testing.assert_close(color_jitter(pictures, 0, 0, 0, 0, generator=generator), pictures)
    only_brightness = color_jitter(pictures[6:] * 0.4, 0.5, 0, 0, 0, generator=generator)
    ratio = only_brightness / (pictures[6:] * 0.4)
    spread = [r[r.isfinite()].max() - r[r.isfinite()].min() for r in ratio]
    assert max(spread) < 1e-3  # one factor per image
    assert ratio[:, 0].nanmean((1, 2)).std() > 0.05  # another for each


def test_grey_equals_torchvision_and_keeps_its_probability(pictures, generator):
    out = grayscale(pictures, 1.0, generator)
    torch.testing.assert_close(out, F.rgb_to_grayscale(pictures, 3), atol=1e-6, rtol=0)
    many = grayscale(pictures[6:7].expand(4000, -1, -1, -1), 0.2, generator)
    count = int((many[:, 0] == many[:, 1]).flatten(1).all(1).sum())
    assert abs(count - 800) < 4 * math.sqrt(4000 * 0.2 * 0.8)


def test_solarise_equals_torchvision(pictures, generator):
    out = solarize(pictures, 0.6, 1.0, generator)
    torch.testing.assert_close(out, F.solarize(pictures, 0.6))
    half = solarize(pictures[1:2].expand(2000, -1, -1, -1), 0.5, 0.5, generator)
    assert abs(half.mean().item() - 0.5) < 0.05


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"brightness": -0.1}, "color_jitter: brightness is -0.1; a strength zero or more is needed"),
        ({"hue": 0.6}, "color_jitter: hue is 0.6; a strength between 0 and 0.5 is needed"),
        ({"p": 1.5}, "color_jitter: p is 1.5; a probability between 0 and 1"),
    ],
)
def test_bad_arguments_of_the_jitter(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        color_jitter(torch.zeros(2, 3, 8, 8), **arguments)
