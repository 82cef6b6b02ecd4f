"""Which parameters decay, and how the learning rate and a teacher's momentum move: shared by all methods."""

import math
from collections.abc import Callable, Iterable

from torch import nn


def parameter_groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict]:
    """Two optimiser groups: matrices and kernels decay; biases, norms and other 1-D parameters do not.

    Parameters without gradient (a teacher) or without elements (no registers) are left out.
    """
    trained = [p for p in parameters if p.requires_grad and p.numel()]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def warmup_cosine(total_steps: int | None, warmup_steps: int) -> Callable[[int], float]:
    """Factor of the learning rate at each step, in (0, 1].

    Linear from 1 / (warmup_steps + 1) to 1, then half a cosine that would reach 0 at `total_steps`
    (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts). With total_steps None it stays at 1.
    """

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        if total_steps is None:
            return 1.0
        progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    return factor


def half_cosine(start: float, end: float, progress: float) -> float:
    """From `start` at progress 0 to `end` at progress 1, slowly at both ends: BYOL's and DINO's schedules."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, progress))))
