import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from course_lib.arena.battles import OUTCOMES, coded
from course_lib.arena.ratings.bradley_terry import NoFiniteMaximum, bradley_terry
from course_lib.arena.ratings.elo import online_elo
from course_lib.arena.ratings.intervals import bootstrap, multinomial_bootstrap, percentiles, ranks, sandwich
from course_lib.arena.ratings.simulation import simulate

from ..tables import counted, few, table, tables

STRENGTHS = pd.Series([0.4, 0.3, 0.2, 0.1], index=list("wxyz"))
BATTLES = simulate(STRENGTHS, 400, ties=0.5, questions=40, question_effect=0.6, seed=1)
TWO = table(*counted("x", "y", 60, 30, 8, 2))


def logs(rounds):
    values = np.log(rounds)
    return values.sub(values.mean(axis=1), axis=0)


def by_hand(battles, weights, unit=None, penalty=0.0):
    """The sandwich from the design matrix, row by row."""
    rows, p = coded(battles), bradley_terry(battles, weights, penalty)
    design = np.eye(len(rows.models))[rows.a] - np.eye(len(rows.models))[rows.b]
    theta = np.log(p.reindex(list(rows.models)).to_numpy())
    won = 1 / (1 + np.exp(-design @ theta))
    gradient = (weights * (won - OUTCOMES[rows.winner]))[:, None] * design
    if unit is not None:
        gradient = pd.DataFrame(gradient).groupby(battles[unit].to_numpy()).sum().to_numpy()
    hessian = design.T @ ((weights * won * (1 - won))[:, None] * design) + penalty * np.eye(len(theta))
    inverse = np.linalg.pinv(hessian)
    parts = len(gradient)
    covariance = inverse @ gradient.T @ gradient @ inverse * parts / (parts - 1)
    return pd.DataFrame(covariance, index=rows.models, columns=rows.models).loc[p.index, p.index]


# bootstrap


def test_rounds_are_reproducible_and_stand_under_the_models():
    rounds = bootstrap(BATTLES, bradley_terry, rounds=5, seed=3)
    assert rounds.shape == (5, 4)
    assert list(rounds.columns) == list(bradley_terry(BATTLES).index)
    pd.testing.assert_frame_equal(rounds, bootstrap(BATTLES, bradley_terry, rounds=5, seed=3))
    assert not rounds.equals(bootstrap(BATTLES, bradley_terry, rounds=5, seed=4))


def test_a_round_draws_as_many_rows_with_replacement():
    seen = []
    numbered = BATTLES.assign(row=range(len(BATTLES)))
    found = bootstrap(numbered, lambda sample: seen.append(sample) or len(sample), rounds=20)
    assert found["value"].tolist() == [400.0] * 20
    distinct = [sample["row"].nunique() / 400 for sample in seen[1:]]
    assert np.mean(distinct) == pytest.approx(1 - np.exp(-1), abs=0.02)
    assert seen[1]["row"].is_monotonic_increasing is False  # a random order, for statistics that depend on it
    every = np.concatenate([sample["row"] for sample in seen[1:]])
    assert np.bincount(every, minlength=400).mean() == 20


def test_a_unit_is_drawn_whole_or_not_at_all():
    sizes = BATTLES["question"].value_counts()

    def whole(sample):
        drawn = sample["question"].value_counts()
        assert (drawn % sizes[drawn.index] == 0).all()
        return (drawn // sizes[drawn.index]).sum()

    assert (bootstrap(BATTLES, whole, rounds=10, unit="question")["value"] == 40).all()


def test_the_bootstrap_of_a_share_has_its_binomial_spread():
    rounds = bootstrap(TWO, lambda battles: (battles["winner"] == "model_a").mean(), rounds=600)["value"]
    assert rounds.mean() == pytest.approx(0.6, abs=0.01)
    assert rounds.std() == pytest.approx(np.sqrt(0.6 * 0.4 / 100), rel=0.12)


def test_other_statistics_and_tables_work_too():
    assert set(bootstrap(BATTLES, online_elo, rounds=2).columns) == set("wxyz")
    verdicts = pd.DataFrame({"score": [1.0, 2.0, 3.0]})
    assert bootstrap(verdicts, lambda rows: rows["score"].mean(), rounds=3).columns.tolist() == ["value"]


def test_resampled_rows_are_no_duplicates(recwarn):
    bootstrap(BATTLES.assign(voter=range(400)), bradley_terry, rounds=3)
    assert not recwarn


RARE = pd.concat([BATTLES, table(("w", "rare", "tie"))], ignore_index=True)
NARROW = table(*counted("x", "y", 1, 30))


def test_rounds_without_a_value_are_nan_and_said():
    with pytest.warns(UserWarning, match=r"of 40 rounds have no value for 'rare'.*too narrow"):
        rounds = bootstrap(RARE, bradley_terry, rounds=40)
    missing = rounds["rare"].isna()
    assert 5 < missing.sum() < 25
    assert rounds.drop(columns="rare").notna().all(axis=None)
    with pytest.warns(UserWarning, match="of 40 rounds have no value for 'x', 'y'|'y', 'x'"):
        rounds = bootstrap(NARROW, bradley_terry, rounds=40)
    assert (rounds["x"].isna() == rounds["y"].isna()).all()
    with pytest.warns(UserWarning, match="no value for 'rare'"):
        quick = multinomial_bootstrap(RARE, rounds=40)
    assert 5 < quick["rare"].isna().sum() < 25
    assert quick.drop(columns="rare").notna().all(axis=None)
    with pytest.warns(UserWarning, match="of 40 rounds have no value"):
        assert 5 < multinomial_bootstrap(NARROW, rounds=40)["x"].isna().sum() < 25


# the multinomial


def test_one_pair_draws_a_binomial():
    rounds = multinomial_bootstrap(table(*counted("x", "y", 60, 40)), rounds=1000)
    points = 100 * rounds["x"]
    np.testing.assert_allclose(points, points.round(), atol=1e-6)
    assert points.mean() == pytest.approx(60, abs=0.7)
    assert points.var() == pytest.approx(24, rel=0.2)


@pytest.mark.parametrize("unit", [None, "question"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_multinomial_has_the_distribution_of_resampled_rows(unit, weighted):
    battles = BATTLES.assign(weight=np.where(np.arange(400) % 4, 1.0, 3.0))
    weights = "weight" if weighted else None
    slow = logs(bootstrap(battles, lambda rows: bradley_terry(rows, weights), rounds=100, unit=unit))
    fast = logs(multinomial_bootstrap(battles, 400, weights, unit=unit))
    assert list(slow.columns) == list(fast.columns)
    # 4 standard errors: of a mean, and (1 / sqrt(2 n)) of a standard deviation
    apart = np.abs(slow.mean() - fast.mean()) / fast.std()
    np.testing.assert_array_less(apart, 4 * np.sqrt(1 / 100 + 1 / 400))
    np.testing.assert_array_less(np.abs(np.log(slow.std() / fast.std())), 4 * np.sqrt(1 / 200 + 1 / 800))


def test_the_multinomial_draws_blocks_whole():
    question = np.repeat([0, 1], 50)  # every block is half of the battles: three outcomes are possible
    battles = table(*counted("x", "y", 30, 20), *counted("x", "y", 10, 40)).assign(question=question)
    rounds = multinomial_bootstrap(battles, 300, unit="question")
    assert sorted(set(rounds["x"].round(6))) == [0.2, 0.4, 0.6]
    assert (rounds["x"].round(6) == 0.4).mean() == pytest.approx(0.5, abs=0.12)


def test_a_penalty_reaches_every_round():
    penalised = multinomial_bootstrap(NARROW, 50, penalty=2.0)
    assert penalised.notna().all(axis=None)
    assert penalised["y"].max() < 0.97


# the sandwich


def test_two_models_have_a_binomial_error():
    battles, wins = table(*counted("x", "y", 60, 40)), 0.6
    variance = 1 / (100 * wins * (1 - wins)) * 100 / 99  # of the log odds; each model holds half of them
    found = sandwich(battles)
    np.testing.assert_allclose(found, variance / 4 * np.array([[1, -1], [-1, 1]]), rtol=1e-9)


def test_ties_make_an_interval_narrower_than_the_binomial():
    decided, tied = table(*counted("x", "y", 50, 50)), table(*counted("x", "y", 25, 25, 50))
    assert sandwich(tied).loc["x", "x"] == pytest.approx(sandwich(decided).loc["x", "x"] / 2)


@pytest.mark.parametrize("unit", [None, "question"])
@pytest.mark.parametrize("penalty", [0.0, 0.7])
def test_agrees_with_the_design_matrix(unit, penalty):
    weights = np.random.default_rng(0).choice([0.5, 1.0, 3.0], 400)
    found = sandwich(BATTLES, weights, unit, penalty)
    pd.testing.assert_frame_equal(
        found, by_hand(BATTLES, weights, unit, penalty), check_names=False, rtol=1e-7
    )


def test_agrees_with_the_bootstrap():
    for unit in (None, "question"):
        drawn = logs(multinomial_bootstrap(BATTLES, 500, unit=unit)).std()
        errors = np.sqrt(pd.Series(np.diag(sandwich(BATTLES, unit=unit)), index=drawn.index))
        np.testing.assert_allclose(drawn / errors, 1, atol=0.15)


@pytest.mark.slow
def test_agrees_with_arena_rank():
    pytest.importorskip("arena_rank")
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    theirs = PairDataset.from_pandas(BATTLES)
    found = BradleyTerry(n_competitors=4, hessian_reg=1e-6).compute_ratings_and_cis(theirs)
    # theirs holds the mean by a tiny penalty (a tinier one loses all digits), hardly felt
    ours = np.diag(sandwich(BATTLES)) * (400 / np.log(10)) ** 2
    ours = pd.Series(ours, index=sandwich(BATTLES).index)[found["competitors"]]
    np.testing.assert_allclose(ours * 399 / 400, np.asarray(found["variances"]), rtol=1e-3)


def test_every_battle_its_own_unit_is_no_unit():
    numbered = BATTLES.assign(row=range(400))
    pd.testing.assert_frame_equal(sandwich(numbered), sandwich(numbered, unit="row"), rtol=1e-9)


def test_votes_that_agree_within_a_question_widen_the_interval():
    plain, blocks = np.diag(sandwich(BATTLES)), np.diag(sandwich(BATTLES, unit="question"))
    assert (blocks > 1.3 * plain).all()
    copied = pd.concat([BATTLES.assign(row=range(400))] * 3)
    # three copies of each battle look like three times the evidence, unless the copies are one unit
    np.testing.assert_allclose(np.diag(sandwich(copied)) * 1199 / 1200 * 3, plain * 399 / 400, rtol=1e-9)
    np.testing.assert_allclose(np.diag(sandwich(copied, unit="row")), plain, rtol=1e-9)


@few
@given(tables)
def test_covariances_are_symmetric_and_of_centred_strengths(battles):
    found = sandwich(battles).to_numpy()
    scale = np.abs(found).max()
    np.testing.assert_allclose(found, found.T, atol=1e-9 * scale)
    np.testing.assert_allclose(found.sum(0), 0, atol=1e-8 * scale)
    assert np.linalg.eigvalsh(found).min() > -1e-9 * scale


def test_a_weight_is_one_piece_of_evidence_and_copies_are_many():
    heavy = np.diag(sandwich(BATTLES, np.full(400, 3.0)))
    np.testing.assert_allclose(heavy, np.diag(sandwich(BATTLES)), rtol=1e-9)


@pytest.mark.parametrize("unit", [None, "question"])
def test_a_battle_without_weight_is_no_evidence(unit):
    battles = BATTLES.sort_values("question", kind="stable")
    never = battles["model_a"].isin(["y", "z"]) & battles["model_b"].isin(["y", "z"])  # a pair of weight 0
    counts = ~never & (np.arange(400) % 3 > 0)
    weights, kept = counts.to_numpy(float), battles[counts]
    pd.testing.assert_frame_equal(sandwich(battles, weights, unit), sandwich(kept, unit=unit), rtol=1e-9)
    rounds = multinomial_bootstrap(battles, 5, weights, unit=unit)
    pd.testing.assert_frame_equal(
        rounds, multinomial_bootstrap(kept, 5, np.ones(len(kept)), unit=unit), rtol=1e-6
    )


# percentiles and ranks


def test_percentiles_hold_the_middle_and_leave_nan_out():
    rounds = pd.DataFrame({"x": np.arange(101.0), "y": [np.nan, *range(100)]})
    found = percentiles(rounds, 0.9)
    assert found.loc["x"].tolist() == pytest.approx([5, 95])
    assert found.loc["y"].tolist() == pytest.approx([4.95, 94.05])
    for confidence in (0, 1, 95):
        with pytest.raises(ValueError, match=f"confidence={confidence}"):
            percentiles(rounds, confidence)


def test_a_rank_counts_the_models_that_are_surely_better():
    low = pd.Series({"a": 10, "b": 6, "c": 4, "d": 0})
    high = pd.Series({"d": 5, "c": 8, "b": 9, "a": 14})
    assert ranks(low, high).to_dict() == {"a": 1, "b": 2, "c": 2, "d": 3}  # c's low does not exceed d's high
    assert ranks(low, low).tolist() == [1, 2, 3, 4]
    assert ranks(low * 0, high).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        ({"a": 1}, {"b": 2}, "same models"),
        ({"a": 1, "b": np.nan}, {"a": 1, "b": 2}, "no interval for 'b'"),
        ({"a": 3, "b": 1}, {"a": 2, "b": 2}, "low lies above high for 'a'"),
    ],
)
def test_intervals_that_cannot_be_ranked_are_said(low, high, said):
    with pytest.raises(ValueError, match=said):
        ranks(pd.Series(low), pd.Series(high))


def counted_rows(battles, unit):
    return bootstrap(battles, len, 2, unit)


@pytest.mark.parametrize("function", [sandwich, multinomial_bootstrap, counted_rows])
@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("prompt", "unit='prompt' is no column .*'question'"),
        ("gap", r"unit='gap': the column has no value \(NaN\) in rows 7"),
        ("same", "unit='same': all rows have the one value 'q'"),
    ],
)
def test_units_that_cannot_be_drawn_are_said(function, unit, said):
    gap = np.where(np.arange(400) == 7, np.nan, 1.0)
    with pytest.raises(ValueError, match=said):
        function(BATTLES.assign(gap=gap, same="q"), unit=unit)


def test_other_bad_input_is_said():
    with pytest.raises(ValueError, match="rounds=0"):
        bootstrap(BATTLES, bradley_terry, rounds=0)
    with pytest.raises(ValueError, match="rounds=-1"):
        multinomial_bootstrap(BATTLES, rounds=-1)
    with pytest.raises(ValueError, match="at least one row"):
        bootstrap(BATTLES.iloc[:0], bradley_terry)
    for function in (lambda b: bootstrap(b, bradley_terry, 2), multinomial_bootstrap, sandwich):
        with pytest.raises(NoFiniteMaximum, match="'x' never lost"):
            function(table(("x", "y", "model_a")))
