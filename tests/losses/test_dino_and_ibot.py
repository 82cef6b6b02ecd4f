import math

import lightly.loss
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.losses import NotFiniteError
from course_lib.losses.dino import dino
from course_lib.losses.ibot import ibot, ibot_rows, patch_weights

from .oracles_clustering import assert_same, dino_loop, draw, ibot_loop, with_gradient

TEMPERATURES = [(0.1, 0.04), (1.0, 0.5), (0.1, 0.1), (0.005, 0.005)]
MASK = torch.tensor([[1, 0, 0, 1], [1, 1, 1, 1], [0, 0, 0, 0]], dtype=torch.bool)


def views(student=4, teacher=2, batch=3, prototypes=5, seed=0):
    return draw((student, batch, prototypes), (teacher, batch, prototypes), (prototypes,), seed=seed)


@pytest.mark.parametrize("temperatures", TEMPERATURES)
@pytest.mark.parametrize(("student", "teacher"), [(4, 2), (2, 2), (2, 1), (1, 2), (2, 3)])
def test_dino_equals_the_loop_over_pairs(student, teacher, temperatures):
    s, t, c = views(student, teacher)
    expected = dino_loop(s, t, c, *temperatures)
    value = dino(s, t, c, *temperatures)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    ours, theirs = torch.autograd.grad(value, s)[0], torch.autograd.grad(expected, s)[0]
    assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


@pytest.mark.parametrize(("student", "teacher"), [(4, 2), (8, 2), (2, 2)])
@pytest.mark.parametrize("batch", [1, 33])
def test_dino_equals_lightly_in_value_and_gradient(student, teacher, batch):
    s, t, c = views(student, teacher, batch, 24)

    def lightlys(x):
        loss = lightly.loss.DINOLoss(24)
        loss.center = c.detach().view(1, 1, -1).clone()
        return loss(list(t.detach()), list(x))

    assert_same(with_gradient(lambda x: dino(x, t, c), s), with_gradient(lightlys, s))


def test_teacher_and_center_get_exactly_no_gradient():
    s, t, c = views()
    dino(s, t, c).backward()
    assert t.grad is None
    assert c.grad is None
    assert s.grad.abs().sum() > 0
    s, t, c = draw((3, 4, 5), (3, 4, 5), (5,))
    ibot(s, t, MASK, c).backward()
    assert t.grad is None
    assert c.grad is None


def test_the_center_moves_the_target_away_from_what_the_teacher_always_says():
    s, t, c = (x.detach() for x in views())
    favourite = t.clone()
    favourite[..., 0] += 3
    center = torch.tensor([3.0, 0, 0, 0, 0])
    assert torch.allclose(dino(s, favourite, center), dino(s, t, 0 * c), rtol=1e-4)


@pytest.mark.parametrize("prototypes", [2, 4096])
def test_stuck_and_collapsed_values(prototypes):
    same, zero = torch.zeros(4, 3, prototypes), torch.zeros(prototypes)
    assert dino(same, same[:2], zero).item() == pytest.approx(math.log(prototypes), rel=1e-5)
    assert ibot(same, same, torch.ones(4, 3), zero).item() == pytest.approx(math.log(prototypes), rel=1e-5)
    one = same.clone()
    one[..., 0] = 5.0  # all views of all images choose prototype 0: a loss of zero, and nothing learned
    assert dino(one, one[:2], zero).item() == pytest.approx(0, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(batch=st.integers(1, 8), student=st.integers(2, 5), seed=st.integers(0, 2**31))
def test_dino_is_blind_to_the_order_of_images_prototypes_and_extra_views(batch, student, seed):
    s, t, c = (x.detach() for x in views(student, 2, batch, 6, seed))
    generator = torch.Generator().manual_seed(seed)
    images, prototypes = (torch.randperm(k, generator=generator) for k in (batch, 6))
    value = dino(s, t, c)
    assert torch.allclose(dino(s[:, images], t[:, images], c), value, rtol=1e-4)
    assert torch.allclose(dino(s[..., prototypes], t[..., prototypes], c[prototypes]), value, rtol=1e-4)
    both = torch.cat([s[:2].flip(0), s[2:]])  # the same exchange in student and teacher
    assert torch.allclose(dino(both, t.flip(0), c), value, rtol=1e-4)


@pytest.mark.parametrize("temperatures", TEMPERATURES)
@pytest.mark.parametrize("mask_type", [torch.bool, torch.float32, torch.int64])
def test_ibot_equals_the_loop(temperatures, mask_type):
    s, t, c = draw((3, 4, 5), (3, 4, 5), (5,))
    ours = with_gradient(lambda x: ibot(x, t, MASK.to(mask_type), c, *temperatures), s)
    assert_same(ours, with_gradient(lambda x: ibot_loop(x, t, MASK, c, *temperatures), s))


def test_ibot_equals_lightly_in_value_and_gradient():
    s, t, c = draw((6, 9, 12), (6, 9, 12), (12,))
    mask = torch.rand(6, 9, generator=torch.Generator().manual_seed(0)) < 0.4
    mask[2] = False

    def lightlys(x):
        loss = lightly.loss.IBOTPatchLoss(12)
        loss.center.center = c.detach().view(1, -1).clone()
        return loss(t.detach()[mask], x[mask], mask.view(6, 3, 3))

    assert_same(with_gradient(lambda x: ibot(x, t, mask, c), s), with_gradient(lightlys, s))


def test_images_weigh_the_same_however_many_patches_are_masked():
    """Cross-entropy a at 1 masked patch of one image, b at 3 of another: (a + b) / 2, not (a + 3 b) / 4."""
    student, teacher, zero = torch.zeros(2, 3, 2), torch.zeros(2, 3, 2), torch.zeros(2)
    teacher[..., 0] = 10
    student[0, :, 0], student[1, :, 1] = 0.1, 0.1
    a, b = (math.log1p(math.exp(-x)) for x in (1, -1))
    mask = torch.tensor([[1, 0, 0], [1, 1, 1]])
    assert ibot(student, teacher, mask, zero).item() == pytest.approx((a + b) / 2, rel=1e-5)
    nothing = torch.tensor([[0, 0, 0], [1, 1, 1]])  # an image without masked patches adds 0 and still counts
    assert ibot(student, teacher, nothing, zero).item() == pytest.approx(b / 2, rel=1e-5)
    assert ibot(student, teacher, 0 * mask, zero).item() == 0


def test_rows_of_the_masked_patches_alone_give_the_same():
    s, t, c = draw((3, 4, 5), (3, 4, 5), (5,))
    weight = patch_weights(MASK)
    assert weight.tolist() == [
        [pytest.approx(x / 3) for x in row] for row in ([0.5, 0, 0, 0.5], [0.25] * 4, [0] * 4)
    ]
    ours = with_gradient(lambda x: ibot_rows(x[MASK], t[MASK], weight[MASK], c), s)
    assert_same(ours, with_gradient(lambda x: ibot(x, t, MASK, c), s))
    assert ibot_rows(s[0, :0], t[0, :0], weight[0, :0], c) == 0


def test_patches_that_are_not_masked_have_no_part():
    s, t, c = draw((3, 4, 5), (3, 4, 5), (5,))
    ibot(s, t, MASK, c).backward()
    assert (s.grad[~MASK] == 0).all()
    assert (s.grad[MASK] != 0).any(dim=-1).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_float32_inside_and_finite_at_low_temperature_with_duplicates(dtype):
    s, t, c = (x.detach().to(dtype) for x in views())
    exact = [x.double() for x in (s, t, c)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = dino(s, t, c, 0.05, 0.02)
        patches = ibot(s[:2].transpose(0, 1), t.transpose(0, 1), MASK[:, :2], c, 0.05, 0.02)
    assert value.dtype == patches.dtype == torch.float32
    assert value.item() == pytest.approx(dino_loop(*exact, 0.05, 0.02).item(), rel=1e-5)
    patch_scores = [x[:2].transpose(0, 1) for x in exact[:2]]
    expected = ibot_loop(*patch_scores, MASK[:, :2], exact[2], 0.05, 0.02)
    assert patches.item() == pytest.approx(expected.item(), rel=1e-5)
    s = (100 * s).requires_grad_()
    with torch.no_grad():
        s[:, 1] = s[:, 0]
    dino(s, 100 * t, c, 0.005, 0.005).backward()
    assert torch.isfinite(s.grad).all()


S, T, C = torch.randn(4, 3, 5), torch.randn(2, 3, 5), torch.randn(5)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: dino(S[0], T, C), ValueError, r"student has shape \(3, 5\); give scores of shape \(Vs, B"),
        (lambda: dino(S, T.long(), C), TypeError, "teacher is torch.int64"),
        (lambda: dino(list(S), T, C), TypeError, "student is a list"),
        (lambda: dino(S, T[:, :2], C), ValueError, r"student is \(4, 3, 5\) but teacher is \(2, 2, 5\)"),
        (lambda: dino(S, T, C[:4]), ValueError, "center has 4 numbers but teacher has 5 prototypes"),
        (lambda: dino(S, T, C[None]), ValueError, r"center has shape \(1, 5\)"),
        (lambda: dino(S[:1], T[:1], C), ValueError, "no pair of different views"),
        (lambda: dino(S, T, C, 0), ValueError, "student_temperature is 0"),
        (lambda: dino(S, T, C, 0.1, -1), ValueError, "teacher_temperature is -1"),
        (lambda: dino(S / 0, T, C), NotFiniteError, "student has NaN or infinite features in 12 of"),
        (lambda: dino(S, T * float("nan"), C), NotFiniteError, "teacher has NaN"),
        (lambda: ibot(S[:2], T, torch.ones(2, 4), C), ValueError, r"mask \(2, 4\)"),
        (lambda: ibot(S, T, torch.ones(4, 3), C), ValueError, r"student is \(4, 3, 5\), teacher \(2, 3, 5\)"),
        (lambda: ibot(T, T, torch.ones(2, 3), C[:2]), ValueError, "ibot: center has 2 numbers"),
        (lambda: ibot(T, T, torch.ones(2, 3), C, 0), ValueError, "ibot: student_temperature is 0"),
        (lambda: ibot(T / 0, T, torch.ones(2, 3), C), NotFiniteError, "ibot: student has NaN"),
        (lambda: ibot(T, T / 0, torch.zeros(2, 3), C), NotFiniteError, "ibot: teacher has NaN"),
        (lambda: ibot(T, T, [[1, 0, 0]] * 2, C), TypeError, "ibot: mask is a list; give a tensor"),
        (lambda: ibot(T, T, 2 * torch.ones(2, 3), C), ValueError, "other values than 0 and 1"),
        (lambda: ibot(T, T, torch.tensor([[0, 5, 1]] * 2), C), ValueError, "other values than 0 and 1"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
