"""A teacher: a slow copy of the student that gets no gradient. MoCo, BYOL and DINO share it."""

import copy
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def teacher_of(student: Network) -> Network:
    """A copy of the student that learns nothing by gradient. It starts with the student's weights."""
    return copy.deepcopy(student).requires_grad_(False)


@torch.no_grad()
def momentum_update(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """teacher <- momentum * teacher + (1 - momentum) * student, in place, for all parameters (equation 2 of
    MoCo, He et al. 2020, arXiv:1911.05722).

    Buffers are left alone: the teacher's BatchNorm keeps the running averages of what it has itself seen.
    """
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.lerp_(fast.to(slow.dtype), 1 - momentum)
