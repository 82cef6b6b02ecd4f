"""Each fast part equals the plain expression that its docstring names, in value and gradient."""

import pytest
import torch
import torch.nn.functional as F

from course_lib.losses.fast import (
    LOWEST_TEMPERATURE,
    CosineToConstant,
    DistanceToIdentity,
    FastInBatch,
    FastLogSumExp,
    UnitRows,
    can_be_fast,
)

TEMPERATURES = [1.0, 0.07, LOWEST_TEMPERATURE]


def draw(*shapes, unit=True):
    generator = torch.Generator().manual_seed(0)
    rows = [torch.randn(*shape, generator=generator) for shape in shapes]
    return [(F.normalize(r, dim=1) if unit else r).requires_grad_() for r in rows]


def assert_equal(fast, plain, inputs):
    """Also under an uneven gradient from above."""
    value, expected = fast(*inputs), plain(*inputs)
    assert torch.allclose(value, expected, rtol=1e-5, atol=1e-6)
    weights = torch.linspace(-1, 2, value.numel()).view_as(value)
    ours = torch.autograd.grad((value * weights).sum(), inputs)
    theirs = torch.autograd.grad((expected * weights).sum(), inputs)
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine - other).abs().max() <= 1e-5 * other.abs().max()


def test_unit_rows():
    rows = draw((9, 5), unit=False)
    assert_equal(UnitRows.apply, lambda x: F.normalize(x, dim=1), rows)
    zero = torch.zeros(2, 3, requires_grad=True)
    assert torch.equal(UnitRows.apply(zero), torch.zeros(2, 3))


def test_cosine_to_constant():
    rows, constant = draw((9, 5), (9, 5), unit=False)
    constant = constant.detach()
    assert_equal(
        lambda x: CosineToConstant.apply(x, constant),
        lambda x: F.cosine_similarity(x, constant, dim=1, eps=1e-12),
        [rows],
    )
    zero = torch.zeros(2, 5, requires_grad=True)
    assert torch.equal(CosineToConstant.apply(zero, constant[:2]), torch.zeros(2))
    assert torch.equal(CosineToConstant.apply(rows[:2], zero.detach()), torch.zeros(2))


@pytest.mark.parametrize("outside", [0.0, 0.0051, 1.0])
@pytest.mark.parametrize("size", [1, 5])
def test_distance_to_identity(size, outside):
    weight = torch.full((size, size), outside).fill_diagonal_(1)
    assert_equal(
        lambda matrix: DistanceToIdentity.apply(matrix, outside),
        lambda matrix: (weight * (matrix - torch.eye(size)).square()).sum(),
        draw((size, size), unit=False),
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_log_sum_exp(temperature):
    assert_equal(
        lambda a, b: FastLogSumExp.apply(a, b, temperature),
        lambda a, b: torch.logsumexp(a @ b.T / temperature, dim=1),
        draw((30, 6), (41, 6)),
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("batch", [2, 31])
def test_in_batch(batch, temperature):
    query, noise = draw((batch, 6), (batch, 6))
    inputs = [query, F.normalize(query.detach() + noise.detach(), dim=1).requires_grad_()]
    assert_equal(
        lambda a, b: FastInBatch.apply(a, b, temperature),
        lambda a, b: F.cross_entropy(a @ b.T / temperature, torch.arange(batch)),
        inputs,
    )


def test_opposite_rows_do_not_overflow_at_the_lowest_temperature():
    rows = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], requires_grad=True)
    wrong = -rows.detach()
    loss = FastInBatch.apply(rows, wrong, LOWEST_TEMPERATURE)  # own score -1/T, the other one's 1/T
    assert loss.item() == pytest.approx(2 / LOWEST_TEMPERATURE, rel=1e-6)
    loss.backward()
    assert torch.isfinite(rows.grad).all()
    sums = FastLogSumExp.apply(rows[:1].detach(), wrong[:1], LOWEST_TEMPERATURE)
    assert sums.item() == pytest.approx(-1 / LOWEST_TEMPERATURE, rel=1e-6)


def test_below_the_lowest_temperature_the_plain_form_is_used():
    assert can_be_fast(LOWEST_TEMPERATURE)
    assert not can_be_fast(0.99 * LOWEST_TEMPERATURE)
