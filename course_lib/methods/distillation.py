"""Distillation: a small encoder learns to give the features of a large, finished one.

Hinton, Vinyals & Dean 2015, arXiv:1503.02531, here on features instead of class scores; DINOv2's small
models come from its giant one in this way, on prototype scores (Oquab et al. 2024, arXiv:2304.07193,
section 5).
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from course_lib.losses.byol import byol
from course_lib.losses.gram import gram
from course_lib.methods.base import Method
from course_lib.methods.supervised import light_augmentation
from course_lib.methods.teacher import teacher_of
from course_lib.models import VisionTransformer


class Distillation(Method):
    """one view -> student encoder -> linear -> the direction of the teacher's feature for the same view.

    No labels, no negatives, no second view: the teacher has done that work already. It stays as it is:
    frozen, in eval mode, and a copy, so that the encoder you pass is not touched.

    teacher: an encoder with `.width`, or a method, whose encoder is taken. loss_function(prediction, target),
    each (B, teacher.width). gram_weight: above 0 the patches' resemblances are taught as well (`gram`), for
    two vision transformers that cut images into the same patches.
    views: (images, generator) -> [view] (default: a crop of 40 to 100 % of the area and a flip).
    Raises TypeError for a teacher without `.width`, ValueError for gram_weight where patches do not fit.
    """

    def __init__(
        self,
        encoder: nn.Module,
        teacher: nn.Module,
        loss_function: Callable[..., Tensor] = byol,
        gram_weight: float = 0.0,
        views: Callable[..., list[Tensor]] = light_augmentation,
        **options,
    ):
        super().__init__(encoder, **options)
        teacher = getattr(teacher, "encoder", teacher)
        if not hasattr(teacher, "width"):
            raise TypeError(
                f"Distillation: teacher is a {type(teacher).__name__} without .width; give an encoder, or "
                "a method."
            )
        fits = patch_of(encoder) is not None and patch_of(encoder) == patch_of(teacher)
        if gram_weight < 0 or (gram_weight > 0 and not fits):
            raise ValueError(
                f"Distillation: gram_weight={gram_weight} with patches of {patch_of(encoder)} and "
                f"{patch_of(teacher)} pixels; it needs two vision transformers with equal patches, "
                "and a weight of 0 or more."
            )
        self.views, self.loss_function, self.gram_weight = views, loss_function, gram_weight
        self.teacher = teacher_of(teacher).eval()
        self.predictor = nn.Linear(self.width, cast(int, teacher.width))

    def train(self, mode: bool = True) -> "Distillation":
        """The teacher stays in eval mode: its BatchNorm goes on with what it knows."""
        super().train(mode)
        self.teacher.eval()
        return self

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [view (B, 3, H, W)]. Returns a scalar."""
        (view,) = views
        if not self.gram_weight:
            with torch.no_grad():
                target = self.teacher(view)  # (B, teacher.width)
            return self.loss_function(self.predictor(self.encoder(view)), target)
        student, teacher = cast(VisionTransformer, self.encoder), cast(VisionTransformer, self.teacher)
        with torch.no_grad():
            theirs = teacher.all_tokens(view)
            target = teacher.pooled(theirs)
        ours = student.all_tokens(view)  # (B, T, width)
        loss = self.loss_function(self.predictor(student.pooled(ours)), target)
        patches = ours[:, student.prefix :], theirs[:, teacher.prefix :]
        return loss + self.gram_weight * gram(*patches)

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """Predictions have nothing to do with their targets (for the default loss)."""
        return {"cos = 0": 2.0} if self.loss_function is byol else {}


def patch_of(encoder: nn.Module) -> int | None:
    """Side of a vision transformer's patches in pixels; None for another encoder."""
    return getattr(encoder, "patch_size", None)
