"""The judge's table: closed forms by hand, its battles against the fit, intervals, bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.arena.judging.verdict_intervals import (
    UNITS,
    score_difference,
    score_errors,
    score_intervals,
    score_rounds,
)
from course_lib.arena.judging.verdict_rules import TOOLKITS, missing_rules, toolkit_table
from course_lib.arena.judging.verdicts import VERDICTS, judge_table, star_scores, verdict_battles
from course_lib.arena.published.datasets import load
from course_lib.arena.ratings.bradley_terry import bradley_terry

REFERENCE = "claude-3-sonnet-20240229"


def verdicts_of(**labels) -> pd.DataFrame:
    """One model per argument, its verdicts in a list."""
    rows = [(model, place, label) for model, given in labels.items() for place, label in enumerate(given)]
    return pd.DataFrame(rows, columns=["model", "question", "verdict"])


MIXED = verdicts_of(
    strong=["B>>A", "B>>A", "B>A", "A=B", "A>B", None],
    weak=["A>>B", "A>B", "A>B", "A=B", "B>A", float("nan")],
)


def test_by_hand_with_missing_verdicts_dropped():
    row = judge_table(MIXED).loc["strong"]
    assert row["score"] == pytest.approx(100 * (3 * 2 + 1 + 0.5) / (3 * 2 + 1 + 1 + 1))
    assert row["win_rate"] == pytest.approx(100 * 3 / 5)
    assert row["reward"] == pytest.approx((100 + 100 + 50 + 0 - 50) / 5)
    assert row[["much_better", "better", "tie", "worse", "much_worse", "missing"]].tolist() == [
        2,
        1,
        1,
        1,
        0,
        1,
    ]


def test_by_hand_with_missing_verdicts_as_ties():
    row = judge_table(MIXED, "tie").loc["strong"]
    assert row["score"] == pytest.approx(100 * (3 * 2 + 1 + 1) / (3 * 2 + 1 + 2 + 1))
    assert row["win_rate"] == pytest.approx(100 * 3 / 6)
    assert row["reward"] == pytest.approx(200 / 6)
    assert row[["tie", "missing"]].tolist() == [2, 1]


def test_published_mixes_both_rules():
    dropped, tied, published = (judge_table(MIXED, rule) for rule in ("drop", "tie", "published"))
    assert published["score"].equals(dropped["score"])
    for column in ("win_rate", "reward", "tie"):
        assert published[column].equals(tied[column])


def test_columns_and_order_are_those_of_the_design():
    table = judge_table(MIXED)
    names = "score win_rate reward much_better better tie worse much_worse missing"
    assert list(table.columns) == names.split()
    assert list(table.index) == ["strong", "weak"]
    assert table.index.name == "model"


def test_without_strong_weight_and_without_missing_score_is_win_rate_plus_half_the_ties():
    table = judge_table(MIXED.dropna(), strong_weight=1)
    expected = table["win_rate"] + 50 * table["tie"] / table[list(VERDICTS.values())].sum(axis=1)
    assert table["score"].to_numpy() == pytest.approx(expected.to_numpy())


def test_a_model_without_any_verdict_has_no_score():
    table = judge_table(pd.concat([MIXED, verdicts_of(silent=[None, None])]))
    assert table.loc["silent", ["score", "win_rate", "reward"]].isna().all()
    assert table.loc["silent", "missing"] == 2
    assert judge_table(verdicts_of(silent=[None]), "tie").loc["silent", "score"] == 50


LABELS = st.lists(st.sampled_from([*VERDICTS, None]), min_size=1, max_size=30)


@settings(deadline=None, max_examples=15)
@given(first=LABELS, second=LABELS, weight=st.sampled_from([1, 2, 3, 2.5]))
def test_turning_all_verdicts_round_mirrors_the_table(first, second, weight):
    table = verdicts_of(first=first, second=second)
    turned = table.assign(verdict=table["verdict"].map(dict(zip(VERDICTS, reversed(VERDICTS), strict=True))))
    for rule in ("drop", "tie", "published"):
        one, other = (
            judge_table(table, rule, weight),
            judge_table(turned, rule, weight).loc[["first", "second"]],
        )
        one = one.loc[["first", "second"]]
        np.testing.assert_allclose(one["score"] + other["score"], np.where(one["score"].isna(), np.nan, 100))
        np.testing.assert_allclose(one["reward"], -other["reward"])
        assert (one["much_better"] == other["much_worse"]).all()
        shuffled = judge_table(table.sample(frac=1, random_state=0), rule, weight).loc[["first", "second"]]
        pd.testing.assert_frame_equal(one, shuffled)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (MIXED.drop(columns="model"), "column model is missing; there are question, verdict"),
        (MIXED.iloc[:0], "no rows"),
        (MIXED.assign(verdict="A<B"), r"column verdict holds 'A<B' in rows 0, 1, 2, 3, 4 and 7 more"),
        (MIXED.assign(verdict="tie"), "Nothing else is counted as a tie"),
        (MIXED.assign(verdict=""), "or None where the judge gave none"),
        (MIXED.assign(model=[None] + 11 * ["m"], question=range(12)), "column model is empty in row 0"),
        (pd.concat([MIXED, MIXED.iloc[[3]]]).reset_index(drop=True), "row 12 repeat a model and question"),
    ],
)
def test_bad_verdicts_are_named_by_row_and_column(table, sentence):
    with pytest.raises(ValueError, match=sentence):
        judge_table(table)


def test_bad_rules_and_weights_are_named():
    with pytest.raises(ValueError, match="missing='ignore' was given; the rules are drop, tie, published"):
        judge_table(MIXED, "ignore")
    with pytest.raises(ValueError, match="strong_weight=0 was given"):
        judge_table(MIXED, strong_weight=0)
    with pytest.raises(TypeError, match="a list was given"):
        judge_table(["A>B"])
    with pytest.raises(ValueError, match="the rules are drop, tie"):
        verdict_battles(MIXED, missing="published")


@pytest.mark.parametrize("missing", ["drop", "tie"])
@pytest.mark.parametrize("strong_weight", [1, 3, 2.5])
def test_the_closed_form_is_the_bradley_terry_fit(missing, strong_weight):
    verdicts = load("wvbench_verdicts")
    battles = verdict_battles(verdicts, REFERENCE, strong_weight, missing)
    strengths = bradley_terry(battles, "weight")
    fitted = 100 * strengths / (strengths + strengths[REFERENCE])
    closed = judge_table(verdicts, missing, strong_weight)["score"].drop(REFERENCE)
    np.testing.assert_allclose(fitted[closed.index], closed, atol=1e-6)
    np.testing.assert_allclose(star_scores(battles)[closed.index], closed, atol=1e-9)


def test_copies_of_a_strong_verdict_weigh_as_much_as_its_weight():
    battles = verdict_battles(MIXED)
    copies = battles.loc[battles.index.repeat(battles["weight"].astype(int))].drop(columns="weight")
    pd.testing.assert_series_equal(star_scores(copies), star_scores(battles))


def test_the_reference_never_meets_itself():
    battles = verdict_battles(load("wvbench_verdicts"), REFERENCE)
    assert (battles["model_a"] == REFERENCE).all()
    assert (battles["model_b"] != REFERENCE).all()
    with pytest.raises(ValueError, match="no verdict on a model other than 'strong'"):
        verdict_battles(MIXED[MIXED["model"] == "strong"], "strong")


def test_star_scores_refuse_battles_of_all_against_all():
    with pytest.raises(ValueError, match="model_a names 2 models"):
        star_scores(pd.DataFrame({"model_a": ["x", "y"], "model_b": ["y", "x"], "winner": ["tie", "tie"]}))


def test_star_scores_refuse_what_is_no_winner():
    battles = pd.DataFrame({"model_a": ["x", "x"], "model_b": ["y", "y"], "winner": ["model_b", "draw"]})
    with pytest.raises(ValueError, match=r"'draw' in rows 1.*an unknown label is not a tie"):
        star_scores(battles)


def test_every_rule_for_missing_verdicts_lies_between_the_worst_and_the_best():
    rules = missing_rules(load("wvbench_verdicts"))
    assert list(rules.columns) == ["missing", "drop", "tie", "published", "shared", "worst", "best"]
    for rule in ("drop", "tie", "published"):
        assert ((rules["worst"] <= rules[rule]) & (rules[rule] <= rules["best"])).all()
    # dropping moves a score away from 50 and a tie towards it
    assert (abs(rules["tie"] - 50) <= abs(rules["drop"] - 50)).all()
    assert rules["published"].equals(rules["drop"])
    assert missing_rules(load("wvbench_verdicts"), "reward")["published"].equals(
        missing_rules(load("wvbench_verdicts"), "reward")["tie"]
    )


def test_shared_questions_are_those_with_a_verdict_on_every_model():
    table = verdicts_of(one=["B>A", None, "A>B"], two=["A>B", "B>A", "B>A"])
    rules = missing_rules(table, "win_rate")
    assert rules.loc["two", "drop"] == pytest.approx(200 / 3)
    assert rules.loc["two", "shared"] == 50  # question 1 has no verdict on the other model
    assert rules.loc["one", ["worst", "best"]].tolist() == pytest.approx([100 / 3, 200 / 3])
    score = missing_rules(table).loc["one", ["worst", "best"]].tolist()
    assert score == pytest.approx([100 * 1 / 5, 100 * 4 / 5])  # a missing one as >>, three battles
    assert "shared" not in missing_rules(table.drop(columns="question"))
    with pytest.raises(ValueError, match="it is score, win_rate or reward"):
        missing_rules(table, "tie")


def test_a_question_that_a_model_was_never_asked_is_not_shared():
    table = verdicts_of(one=["B>A", "A>B"], two=["A>B", "B>A", "B>A"])
    rules = missing_rules(table, "win_rate")
    assert rules.loc["two", "drop"] == pytest.approx(200 / 3)
    assert rules["shared"].to_dict() == {"one": 50, "two": 50}


def test_toolkits_report_in_their_own_units():
    lmms, vlm = (toolkit_table(MIXED, name).loc["strong"] for name in ("lmms-eval", "VLMEvalKit"))
    assert lmms["raw_score"] == pytest.approx((2 + 2 + 1 + 0 - 1 + 0) / 6)  # the missing one is a tie
    assert lmms["win_rate"] == pytest.approx(100 * 3 / 6)
    assert vlm["win_rate"] == pytest.approx(3 / 6)
    assert "score" not in vlm


def test_toolkits_are_named_when_unknown():
    with pytest.raises(ValueError, match=", ".join(TOOLKITS)):
        toolkit_table(MIXED, "helm")


@pytest.mark.parametrize("unit", UNITS)
def test_intervals_hold_the_score_and_repeat_with_the_seed(unit):
    verdicts = load("wvbench_verdicts")
    verdicts = verdicts[verdicts["model"].isin(["gpt-4o", "yi-vl-plus", "bczhou/tiny-llava-v1-hf"])]
    first, again = (score_intervals(verdicts, REFERENCE, unit, rounds=40, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert ((first["low"] < first["score"]) & (first["score"] < first["high"])).all()
    np.testing.assert_allclose(first["score"], judge_table(verdicts)["score"])


def test_the_errors_by_hand():
    errors = score_errors(verdicts_of(one=["B>>A", "B>A", "A=B", "A>B"])).loc["one"]
    score, weights = 4.5 / 6, np.array([3, 1, 1, 1])
    squares = (np.array([1, 1, 0.5, 0]) - score) ** 2
    assert errors["published"] == pytest.approx(100 * np.sqrt(weights @ squares) / 6)
    assert errors["by_question"] == pytest.approx(100 * np.sqrt(weights**2 @ squares) / 6)


def test_the_closed_form_of_the_errors_is_what_the_bootstraps_find():
    rng = np.random.default_rng(0)
    labels = rng.choice(list(VERDICTS), size=(3, 200), p=[0.3, 0.25, 0.1, 0.2, 0.15])
    verdicts = verdicts_of(**{f"m{i}": row for i, row in enumerate(labels)})
    errors = score_errors(verdicts)
    for unit, column in (("battle", "published"), ("verdict", "by_question"), ("question", "by_question")):
        spread = score_rounds(verdicts, unit=unit, rounds=200).std()
        np.testing.assert_allclose(spread[errors.index], errors[column], rtol=0.2)
    assert ((errors["ratio"] > 1) & (errors["ratio"] < np.sqrt(3))).all()


def test_without_weights_copies_change_nothing():
    assert score_errors(MIXED, strong_weight=1)["ratio"].to_numpy() == pytest.approx([1, 1])


def test_models_that_fail_on_the_same_questions_differ_less_by_question():
    rng = np.random.default_rng(1)
    hard = np.where(rng.random(300) < 0.5, "A>B", "B>A")
    other = np.where(rng.random(300) < 0.1, "A=B", hard)  # nearly the same verdicts
    verdicts = verdicts_of(one=hard, two=other)
    widths = {}
    for unit in ("verdict", "question"):
        row = score_difference(score_rounds(verdicts, unit=unit, rounds=200), "one", "two")
        assert row["low"] <= row["median"] <= row["high"]
        widths[unit] = row["high"] - row["low"]
    assert widths["question"] < 0.5 * widths["verdict"]
    with pytest.raises(ValueError, match="no model 'three'; there are one, two"):
        score_difference(score_rounds(verdicts, rounds=2), "one", "three")


def test_bad_units_are_named():
    with pytest.raises(ValueError, match="it is one of battle, verdict, question"):
        score_rounds(MIXED, unit="model")
    with pytest.raises(ValueError, match="needs the column question"):
        score_rounds(MIXED.drop(columns="question"))
    with pytest.raises(ValueError, match=r"2\.5 copies cannot be made"):
        score_rounds(MIXED, unit="battle", strong_weight=2.5)
