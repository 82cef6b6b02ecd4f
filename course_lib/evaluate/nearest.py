"""The one search for nearest rows, behind the comparison of spaces and the viewers' neighbours."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

MEASURES = ("cosine", "distance")
EXACT = "donot_use_mm_for_euclid_dist"  # products lose small distances far from the origin


def nearest(
    queries: Tensor, table: Tensor, own: Tensor, k: int, measure: str = "cosine", chunk: int = 1024
) -> tuple[Tensor, Tensor]:
    """The k best rows of a table for each query, best first: (indices (M, k) int64, values (M, k) float32).

    queries (M, D), table (N, D): floats, already checked by the caller; own (M,): for each query the row of
    the table that is left out, or -1. measure: "cosine" (values are similarities, from 1 down) or "distance"
    (Euclidean, from 0 up). Equal values keep the order of the rows. chunk: queries compared at a time, so
    that memory stays at chunk x N numbers.
    """
    if measure == "cosine":
        queries, table = F.normalize(queries, dim=1), F.normalize(table, dim=1)
    indices, values = [], []
    for rows, left_out in zip(queries.split(chunk), own.to(queries.device).split(chunk), strict=True):
        if measure == "cosine":
            near = (rows @ table.T).clamp(-1, 1)  # (m, N)
        else:
            near = -torch.cdist(rows, table, compute_mode=EXACT)
        there = left_out >= 0
        near[there.nonzero()[:, 0], left_out[there]] = -torch.inf
        best = near.sort(dim=1, descending=True, stable=True)
        indices.append(best.indices[:, :k])
        values.append(best.values[:, :k])
    found = torch.cat(values)
    return torch.cat(indices), found if measure == "cosine" else -found


def nearest_others(rows: Tensor, k: int, measure: str = "cosine", chunk: int = 1024) -> tuple[Tensor, Tensor]:
    """`nearest` of every row (N, D) among all other rows of the same table."""
    return nearest(rows, rows, torch.arange(len(rows)), k, measure, chunk)


def check_others(k: int, rows: int, where: str) -> None:
    """ValueError unless each of `rows` rows has k others."""
    if not 1 <= k < rows:
        raise ValueError(f"{where}: k={k} with {rows} images; choose k between 1 and {rows - 1}.")
