"""The ten panels of SimCLR's figure: each must show what its title says."""

import pytest
import torch
from scipy import stats

from course_lib.data import gallery
from course_lib.data.panels import PANELS


@pytest.fixture
def image(generator):
    small = torch.rand(1, 3, 6, 6, generator=generator)
    return torch.nn.functional.interpolate(small, (48, 48), mode="bicubic").clamp(0.05, 0.95)[0]


def panel(title, image, generator):
    return PANELS[title](image, generator)


def test_ten_titles_in_the_figures_order(image, generator):
    panels = gallery((image * 255).to(torch.uint8), generator)
    assert list(panels) == [
        "original", "crop and resize", "crop, resize, flip", "colour drop", "colour jitter",
        "rotate", "cutout", "Gaussian noise", "Gaussian blur", "Sobel",
    ]  # fmt: skip
    for one in panels.values():
        assert one.shape == (3, 48, 48)
        assert one.dtype == torch.float32
        assert 0 <= one.min() <= one.max() <= 1


def test_original(image, generator):
    assert torch.equal(panel("original", image, generator), image)


@pytest.mark.parametrize(("title", "direction"), [("crop and resize", 1), ("crop, resize, flip", -1)])
def test_crops_on_a_ramp(title, direction, generator):
    """Brightness grows to the right; in a crop it grows less, in a mirrored crop it falls."""
    ramp = torch.linspace(0, 1, 48).expand(3, 48, 48)
    for _ in range(20):
        row = panel(title, ramp, generator)[0, 20]
        assert (row.diff() * direction >= -1e-6).all()
        assert 0 < (row[-1] - row[0]) * direction <= 1


def test_colour_drop(image, generator):
    out = panel("colour drop", image, generator)
    assert torch.equal(out[0], out[1])
    assert torch.equal(out[0], out[2])
    assert stats.pearsonr(out[0].flatten(), image.mean(0).flatten()).statistic > 0.8


def test_colour_jitter_changes_colours_not_places(image, generator):
    image = image.clone()
    image[:, :, 24:] = image[:, :, :24]  # twice the same half: jitter must keep them equal
    out = panel("colour jitter", image, generator)
    assert torch.equal(out[:, :, 24:], out[:, :, :24])
    assert (out.mean((1, 2)) - image.mean((1, 2))).abs().max() > 0.02


def test_rotate_is_never_the_identity(image, generator):
    turns = []
    for _ in range(300):
        out = panel("rotate", image, generator)
        turns.append(next(k for k in range(4) if torch.equal(out, image.rot90(k, (1, 2)))))
    assert stats.chisquare([turns.count(k) for k in (1, 2, 3)]).pvalue > 1e-3
    assert turns.count(0) == 0
    assert sorted(panel("rotate", image[:, :30], generator).shape[1:]) == [30, 48]


def test_cutout(image, generator):
    changed = (panel("cutout", image, generator) != image).all(0)
    assert 0 < changed.sum() <= 19 * 19  # 0.4 of 48 px
    assert (panel("cutout", image, generator)[:, changed.any(1)].std() > 0).all()


def test_gaussian_noise(image, generator):
    added = panel("Gaussian noise", image, generator) - image
    assert added.std().item() == pytest.approx(0.1, abs=0.01)


def test_gaussian_blur(image, generator):
    noisy = torch.rand(3, 48, 48, generator=generator)
    out = panel("Gaussian blur", noisy, generator)
    assert out.std() < 0.5 * noisy.std()
    assert out.mean().item() == pytest.approx(noisy.mean().item(), abs=0.02)


def test_sobel(generator):
    disc = (
        ((torch.arange(48.0)[:, None] - 24) ** 2 + (torch.arange(48.0) - 24) ** 2 < 200)
        .float()
        .expand(3, -1, -1)
    )
    out = panel("Sobel", disc, generator)
    assert out[:, 24, 24].max() == 0  # inside
    assert out[:, 2, 2].max() == 0  # outside
    assert out.max() > 0.9  # the rim


@pytest.mark.parametrize(
    ("image", "error", "sentence"),
    [
        (
            torch.rand(2, 3, 8, 8),
            ValueError,
            r"gallery: image is \(2, 3, 8, 8\); .* give one image of the batch",
        ),
        (torch.rand(8, 8), ValueError, r"gallery: image is \(8, 8\)"),
        ("cat.png", TypeError, "gallery: image is a str"),
        (torch.full((3, 8, 8), 9.0), ValueError, "values of images run from 9 to 9"),
    ],
)
def test_bad_input(image, error, sentence):
    with pytest.raises(error, match=sentence):
        gallery(image)
