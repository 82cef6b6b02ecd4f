"""Closed forms of the label-free health numbers, and what they refuse."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.evaluate import alignment, effective_rank, feature_std, uniformity


def test_feature_std_of_the_cross_polytope_is_exactly_one():
    corners = torch.cat([torch.eye(6), -torch.eye(6)]) * 7.5  # mean 0, each column has variance 1/6
    assert feature_std(corners) == pytest.approx(1, abs=1e-6)


def test_feature_std_of_one_repeated_direction_is_zero_whatever_the_lengths():
    lengths = torch.rand(50, 1) + 0.1
    assert feature_std(lengths * torch.tensor([[3.0, -1.0, 2.0]])) == pytest.approx(0, abs=1e-6)


def test_feature_std_of_many_gaussian_rows_approaches_one():
    rows = torch.randn(20000, 16, generator=torch.Generator().manual_seed(0))
    assert feature_std(rows) == pytest.approx(1, abs=0.01)


def test_effective_rank_closed_forms():
    assert effective_rank(torch.eye(9)) == pytest.approx(9)
    assert effective_rank(torch.ones(9, 5)) == pytest.approx(1, abs=1e-5)
    assert effective_rank(torch.zeros(9, 5)) == 0
    singular = torch.tensor([3.0, 1.0])  # p = 3/4, 1/4
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    left, right = torch.linalg.qr(torch.randn(8, 2))[0], torch.linalg.qr(torch.randn(5, 2))[0]
    assert effective_rank(left * singular @ right.T) == pytest.approx(math.exp(entropy), rel=1e-4)


def test_centering_removes_the_direction_of_the_mean():
    rows = torch.cat([torch.eye(4), -torch.eye(4)]) + torch.tensor([100.0, 0, 0, 0])
    assert effective_rank(rows) < 1.5
    assert effective_rank(rows, center=True) == pytest.approx(4, rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(1, 9), st.integers(0, 10**6), st.floats(0.01, 100))
def test_effective_rank_lies_between_one_and_the_rank_and_ignores_scale(n, d, seed, scale):
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    rank = effective_rank(rows)
    assert 1 - 1e-6 <= rank <= min(n, d) + 1e-6
    assert effective_rank(rows * scale) == pytest.approx(rank, rel=1e-4)


def test_uniformity_closed_forms():
    assert uniformity(torch.tensor([[1.0, 0], [-5.0, 0]])) == pytest.approx(-8)  # distance 2: -2 * 4
    assert uniformity(torch.eye(5), t=3) == pytest.approx(-6)  # all squared distances are 2
    assert uniformity(torch.ones(5, 3)) == pytest.approx(0, abs=1e-6)


def test_uniformity_equals_the_loop_over_pairs():
    rows = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    unit = [row / row.norm() for row in rows]
    terms = [math.exp(-2 * float((unit[i] - unit[j]).pow(2).sum())) for i in range(7) for j in range(i)]
    assert uniformity(rows) == pytest.approx(math.log(sum(terms) / len(terms)), abs=1e-5)


def test_alignment_closed_forms():
    a = torch.eye(4)
    assert alignment(a, 3 * a) == pytest.approx(0, abs=1e-9)
    assert alignment(a, -a) == pytest.approx(4)
    assert alignment(a, -a, power=1) == pytest.approx(2)
    assert alignment(a, a.roll(1, 0)) == pytest.approx(2)  # orthogonal pairs


@pytest.mark.parametrize("number", [feature_std, effective_rank, uniformity])
def test_bad_features_are_refused_in_a_sentence(number):
    with pytest.raises(ValueError, match="2 of 4 rows hold NaN"):
        number(torch.tensor([[1.0, 2.0], [math.nan, 1], [3, 4], [math.inf, 0]]))
    with pytest.raises(ValueError, match="batch of at least 2"):
        number(torch.ones(1, 3))
    with pytest.raises(ValueError, match="table"):
        number(torch.ones(3))


def test_alignment_refuses_views_that_do_not_pair_up():
    with pytest.raises(ValueError, match="pairs of views"):
        alignment(torch.ones(3, 2), torch.ones(4, 2))
