"""Gram anchoring: a loop, what costs nothing, and what must not learn."""

import pytest
import torch

from course_lib.losses import NotFiniteError, gram

from .test_info_nce_and_moco import assert_same, draw, with_gradient


def gram_loop(student, teacher):
    total, count = 0.0, 0
    for ours, theirs in zip(student.double(), teacher.double(), strict=True):
        for i in range(len(ours)):
            for j in range(len(ours)):
                cosines = [x[i] @ x[j] / x[i].norm() / x[j].norm() for x in (ours, theirs)]
                total, count = total + (cosines[0] - cosines[1]) ** 2, count + 1
    return total / count


def test_equals_the_loop_in_value_and_gradient_for_other_widths_too():
    student, teacher = draw((3, 4, 5), (3, 4, 7))
    ours = with_gradient(lambda s: gram(s, teacher), student)
    assert_same(ours, with_gradient(lambda s: gram_loop(s, teacher.detach()), student))


def test_scale_rotation_and_order_of_images_cost_nothing():
    student, teacher = draw((3, 6, 5), (3, 6, 5))
    rotation = torch.linalg.qr(torch.randn(5, 5))[0]
    assert gram(4 * teacher @ rotation, teacher).item() == pytest.approx(0, abs=1e-10)
    order = torch.tensor([2, 0, 1])
    assert torch.allclose(gram(student[order], teacher[order]), gram(student, teacher))
    assert not torch.allclose(gram(student[:, [1, 0, 2, 3, 4, 5]], teacher), gram(student, teacher))


def test_the_teacher_gets_no_gradient_and_bf16_duplicates_and_zeros_are_finite():
    student, teacher = draw((2, 4, 5), (2, 4, 5))
    gradients = torch.autograd.grad(gram(student, teacher), [student, teacher], allow_unused=True)
    assert gradients[0].abs().sum() > 0
    assert gradients[1] is None
    same = torch.ones(2, 4, 5, dtype=torch.bfloat16, requires_grad=True)
    value = gram(same, torch.zeros(2, 4, 5))
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(1, rel=1e-2)
    value.backward()
    assert torch.isfinite(same.grad).all()


def test_it_compiles_to_one_graph():
    torch._dynamo.reset()
    student, teacher = draw((2, 4, 5), (2, 4, 5))
    compiled = torch.compile(gram, fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(student, teacher), gram(student, teacher), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: gram(torch.ones(2, 3), torch.ones(2, 3)), "shape"),
        (lambda: gram(torch.ones(2, 3, 4), torch.ones(2, 5, 4)), "same images and patches"),
        (lambda: gram(torch.full((2, 3, 4), torch.nan), torch.ones(2, 3, 4)), "NaN"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises((ValueError, NotFiniteError), match=sentence):
        call()
