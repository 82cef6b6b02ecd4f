"""What colours become: brightness, contrast, saturation, hue, grey, solarise; each image with its own draw.

Functions whose name ends in an underscore change their argument in place; the public ones never do.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from course_lib.data.checks import augmentation, check_probability
from course_lib.data.draws import coins, integers, per_image, rows_of, uniform

GREY = (0.2989, 0.587, 0.114)  # torchvision's rounding of the ITU-R 601 luma weights
ORDERS = list(itertools.permutations(range(4)))  # in which order the four colour changes may come


def luma(images: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, H, W) brightness of each pixel as the eye weighs red, green and blue."""
    grey = images[:, 0] * GREY[0]
    grey.add_(images[:, 1], alpha=GREY[1])
    return grey.add_(images[:, 2], alpha=GREY[2])


def brightness_(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply image i by factors[i] (torchvision's adjust_brightness)."""
    return images.mul_(per_image(factors, images)).clamp_(0, 1)


def contrast_(images: Tensor, factors: Tensor) -> Tensor:
    """Stretch image i about its mean grey by factors[i] (torchvision's adjust_contrast)."""
    factors = per_image(factors, images)
    mean = luma(images.mean((2, 3), keepdim=True))[
        :, None
    ]  # (B, 1, 1, 1): mean of the grey = grey of the mean
    return images.mul_(factors).add_((1 - factors) * mean).clamp_(0, 1)


def saturation_(images: Tensor, factors: Tensor) -> Tensor:
    """Move the pixels of image i away from their own grey by factors[i] (torchvision's adjust_saturation)."""
    factors = per_image(factors, images)
    grey = luma(images).unsqueeze_(1).mul_(1 - factors)  # (B, 1, H, W)
    return images.mul_(factors).add_(grey).clamp_(0, 1)


def hue_(images: Tensor, shifts: Tensor) -> Tensor:
    """Turn the hue of image i by shifts[i] turns of the HSV colour circle (torchvision's adjust_hue).

    With chroma = max - min and the hue u in sixths of the circle from red, the distance from red is
    |u| = 1 + (green + blue - red - min) / chroma, on green's side where green > blue. Back from HSV, a
    channel is max within one sixth of its own hue, min beyond two, linear between.
    """
    red, green, blue = images.unbind(1)  # (B, H, W) each
    high, low = torch.maximum(red, green), torch.minimum(red, green)
    torch.maximum(high, blue, out=high)
    torch.minimum(low, blue, out=low)
    chroma = high - low
    hue = (
        (green + blue).sub_(red).sub_(low).div_(chroma + 1e-12).add_(1)
    )  # a grey pixel has chroma 0, any hue
    hue.copysign_(green - blue)
    hue.mul_(1 / 6).add_(per_image(shifts % 1.0, images)[..., 0] + 1).frac_().mul_(6)  # in [0, 6)
    torch.addcmul(low, (hue - 3).abs_().sub_(1).clamp_(0, 1), chroma, out=red)
    torch.addcmul(high, (hue - 2).abs_().sub_(1).clamp_(0, 1), chroma, value=-1, out=green)
    torch.addcmul(high, hue.sub_(4).abs_().sub_(1).clamp_(0, 1), chroma, value=-1, out=blue)
    return images


STEPS = (brightness_, contrast_, saturation_, hue_)


def draw_jitter(
    count: int,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
    p: float,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor]:
    """Draw what `color_jitter` does: factors (count, 4) and the index of each image's order in ORDERS.

    Factors are uniform in [max(0, 1 - s), 1 + s], the hue shift in [-hue, hue]; order -1 = left alone.
    """
    check_probability(p, "color_jitter")
    strengths = (("brightness", brightness), ("contrast", contrast), ("saturation", saturation), ("hue", hue))
    for name, strength in strengths:
        if strength < 0 or (name == "hue" and strength > 0.5):
            allowed = "between 0 and 0.5" if name == "hue" else "zero or more"
            raise ValueError(f"color_jitter: {name} is {strength}; a strength {allowed} is needed.")
    columns = [uniform(count, max(0.0, 1 - s), 1 + s, generator) for _, s in strengths[:3]]
    columns.append(uniform(count, -hue, hue, generator))
    device = columns[0].device
    order = integers(torch.full((count,), float(len(ORDERS)), device=device), generator)
    order = torch.where(coins(count, p, generator), order, -1)
    return torch.stack(columns, dim=1), order


def group_by_order(order: Tensor, largest: int = 32) -> tuple[Tensor, list[tuple[tuple[int, ...], slice]]]:
    """Put images with the same order side by side, so that whole-batch operations change them.

    order: (B,) as `draw_jitter` gives it. Returns rows (B,), the images' indices group after group, and for
    each group its order of changes (() for -1) and its slice of rows. A group holds at most `largest` images:
    few enough to stay in the processor's cache.
    """
    ranked, rows = order.cpu().sort(stable=True)
    groups, start = [], 0
    codes, counts = ranked.unique_consecutive(return_counts=True)
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        steps = () if code < 0 else ORDERS[code]
        for first in range(start, start + count, largest):
            groups.append((steps, slice(first, min(first + largest, start + count))))
        start += count
    return rows, groups


def jitter_(images: Tensor, factors: Tensor, order: tuple[int, ...], strengths: tuple[float, ...]) -> Tensor:
    """Apply the colour changes in `order`, skipping those whose strength is 0."""
    for step in order:
        if strengths[step] > 0:
            STEPS[step](images, factors[:, step])
    return images


@augmentation
def color_jitter(
    images: Tensor,
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
    hue: float = 0.1,
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Change brightness, contrast, saturation and hue of each image by its own factors in its own order.

    images: (B, 3, H, W) float in [0, 1]. Strengths as in torchvision's ColorJitter: a factor is uniform in
    [max(0, 1 - s), 1 + s], the hue shift uniform in [-hue, hue] turns; an image is left alone with
    probability 1 - p. Raises ValueError for a negative strength, hue > 0.5 or p outside [0, 1].
    """
    strengths = (brightness, contrast, saturation, hue)
    factors, order = draw_jitter(len(images), *strengths, p, generator)
    rows, groups = group_by_order(order)
    factors = factors[rows.to(factors.device)].to(images.device, torch.float32)
    rows = rows.to(images.device)
    out = images.clone()
    for steps, group in groups:
        if steps:
            part = images.index_select(0, rows[group])
            out.index_copy_(0, rows[group], jitter_(part, factors[group], steps, strengths))
    return out


def grayscale_(images: Tensor, mask: Tensor) -> Tensor:
    """Make the images where `mask` is True grey, in place."""
    rows = rows_of(mask, images.device)
    if len(rows):
        grey = luma(images.index_select(0, rows))
        images.index_copy_(0, rows, grey[:, None].expand(-1, 3, -1, -1))
    return images


@augmentation
def grayscale(images: Tensor, p: float = 0.2, generator: torch.Generator | None = None) -> Tensor:
    """Take the colour out of each image with probability p; three equal channels remain."""
    check_probability(p, "grayscale")
    return grayscale_(images.clone(), coins(len(images), p, generator))


@augmentation
def solarize(
    images: Tensor, threshold: float = 0.5, p: float = 0.2, generator: torch.Generator | None = None
) -> Tensor:
    """Invert the pixels at or above `threshold` of each image with probability p (view 2 of BYOL)."""
    check_probability(p, "solarize")
    chosen = coins(len(images), p, generator).to(images.device)[:, None, None, None]
    return torch.where(chosen & (images >= threshold), 1 - images, images)
