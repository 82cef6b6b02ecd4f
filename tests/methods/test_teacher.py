"""A teacher starts as the student, learns nothing by gradient and follows slowly."""

import pytest
import torch
from torch import nn

from course_lib.methods.teacher import momentum_update, teacher_of


def test_a_teacher_is_a_copy_without_gradient():
    student = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    teacher = teacher_of(student)
    assert type(teacher) is nn.Sequential
    assert all(torch.equal(a, b) for a, b in zip(teacher.parameters(), student.parameters(), strict=True))
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in student.parameters())
    with torch.no_grad():
        student[0].weight.zero_()
    assert teacher[0].weight.abs().sum() > 0


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.99, 1.0])
def test_teacher_after_n_constant_steps_is_m_to_the_n(momentum):
    teacher, student = nn.Linear(3, 2), nn.Linear(3, 2)
    for module, value in ((teacher, 1.0), (student, 0.0)):
        for parameter in module.parameters():
            nn.init.constant_(parameter, value)
    for n in range(1, 12):
        momentum_update(teacher, student, momentum)
        for parameter in teacher.parameters():
            assert torch.allclose(parameter, torch.full_like(parameter, momentum**n), atol=1e-6)
    assert all((p == 0).all() for p in student.parameters())


def test_teacher_keeps_its_own_buffers():
    teacher, student = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    student.running_mean.fill_(7)
    momentum_update(teacher, student, 0.5)
    assert (teacher.running_mean == 0).all()
