"""Histograms of oriented gradients: which way do the edges run in each small cell of an image?

Dalal & Triggs 2005, "Histograms of Oriented Gradients for Human Detection", section 6.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def hog(images: Tensor, cell: int = 8, bins: int = 9) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 3 * bins, H / cell, W / cell) float32: per colour, `bins` directions.

    Each pixel's gradient, [-1, 0, 1] along both axes with the border repeated, votes with its length for the
    bin of its direction; opposite directions are one (0 to 180 degrees, bin 0 begins at a gradient to the
    right, bins follow as it turns downwards). Votes are summed over a cell, and each histogram is divided by
    its Euclidean length (1e-6 added inside the root), so contrast does not count; a flat cell gives zeros.

    Simpler than Dalal & Triggs: a vote is not shared between neighbouring bins and cells, and a cell is
    normalised by itself and not in overlapping blocks. Raises ValueError unless cell divides H and W.
    """
    batch, colours, height, width = images.shape
    if cell < 1 or bins < 1 or height % cell or width % cell:
        raise ValueError(
            f"hog: images are {height} x {width}, cell={cell}, bins={bins}; cell must divide the image's "
            "sides and both must be at least 1."
        )
    padded = F.pad(images.float(), (1, 1, 1, 1), mode="replicate")
    right = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    length = torch.hypot(right, down)  # (B, 3, H, W)
    turn = torch.atan2(down, right) / math.pi % 1  # 0 to 1 for 0 to 180 degrees
    which = (turn * bins).long().clamp(max=bins - 1)
    votes = torch.zeros(batch, colours, bins, height, width, device=images.device)
    votes.scatter_(2, which[:, :, None], length[:, :, None])
    cells = F.avg_pool2d(votes.flatten(0, 1), cell) * cell**2  # (B * 3, bins, H / cell, W / cell)
    cells = cells / (cells.square().sum(dim=1, keepdim=True) + 1e-6).sqrt()
    return cells.view(batch, colours * bins, height // cell, width // cell)
