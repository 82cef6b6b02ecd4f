import math

import lightly.loss
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.losses import nt_xent
from course_lib.losses.fast import LOWEST_TEMPERATURE
from course_lib.losses.inputs import unit_rows
from course_lib.losses.nt_xent import reference
from course_lib.losses.nt_xent_fast import BLOCK

from .oracles import nt_xent_loop, orthonormal

TEMPERATURES = [1.0, 0.5, 0.1, LOWEST_TEMPERATURE, 0.02, 0.005]


def views(batch, size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z1 = torch.randn(batch, size, generator=generator)
    z2 = z1 + 0.5 * torch.randn(batch, size, generator=generator)
    return z1.requires_grad_(), z2.requires_grad_()


def with_gradient(loss, *inputs):
    value = loss(*inputs)
    return value.detach(), *torch.autograd.grad(value, inputs)


def assert_same(ours, theirs, rtol=1e-5):
    assert torch.allclose(ours[0].double(), theirs[0].double(), rtol=1e-5, atol=1e-6)
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        scale = other.abs().max()
        assert (mine - other).abs().max() <= rtol * scale + 1e-7


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_equals_algorithm_1_as_a_loop_in_value_and_gradient(temperature):
    inputs = views(7, 5)
    ours = with_gradient(lambda a, b: nt_xent(a, b, temperature), *inputs)
    assert_same(ours, with_gradient(lambda a, b: nt_xent_loop(a, b, temperature), *inputs))


@pytest.mark.parametrize("temperature", [0.5, 0.1, 0.05])
@pytest.mark.parametrize("batch", [2, 33, 256])
def test_equals_lightly_in_value_and_gradient(batch, temperature):
    inputs = views(batch, 24)
    ours = with_gradient(lambda a, b: nt_xent(a, b, temperature), *inputs)
    lightlys = lightly.loss.NTXentLoss(
        temperature
    )  # in float64: in float32 small losses drown in its rounding
    assert_same(ours, with_gradient(lambda a, b: lightlys(a.double(), b.double()), *inputs))


@pytest.mark.parametrize("batch", [2, BLOCK // 2, BLOCK // 2 + 1, BLOCK, BLOCK + 3, 2 * BLOCK + 5])
@pytest.mark.parametrize("temperature", [0.5, 0.07, LOWEST_TEMPERATURE])
def test_fast_form_equals_the_readable_one_across_block_borders(batch, temperature):
    inputs = views(batch, 16, seed=batch)
    ours = with_gradient(lambda a, b: nt_xent(a, b, temperature), *inputs)
    readable = with_gradient(lambda a, b: reference(unit_rows(torch.cat([a, b])), temperature), *inputs)
    assert_same(ours, readable)


def test_gradient_of_the_fast_form_follows_finite_differences_and_scales_with_what_comes_after():
    z1, z2 = views(5, 3)
    step, row = 1e-2, torch.zeros_like(z1)
    row[2, 1] = step
    (gradient,) = torch.autograd.grad(3 * nt_xent(z1, z2, 0.5), [z1])
    slope = 3 * (nt_xent_loop(z1 + row, z2, 0.5) - nt_xent_loop(z1 - row, z2, 0.5)) / (2 * step)
    assert gradient[2, 1].item() == pytest.approx(slope.item(), rel=1e-3)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("batch", [2, 8, 300])
def test_stuck_value_and_perfect_pairs(batch, temperature):
    same = torch.ones(batch, 4)
    assert nt_xent(same, same, temperature).item() == pytest.approx(math.log(2 * batch - 1), rel=1e-5)
    perfect = torch.eye(batch)
    expected = orthonormal(batch, temperature, 2 * batch - 2)
    # relative, not absolute: at low temperature the loss is far below float32's 1e-7 and still told from zero
    assert nt_xent(perfect, perfect, temperature).item() == pytest.approx(expected, rel=1e-3, abs=1e-30)


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(2, 12), size=st.integers(1, 9), seed=st.integers(0, 2**31),
    temperature=st.sampled_from(TEMPERATURES),
)  # fmt: skip
def test_symmetric_and_blind_to_order_and_scale(batch, size, seed, temperature):
    z1, z2 = (z.detach() for z in views(batch, size, seed))
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(batch, generator=generator)
    scales = torch.rand(batch, 1, generator=generator) * 10 + 0.1
    value = nt_xent(z1, z2, temperature)
    close = {"rtol": 1e-4, "atol": 2e-6 / temperature}
    assert torch.allclose(nt_xent(z2, z1, temperature), value, **close)
    assert torch.allclose(nt_xent(z1[order], z2[order], temperature), value, **close)
    assert torch.allclose(nt_xent(z1 * scales, z2, temperature), value, **close)


def test_wrong_pairs_cost_more():
    z1, z2 = views(16, 32)
    assert nt_xent(z1, z2.roll(1, 0), 0.1) > nt_xent(z1, z2, 0.1) + 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_float32_inside_whatever_comes_in(dtype):
    z1, z2 = (z.detach().to(dtype) for z in views(16, 32))
    value = nt_xent(z1, z2, 0.1)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(nt_xent_loop(z1, z2, 0.1).item(), rel=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert nt_xent(z1, z2, 0.1).item() == pytest.approx(value.item(), rel=1e-6)
        assert nt_xent(z1, z2, 0.01).item() == pytest.approx(nt_xent_loop(z1, z2, 0.01).item(), rel=1e-5)
