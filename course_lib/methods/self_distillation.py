"""What methods with crops and a self-distilled teacher share: DINO, iBOT, DINOv2, and SwAV its crops."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib.losses.ranks import gather_rows
from course_lib.losses.sinkhorn import sinkhorn


def encode_crops(encoder: Callable[[Tensor], Tensor], crops: Sequence[Tensor]) -> Tensor:
    """Crops, each (B, 3, h, w), through the encoder -> (V, B, D). Neighbours of equal size go in one batch.

    So BatchNorm takes its statistics over all large crops together, and over all small ones, as in SwAV's
    and DINO's code.
    """
    features = []
    for _, equal in itertools.groupby(crops, key=lambda crop: crop.shape[1:]):
        group = list(equal)
        features.append(encoder(torch.cat(group)).unflatten(0, (len(group), -1)))
    return torch.cat(features)


def count_global_crops(views: Callable, global_crops: int | None) -> int:
    """How many of the first crops are large: as given, or what `views` says, or 2."""
    number = getattr(views, "global_crops", 2) if global_crops is None else global_crops
    if number < 1:
        raise ValueError(f"global_crops is {number}; the teacher needs at least 1 crop.")
    return number


def warm_up(start: float, end: float, fraction: float, progress: float) -> float:
    """From `start` at progress 0 in a straight line to `end` at progress `fraction`, then `end`."""
    return end if progress >= fraction else start + (end - start) * progress / fraction


class Center(nn.Module):
    """The running mean of the teacher's scores; part of the state_dict.

    A loss uses `.value` as it is *before* its batch. `collect` remembers the batch, `move`, called after the
    optimiser's step, lets the centre follow (Caron et al. 2021, arXiv:2104.14294, equation 4).
    """

    value: Tensor

    def __init__(self, prototypes: int, momentum: float = 0.9):
        super().__init__()
        if not 0 <= momentum <= 1:
            raise ValueError(f"center_momentum is {momentum}; it must lie in [0, 1].")
        self.momentum = momentum
        self.register_buffer("value", torch.zeros(prototypes))
        self._means: list[Tensor] = []  # of the batches since the last optimiser step

    @torch.no_grad()
    def collect(self, scores: Tensor, first: bool = True) -> None:
        """Remember the mean of scores (..., K). first: of its optimiser step; older ones are dropped."""
        if first:
            self._means.clear()
        if self.training:
            self._means.append(scores.float().flatten(0, -2).mean(dim=0))

    @torch.no_grad()
    def move(self) -> None:
        """value <- momentum * value + (1 - momentum) * mean over the step's batches and all ranks."""
        if self._means:
            mean = torch.stack(self._means).mean(dim=0, keepdim=True)  # (1, K)
            self.value.lerp_(gather_rows(mean).mean(dim=0), 1 - self.momentum)
            self._means.clear()


@torch.no_grad()
def sinkhorn_scores(scores: Tensor, temperature: float) -> Tensor:
    """Scores (..., K) whose softmax at `temperature` is their Sinkhorn code, so that no centre is needed.

    What DINOv2 (Oquab et al. 2024, arXiv:2304.07193, section 4) takes instead of the centre: all rows
    together share the prototypes out equally.
    """
    codes = sinkhorn(scores.flatten(0, -2), epsilon=temperature).view_as(scores)
    return temperature * codes.clamp_min(1e-30).log()
