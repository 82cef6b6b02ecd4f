"""Which patches are hidden: rectangles, so that a patch cannot be guessed from its neighbours.

Bao et al. 2022 (BEiT), arXiv:2106.08254, Algorithm 1; half of the images as in iBOT and DINOv2.
"""

import math

import torch
from torch import Tensor

SMALLEST = 4  # patches in a rectangle
ASPECT = 0.3  # height over width lies between this and 1 / this
RECTANGLES = 12  # drawn per image; patches that none of them covers come last


def block_masks(grid: tuple[int, int], ratios: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Masks (B, h * w) bool with exactly round(ratio * h * w) True per image, in rectangles that overlap.

    ratios: (B,) in [0, 1], the masked share of each image; above 0 at least one patch is masked. Rectangles
    are taken one after the other until there are enough patches; of the last one only its upper rows (or, in
    half of the images, which are turned upside down, its lower ones).
    """
    height, width = grid
    images, patches = len(ratios), height * width
    count = ((ratios * patches).round().clamp(min=1) * (ratios > 0))[:, None]  # (B, 1)
    draws = torch.rand(4, images, RECTANGLES, 1, generator=generator)
    area = SMALLEST + draws[0] * (count[..., None] - SMALLEST).clamp(min=0)  # none larger than the mask
    aspect = torch.exp((2 * draws[1] - 1) * math.log(1 / ASPECT))
    tall = (area * aspect).sqrt().round().clamp(1, height)  # (B, R, 1)
    wide = (area / aspect).sqrt().round().clamp(1, width)
    top = (draws[2] * (height - tall + 1)).floor()
    left = (draws[3] * (width - wide + 1)).floor()
    place = torch.arange(patches)
    row, column = place // width, place % width
    inside = (row >= top) & (row < top + tall) & (column >= left) & (column < left + wide)  # (B, R, patches)
    never = torch.full((images, 1), RECTANGLES)
    first = torch.where(inside.any(dim=1), inside.int().argmax(dim=1), never)  # the first rectangle over it
    rank = first.argsort(dim=1, stable=True).argsort(dim=1)
    mask = rank < count
    turned = torch.rand(images, 1, generator=generator) < 0.5
    return torch.where(turned, mask.flip(1), mask)


def spread_ratios(
    images: int, share: float, ratio: tuple[float, float], generator: torch.Generator | None = None
) -> Tensor:
    """Masked shares (images,): evenly spread over `ratio` for `share` of them (at least one), 0 else."""
    masked = min(images, max(1, round(share * images)))
    ratios = torch.zeros(images)
    ratios[:masked] = torch.linspace(*ratio, masked)
    return ratios[torch.randperm(images, generator=generator)]
