"""Three ways to choose the patches that stay: at random, outside rectangles, on a regular grid.

The comparison of He et al. 2022, arXiv:2111.06377, figure 6 and table 1f.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.methods.block_masks import block_masks
from course_lib.methods.masking import random_masking, visible_count

PATTERNS = ("random", "block", "grid")


def kept_patches(pattern: str, grid: tuple[int, int], mask_ratio: float, seed: int = 0) -> Tensor:
    """The patches that stay, (K,) int64 in order, row by row from 0; K is the same for every pattern.

    "random": MAE's own; with one seed a higher ratio removes further patches. "block": the rectangles of
    BEiT (Bao et al. 2022, arXiv:2106.08254, algorithm 1). "grid": as evenly spread as they can be; at 0.75
    one of every 2 x 2, as in MAE's grid-wise sampling. Other ratios continue this by ordered dithering (Bayer
    1973), which is nested too. Raises ValueError for an unknown pattern and a ratio that leaves or removes
    no patch.
    """
    rows, columns = grid
    patches = rows * columns
    count = visible_count(patches, mask_ratio)
    generator = torch.Generator().manual_seed(seed)
    if pattern == "random":
        return random_masking(1, patches, mask_ratio, generator)[0].sort().values
    if pattern == "block":
        share = torch.tensor(
            [(patches - count) / patches], dtype=torch.float64
        )  # the same number as the others
        return (~block_masks(grid, share, generator)[0]).nonzero()[:, 0]
    if pattern == "grid":
        return bayer_ranks(rows, columns).flatten().argsort()[:count].sort().values
    raise ValueError(f"kept_patches: pattern is {pattern!r}; choose of {', '.join(PATTERNS)}.")


def bayer_ranks(rows: int, columns: int) -> Tensor:
    """(rows, columns) different numbers, so that the places of the lowest ones are spread evenly."""
    ranks = torch.zeros(1, 1, dtype=torch.int64)
    while len(ranks) < max(rows, columns):
        ranks = torch.cat(
            [
                torch.cat([4 * ranks, 4 * ranks + 2], dim=1),
                torch.cat([4 * ranks + 3, 4 * ranks + 1], dim=1),
            ]
        )
    return ranks[:rows, :columns]
