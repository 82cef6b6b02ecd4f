import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.arena.ratings.scale import elo_scale, win_rates

from ..tables import few

positive = st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=6).map(
    lambda values: pd.Series(values, index=[f"m{i}" for i in range(len(values))])
)


def test_400_points_are_ten_to_one():
    ratings = elo_scale(pd.Series({"x": 10 / 11, "y": 1 / 11}))
    assert ratings["x"] - ratings["y"] == pytest.approx(400)
    assert ratings.mean() == pytest.approx(1000)
    doubling = elo_scale(pd.Series({"x": 2.0, "y": 1.0}), scale=100, base=2)
    assert doubling["x"] - doubling["y"] == pytest.approx(100)


@few
@given(positive, st.floats(-2000, 2000))
def test_an_anchor_only_shifts(strengths, rating):
    free, held = elo_scale(strengths), elo_scale(strengths, anchor=("m1", rating))
    assert held["m1"] == pytest.approx(rating)
    shifts = held - free
    assert np.ptp(shifts) == pytest.approx(0, abs=1e-8)
    assert list(free.index) == list(strengths.index)


@few
@given(positive)
def test_win_rates_and_ratings_say_the_same(strengths):
    rates, ratings = win_rates(strengths), elo_scale(strengths)
    np.testing.assert_allclose(rates + rates.T, 1, rtol=1e-12)
    np.testing.assert_array_equal(np.diag(rates), 0.5)
    difference = ratings.to_numpy()[:, None] - ratings.to_numpy()[None, :]
    np.testing.assert_allclose(rates, 1 / (1 + 10 ** (-difference / 400)), rtol=1e-9)
    p = strengths.to_numpy()
    np.testing.assert_allclose(rates, p[:, None] / (p[:, None] + p[None, :]), rtol=1e-9)


@pytest.mark.parametrize(
    ("strengths", "option", "said"),
    [
        (pd.Series({"x": 0.0, "y": 1.0}), {}, "'x' has 0.0"),
        (pd.Series({"x": np.nan, "y": 1.0}), {}, "'x' has nan"),
        (pd.Series({"x": 1.0}, dtype=float).iloc[:0], {}, "Series by model"),
        ([0.5, 0.5], {}, "Series by model"),
        (pd.Series([1.0, 2.0], index=["x", "x"]), {}, "'x' stands twice"),
        (
            pd.Series({"x": 1.0, "y": 2.0}),
            {"anchor": ("z", 1000)},
            "anchor 'z' is none of the models.* 'x', 'y'",
        ),
        (pd.Series({"x": 1.0, "y": 2.0}), {"scale": -1}, "scale=-1"),
        (pd.Series({"x": 1.0, "y": 2.0}), {"base": 1}, "base=1"),
    ],
)
def test_what_cannot_be_scaled_is_said(strengths, option, said):
    with pytest.raises(ValueError, match=said):
        elo_scale(strengths, **option)
