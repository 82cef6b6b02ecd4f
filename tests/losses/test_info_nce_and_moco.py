import math

import lightly.loss
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.losses import info_nce, moco
from course_lib.losses.fast import LOWEST_TEMPERATURE

from .oracles import info_nce_loop, orthonormal

TEMPERATURES = [1.0, 0.1, 0.07, LOWEST_TEMPERATURE, 0.005]


def draw(*shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator).requires_grad_() for shape in shapes]


def with_gradient(loss, *inputs):
    value = loss(*inputs)
    return value.detach(), *torch.autograd.grad(value, inputs)


def assert_same(ours, theirs, rtol=1e-5):
    assert torch.allclose(ours[0].double(), theirs[0].double(), rtol=1e-5, atol=1e-6)
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        assert (mine - other).abs().max() <= rtol * other.abs().max() + 1e-9


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_info_nce_equals_the_loop_in_value_and_gradient(temperature):
    q, p, n = draw((6, 5), (6, 5), (9, 5))
    ours = with_gradient(lambda a, b: info_nce(a, b, temperature=temperature), q, p)
    assert_same(ours, with_gradient(lambda a, b: info_nce_loop(a, b, None, temperature), q, p))
    ours = with_gradient(lambda a, b, c: info_nce(a, b, c, temperature), q, p, n)
    assert_same(ours, with_gradient(lambda a, b, c: info_nce_loop(a, b, c, temperature), q, p, n))


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_moco_equals_the_loop_and_only_the_query_learns(temperature):
    q, k, queue = draw((6, 5), (6, 5), (9, 5))
    value = moco(q, k, queue, temperature)
    assert value.item() == pytest.approx(info_nce_loop(q, k, queue, temperature).item(), rel=1e-5)
    gradients = torch.autograd.grad(value, [q, k, queue], allow_unused=True)
    expected = torch.autograd.grad(info_nce_loop(q, k, queue, temperature), [q])[0]
    assert (gradients[0] - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert gradients[1:] == (None, None)  # exactly nothing, not something small


def test_moco_equals_lightly_with_a_bank():
    q, k = draw((6, 5), (6, 5))
    loss = lightly.loss.NTXentLoss(0.07, memory_bank_size=(16, 5))
    loss(q.detach(), k.detach())  # the bank is filled with random rows on first use
    bank = loss.memory_bank.bank.clone()
    bank = bank if bank.shape == (16, 5) else bank.T
    assert moco(q, k, bank, 0.07).item() == pytest.approx(loss(q.detach(), k.detach()).item(), rel=1e-5)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_stuck_and_perfect_values(temperature):
    same = torch.ones(8, 4)
    assert info_nce(same, same, temperature=temperature).item() == pytest.approx(math.log(8), rel=1e-5)
    assert info_nce(same, same, torch.ones(30, 4), temperature).item() == pytest.approx(
        math.log(31), rel=1e-5
    )
    assert moco(same, same, torch.ones(30, 4), temperature).item() == pytest.approx(math.log(31), rel=1e-5)
    eye = torch.eye(20)
    batch = info_nce(eye[:8], eye[:8], temperature=temperature).item()
    assert batch == pytest.approx(orthonormal(8, temperature, 7), rel=1e-5, abs=1e-6)
    queue = moco(eye[:8], eye[:8], eye[8:], temperature).item()
    assert queue == pytest.approx(orthonormal(8, temperature, 12), rel=1e-3, abs=1e-30)


def test_positive_that_is_also_in_the_queue_costs_at_least_ln_2():
    key = torch.eye(12)[:4]
    assert moco(key, key, torch.eye(12)[4:], 0.01).item() < 1e-6
    assert moco(key, key, torch.eye(12), 0.01).item() == pytest.approx(math.log(2), rel=1e-6)


def test_queue_rows_are_normalised_inside():
    q, k, queue = draw((6, 5), (6, 5), (9, 5))
    expected = moco(q, k, queue, 0.07)
    assert torch.allclose(moco(3 * q, 0.1 * k, 7 * queue, 0.07), expected, rtol=1e-5)
    assert torch.allclose(moco(q, k, F.normalize(queue, dim=1), 0.07), expected, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(2, 10), negatives=st.integers(1, 10), size=st.integers(1, 9),
    seed=st.integers(0, 2**31), temperature=st.sampled_from(TEMPERATURES),
)  # fmt: skip
def test_blind_to_order_and_scale(batch, negatives, size, seed, temperature):
    q, p, n = (x.detach() for x in draw((batch, size), (batch, size), (negatives, size), seed=seed))
    generator = torch.Generator().manual_seed(seed)
    order, mixed = (torch.randperm(k, generator=generator) for k in (batch, negatives))
    scales = torch.rand(batch, 1, generator=generator) * 10 + 0.1
    close = {"rtol": 1e-4, "atol": 2e-6 / temperature}
    for extra, shuffled in ((None, None), (n, n[mixed])):
        value = info_nce(q, p, extra, temperature)
        assert torch.allclose(info_nce(q[order], p[order], shuffled, temperature), value, **close)
        assert torch.allclose(info_nce(q * scales, p, extra, temperature), value, **close)


def test_wrong_pairs_cost_more_and_both_views_learn():
    q, p = draw((16, 32), (16, 32))
    near = q + 0.3 * p
    assert info_nce(q, near.roll(1, 0), temperature=0.1) > info_nce(q, near, temperature=0.1) + 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_float32_inside_whatever_comes_in(dtype):
    q, p, n = (x.detach().to(dtype) for x in draw((6, 5), (6, 5), (9, 5)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        batch, queue = info_nce(q, p, temperature=0.05), moco(q, p, n, 0.05)
    assert batch.dtype == queue.dtype == torch.float32
    assert batch.item() == pytest.approx(info_nce_loop(q, p, None, 0.05).item(), rel=1e-5)
    assert queue.item() == pytest.approx(info_nce_loop(q, p, n, 0.05).item(), rel=1e-5)
