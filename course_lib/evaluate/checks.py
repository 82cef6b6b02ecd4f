"""What every evaluation asks of its input, said in sentences."""

from __future__ import annotations

import numpy as np
import torch


def as_features(values, name: str) -> torch.Tensor:
    """`values` as a float32 tensor (N, D) without gradient, on the device it came on.

    Raises ValueError when it is not a table of numbers, when it is empty, or when it holds NaN or infinity
    (the sentence says how many rows).
    """
    if isinstance(values, np.ndarray):
        values = torch.from_numpy(np.ascontiguousarray(values))
    if not isinstance(values, torch.Tensor):
        raise TypeError(
            f"{name}: a {type(values).__name__} was given; give a tensor or array (N, D) of features."
        )
    if values.ndim != 2 or values.shape[0] == 0 or values.shape[1] == 0:
        raise ValueError(
            f"{name}: shape {tuple(values.shape)} was given; features are a table (N, D), one row per image."
        )
    values = values.detach().float()
    bad = (~torch.isfinite(values)).any(dim=1).sum().item()
    if bad:
        raise ValueError(
            f"{name}: {bad} of {len(values)} rows hold NaN or infinity; the encoder diverged. "
            "Train with a lower learning rate, or drop these rows."
        )
    return values


def as_labels(values, name: str, length: int, of: str) -> torch.Tensor:
    """`values` as an int64 tensor (N,), one label >= 0 for each of the `length` rows of `of`.

    Raises ValueError for another length, for fractions and for negative labels.
    """
    labels = torch.as_tensor(np.asarray(values) if not isinstance(values, torch.Tensor) else values)
    if labels.ndim != 1 or len(labels) != length:
        raise ValueError(
            f"{name}: shape {tuple(labels.shape)} was given for {length} rows of {of}; give one per row."
        )
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"{name}: {labels.dtype} was given; labels are whole numbers 0, 1, 2, ...")
    labels = labels.detach().to(torch.int64)
    if labels.min() < 0:
        raise ValueError(
            f"{name}: {int((labels < 0).sum())} labels are negative (smallest {int(labels.min())}); "
            "labels count from 0. Drop unlabelled images first."
        )
    return labels


def same_width(a: torch.Tensor, a_name: str, b: torch.Tensor, b_name: str) -> None:
    """Raises ValueError unless both tables (N, D), (M, D) have the same D."""
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{a_name} has {a.shape[1]} columns but {b_name} has {b.shape[1]}; "
            "both must come from the same encoder."
        )


def known_labels(test_labels: torch.Tensor, train_labels: torch.Tensor) -> None:
    """Raises ValueError when a test label was never seen in training: it could not be predicted."""
    unseen = sorted(set(test_labels.unique().tolist()) - set(train_labels.unique().tolist()))
    if unseen:
        raise ValueError(
            f"test_labels: class {unseen[0]} "
            + (f"and {len(unseen) - 1} others do" if len(unseen) > 1 else "does")
            + f" not occur in train_labels (classes {train_labels.unique().tolist()}); "
            "labels are out of range or the two sets are numbered differently."
        )


def several_classes(labels: torch.Tensor, name: str) -> None:
    """Raises ValueError when all labels are the same."""
    if labels.unique().numel() < 2:
        raise ValueError(
            f"{name}: only class {int(labels[0])} occurs; a classifier needs at least two classes."
        )
