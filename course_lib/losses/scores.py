"""What the losses on prototype scores ask of their arguments: one score per prototype in the last dimension.

Only shapes, dtypes and plain Python numbers are looked at, so a loss that calls these compiles to one graph.
"""

from torch import Tensor


def check_scores(loss: str, name: str, scores: Tensor, axes: str) -> None:
    """Raise unless `scores` is a float tensor with one dimension for each of `axes`, none of them empty.

    axes: the sizes as the docstring names them, for example "(B, K)".
    """
    if not isinstance(scores, Tensor):
        raise TypeError(f"{loss}: {name} is a {type(scores).__name__}; give a float tensor of shape {axes}.")
    if not scores.is_floating_point():
        raise TypeError(f"{loss}: {name} is {scores.dtype}; give float scores of shape {axes}.")
    if scores.ndim != len(axes.strip("(,)").split(",")) or 0 in scores.shape:
        raise ValueError(f"{loss}: {name} has shape {tuple(scores.shape)}; give scores of shape {axes}.")


def check_center(loss: str, center: Tensor, scores: Tensor) -> None:
    """Raise unless `center` holds one number for each prototype that `scores` (..., K) has."""
    check_scores(loss, "center", center, "(K,)")
    if center.shape[0] != scores.shape[-1]:
        raise ValueError(
            f"{loss}: center has {center.shape[0]} numbers but teacher has {scores.shape[-1]} prototypes."
        )
