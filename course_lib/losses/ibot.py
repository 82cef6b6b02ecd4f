"""iBOT: at the patches that are hidden from it, the student says which prototypes the teacher sees there.

Zhou et al. 2022, arXiv:2111.07832, equation 3; weighted per image as in DINOv2, Oquab et al. 2024,
arXiv:2304.07193.
"""

import torch
from torch import Tensor

from course_lib.losses.inputs import check_temperature, refuse_nan
from course_lib.losses.ranks import mean_over_ranks
from course_lib.losses.scores import check_center, check_scores


def ibot(
    student: Tensor,
    teacher: Tensor,
    mask: Tensor,
    center: Tensor,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
) -> Tensor:
    """Mean over images of the mean over the image's masked patches of -sum_k p_k log q_k.

    p = softmax((teacher - center) / teacher_temperature), q = softmax(student / student_temperature).
    student, teacher: (B, N, K), scores of K prototypes at N patches; the student's come from the image with
    the masked patches hidden, the teacher's from the whole image. mask: (B, N), True or 1 = masked.
    center: (K,), as in `dino`. Teacher and center are constants: no gradient reaches them.

    Every image with a mask weighs the same however many patches it lost; a plain mean over all masked patches
    of the batch would let an image with 50 % masked count five times one with 10 %. An image without masked
    patches adds 0 and still counts in B.

    Only the masked patches are computed; who has the scores of those alone calls `ibot_rows`.

    Returns a float32 scalar: ln K times the share of images with a mask when nothing is learned.
    Raises ValueError if shapes differ, a temperature <= 0 or the mask holds anything but 0 and 1, and
    (NotFiniteError, on the CPU) if there is NaN in the scores, at any patch; TypeError if they are not float
    or the mask is no tensor.
    """
    check_scores("ibot", "student", student, "(B, N, K)")
    check_scores("ibot", "teacher", teacher, "(B, N, K)")
    if not isinstance(mask, Tensor):
        raise TypeError(f"ibot: mask is a {type(mask).__name__}; give a tensor (B, N) of True and False.")
    if student.shape != teacher.shape or mask.shape != student.shape[:2]:
        raise ValueError(
            f"ibot: student is {tuple(student.shape)}, teacher {tuple(teacher.shape)} and mask "
            f"{tuple(mask.shape)}; give (B, N, K) twice and (B, N)."
        )
    check_center("ibot", center, teacher)
    check_temperature("ibot", student_temperature, "student_temperature")
    check_temperature("ibot", teacher_temperature, "teacher_temperature")
    rows, targets, weight = student.flatten(0, 1), teacher.flatten(0, 1), patch_weights(mask).flatten()
    if not torch.compiler.is_compiling():  # one graph needs sizes that do not depend on the mask
        if mask.dtype != torch.bool and ((mask != 0) & (mask != 1)).any():
            raise ValueError(
                "ibot: mask has other values than 0 and 1; all masked patches of an image weigh the same, so "
                "give True or 1 where a patch is masked."
            )
        total = rows.detach().sum() + targets.detach().sum()
        refuse_nan("ibot", total, student=rows, teacher=targets)
        masked = mask.flatten().nonzero()[:, 0]
        rows, targets, weight = (x.index_select(0, masked) for x in (rows, targets, weight))
    return ibot_rows(rows, targets, weight, center, student_temperature, teacher_temperature)


def patch_weights(mask: Tensor) -> Tensor:
    """What each patch counts in the loss: (B, N) -> (B, N) float32, 1 / (B * masked patches of the image)."""
    hidden = mask.float()
    return hidden / (len(mask) * hidden.sum(dim=1, keepdim=True).clamp(min=1))


def ibot_rows(
    student: Tensor,
    teacher: Tensor,
    weight: Tensor,
    center: Tensor,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
) -> Tensor:
    """`ibot` from the scores (R, K) of the masked patches alone, R of all images; R may be 0.

    weight: (R,), what each counts: `patch_weights(mask)[mask]`. All else is as in `ibot`.
    """
    with torch.autocast(student.device.type, enabled=False):
        p = ((teacher.detach().float() - center.detach().float()) / teacher_temperature).softmax(dim=-1)
        log_q = (student.float() / student_temperature).log_softmax(dim=-1)
        cross_entropy = -(p * log_q).sum(dim=-1)  # (R,)
        loss = mean_over_ranks((weight * cross_entropy).sum())
    return refuse_nan("ibot", loss, student=student, teacher=teacher)
