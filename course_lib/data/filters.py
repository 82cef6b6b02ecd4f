"""What neighbourhoods become: blur, cutout, noise and edges; each image with its own draw."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.data.checks import augmentation, check_probability, check_range
from course_lib.data.color import luma
from course_lib.data.draws import coins, integers, per_image, rows_of, uniform

SIGMA = (0.1, 2.0)  # SimCLR's range of blur, in pixels


def blur_kernel_size(height: int, width: int) -> int:
    """The odd size nearest above a tenth of the shorter side, at least 3 (SimCLR, appendix A)."""
    size = max(3, round(min(height, width) / 10))
    return size + 1 - size % 2


def gaussian_kernels(sigma: Tensor, size: int) -> Tensor:
    """(B,) standard deviations in pixels -> (B, size) kernels that sum to 1."""
    place = torch.arange(size, dtype=sigma.dtype, device=sigma.device) - (size - 1) / 2
    return torch.softmax(-0.5 * (place / sigma[:, None]) ** 2, dim=1)


def blur_by(images: Tensor, sigma: Tensor, kernel_size: int) -> Tensor:
    """Blur image i with a Gaussian of sigma[i] pixels cut at `kernel_size`; edges are mirrored.

    images: (B, 3, H, W); sigma: (B,). Equal to torchvision's gaussian_blur with the same sigma.
    """
    height, width = images.shape[2:]
    reach = kernel_size // 2
    if reach >= min(height, width):
        raise ValueError(
            f"gaussian_blur: kernel_size is {kernel_size} but images are {(height, width)}; "
            f"at most {2 * min(height, width) - 1} fits."
        )
    kernels = gaussian_kernels(sigma, kernel_size).to(images.device, torch.float32, non_blocking=True)
    padded = F.pad(images, (reach, reach, reach, reach), mode="reflect")
    # each image its own kernel, sums of shifted copies: faster on the CPU than a grouped convolution
    out = padded[:, :, :, :width] * kernels[:, 0, None, None, None]
    for k in range(1, kernel_size):
        out.addcmul_(padded[:, :, :, k : k + width], kernels[:, k, None, None, None])
    rows = out[:, :, :height] * kernels[:, 0, None, None, None]
    for k in range(1, kernel_size):
        rows.addcmul_(out[:, :, k : k + height], kernels[:, k, None, None, None])
    return rows


@augmentation
def gaussian_blur(
    images: Tensor,
    sigma: tuple[float, float] = SIGMA,
    kernel_size: int | None = None,
    p: float = 0.5,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Blur each image with probability p by a Gaussian whose sigma (pixels) is uniform in `sigma`.

    kernel_size: odd, in pixels; None takes a tenth of the image side as SimCLR does.
    Raises ValueError for an even kernel_size, one larger than the image, or a bad range.
    """
    check_probability(p, "gaussian_blur")
    low, high = check_range(sigma, "sigma", "gaussian_blur")
    size = kernel_size if kernel_size is not None else blur_kernel_size(*images.shape[2:])
    if size < 1 or size % 2 == 0:
        raise ValueError(f"gaussian_blur: kernel_size is {size}; an odd number of pixels is needed.")
    return blur_(
        images.clone(), uniform(len(images), low, high, generator), coins(len(images), p, generator), size
    )


def blur_(images: Tensor, sigma: Tensor, mask: Tensor, kernel_size: int) -> Tensor:
    """Blur the images where `mask` is True, in place."""
    for chosen in mask.nonzero()[:, 0].split(32):  # small groups stay in the processor's cache
        rows = chosen.to(images.device)
        images.index_copy_(0, rows, blur_by(images.index_select(0, rows), sigma[chosen], kernel_size))
    return images


@augmentation
def cutout(
    images: Tensor,
    fraction: float = 0.5,
    value: float = 0.5,
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Paint a square of `fraction` of the shorter side over each image with probability p.

    The square's centre is uniform over the pixels, so it may reach over the edge (DeVries & Taylor 2017,
    arXiv:1708.04552). value: the grey it is painted with. Raises ValueError unless 0 < fraction <= 1.
    """
    check_probability(p, "cutout")
    if not 0 < fraction <= 1:
        raise ValueError(f"cutout: fraction is {fraction}; a fraction of the side in (0, 1] is needed.")
    batch, _, height, width = images.shape
    side = max(1, round(fraction * min(height, width)))
    device = generator.device if generator is not None else torch.device("cpu")
    top = integers(torch.full((batch,), float(height), device=device), generator) - side // 2
    left = integers(torch.full((batch,), float(width), device=device), generator) - side // 2
    painted = coins(batch, p, generator)
    top, left, painted = (draw.to(images.device) for draw in (top, left, painted))
    y = torch.arange(height, device=images.device)
    x = torch.arange(width, device=images.device)
    in_rows = (y >= top[:, None]) & (y < top[:, None] + side)  # (B, H)
    in_columns = (x >= left[:, None]) & (x < left[:, None] + side)  # (B, W)
    hole = in_rows[:, None, :, None] & in_columns[:, None, None, :] & painted[:, None, None, None]
    return images.masked_fill(hole, value)


@augmentation
def gaussian_noise(
    images: Tensor, sigma: float = 0.1, p: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Add independent Gaussian noise of deviation `sigma` with probability p; clamp to [0, 1]."""
    check_probability(p, "gaussian_noise")
    if sigma < 0:
        raise ValueError(f"gaussian_noise: sigma is {sigma}; zero or more is needed.")
    device = generator.device if generator is not None else torch.device("cpu")
    noise = torch.randn(images.shape, generator=generator, device=device).to(images.device)
    strength = per_image(coins(len(images), p, generator) * sigma, images)
    return (images + strength * noise).clamp_(0, 1)


@augmentation
def sobel(images: Tensor, p: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    """Replace each image, with probability p, by the strength of its edges in [0, 1], three equal channels.

    Root of the summed squares of the two Sobel slopes of the grey image, divided by 4 (the response to a full
    black-to-white vertical edge) and clamped; edges of the image are repeated, so that a frame is no edge.
    """
    check_probability(p, "sobel")
    out = images.clone()
    rows = rows_of(coins(len(images), p, generator), images.device)
    if len(rows):
        grey = F.pad(luma(images.index_select(0, rows))[:, None], (1, 1, 1, 1), mode="replicate")
        smooth_y = grey[:, :, :-2] + 2 * grey[:, :, 1:-1] + grey[:, :, 2:]  # (B, 1, H, W + 2)
        smooth_x = grey[..., :-2] + 2 * grey[..., 1:-1] + grey[..., 2:]  # (B, 1, H + 2, W)
        slope_x = smooth_y[..., 2:] - smooth_y[..., :-2]
        slope_y = smooth_x[:, :, 2:] - smooth_x[:, :, :-2]
        edges = (slope_x.square() + slope_y.square()).sqrt_().div_(4).clamp_(0, 1)
        out.index_copy_(0, rows, edges.expand(-1, 3, -1, -1))
    return out
