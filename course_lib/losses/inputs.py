"""What all contrastive losses ask of their arguments, and the sentences they answer with.

Only shapes, dtypes and plain Python numbers are looked at, so a loss that calls these compiles to one graph.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.losses.fast import CosineToConstant, UnitRows


class NotFiniteError(ValueError):
    """A loss was given NaN or infinite features; in training the step and the learning rate are added."""


def check_rows(loss: str, name: str, rows: Tensor) -> None:
    """Raise unless `rows` is a float tensor (rows, features) with at least one row and one feature."""
    if not isinstance(rows, Tensor):
        raise TypeError(f"{loss}: {name} is a {type(rows).__name__}; give a float tensor of shape (B, D).")
    if not rows.is_floating_point():
        raise TypeError(f"{loss}: {name} is {rows.dtype}; give float features of shape (B, D).")
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"{loss}: {name} has shape {tuple(rows.shape)}; give one row per image, (B, D).")


def check_pair(loss: str, first: str, a: Tensor, second: str, b: Tensor) -> None:
    """Raise unless a and b are (B, D) with the same B and D: row i of both must come from the same image."""
    check_rows(loss, first, a)
    check_rows(loss, second, b)
    if a.shape != b.shape:
        raise ValueError(
            f"{loss}: {first} is {tuple(a.shape)} but {second} is {tuple(b.shape)}; "
            "both views must come from the same images."
        )


def check_temperature(loss: str, temperature: float, name: str = "temperature") -> None:
    """Raise unless temperature is a positive, finite number. name: what the loss calls it."""
    if isinstance(temperature, Tensor):
        raise TypeError(f"{loss}: {name} is a tensor; give a plain number such as 0.1.")
    if not 0 < temperature < float("inf"):
        raise ValueError(f"{loss}: {name} is {temperature}; it must be above 0, for example 0.1.")


def check_weights(loss: str, **weights: float) -> None:
    """Raise unless every weight of a part of the loss is a finite number of at least 0."""
    if not all(0 <= weight < float("inf") for weight in weights.values()):
        given = ", ".join(f"{name}={weight}" for name, weight in weights.items())
        raise ValueError(f"{loss}: {given}; a weight must be 0 or above.")


def unit_rows(rows: Tensor) -> Tensor:
    """Rows divided by their length, in float32, so that a dot product is a cosine. (B, D) -> (B, D)."""
    rows = rows.float()
    return F.normalize(rows, dim=1) if torch.compiler.is_compiling() else UnitRows.apply(rows)


def cosine_to_constant(rows: Tensor, constant: Tensor) -> Tensor:
    """Cosines of rows and constants, in float32, no gradient for the latter. (B, D), (B, D) -> (B,)."""
    rows, constant = rows.float(), constant.detach().float()
    if torch.compiler.is_compiling():
        return F.cosine_similarity(rows, constant, dim=1, eps=1e-12)
    return CosineToConstant.apply(rows, constant)


def refuse_nan(loss: str, value: Tensor, **inputs: Tensor) -> Tensor:
    """Return `value`, or raise NotFiniteError naming the input that holds NaN or infinity.

    A NaN anywhere in the features reaches the loss, so looking at that one number is enough. It is looked at
    on the CPU only: on a GPU this would wait for the device in every step, and `fit` watches the loss there.
    Under torch.compile nothing is checked.
    """
    if torch.compiler.is_compiling() or value.device.type != "cpu" or math.isfinite(value.item()):
        return value
    for name, rows in inputs.items():
        bad = int((~torch.isfinite(rows)).any(dim=1).sum())
        if bad:
            raise NotFiniteError(
                f"{loss}: {name} has NaN or infinite features in {bad} of its {len(rows)} rows; "
                "lower the learning rate or look at the images of this batch."
            )
    return value
