"""The simulation has the strengths it says, and the intervals cover them as often as they say.

The full measurement, 1,000 runs, is benchmarks/arena_coverage.py.
"""

import sys

import pandas as pd
import pytest

from course_lib.arena.battles import outcomes
from course_lib.arena.ratings.simulation import simulate

STRENGTHS = pd.Series([0.6, 0.3, 0.1], index=list("xyz"))


def expected_points(battles):
    a, b = STRENGTHS[battles["model_a"]].to_numpy(), STRENGTHS[battles["model_b"]].to_numpy()
    return a / (a + b)


@pytest.mark.parametrize("effect", [0.0, 0.8])
@pytest.mark.parametrize("ties", [0.0, 1.0])
def test_win_rates_are_those_of_the_strengths(effect, ties):
    battles = simulate(STRENGTHS, 60_000, ties=ties, questions=20_000, question_effect=effect, seed=1)
    surplus = pd.Series(outcomes(battles) - expected_points(battles))
    assert surplus.groupby([battles["model_a"], battles["model_b"]]).mean().abs().max() < 0.02
    assert (battles["winner"] == "tie").mean() == pytest.approx(
        ties * (2 * expected_points(battles) * (1 - expected_points(battles))).mean(), abs=0.01
    )


def test_a_question_effect_makes_battles_of_a_question_agree():
    def spread(effect):
        battles = simulate(STRENGTHS, 20_000, questions=200, question_effect=effect, seed=2)
        x = battles[battles["model_a"] == "x"]
        surplus = pd.Series(outcomes(x) - expected_points(x), index=x.index)
        return surplus.groupby(x["question"]).mean().std()

    assert spread(0.7) > 2 * spread(0.0)


def test_battles_are_spread_over_questions_and_reproducible():
    battles = simulate(STRENGTHS, 100, questions=25, seed=5)
    assert set(battles["question"].value_counts()) == {4}
    pd.testing.assert_frame_equal(battles, simulate(STRENGTHS, 100, questions=25, seed=5))
    assert not battles.equals(simulate(STRENGTHS, 100, questions=25, seed=6))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"strengths": STRENGTHS[:1]}, "two or more"),
        ({"strengths": STRENGTHS - 0.1}, "positive"),
        ({"battles": 0}, "battles=0"),
        ({"questions": 0}, "questions=0"),
        ({"ties": 1.5}, "ties=1.5"),
        ({"question_effect": 1.0}, "question_effect=1.0"),
    ],
)
def test_settings_that_make_no_battles_are_said(option, said):
    with pytest.raises(ValueError, match=said):
        simulate(**{"strengths": STRENGTHS, "battles": 10, **option})


@pytest.mark.slow
def test_intervals_cover_where_their_unit_is_right(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    from arena_coverage import coverage

    found = coverage(runs=120, rounds=100)
    # 120 runs of 6 models that hang together a little: the share of covered intervals is known to about 0.01
    for data, unit in (("battles", "battle"), ("questions", "question")):
        for method in ("sandwich", "bootstrap"):
            assert 0.92 <= found.loc[(data, unit, method), "covered"] <= 0.98, (data, unit, method)
    for method in ("sandwich", "bootstrap"):
        assert found.loc[("questions", "battle", method), "covered"] < 0.85, method
    sys.modules.pop("arena_coverage", None)
