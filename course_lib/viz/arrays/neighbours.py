"""Nearest neighbours of every row among all others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

MEASURES = ("cosine", "distance")
EXACT = "donot_use_mm_for_euclid_dist"  # products lose small distances far from the origin


def nearest_rows(rows: Any, k: int = 6, measure: str = "cosine", chunk: int = 1024) -> tuple[Tensor, Tensor]:
    """The k nearest other rows of each row, the nearest first: (indices (N, k) int64, values (N, k) float32).

    rows: (N, D). measure: "cosine" (values are similarities, from 1 down) or "distance" (Euclidean, from 0
    up). chunk: rows compared at a time, so that memory stays at chunk x N numbers. Raises ValueError for
    another shape, NaN, an unknown measure and k outside 1 to N - 1.
    """
    found = torch.as_tensor(rows).detach().float()
    if found.ndim != 2 or not torch.isfinite(found).all():
        raise ValueError(
            f"nearest_rows: rows is {tuple(found.shape)}; finite numbers (pictures, dimensions) are needed."
        )
    if not 1 <= k < len(found):
        raise ValueError(f"nearest_rows: k is {k} for {len(found)} rows; give 1 to {len(found) - 1}.")
    if measure not in MEASURES:
        raise ValueError(f"nearest_rows: measure is {measure!r}; choose of {', '.join(MEASURES)}.")
    found = F.normalize(found, dim=1) if measure == "cosine" else found
    indices, values = [], []
    for start in range(0, len(found), chunk):
        part = found[start : start + chunk]
        near = part @ found.T if measure == "cosine" else -torch.cdist(part, found, compute_mode=EXACT)
        own = torch.arange(start, start + len(part), device=found.device)
        near.scatter_(1, own[:, None], -torch.inf)  # nobody is a neighbour of its own
        best = near.topk(k, dim=1)
        indices.append(best.indices)
        values.append(best.values if measure == "cosine" else -best.values)
    return torch.cat(indices), torch.cat(values)
