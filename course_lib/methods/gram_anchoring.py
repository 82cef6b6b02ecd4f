"""Gram anchoring: late in a DINOv2 run, patches keep the resemblances that they had earlier.

Simeoni et al. 2025 (DINOv3), arXiv:2508.10104, section 4.2.
"""

import torch
from torch import Tensor

from course_lib.losses.gram import gram
from course_lib.methods.dinov2 import DINOv2
from course_lib.methods.teacher import teacher_of
from course_lib.models import VisionTransformer


class GramAnchoring(DINOv2):
    """`DINOv2`, and after a part of the run + gram_weight * `losses.gram` between student and Gram teacher.

    In a long run CLS goes on improving while the patches of one image come to resemble each other where they
    should not. So a copy of the teacher is put aside, the Gram teacher, and the student's patches have to
    keep its cosines among themselves; their features are free to move. Only large crops are compared: the
    student's own pass over them, masked patches included, with the Gram teacher's over the whole crop.

    start: the part of the run's `total_steps` after which the loss begins; at 0 after the first step, without
    a planned end never. taken: the part after which the Gram teacher is put aside (default: start). The paper
    adds the loss after 1,000,000 steps and takes the teacher of step 100,000 or 200,000: one from the end has
    spoiled patches to keep. refresh_steps: so many steps after both it is taken anew, and again (the paper:
    after 10,000 steps, three times at most); None: it stays the first one. gram_weight: the paper's is 2; 0
    is DINOv2, with a Gram teacher that nobody asks. Gram teacher and the step at which it was taken,
    `gram_step` (-1: not yet), are part of the state_dict.
    Not here: the paper's Gram teacher in its last phase sees the crops at twice the resolution.
    All other options are those of `DINOv2`, `IBOT` and `DINO`: with shared_head=True, koleo_weight=0 and
    sinkhorn_centering=False it anchors iBOT. Raises ValueError for an option out of range.
    """

    gram_step: Tensor

    def __init__(
        self,
        encoder: VisionTransformer,
        gram_weight: float = 2.0,
        start: float = 0.5,
        taken: float | None = None,
        refresh_steps: int | None = None,
        **options,
    ):
        super().__init__(encoder, **options)
        first = start if taken is None else taken
        if (
            gram_weight < 0
            or not 0 <= first <= start <= 1
            or (refresh_steps is not None and refresh_steps < 1)
        ):
            raise ValueError(
                f"GramAnchoring: gram_weight={gram_weight}, start={start}, taken={taken}, "
                f"refresh_steps={refresh_steps}; the weight is at least 0, start lies in [0, 1], taken not "
                "after it, refresh_steps is at least 1 or None."
            )
        self.gram_weight, self.start, self.taken = gram_weight, start, first
        self.refresh_steps = refresh_steps
        self.gram_teacher = teacher_of(encoder)  # not used before it is taken
        self.register_buffer("gram_step", torch.tensor(-1))

    def anchor(self, images: Tensor, tokens: Tensor) -> Tensor | float:
        """gram_weight times the change of the patches' cosines; 0 before `start`."""
        if not self.gram_weight or self.gram_step < 0 or not self.past(self.start, self.global_step):
            return 0.0
        with torch.no_grad():
            theirs = self.gram_teacher.all_tokens(images)  # (G * B, T, D)
        first = self.encoder.prefix
        return self.gram_weight * gram(tokens[:, first:], theirs[:, first:])

    def after_step(self) -> None:
        """Teacher and centres follow; if it is time, the Gram teacher becomes what the teacher is now."""
        super().after_step()
        step = self.global_step + 1  # Lightning counts this one later
        if self.is_due(step, int(self.gram_step)):
            self.gram_teacher.load_state_dict(self.teacher[0].state_dict())
            self.gram_step.fill_(step)

    def is_due(self, step: int, taken: int) -> bool:
        """Whether the Gram teacher is to be taken after `step`; taken: when it was last, -1 for not yet."""
        if taken < 0:
            return self.past(self.taken, step)
        if self.refresh_steps is None or not self.past(self.start, step):
            return False
        return step >= max(taken, self.start * (self.total_steps or 0)) + self.refresh_steps

    def past(self, part: float, step: int) -> bool:
        """Whether `step` lies after this part of the run; without a planned end only 0 is ever past."""
        return part == 0 or (self.total_steps is not None and step >= part * self.total_steps)
