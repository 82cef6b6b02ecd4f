"""Agreement against scikit-learn and SciPy on the plain labels, by hand, and its bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score

from course_lib.arena.judging.agreement import (
    CODES,
    METRICS,
    PROTOCOLS,
    _of_tables,
    agreement,
    agreement_intervals,
    votes_of,
)
from course_lib.arena.judging.judges import LABELS, WINNER
from course_lib.arena.judging.verdicts import verdict_battles

VOTES = ["left", "right", "tie", "bad"]


def sample(n: int = 200, seed: int = 0) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    human = rng.choice(VOTES, n, p=[0.4, 0.3, 0.2, 0.1])
    judge = np.where(rng.random(n) < 0.6, human, rng.choice(VOTES, n))
    return list(human), list(judge)


def under(protocol: str, human, judge) -> tuple[list[str], list[str]]:
    if protocol == "4-way":
        return human, judge
    if protocol == "3-way":
        return tuple(
            [{"tie": "other", "bad": "other"}.get(vote, vote) for vote in side] for side in (human, judge)
        )
    kept = [(a, b) for a, b in zip(human, judge, strict=True) if {a, b} <= {"left", "right"}]
    return [a for a, _ in kept], [b for _, b in kept]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_against_scikit_learn_and_scipy(protocol):
    human, judge = sample()
    found = agreement(human, judge, protocol)
    first, second = under(protocol, human, judge)
    assert list(found) == ["n", *METRICS]
    assert found["n"] == len(first)
    for average in ("macro", "micro", "weighted"):
        assert found[f"f1_{average}"] == pytest.approx(f1_score(first, second, average=average))
    assert found["kappa"] == pytest.approx(cohen_kappa_score(first, second))
    code = {"left": -1, "right": 1}
    expected = pearsonr([code.get(v, 0) for v in first], [code.get(v, 0) for v in second])[0]
    assert found["pearson"] == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(deadline=None, max_examples=15)
@given(pairs=st.lists(st.tuples(st.sampled_from(VOTES), st.sampled_from(VOTES)), min_size=1, max_size=40))
def test_any_votes_against_scikit_learn(pairs):
    human, judge = [a for a, _ in pairs], [b for _, b in pairs]
    for protocol in ("4-way", "3-way"):
        first, second = under(protocol, human, judge)
        found = agreement(human, judge, protocol)
        for average in ("macro", "micro", "weighted"):
            expected = f1_score(first, second, average=average, zero_division=0)
            assert found[f"f1_{average}"] == pytest.approx(expected)
        assert found["f1_micro"] == pytest.approx(np.mean(np.array(first) == np.array(second)))
        if len({*first, *second}) > 1:
            assert found["kappa"] == pytest.approx(cohen_kappa_score(first, second))
        labels = sorted({*first, *second})
        table = confusion_matrix(first, second, labels=labels)[None]
        fast = _of_tables(table.astype(float), [CODES[label] for label in labels])
        assert {key: value[0] for key, value in fast.items()} == pytest.approx(
            {key: found[key] for key in METRICS}, nan_ok=True
        )
        turned = {"left": "right", "right": "left"}
        mirrored = agreement(
            [turned.get(v, v) for v in human], [turned.get(v, v) for v in judge], protocol
        )  # names of the sides do not matter
        assert mirrored == pytest.approx(found, nan_ok=True)


def test_two_by_two_by_hand():
    human = ["left"] * 6 + ["right"] * 4
    judge = ["left"] * 5 + ["right"] + ["left"] * 2 + ["right"] * 2
    found = agreement(human, judge, "binary")
    assert found["n"] == 10
    assert found["f1_micro"] == pytest.approx(0.7)
    left, right = 2 * 5 / (6 + 7), 2 * 2 / (4 + 3)
    assert found["f1_macro"] == pytest.approx((left + right) / 2)
    assert found["f1_weighted"] == pytest.approx(0.6 * left + 0.4 * right)
    chance = 0.6 * 0.7 + 0.4 * 0.3
    assert found["kappa"] == pytest.approx((0.7 - chance) / (1 - chance))
    assert found["pearson"] == pytest.approx((5 * 2 - 1 * 2) / np.sqrt(6 * 4 * 7 * 3))


def test_binary_keeps_only_pairs_in_which_both_chose_a_side():
    human = ["left", "right", "tie", "left", "bad"]
    judge = ["left", "right", "left", "tie", "bad"]
    assert agreement(human, judge, "binary")["n"] == 2
    assert agreement(human, judge, "3-way")["n"] == 5
    assert agreement(human, judge, "3-way")["f1_micro"] == pytest.approx(3 / 5)


def test_bad_and_tie_are_one_in_three_ways_and_two_in_four():
    human, judge = ["tie", "bad", "left"], ["bad", "tie", "left"]
    assert agreement(human, judge, "4-way")["f1_micro"] == pytest.approx(1 / 3)
    assert agreement(human, judge, "3-way")["f1_micro"] == 1


def test_pearson_depends_on_the_codes_unless_there_are_two_labels():
    human = ["left", "right", "tie", "bad"] * 5
    judge = ["left", "right", "bad", "tie"] * 5
    assert agreement(human, judge, "4-way")["pearson"] == 1
    assert agreement(human, judge, "4-way")["pearson"] == agreement(human, judge, "3-way")["pearson"]
    other = {"left": 0, "right": 1, "tie": 2, "bad": 3}
    four = [agreement(human, judge, "4-way", codes)["pearson"] for codes in (None, other)]
    assert four == pytest.approx([1, 0.8])
    binary = [agreement(human, judge, "binary", codes)["pearson"] for codes in (None, other)]
    assert binary[0] == pytest.approx(binary[1])
    with pytest.raises(ValueError, match="codes has no number for other"):
        agreement(human, judge, "3-way", {"left": 0, "right": 1})


def test_what_is_undefined_is_nan_and_not_zero():
    found = agreement(["left"] * 3, ["left"] * 3, "binary")
    assert found["f1_macro"] == 1
    assert np.isnan(found["kappa"])
    assert np.isnan(found["pearson"])
    constant = agreement(["left", "right"], ["left", "left"], "4-way")
    assert constant["kappa"] == 0
    assert np.isnan(constant["pearson"])


@pytest.mark.parametrize(
    ("human", "judge", "protocol", "sentence"),
    [
        (["left"], ["left"], "2-way", "it is one of 4-way, 3-way, binary"),
        (["left"], ["left", "tie"], "binary", "1 human and 2 judge votes"),
        ([], [], "4-way", "no votes were given"),
        (["left", "A"], ["left", "tie"], "4-way", r"human vote 1 is 'A' \(1 such in all\)"),
        (["left", "tie"], [None, None], "4-way", r"judge vote 0 is None \(2 such in all\).*not a tie"),
        (
            ["left", "tie"],
            ["tie", "left"],
            "binary",
            "in none of the 2 pairs of votes did both choose a side",
        ),
    ],
)
def test_bad_input_is_answered_with_a_sentence(human, judge, protocol, sentence):
    with pytest.raises(ValueError, match=sentence):
        agreement(human, judge, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_intervals_hold_the_value_and_repeat_with_the_seed(protocol):
    human, judge = sample(120)
    first, again = (agreement_intervals(human, judge, protocol, rounds=50, seed=1) for _ in range(2))
    assert first.equals(again)
    assert list(first.index) == list(METRICS)
    assert ((first["low"] < first["value"]) & (first["value"] < first["high"])).all()
    expected = agreement(human, judge, protocol)
    assert first["value"].to_dict() == pytest.approx({key: expected[key] for key in METRICS})


def test_the_interval_of_the_share_is_that_of_a_binomial():
    human, judge = ["left"] * 400, ["left"] * 280 + ["right"] * 120
    row = agreement_intervals(human, judge, "4-way", rounds=2000).loc["f1_micro"]
    half = 1.96 * np.sqrt(0.7 * 0.3 / 400)
    assert row["high"] - row["low"] == pytest.approx(2 * half, rel=0.08)


def test_copies_of_a_vote_are_no_evidence_when_their_question_is_the_unit():
    human, judge = sample(60)
    copies = [[vote for vote in side for _ in range(9)] for side in (human, judge)]
    question = np.repeat(np.arange(60), 9)
    once = agreement_intervals(human, judge, "4-way", rounds=200).loc["kappa"]
    naive = agreement_intervals(*copies, "4-way", rounds=200).loc["kappa"]
    block = agreement_intervals(*copies, "4-way", unit=question, rounds=200).loc["kappa"]
    assert block["low"] == pytest.approx(once["low"])  # the same draws of questions
    assert naive["high"] - naive["low"] < 0.5 * (block["high"] - block["low"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_units_that_are_all_alike_leave_no_doubt(protocol):
    human = ["left", "tie", "left", "right", "bad", "left"] * 5
    judge = ["left", "left", "right", "right", "tie", "left"] * 5
    found = agreement_intervals(human, judge, protocol, unit=np.repeat(np.arange(5), 6), rounds=20)
    np.testing.assert_allclose(found["low"], found["value"])
    np.testing.assert_allclose(found["high"], found["value"])


def test_the_level_sets_the_width():
    wide, narrow = (agreement_intervals(*sample(), "4-way", level=level) for level in (0.95, 0.5))
    assert (narrow["high"] - narrow["low"] < 0.6 * (wide["high"] - wide["low"])).all()


def test_bad_units_and_rounds_are_named():
    human, judge = sample(10)
    with pytest.raises(ValueError, match="2 units for 10 votes"):
        agreement_intervals(human, judge, "4-way", unit=[1, 2])
    with pytest.raises(ValueError, match="a unit is missing"):
        agreement_intervals(human, judge, "4-way", unit=[None] + 9 * ["q"])
    with pytest.raises(ValueError, match="rounds=1 was given"):
        agreement_intervals(human, judge, "4-way", rounds=1)
    with pytest.raises(ValueError, match="level=95 was given"):
        agreement_intervals(human, judge, "4-way", level=95)


def test_a_verdict_and_its_winner_are_the_same_vote():
    assert list(WINNER) == list(LABELS)
    assert votes_of(list(LABELS)) == votes_of(list(WINNER.values()))
    verdicts = pd.DataFrame({"model": list("vwxyz"), "verdict": LABELS})
    assert verdict_battles(verdicts)["winner"].tolist() == list(WINNER.values())


def test_winners_and_verdicts_become_votes():
    assert votes_of(["model_a", "model_b", "tie", "tie (bothbad)"]) == ["left", "right", "tie", "bad"]
    assert votes_of(["A>>B", "A>B", "A=B", "B>A", "B>>A"]) == ["left", "left", "tie", "right", "right"]
    with pytest.raises(ValueError, match=r"None at position 1 \(1 such in all\)"):
        votes_of(["A>B", None])
