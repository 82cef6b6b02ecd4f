import math

import lightly.loss
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightly.loss.swav_loss import sinkhorn as lightlys_sinkhorn

from course_lib.losses import NotFiniteError
from course_lib.losses.sinkhorn import sinkhorn
from course_lib.losses.swav import swav

from .oracles_clustering import assert_same, draw, sinkhorn_loop, swav_loop, with_gradient


@pytest.mark.parametrize("iterations", [1, 3, 10])
@pytest.mark.parametrize("epsilon", [0.5, 0.05, 0.02])
def test_codes_equal_the_loop_and_lightly(epsilon, iterations):
    (scores,) = draw((9, 5))
    codes = sinkhorn(scores, epsilon, iterations)
    assert codes.dtype == torch.float32
    assert not codes.requires_grad
    assert torch.allclose(codes.double(), sinkhorn_loop(scores, epsilon, iterations), atol=2e-6)
    assert torch.allclose(codes, lightlys_sinkhorn(scores.detach(), iterations, epsilon), atol=2e-6)


def test_the_scores_are_not_changed():
    (scores,) = draw((6, 4))
    before = scores.detach().clone()
    sinkhorn(scores)
    assert torch.equal(scores, before)


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(1, 12), prototypes=st.integers(1, 9), seed=st.integers(0, 2**31),
    scale=st.sampled_from([0.0, 1e-3, 1.0, 100.0, 1e6]), iterations=st.integers(1, 8),
)  # fmt: skip
def test_rows_sum_to_one_whatever_the_scale(batch, prototypes, seed, scale, iterations):
    scores = draw((batch, prototypes), seed=seed)[0].detach() * scale
    codes = sinkhorn(scores, iterations=iterations)
    assert torch.isfinite(codes).all()
    assert (codes >= 0).all()
    assert torch.allclose(codes.sum(1), torch.ones(batch), atol=1e-5)
    order = torch.randperm(batch, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(sinkhorn(scores[order], iterations=iterations), codes[order], atol=1e-4)


def test_columns_get_their_share_and_equal_rows_are_shared_out_evenly():
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(256, 20, generator=generator) * 0.4
    share = sinkhorn(scores, iterations=10).sum(0) / (256 / 20)
    assert (share - 1).abs().max() < 0.01
    assert torch.allclose(sinkhorn(torch.randn(1, 4).expand(8, 4)), torch.full((8, 4), 0.25), atol=1e-6)


def test_an_unpopular_prototype_gets_its_share_even_where_its_exponential_is_zero():
    scores = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    scores[:, 3] -= 1000  # exp(-1000 / 0.05) is 0 in any precision
    assert sinkhorn(scores, iterations=50).sum(0)[3].item() == pytest.approx(2, rel=0.05)


CROPS = [(6, 5)] * 4


@pytest.mark.parametrize("assign", [(0, 1), (0,), (2, 0), (0, 1, 2, 3)])
@pytest.mark.parametrize(("temperature", "epsilon"), [(0.1, 0.05), (1.0, 0.5), (0.005, 0.02)])
def test_swav_equals_the_loop_in_value_and_gradient(assign, temperature, epsilon):
    scores = draw(*CROPS)
    expected = swav_loop(scores, assign, temperature, epsilon)
    value = swav(scores, assign, temperature, epsilon)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    ours = torch.autograd.grad(value, scores, allow_unused=True)
    theirs = torch.autograd.grad(expected, scores, allow_unused=True)
    for mine, other in zip(ours, theirs, strict=True):
        if other is None:
            assert mine is None  # the only crop with a code is never predicted
        else:
            assert (mine - other).abs().max() <= 1e-5 * other.abs().max() + 1e-8


@pytest.mark.parametrize("batch", [2, 33])
def test_swav_equals_lightly_in_value_and_gradient_with_and_without_queue(batch):
    scores = draw(*[(batch, 12)] * 5)
    queue = [x.detach() for x in draw((20, 12), (20, 12), seed=1)]
    theirs = lightly.loss.SwaVLoss(0.1)
    for extra in (None, queue):
        assert_same(
            with_gradient(lambda *s, e=extra: swav(s, queue=e), *scores),
            with_gradient(lambda *s, e=extra: theirs(list(s[:2]), list(s[2:]), e)[0], *scores),
        )
    expected = swav_loop(scores, queue=queue)
    assert swav(scores, queue=queue).item() == pytest.approx(expected.item(), rel=1e-5)


def test_codes_get_no_gradient():
    first, second = draw((6, 5), (6, 5))
    value = swav([first, second], assign=(0,))
    gradients = torch.autograd.grad(value, [first, second], allow_unused=True)
    assert gradients[0] is None  # exactly nothing, though its code is the target
    assert gradients[1].abs().sum() > 0
    queue = torch.randn(7, 5, requires_grad=True)
    swav([first, second], assign=(0,), queue=[queue]).backward()
    assert queue.grad is None


@pytest.mark.parametrize("crops", [2, 5])
def test_stuck_value_is_ln_k(crops):
    scores = [torch.randn(1, 7).expand(4, 7) * 0 + 0.3 for _ in range(crops)]
    assert swav(scores).item() == pytest.approx(math.log(7), rel=1e-6)


def test_blind_to_the_order_of_images_but_not_to_wrong_pairs():
    first, second, third = (x.detach() for x in draw((16, 5), (16, 5), (16, 5)))
    near = [first, first + 0.1 * second, first + 0.1 * third]
    order = torch.randperm(16)
    assert torch.allclose(swav([x[order] for x in near]), swav(near), rtol=1e-4)
    assert swav([near[0], near[1].roll(1, 0), near[2].roll(2, 0)]) > swav(near) + 0.5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_float32_inside_and_finite_for_unnormalised_scores_and_duplicates(dtype):
    scores = [x.detach().to(dtype) for x in draw(*CROPS)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = swav(scores, temperature=0.05)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(
        swav_loop([x.double() for x in scores], temperature=0.05).item(), rel=1e-5
    )
    large = [(1000 * x).detach().requires_grad_() for x in scores]
    with torch.no_grad():
        large[0][1] = large[0][0]
    swav(large, temperature=0.005).backward()
    assert all(torch.isfinite(x.grad).all() for x in large)


Z = torch.randn(4, 3)
NAN = torch.where(torch.arange(4)[:, None] == 2, float("nan"), Z)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: sinkhorn(Z[0]), ValueError, r"scores has shape \(3,\); give scores of shape \(B, K\)"),
        (lambda: sinkhorn(Z.long()), TypeError, "scores is torch.int64"),
        (lambda: sinkhorn(Z.tolist()), TypeError, "scores is a list"),
        (lambda: sinkhorn(Z, 0), ValueError, "epsilon is 0"),
        (lambda: sinkhorn(Z, iterations=0), ValueError, "iterations is 0"),
        (lambda: sinkhorn(NAN), NotFiniteError, "scores has NaN or infinite features in 1 of its 4 rows"),
        (lambda: swav([Z]), ValueError, "scores has 1 crop"),
        (lambda: swav([Z, Z[:3]]), ValueError, r"scores\[0\] is \(4, 3\) but scores\[1\] is \(3, 3\)"),
        (lambda: swav([Z, Z], assign=(0, 2)), ValueError, r"assign is \(0, 2\)"),
        (lambda: swav([Z, Z], assign=()), ValueError, r"assign is \(\)"),
        (lambda: swav([Z, Z], assign=(1, 1)), ValueError, r"assign is \(1, 1\)"),
        (lambda: swav([Z, Z], temperature=0), ValueError, "swav: temperature is 0"),
        (lambda: swav([Z, Z], epsilon=-1), ValueError, "epsilon is -1"),
        (lambda: swav([Z, Z], queue=[Z]), ValueError, "queue has 1 parts; give one for each of 2"),
        (lambda: swav([Z, Z], queue=[Z, Z[:, :2]]), ValueError, r"queue\[1\] has 2 prototypes"),
        (lambda: swav([Z, NAN], assign=(0,)), NotFiniteError, r"swav: scores\[1\] has NaN"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
