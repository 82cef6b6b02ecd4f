"""Nearest neighbours: of every row among all others, and of some pictures in a table of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.evaluate.checks import as_features, same_width
from course_lib.evaluate.nearest import MEASURES, nearest, nearest_others


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
    return nearest_others(found, k, measure, chunk)


def nearest_neighbours(
    query_features: Tensor, features: Tensor, k: int = 5, itself: Tensor | Sequence[int] | None = None
) -> tuple[Tensor, Tensor]:
    """The k most similar rows by cosine, best first: indices (M, k) int64 and similarities (M, k) float32.

    query_features (M, D), features (N, D): tensors or arrays, any scale. itself: for each query the row of
    `features` that is the same picture and is left out, for example range(N) when both are the same table; -1
    where there is none. Equal similarities keep the order of the rows.
    Raises ValueError for NaN, widths that differ, k or itself out of range.
    """
    queries = as_features(query_features, "nearest_neighbours: query_features")
    table = as_features(features, "nearest_neighbours: features").to(queries.device)
    same_width(queries, "nearest_neighbours: query_features", table, "features")
    own = torch.full((len(queries),), -1) if itself is None else torch.as_tensor(itself)
    if own.shape != (len(queries),) or own.is_floating_point() or own.min() < -1 or own.max() >= len(table):
        raise ValueError(
            f"nearest_neighbours: itself is {itself}; give a row of features from 0 to {len(table) - 1}, "
            f"or -1, for each of the {len(queries)} queries."
        )
    most = len(table) - int((own >= 0).any())
    if not 1 <= k <= most:
        raise ValueError(f"nearest_neighbours: k={k}; there are {most} other rows, choose from 1 to that.")
    return nearest(queries, table, own, k)
