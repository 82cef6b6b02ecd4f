"""Votes that should not count: by rate, by day, twice, and against everyone else."""

import numpy as np
import pandas as pd
import pytest

from course_lib.arena.playing.hygiene import (
    DAY,
    Limits,
    RateLimit,
    clean,
    first_of_each,
    outlier_voters,
    within_day,
)


def crowd(seed, voters=40, each=40, bad=(), flip=0.5, models=6, ties=0.2):
    """Votes by known strengths; those of `bad` voters go against the crowd with probability `flip`."""
    random = np.random.default_rng(seed)
    strength = random.normal(0, 1.2, models)
    a, step = random.integers(models, size=voters * each), random.integers(1, models, size=voters * each)
    b, voter = (a + step) % models, np.repeat(np.arange(voters), each)
    p = 1 / (1 + np.exp(strength[b] - strength[a]))
    p = np.where(np.isin(voter, bad), np.where(p > 0.5, 1 - flip, flip), p)
    winner = np.where(random.random(len(a)) < p, "model_a", "model_b")
    winner = np.where(random.random(len(a)) < ties, "tie", winner)
    table = pd.DataFrame({
        "model_a": np.char.add("m", a.astype(str)), "model_b": np.char.add("m", b.astype(str)),
        "winner": winner, "voter": voter, "question": np.arange(len(a)),
        "timestamp": np.arange(len(a)) * 60.0,
    })  # fmt: skip
    return table.sample(frac=1, random_state=seed)


def test_the_rate_limit_lets_a_burst_through_and_then_the_rate():
    now = 0.0
    rate = RateLimit(Limits(per_minute=30, burst=3), clock=lambda: now)
    for _ in range(3):
        assert rate.wait("v") == 0
        rate.take("v")
    assert rate.wait("v") == pytest.approx(2)
    assert rate.wait("w") == 0  # another voter has another bucket
    now = 1.5
    assert rate.wait("v") == pytest.approx(0.5)
    now = 2.0
    assert rate.wait("v") == 0
    rate.take("v")
    assert rate.wait("v") == pytest.approx(2)
    now = 1000.0  # a bucket holds no more than a burst
    for _ in range(3):
        rate.take("v")
    assert rate.wait("v") > 0


def test_repetitions_are_found_whichever_side_they_are_on():
    table = pd.DataFrame({
        "voter": ["v", "v", "w", "v", "v"], "question": [1, 1, 1, 2, 1],
        "model_a": ["x", "y", "x", "x", "x"], "model_b": ["y", "x", "y", "y", "z"],
        "winner": ["tie"] * 5,
    })  # fmt: skip
    assert first_of_each(table).tolist() == [True, False, True, True, True]


def test_a_day_holds_so_many_votes_of_one_voter():
    table = pd.DataFrame({
        "voter": ["v"] * 4 + ["w"] + ["v"] * 2,
        "timestamp": [30.0, 10.0, 20.0, 40.0, 15.0, DAY - 1, DAY],
    }, index=list("abcdefg"))  # fmt: skip
    assert within_day(table, 2)[lambda kept: kept].index.tolist() == ["b", "c", "e", "g"]
    assert within_day(table, 100).all()


def test_honest_voters_are_rarely_called_outliers():
    shares = [outlier_voters(crowd(seed))["outlier"].mean() for seed in range(6)]
    assert np.mean(shares) <= 0.05
    few = [outlier_voters(crowd(seed, voters=6, each=80))["outlier"].mean() for seed in range(6)]
    assert np.mean(few) <= 0.05  # a small class has few witnesses for each pair


def test_voters_against_the_crowd_are_found():
    found = outlier_voters(crowd(1, bad=(3, 8, 20), flip=0.95))
    assert set(found.index[found["outlier"]]) == {3, 8, 20}
    by_lot = [outlier_voters(crowd(seed, bad=range(4)))["outlier"].loc[range(4)] for seed in range(6)]
    assert np.mean(by_lot) > 0.3  # who votes by lot is found only where the crowd is of one mind


def test_the_product_by_hand():
    """Four others prefer x in x against y; then v votes y three times, and once x."""
    table = pd.DataFrame({
        "model_a": ["x"] * 4 + ["y", "x", "y", "x"], "model_b": ["y"] * 4 + ["x", "y", "x", "y"],
        "winner": ["model_a"] * 4 + ["model_a", "model_b", "model_a", "model_a"],
        "voter": ["o"] * 4 + ["v"] * 4,
    })  # fmt: skip
    found = outlier_voters(table, fewest=1)
    # p = 1/5, then 2/6, 3/7 (the voter's own earlier votes are witnesses too)
    assert found.loc["v", "largest"] == pytest.approx(5 / 2 * 6 / 4 * 7 / 6)
    assert found.loc["v", "votes"] == 4
    # for o, v is the witness: 2/5, then 3/6, then half of them agree
    assert found.loc["o", "largest"] == pytest.approx(5 / 4)
    assert not found["outlier"].any()
    assert outlier_voters(table, alpha=0.5, fewest=1).loc["v", "outlier"]
    assert outlier_voters(table, fewest=1, most=1).loc["v", "largest"] == pytest.approx(5 / 2)
    assert outlier_voters(table).empty


def test_clean_says_what_it_left_out():
    table = crowd(1, bad=(3, 8, 20), flip=0.95)
    doubled = pd.concat([table, table.head(7)])
    kept, report = clean(doubled, per_day=30)
    assert report["repeated"] == 7
    assert set(report["outliers"]) >= {3, 8, 20}
    assert not kept["voter"].isin(report["outliers"]).any()
    assert len(doubled) == report["repeated"] + report["over the cap"] + report["of outliers"] + len(kept)
    assert kept.groupby(["voter", kept["timestamp"] // DAY]).size().max() <= 30
    everything, report = clean(table, per_day=None, alpha=None)
    assert len(everything) == len(table) == report["kept"]


def test_mistakes_get_a_sentence():
    with pytest.raises(ValueError, match="no column voter, timestamp; there are: winner"):
        within_day(pd.DataFrame({"winner": []}), 1)
    with pytest.raises(ValueError, match="per_day is 0"):
        within_day(crowd(0), 0)
    with pytest.raises(ValueError, match="alpha is 2; give a number between 0 and 1"):
        outlier_voters(crowd(0), alpha=2)
    with pytest.raises(ValueError, match="burst is 0; give a number above 0"):
        Limits(burst=0)
