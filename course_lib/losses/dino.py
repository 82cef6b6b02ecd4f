"""DINO: the student's softmax of one view should be the teacher's centred, sharpened softmax of another.

Caron et al. 2021, arXiv:2104.14294, equation 3 and Algorithm 1.
"""

import torch
from torch import Tensor

from course_lib.losses.inputs import check_temperature, refuse_nan
from course_lib.losses.ranks import mean_over_ranks
from course_lib.losses.scores import check_center, check_scores


def dino(
    student: Tensor,
    teacher: Tensor,
    center: Tensor,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
) -> Tensor:
    """Mean over images and over pairs of different views of -sum_k p_k log q_k.

    p = softmax((teacher - center) / teacher_temperature), q = softmax(student / student_temperature).
    student: (Vs, B, K), teacher: (Vt, B, K), scores of K prototypes. View v of both is the same crop; pairs
    with equal index are left out. center: (K,), the running mean of the teacher's scores *before* this batch
    (updating it is the caller's). Teacher and center are constants: no gradient reaches them.

    Returns a float32 scalar: ln K when nothing is learned or all is uniform; 0 when teacher and student both
    always choose the same prototype, so a low loss alone says nothing.

    Raises ValueError if shapes differ, if no pair of different views is left, if a temperature <= 0, and
    (NotFiniteError, on the CPU) if there is NaN in the scores; TypeError if they are not float.
    """
    check_scores("dino", "student", student, "(Vs, B, K)")
    check_scores("dino", "teacher", teacher, "(Vt, B, K)")
    if student.shape[1:] != teacher.shape[1:]:
        raise ValueError(
            f"dino: student is {tuple(student.shape)} but teacher is {tuple(teacher.shape)}; both need "
            "the same images B and prototypes K."
        )
    check_center("dino", center, teacher)
    check_temperature("dino", student_temperature, "student_temperature")
    check_temperature("dino", teacher_temperature, "teacher_temperature")
    both = min(len(student), len(teacher))  # views that student and teacher have in common
    pairs = len(student) * len(teacher) - both
    if pairs == 0:
        raise ValueError("dino: with one view each there is no pair of different views; add views.")
    with torch.autocast(student.device.type, enabled=False):
        p = ((teacher.detach().float() - center.detach().float()) / teacher_temperature).softmax(dim=-1)
        log_q = (student.float() / student_temperature).log_softmax(dim=-1)
        # sum_st p_t log q_s = (sum p_t) (sum log q_s): one product for all, less the equal
        all_pairs = (p.sum(dim=0) * log_q.sum(dim=0)).sum()
        same_view = (p[:both] * log_q[:both]).sum()
        loss = mean_over_ranks((same_view - all_pairs) / (pairs * student.shape[1]))
    return refuse_nan("dino", loss, student=student.flatten(0, 1), teacher=teacher.flatten(0, 1))
