import math

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from course_lib.data import cutout, gaussian_blur, gaussian_noise, sobel
from course_lib.data.filters import blur_by, blur_kernel_size


@pytest.mark.parametrize("kernel_size", [1, 3, 5, 9, 23])
def test_blur_equals_torchvision_for_the_same_sigma(pictures, kernel_size):
    sigma = torch.linspace(0.1, 2.0, len(pictures), dtype=torch.float64)
    out = blur_by(pictures, sigma, kernel_size)
    for image, one_sigma, one in zip(pictures, sigma.tolist(), out, strict=True):
        expected = F.gaussian_blur(image, kernel_size, one_sigma)
        torch.testing.assert_close(one, expected, atol=1e-5, rtol=0)


def test_sigma_follows_torchvisions_law(generator):
    """A blurred dot tells its sigma: the ratio of its height to that of its neighbour."""
    torch.manual_seed(0)
    dot = torch.zeros(3, 31, 31)
    dot[:, 15, 15] = 1
    ours = gaussian_blur(dot.expand(1500, -1, -1, -1), (0.6, 2.0), 9, 1.0, generator)
    transform = v2.GaussianBlur(9, (0.6, 2.0))
    theirs = torch.stack([transform(dot) for _ in range(500)])
    ratios = [(x[:, 0, 15, 16] / x[:, 0, 15, 15]).numpy() for x in (ours, theirs)]
    sigma = 1 / np.sqrt(-2 * np.log(ratios[0]))
    assert stats.ks_2samp(*ratios).pvalue > 1e-3
    assert stats.kstest(sigma, stats.uniform(0.6, 1.4).cdf).pvalue > 1e-3


def test_blur_keeps_the_unchosen_and_its_input(pictures, generator):
    before = pictures.clone()
    out = gaussian_blur(pictures, p=0.5, sigma=(1.0, 2.0), generator=generator)
    assert torch.equal(pictures, before)
    changed = (out != before).flatten(1).any(1)[6:]
    assert 5 < changed.sum() < len(changed) - 5


def test_kernel_size_is_a_tenth_of_the_side_and_odd():
    assert [blur_kernel_size(side, 300) for side in (8, 32, 64, 96, 224)] == [3, 3, 7, 11, 23]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"kernel_size": 4}, "kernel_size is 4; an odd number"),
        ({"kernel_size": 17}, r"kernel_size is 17 but images are \(8, 8\); at most 15 fits"),
        ({"sigma": (2.0, 1.0)}, r"sigma is \(2.0, 1.0\); a pair"),
        ({"p": -0.1}, "p is -0.1"),
    ],
)
def test_bad_arguments_of_the_blur(arguments, sentence):
    with pytest.raises(ValueError, match=f"gaussian_blur: {sentence}"):
        gaussian_blur(torch.zeros(1, 3, 8, 8), **{"p": 1.0, **arguments})


def test_cutout_paints_one_square_whose_centre_is_uniform(generator):
    out = cutout(torch.zeros(3000, 3, 20, 30), fraction=0.2, value=1.0, generator=generator)
    painted = out[:, 0] == 1
    assert torch.equal(out, painted[:, None].expand_as(out).float())
    rows, columns = painted.any(2), painted.any(1)
    assert (painted == rows[:, :, None] & columns[:, None, :]).all()  # a rectangle
    height, width = rows.sum(1), columns.sum(1)
    assert height.max() == width.max() == 4
    whole = (height == 4) & (width == 4)
    assert abs(int(whole.sum()) - 3000 * 17 / 20 * 27 / 30) < 4 * math.sqrt(3000 * 0.25)
    top = rows.int().argmax(1)[height == 4]
    assert stats.chisquare(top.bincount().numpy()).pvalue > 1e-3
    assert (
        cutout(torch.zeros(500, 3, 8, 8), value=1.0, p=0.4, generator=generator).flatten(1).any(1).sum() < 260
    )


def test_cutout_needs_a_fraction():
    with pytest.raises(ValueError, match=r"cutout: fraction is 2; a fraction of the side in \(0, 1\]"):
        cutout(torch.zeros(1, 3, 8, 8), fraction=2)


def test_noise_is_gaussian_independent_and_clamped(generator):
    grey = torch.full((8, 3, 40, 40), 0.5)
    noise = gaussian_noise(grey, 0.05, generator=generator) - 0.5
    assert stats.kstest(noise.flatten().numpy(), stats.norm(0, 0.05).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(noise[:, 0].flatten(), noise[:, 1].flatten())[0, 1]) < 0.05
    assert abs(np.corrcoef(noise[0].flatten(), noise[1].flatten())[0, 1]) < 0.06
    loud = gaussian_noise(grey, 3.0, generator=generator)
    assert loud.min() == 0
    assert loud.max() == 1
    some = (gaussian_noise(grey[:1].expand(1000, -1, -1, -1), 0.1, 0.3, generator) != 0.5).flatten(1).any(1)
    assert abs(int(some.sum()) - 300) < 4 * math.sqrt(1000 * 0.21)


def test_sobel_equals_scipy(pictures, generator):
    out = sobel(pictures, generator=generator)
    grey = F.rgb_to_grayscale(pictures)[:, 0].double().numpy()
    for image, one in zip(grey, out, strict=True):
        slopes = [ndimage.sobel(image, axis, mode="nearest") for axis in (0, 1)]
        expected = np.clip(np.hypot(*slopes) / 4, 0, 1)
        np.testing.assert_allclose(one.numpy(), np.broadcast_to(expected, one.shape), atol=1e-5)


def test_sobel_of_a_full_edge_is_one():
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1
    out = sobel(edge)[0, 0]
    assert out[:, 3:5].min() == pytest.approx(0.9999, abs=1e-4)  # torchvision's grey weights sum to 0.9999
    assert out[:, [0, 1, 2, 5, 6, 7]].max() == 0
