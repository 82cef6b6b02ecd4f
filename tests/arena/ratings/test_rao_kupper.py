import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from scipy.optimize import linprog, minimize

from course_lib.arena.battles import pairs
from course_lib.arena.ratings.bradley_terry import NoFiniteMaximum, bradley_terry
from course_lib.arena.ratings.rao_kupper import _require_finite_maximum, rao_kupper

from ..tables import connected, counted, few, table, tables

TWO = table(*counted("x", "y", 6, 3, 4, 2))


def draw(strengths, tie, battles, seed=0):
    """Battles from the model itself."""
    generator, p = np.random.default_rng(seed), np.asarray(strengths)
    a = generator.integers(len(p), size=battles)
    b = (a + generator.integers(1, len(p), size=battles)) % len(p)
    won, lost = p[a] / (p[a] + tie * p[b]), p[b] / (p[b] + tie * p[a])
    luck = generator.random(battles)
    winner = np.where(luck < won, "model_a", np.where(luck < won + lost, "model_b", "tie"))
    names = np.array(list(strengths.index))
    return pd.DataFrame({"model_a": names[a], "model_b": names[b], "winner": winner})


def test_two_models_match_their_shares_exactly():
    found = rao_kupper(TWO)
    assert found.win_probabilities().loc["x", "y"] == pytest.approx(6 / 15)
    assert found.win_probabilities().loc["y", "x"] == pytest.approx(3 / 15)
    assert found.tie_probabilities().loc["x", "y"] == pytest.approx(6 / 15)
    assert found.strengths.sum() == pytest.approx(1)


def test_no_tie_at_all_is_bradley_terry():
    battles = connected(*counted("x", "y", 3, 1), *counted("y", "z", 2, 2))
    found = rao_kupper(battles)
    assert found.tie == 1
    pd.testing.assert_series_equal(found.strengths, bradley_terry(battles))


def test_comes_back_to_what_made_the_battles():
    truth = pd.Series([0.4, 0.3, 0.2, 0.1], index=list("wxyz"))
    found = rao_kupper(draw(truth, 1.8, 100_000))
    np.testing.assert_allclose(found.strengths[truth.index], truth, rtol=0.05)
    assert found.tie == pytest.approx(1.8, rel=0.02)


@pytest.mark.parametrize("penalty", [0.0, 0.4])
def test_a_general_optimiser_finds_no_better(penalty):
    battles = draw(pd.Series([0.5, 0.3, 0.2], index=list("xyz")), 2.5, 300, seed=4)
    counts, found = pairs(battles), rao_kupper(battles, penalty=penalty)

    def negative(parameters):
        theta, tie = parameters[:-1], 1 + np.exp(parameters[-1])
        p = np.exp(theta)
        i, j = p[counts.first], p[counts.second]
        won, lost = i / (i + tie * j), j / (j + tie * i)
        value = (
            counts.wins @ np.log(won) + counts.losses @ np.log(lost) + counts.drawn @ np.log(1 - won - lost)
        )
        return -value + penalty / 2 * ((theta - theta.mean()) ** 2).sum()

    ours = np.append(np.log(found.strengths.reindex(counts.models)), np.log(found.tie - 1))
    theirs = minimize(negative, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10})
    assert negative(ours) <= theirs.fun + 1e-8
    p = np.exp(theirs.x[:-1])
    np.testing.assert_allclose(p / p.sum(), found.strengths.reindex(counts.models), rtol=1e-4)


@few
@given(tables)
def test_swapping_sides_changes_nothing_and_probabilities_add_up(battles):
    sides = {"model_a": "model_b", "model_b": "model_a"}
    turned = battles.rename(columns=sides).assign(winner=battles["winner"].replace(sides))
    try:
        found = rao_kupper(battles)
    except NoFiniteMaximum:
        with pytest.raises(NoFiniteMaximum):
            rao_kupper(turned)
        return
    again = rao_kupper(turned)
    pd.testing.assert_series_equal(found.strengths, again.strengths[found.strengths.index], rtol=1e-6)
    assert again.tie == pytest.approx(found.tie, rel=1e-6)
    assert found.tie >= 1
    wins, ties = found.win_probabilities(), found.tie_probabilities()
    total = (wins + wins.T + ties).to_numpy()
    np.testing.assert_allclose(total[~np.isnan(total)], 1)
    assert np.nanmin(ties.to_numpy()) >= -1e-12


@few
@given(tables)
def test_the_graph_finds_the_same_directions_as_a_linear_programme(battles):
    counts = pairs(battles)
    if not counts.drawn.any():
        return
    size, rows = len(counts.models), []
    for i, j, won, lost, drawn in zip(
        counts.first, counts.second, counts.wins, counts.losses, counts.drawn, strict=True
    ):
        difference = np.eye(size + 1)[i] - np.eye(size + 1)[j]
        tie = np.eye(size + 1)[size]
        rows += [tie - difference] * int(won > 0) + [tie + difference] * int(lost > 0)
        rows += [difference - tie, -difference - tie] * int(drawn > 0)
    # a direction (v, 1) along which no battle gets less likely: rows @ (v, 1) <= 0
    rows = np.array(rows)
    endless = linprog(np.zeros(size), rows[:, :size], -rows[:, size], bounds=(None, None)).status == 0
    if endless:
        with pytest.raises(NoFiniteMaximum):
            _require_finite_maximum(counts, 0.0)
    else:
        _require_finite_maximum(counts, 0.0)
        assert np.isfinite(rao_kupper(battles).tie)


@pytest.mark.parametrize(
    ("battles", "said"),
    [
        (table(("x", "y", "tie"), ("y", "z", "tie (bothbad)")), "every battle is a tie"),
        (table(*counted("x", "y", 2, 0, 2)), "wins go one way"),
        (table(*counted("x", "y", 2, 0), *counted("y", "z", 1, 1, 1)), "'x' never lost or tied"),
    ],
)
def test_without_a_maximum_it_is_said(battles, said):
    with pytest.raises(NoFiniteMaximum, match=said):
        rao_kupper(battles)
    if "every" not in said:
        assert rao_kupper(battles, penalty=0.1).strengths.idxmax() == "x"


def test_weights_count_and_bad_input_is_said():
    doubled = pd.concat([TWO, TWO])
    assert rao_kupper(TWO, np.full(15, 2.0)).tie == pytest.approx(rao_kupper(doubled).tie)
    with pytest.raises(ValueError, match="'draw' in rows 0"):
        rao_kupper(table(("x", "y", "draw")))
