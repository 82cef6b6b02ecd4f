import numpy as np
import pytest
from hypothesis import given

from course_lib.arena.ratings.bradley_terry import WILDVISION_PENALTY, bradley_terry
from course_lib.arena.ratings.matrices import count_matrix, win_fraction

from ..tables import counted, few, table, tables

SMALL = table(*counted("b", "a", 3, 1, 2, 1), *counted("a", "b", 2), *counted("c", "b", 4, 0, 1))


def test_counts_hold_ties_and_fractions_do_not():
    counts, won = count_matrix(SMALL, order=["a", "b", "c"]), win_fraction(SMALL, order=["a", "b", "c"])
    assert counts.to_numpy().tolist() == [[0, 9, 0], [9, 0, 5], [0, 5, 0]]
    assert won.loc["a", "b"] == 3 / 6
    assert won.loc["c", "b"] == 1
    assert won.loc["b", "c"] == 0
    assert np.isnan(won.loc["a", "c"])
    assert np.isnan(won.loc["a", "a"])


def test_ties_alone_decide_nothing():
    assert (
        win_fraction(table(*counted("x", "y", ties=3, both_bad=2), *counted("y", "z", 1, 1)))
        .loc["x"]
        .isna()
        .all()
    )


@few
@given(tables)
def test_counts_are_symmetric_and_fractions_complete_each_other(battles):
    counts, won = count_matrix(battles), win_fraction(battles)
    np.testing.assert_array_equal(counts, counts.T)
    assert counts.to_numpy().sum() == 2 * len(battles)
    both = (won + won.T).to_numpy()
    np.testing.assert_allclose(both[~np.isnan(both)], 1)
    assert list(counts.index) == list(counts.columns) == list(won.index) == list(won.columns)


@few
@given(tables)
def test_rows_stand_by_rating(battles):
    assert list(count_matrix(battles).index) == list(bradley_terry(battles, penalty=WILDVISION_PENALTY).index)


def test_weights_count():
    battles = SMALL.assign(weight=2.5)
    np.testing.assert_allclose(count_matrix(battles, "weight"), 2.5 * count_matrix(battles))
    np.testing.assert_allclose(win_fraction(battles, "weight"), win_fraction(battles))


def test_names_that_did_not_battle_or_stand_twice_are_said():
    with pytest.raises(ValueError, match="'z' did not battle"):
        count_matrix(SMALL, order=["a", "z"])
    with pytest.raises(ValueError, match="twice"):
        win_fraction(SMALL, order=["a", "a"])
    assert count_matrix(SMALL, order=["c", "b"]).shape == (2, 2)
