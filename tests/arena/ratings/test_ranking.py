import numpy as np
import pandas as pd
import pytest

from course_lib.arena.ratings.bradley_terry import NoFiniteMaximum, bradley_terry
from course_lib.arena.ratings.elo import online_elo
from course_lib.arena.ratings.intervals import multinomial_bootstrap, percentiles, sandwich
from course_lib.arena.ratings.ranking import elo_errors, elo_rounds, leaderboard, per_category
from course_lib.arena.ratings.scale import elo_scale
from course_lib.arena.ratings.simulation import simulate

from ..tables import counted, table

STRENGTHS = pd.Series([0.55, 0.25, 0.15, 0.05], index=list("wxyz"))
BATTLES = simulate(STRENGTHS, 800, ties=0.4, questions=50, question_effect=0.5, seed=2)


def test_rows_hold_rating_error_interval_battles_and_rank():
    board = leaderboard(BATTLES, rounds=200)
    assert list(board.columns) == ["rating", "error", "low", "high", "battles", "rank"]
    pd.testing.assert_series_equal(board["rating"], elo_scale(bradley_terry(BATTLES)))
    assert board["rating"].is_monotonic_decreasing
    assert ((board["low"] < board["rating"]) & (board["rating"] < board["high"])).all()
    assert board["battles"].sum() == 1600
    assert board["rank"].is_monotonic_increasing
    assert board.loc["w", "rank"] == 1
    assert board.loc["z", "rank"] == 4


@pytest.mark.parametrize("unit", [None, "question"])
@pytest.mark.parametrize("anchor", [None, ("x", 1114.0)])
def test_both_methods_agree(unit, anchor):
    drawn = leaderboard(BATTLES, rounds=400, unit=unit, anchor=anchor)
    normal = leaderboard(BATTLES, method="sandwich", unit=unit, anchor=anchor)
    pd.testing.assert_series_equal(drawn["rating"], normal["rating"])
    for column in ("low", "high"):
        np.testing.assert_allclose(drawn[column], normal[column], atol=0.35 * normal["error"].max())
    np.testing.assert_allclose(drawn["error"], normal["error"], rtol=0.2, atol=1e-6)
    if anchor:
        assert drawn.loc["x", ["rating", "low", "high"]].tolist() == pytest.approx([1114] * 3)
        assert normal.loc["x", "error"] == pytest.approx(0, abs=1e-6)


def test_questions_make_wider_intervals_than_battles():
    width = [
        (board["high"] - board["low"]).mean()
        for board in (leaderboard(BATTLES, rounds=150), leaderboard(BATTLES, rounds=150, unit="question"))
    ]
    assert width[1] > 1.2 * width[0]


def test_errors_against_an_anchor_are_those_of_differences():
    covariance = sandwich(BATTLES)
    rounds = np.log(multinomial_bootstrap(BATTLES, 500)) * 400 / np.log(10)
    differences = rounds.sub(rounds["y"], axis=0).std()
    np.testing.assert_allclose(elo_errors(covariance, ("y", 0)), differences, rtol=0.15, atol=1e-6)


def test_each_round_is_scaled_by_itself():
    rounds = multinomial_bootstrap(BATTLES, 5)
    for anchor in (None, ("x", 1100.0)):
        scaled = elo_rounds(rounds, anchor)
        for row in range(5):
            expected = elo_scale(rounds.loc[row], anchor=anchor)
            pd.testing.assert_series_equal(scaled.loc[row], expected, check_names=False)


def test_confidence_sets_the_width():
    wide, narrow = (leaderboard(BATTLES, method="sandwich", confidence=c) for c in (0.95, 0.6827))
    np.testing.assert_allclose(narrow["high"] - narrow["rating"], narrow["error"], rtol=1e-3)
    np.testing.assert_allclose(wide["high"] - wide["rating"], 1.959964 * wide["error"], rtol=1e-6)
    drawn = leaderboard(BATTLES, rounds=50, confidence=0.8)
    expected = percentiles(elo_rounds(multinomial_bootstrap(BATTLES, 50)), 0.8)
    pd.testing.assert_series_equal(drawn["low"], expected["low"][drawn.index])


def test_categories_are_rated_apart():
    music = simulate(STRENGTHS[::-1].set_axis(STRENGTHS.index), 300, ties=0.4, seed=1)
    battles = pd.concat(
        [BATTLES.assign(category="charts"), music.assign(category="music")], ignore_index=True
    )
    found = per_category(battles, bradley_terry)
    assert list(found.columns) == ["all", "charts", "music"]
    pd.testing.assert_series_equal(found["charts"], bradley_terry(BATTLES)[found.index], check_names=False)
    assert found["music"].idxmax() == "z"
    assert list(found.index) == list(bradley_terry(battles).index)
    assert per_category(battles, online_elo).shape == (4, 3)


def test_what_a_category_lacks_is_nan_or_said():
    battles = pd.concat([BATTLES.assign(category="a"), table(*counted("w", "x", 2, 1)).assign(category="b")])
    found = per_category(battles, bradley_terry)["b"]
    assert found.notna().to_dict() == {"w": True, "x": True, "y": False, "z": False}
    lost = pd.concat([BATTLES.assign(category="a"), table(("w", "x", "model_a")).assign(category="b")])
    with pytest.raises(ValueError, match=r"category 'b': .*'w' never lost"):
        per_category(lost, bradley_terry)
    with pytest.raises(ValueError, match="no column 'domain'"):
        per_category(BATTLES, bradley_terry, "domain")
    with pytest.raises(ValueError, match=r"no value \(NaN\) in rows 0, 1"):
        per_category(BATTLES.assign(category=None), bradley_terry)


def test_bad_input_is_said():
    with pytest.raises(ValueError, match="method='jackknife'"):
        leaderboard(BATTLES, method="jackknife")
    with pytest.raises(ValueError, match="anchor 'q'"):
        leaderboard(BATTLES, anchor=("q", 1000))
    with pytest.raises(NoFiniteMaximum):
        leaderboard(table(("w", "x", "model_a")))
    with pytest.raises(ValueError, match="confidence=2"):
        leaderboard(BATTLES, method="sandwich", confidence=2)
