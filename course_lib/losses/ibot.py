"""iBOT: at the patches that are hidden from it, the student says which prototypes the teacher sees there.

Zhou et al. 2022, arXiv:2111.07832, equation 2; weighted per image as in DINOv2, Oquab et al. 2024,
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

    Returns a float32 scalar: ln K times the share of images with a mask when nothing is learned.
    Raises ValueError if shapes differ or a temperature <= 0, and (NotFiniteError, on the CPU) if there is NaN
    in the scores, at any patch; TypeError if they are not float.
    """
    check_scores("ibot", "student", student, "(B, N, K)")
    check_scores("ibot", "teacher", teacher, "(B, N, K)")
    if student.shape != teacher.shape or mask.shape != student.shape[:2]:
        raise ValueError(
            f"ibot: student is {tuple(student.shape)}, teacher {tuple(teacher.shape)} and mask "
            f"{tuple(mask.shape)}; give (B, N, K) twice and (B, N)."
        )
    check_center("ibot", center, teacher)
    check_temperature("ibot", student_temperature, "student_temperature")
    check_temperature("ibot", teacher_temperature, "teacher_temperature")
    with torch.autocast(student.device.type, enabled=False):
        p = ((teacher.detach().float() - center.detach().float()) / teacher_temperature).softmax(dim=-1)
        log_q = (student.float() / student_temperature).log_softmax(dim=-1)
        cross_entropy = -(p * log_q).sum(dim=-1)  # (B, N)
        hidden = mask.float()
        per_image = (cross_entropy * hidden).sum(dim=1) / hidden.sum(dim=1).clamp(min=1)  # (B,)
        loss = mean_over_ranks(per_image.mean())
    return refuse_nan("ibot", loss, student=student.flatten(0, 1), teacher=teacher.flatten(0, 1))
