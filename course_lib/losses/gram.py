"""Gram anchoring: how patches resemble each other should stay as it was in an earlier teacher.

Simeoni et al. 2025 (DINOv3), arXiv:2508.10104, section 4.2.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.losses.inputs import refuse_nan
from course_lib.losses.ranks import mean_over_ranks
from course_lib.losses.scores import check_scores


def gram(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of the patches' cosines among themselves, in the student and in the teacher.

    student (B, N, D), teacher (B, N, E): patch features of the same images at the same N places, any scale;
    the widths may differ, since only resemblances between patches are compared. A rotation of the features
    costs nothing: patches may move, as long as they keep their distances. The paper sums over the N x N
    entries of one image; here it is their mean, so that the weight does not depend on the image's size.
    The teacher is a constant: no gradient reaches it.

    Returns a float32 scalar: 0 when the resemblances agree, at most 4. Raises ValueError if images or places
    differ, and (NotFiniteError, on the CPU) if there is NaN in the features; TypeError if they are not float.
    """
    check_scores("gram", "student", student, "(B, N, D)")
    check_scores("gram", "teacher", teacher, "(B, N, E)")
    if student.shape[:2] != teacher.shape[:2]:
        raise ValueError(
            f"gram: student is {tuple(student.shape)} but teacher is {tuple(teacher.shape)}; both need "
            "the same images and patches."
        )
    with torch.autocast(student.device.type, enabled=False):
        ours = F.normalize(student.float(), dim=2)
        theirs = F.normalize(teacher.detach().float(), dim=2)
        difference = ours @ ours.transpose(1, 2) - theirs @ theirs.transpose(1, 2)  # (B, N, N)
        loss = mean_over_ranks(difference.square().mean())
    return refuse_nan("gram", loss, student=student.flatten(0, 1), teacher=teacher.flatten(0, 1))
