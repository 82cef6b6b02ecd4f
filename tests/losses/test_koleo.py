import math

import lightly.loss
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.losses import NotFiniteError
from course_lib.losses.koleo import koleo

from .oracles_clustering import assert_same, draw, koleo_loop, with_gradient


@pytest.mark.parametrize("batch", [2, 7, 40])
def test_equals_the_loop_and_lightly_in_value_and_gradient(batch):
    (x,) = draw((batch, 6))
    ours = with_gradient(koleo, x)
    assert_same(ours, with_gradient(koleo_loop, x))
    assert_same(ours, with_gradient(lightly.loss.KoLeoLoss(), x))


def test_closed_forms():
    assert koleo(3 * torch.eye(8)).item() == pytest.approx(-math.log(2) / 2, rel=1e-6)
    opposite = torch.tensor([[1.0, 0.0], [-2.0, 0.0]])
    assert koleo(opposite).item() == pytest.approx(-math.log(2), rel=1e-6)
    assert koleo(torch.ones(8, 4)).item() == pytest.approx(math.log(1e8), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(batch=st.integers(2, 10), size=st.integers(2, 9), seed=st.integers(0, 2**31))
def test_blind_to_order_and_scale(batch, size, seed):
    x = draw((batch, size), seed=seed)[0].detach()
    generator = torch.Generator().manual_seed(seed)
    order, scales = (
        torch.randperm(batch, generator=generator),
        torch.rand(batch, 1, generator=generator) + 0.1,
    )
    assert torch.allclose(koleo(x[order]), koleo(x), rtol=1e-3, atol=1e-3)
    assert torch.allclose(koleo(x * scales), koleo(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("copies", [2, 3])
def test_duplicates_are_finite_and_get_no_push_of_their_own(copies):
    (x,) = draw((6, 5))
    with torch.no_grad():
        x[:copies] = x[0].clone()
    koleo(x).backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().max() < 100  # not the 1e8 that 1 / distance would say
    assert (x.grad[:copies].abs().sum(1) > 0).sum() <= 1  # only as somebody else's neighbour


def test_following_the_gradient_spreads_the_rows():
    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(0)).mul(0.1).add(1).requires_grad_()
    start = koleo(x).item()
    optimizer = torch.optim.Adam([x], lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        koleo(x).backward()
        optimizer.step()
    assert koleo(x).item() < start - 1


def test_float32_inside():
    x = draw((7, 5))[0].detach().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = koleo(x)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(koleo_loop(x).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("features", "error", "sentence"),
    [
        (torch.randn(1, 3), ValueError, "koleo: a batch of one has no neighbours"),
        (torch.randn(2, 3, 4), ValueError, r"features has shape \(2, 3, 4\)"),
        (torch.ones(2, 3, dtype=torch.long), TypeError, "features is torch.int64"),
        (torch.full((2, 3), float("nan")), NotFiniteError, "koleo: features has NaN"),
    ],
)
def test_bad_input_is_a_sentence(features, error, sentence):
    with pytest.raises(error, match=sentence):
        koleo(features)
