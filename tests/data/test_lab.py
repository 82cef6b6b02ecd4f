import kornia
import pytest
import torch

from course_lib.data.lab import lab_to_rgb, rgb_to_lab

IMAGES = torch.rand(2, 3, 9, 7, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 1, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
        ((0.5, 0.5, 0.5), (53.39, 0, 0)),
    ],
)
def test_known_colours(rgb, lab):
    colour = torch.tensor(rgb, dtype=torch.float).view(1, 3, 1, 1)
    assert rgb_to_lab(colour).flatten().tolist() == pytest.approx(lab, abs=0.01)


def test_equals_kornia_and_comes_back():
    lab = rgb_to_lab(IMAGES)
    assert torch.allclose(lab, kornia.color.rgb_to_lab(IMAGES), atol=0.02)  # its white has 5 digits
    assert torch.allclose(lab_to_rgb(lab), IMAGES, atol=1e-5)
    assert torch.allclose(lab_to_rgb(lab), kornia.color.lab_to_rgb(lab), atol=2e-4)
    dark = IMAGES / 50  # where both curves are lines
    assert torch.allclose(lab_to_rgb(rgb_to_lab(dark)), dark, atol=1e-5)


def test_colours_outside_srgb_are_clipped():
    wild = torch.tensor([50.0, 120.0, -120.0]).view(1, 3, 1, 1)
    rgb = lab_to_rgb(wild)
    assert rgb.min() >= 0
    assert rgb.max() <= 1


def test_float32_under_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = rgb_to_lab(IMAGES)
    assert torch.equal(inside, rgb_to_lab(IMAGES))
