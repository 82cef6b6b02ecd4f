import math

import pytest
import torch

from course_lib.data.hog import hog

IMAGES = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))


def hog_loop(image, cell, bins):
    """One colour (H, W), pixel by pixel."""
    height, width = image.shape
    out = torch.zeros(bins, height // cell, width // cell, dtype=torch.float64)
    at = lambda y, x: image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)].item()  # noqa: E731
    for y in range(height):
        for x in range(width):
            right, down = at(y, x + 1) - at(y, x - 1), at(y + 1, x) - at(y - 1, x)
            degrees = math.degrees(math.atan2(down, right)) % 180
            out[int(degrees / (180 / bins)) % bins, y // cell, x // cell] += math.hypot(right, down)
    return out / (out.square().sum(0) + 1e-6).sqrt()


@pytest.mark.parametrize(("cell", "bins"), [(4, 9), (2, 5), (1, 3)])
def test_equals_the_loop(cell, bins):
    ours = hog(IMAGES, cell, bins)
    assert ours.shape == (2, 3 * bins, 8 // cell, 12 // cell)
    for b in range(2):
        for colour in range(3):
            expected = hog_loop(IMAGES[b, colour], cell, bins)
            assert torch.allclose(ours[b, colour * bins : (colour + 1) * bins].double(), expected, atol=1e-5)


@pytest.mark.parametrize(("angle", "direction"), [(10, 0), (50, 2), (90, 4), (130, 6), (170, 8), (190, 0)])
def test_a_ramp_falls_into_the_bin_of_its_direction(angle, direction):
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    ramp = 0.5 + 0.03 * (x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle)))
    middle = hog(ramp.expand(1, 3, -1, -1), 4)[0, :, 1, 1]  # away from the border
    expected = torch.zeros(9)
    expected[direction] = 1
    assert torch.allclose(middle, expected.repeat(3), atol=1e-4)


def test_brightness_and_contrast_do_not_count_and_flat_is_zero():
    assert torch.allclose(hog(0.5 * IMAGES + 0.3, 4), hog(IMAGES, 4), atol=1e-4)
    assert torch.equal(hog(torch.full((1, 3, 8, 8), 0.4), 4), torch.zeros(1, 27, 2, 2))


def test_cells_must_fit():
    with pytest.raises(ValueError, match="8 x 12, cell=5"):
        hog(IMAGES, 5)
