"""What a gradient map explains: one number for each image, taken from a model's output."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Target = int | Tensor | Callable[[Tensor], Tensor] | None


def scores_of(output: object, target: Target = None) -> Tensor:
    """(B,) scores from the output of a model: (B, D), or an output of Hugging Face, of which logits, else the
    pooled vector, are taken.

    target: the number of a class or feature, one for each image (B,), a function of the output
    (B, D) -> (B,), or None: the largest entry. Raises TypeError or ValueError for anything else.
    """
    for name in ("logits", "pooler_output"):
        found = getattr(output, name, None)
        if found is not None and not isinstance(output, Tensor):
            output = found
            break
    if not isinstance(output, Tensor) or output.ndim != 2:
        what = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise TypeError(f"the model's output is {what}; one vector (B, D) per image is needed.")
    if callable(target):
        scores = target(output)
        if not isinstance(scores, Tensor) or scores.shape != output.shape[:1]:
            what = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            raise ValueError(f"target gave {what}; it must turn {tuple(output.shape)} into ({len(output)},).")
        return scores
    if target is None:
        return output.amax(dim=1)
    index = torch.as_tensor(target, device=output.device).expand(len(output))
    if index.dtype not in (torch.int64, torch.int32) or index.min() < 0 or index.max() >= output.shape[1]:
        raise ValueError(f"target is {target}; give whole numbers from 0 to {output.shape[1] - 1}.")
    return output.gather(1, index.long()[:, None])[:, 0]
