import choix
import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from course_lib.arena.battles import WINNERS, Pairs, pairs
from course_lib.arena.ratings.bradley_terry import (
    WILDVISION_PENALTY,
    NoFiniteMaximum,
    bradley_terry,
    laplacian_solve,
    log_strengths,
)
from course_lib.arena.ratings.scale import elo_scale
from course_lib.arena.ratings.simulation import simulate

from ..tables import counted, few, table, tables
from .test_elo import TO_EVALICA

STRENGTHS = pd.Series([0.4, 0.3, 0.15, 0.1, 0.05], index=list("vwxyz"))
BATTLES = simulate(STRENGTHS, 800, ties=0.5, seed=3)
SIDES = {"model_a": "model_b", "model_b": "model_a"}


def same(left, right, tolerance=1e-9):
    pd.testing.assert_series_equal(left.sort_index(), right.sort_index(), rtol=tolerance, check_names=False)


@pytest.mark.parametrize(
    ("wins", "losses", "ties", "bad"), [(3, 1, 0, 0), (3, 1, 2, 1), (0, 0, 1, 1), (0, 1, 5, 0)]
)
def test_two_models_share_the_points(wins, losses, ties, bad):
    found = bradley_terry(table(*counted("x", "y", wins, losses, ties, bad)))
    assert found["x"] == pytest.approx((wins + (ties + bad) / 2) / (wins + losses + ties + bad), abs=1e-12)
    assert found.sum() == pytest.approx(1, abs=1e-12)


def test_a_star_has_a_closed_form():
    battles = table(*counted("m1", "reference", 7, 2, 3), *counted("m2", "reference", 1, 8, 1))
    found = bradley_terry(battles)
    assert found["m1"] / found["reference"] == pytest.approx((7 + 1.5) / (2 + 1.5))
    assert found["m2"] / found["reference"] == pytest.approx(1.5 / 8.5)


def test_a_long_chain_is_solved_sparsely_and_exactly():
    generator = np.random.default_rng(0)
    wins = generator.integers(1, 30, size=(2, 400))
    names = [f"model {i:03d}" for i in range(401)]
    rows = [counted(a, b, *w) for a, b, w in zip(names, names[1:], wins.T, strict=False)]
    counts = pairs(table(*(row for part in rows for row in part)))
    assert len(counts.models) ** 2 > 64 * len(counts.first)
    steps = -np.diff(log_strengths(counts))  # a tree fits each of its pairs exactly
    np.testing.assert_allclose(steps, np.log(wins[0] / wins[1]), atol=1e-8)


def test_sparse_and_dense_steps_are_the_same():
    counts = pairs(BATTLES)
    columns = [getattr(counts, name) for name in ("first", "second", "wins", "losses", "ties", "both_bad")]
    # 60 models that never meet anyone make the table of pairs nearly empty, so that the sparse way is taken
    lonely = Pairs((*counts.models, *(f"unused {i}" for i in range(60))), *columns)
    right = np.random.default_rng(0).standard_normal(5)
    dense = laplacian_solve(counts, counts.total, right, 0.3)
    sparse = laplacian_solve(lonely, counts.total, np.append(right, np.zeros(60)), 0.3)
    np.testing.assert_allclose(sparse, np.append(dense, np.zeros(60)), rtol=1e-10, atol=1e-15)


def test_agrees_with_evalica():
    theirs = evalica.bradley_terry(
        BATTLES["model_a"],
        BATTLES["model_b"],
        BATTLES["winner"].map(TO_EVALICA),
        tolerance=1e-12,
        limit=10_000,
    ).scores
    same(bradley_terry(BATTLES), theirs / theirs.sum(), 1e-8)


def test_agrees_with_choix():
    decided = BATTLES[BATTLES["winner"].isin(["model_a", "model_b"])]
    place = {model: i for i, model in enumerate(STRENGTHS.index)}
    data = [
        (place[row.model_a], place[row.model_b])[:: 1 if row.winner == "model_a" else -1]
        for row in decided.itertuples()
    ]
    theirs = np.exp(choix.ilsr_pairwise(5, data, tol=1e-12))
    same(bradley_terry(decided), pd.Series(theirs / theirs.sum(), index=STRENGTHS.index), 1e-8)


@pytest.mark.slow
def test_agrees_with_arena_rank():
    pytest.importorskip("arena_rank")
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    theirs = PairDataset.from_pandas(BATTLES.replace({"winner": {"tie (bothbad)": "both_bad"}}))
    found = BradleyTerry(n_competitors=5).compute_ratings_and_cis(theirs)
    ratings = pd.Series(np.asarray(found["ratings"]), index=found["competitors"])
    same(elo_scale(bradley_terry(BATTLES)), ratings - ratings.mean() + 1000, 1e-6)


def logistic(battles, **options):
    """Ratings as the WildVision repositories compute them: every battle twice, a tie once for each side."""
    models = sorted(set(battles["model_a"]) | set(battles["model_b"]))
    design = np.zeros((len(battles), len(models)))
    rows = np.arange(len(battles))
    design[rows, battles["model_a"].map(models.index)] = np.log(10)
    design[rows, battles["model_b"].map(models.index)] = -np.log(10)
    won = (battles["winner"] == "model_a").to_numpy()
    tied = ~battles["winner"].isin(["model_a", "model_b"]).to_numpy()
    outcome = np.concatenate([won | tied, won & ~tied])
    fit = LogisticRegression(fit_intercept=False, tol=1e-10, max_iter=10_000, **options)
    return pd.Series(400 * fit.fit(np.vstack([design, design]), outcome).coef_[0] + 1000, index=models)


def test_the_published_logistic_regressions_are_this_fit():
    free = logistic(BATTLES, C=np.inf)
    same(elo_scale(bradley_terry(BATTLES)), free - free.mean() + 1000, 1e-6)
    shrunk = elo_scale(bradley_terry(BATTLES, penalty=WILDVISION_PENALTY))
    same(shrunk, logistic(BATTLES, C=1.0), 1e-6)
    assert np.ptp(shrunk) < np.ptp(free)


def test_the_gradient_is_zero():
    found, counts = bradley_terry(BATTLES), pairs(BATTLES)
    p = found.reindex(counts.models).to_numpy()
    expected = counts.total * p[counts.first] / (p[counts.first] + p[counts.second])
    gained = np.bincount(counts.first, counts.score - expected, 5)
    lost = np.bincount(counts.second, counts.score - expected, 5)
    np.testing.assert_allclose(gained, lost, atol=1e-8)  # every model has the points that are expected of it


def test_comes_back_to_the_strengths_that_made_the_battles():
    many = simulate(STRENGTHS, 200_000, ties=0.7, seed=1)
    np.testing.assert_allclose(bradley_terry(many)[STRENGTHS.index], STRENGTHS, rtol=0.05)


@few
@given(tables, st.permutations(["alpha", "beta", "gamma", "delta", "epsilon"]))
def test_relabelling_models_relabels_the_strengths(battles, order):
    new = dict(zip(sorted(order), order, strict=True))
    renamed = battles.replace({"model_a": new, "model_b": new})
    same(bradley_terry(battles).rename(new), bradley_terry(renamed), 1e-7)


@few
@given(tables, st.lists(st.booleans(), min_size=45, max_size=45))
def test_swapping_sides_changes_nothing(battles, swapped):
    swap = np.resize(swapped, len(battles))
    other = battles.rename(columns=SIDES).assign(winner=battles["winner"].replace(SIDES))
    mixed = pd.concat([battles[~swap], other[swap]])
    same(bradley_terry(battles), bradley_terry(mixed), 1e-7)


@few
@given(tables, st.lists(st.floats(0.01, 0.99), min_size=45, max_size=45), st.randoms(use_true_random=False))
def test_splitting_a_weighted_battle_and_its_order_change_nothing(battles, shares, random):
    shares = np.resize(shares, len(battles))
    weight = np.array([random.choice([0.5, 1.0, 3.0]) for _ in shares])
    split = pd.concat([battles, battles], ignore_index=True)
    parts = np.concatenate([weight * shares, weight * (1 - shares)])
    order = random.sample(range(len(split)), len(split))
    same(bradley_terry(battles, weight), bradley_terry(split.iloc[order], parts[order]), 1e-7)


def test_a_weight_is_a_count():
    battles = table(*counted("x", "y", 1, 1), ("y", "z", "tie"), ("z", "x", "model_a"))
    thrice = pd.concat([battles, battles.iloc[:1], battles.iloc[:1]])
    same(bradley_terry(battles.assign(w=[3, 1, 1, 1]), "w"), bradley_terry(thrice))


def test_both_kinds_of_tie_count_the_same():
    same(bradley_terry(BATTLES), bradley_terry(BATTLES.replace("tie", WINNERS[3])))


def test_all_ties_give_equal_strengths():
    found = bradley_terry(table(("x", "y", "tie"), ("y", "z", "tie (bothbad)")))
    np.testing.assert_allclose(found, 1 / 3, rtol=1e-12)


NEVER_LOST = table(("x", "y", "model_a"), *counted("y", "z", 1, 1))
APART = table(*counted("x", "y", 1, 1), *counted("u", "v", 1, 1))
GROUP = table(*counted("u", "v", 1, 1), *counted("x", "y", 1, 1), ("u", "x", "model_a"))


@pytest.mark.parametrize(
    ("battles", "said"),
    [
        (NEVER_LOST, "'x' never lost or tied .* 'y', 'z' never won"),
        (APART, "2 groups of models never met each other \\('u', 'v'; 'x', 'y'\\)"),
        (GROUP, "'u', 'v' never lost or tied .* 'x', 'y' never won"),
        (table(("x", "y", "model_a")), "'x' never lost or tied .* 'y' never won or tied one"),
    ],
)
def test_without_a_maximum_it_is_said_and_a_penalty_helps(battles, said):
    with pytest.raises(NoFiniteMaximum, match=said):
        bradley_terry(battles)
    found = bradley_terry(battles, penalty=0.1)
    assert found.sum() == pytest.approx(1)
    assert (found > 1e-3).all()


def test_groups_that_never_met_have_maxima_but_not_one():
    with pytest.raises(NoFiniteMaximum, match=r"there is no single maximum: 2 groups .* is as likely"):
        bradley_terry(APART)
    with pytest.raises(NoFiniteMaximum, match="there is no maximum: 'x' never lost"):
        bradley_terry(NEVER_LOST)


def test_a_tie_is_enough_to_connect():
    assert bradley_terry(pd.concat([NEVER_LOST, table(("x", "y", "tie"))])).idxmax() == "x"


def test_a_penalty_shrinks_towards_equal():
    ranges = [np.ptp(np.log(bradley_terry(BATTLES, penalty=penalty))) for penalty in (0, 1, 10, 1e6)]
    assert ranges == sorted(ranges, reverse=True)
    assert ranges[-1] < 1e-3


@pytest.mark.parametrize("penalty", [-1, float("nan"), float("inf")])
def test_a_penalty_below_zero_is_refused(penalty):
    with pytest.raises(ValueError, match=f"penalty={penalty}"):
        bradley_terry(BATTLES, penalty=penalty)


def test_extreme_records_still_converge():
    found = bradley_terry(table(*counted("x", "y", 1, 1), ("y", "z", "tie")), [1e9, 1e-3, 1.0])
    assert found["x"] / found["y"] == pytest.approx(1e12, rel=1e-3)
