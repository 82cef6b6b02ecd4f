import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from course_lib.arena.ratings.elo import elo_over_orders, online_elo
from course_lib.arena.ratings.simulation import simulate

from ..tables import counted, few, table, tables

TO_EVALICA = {
    "model_a": evalica.Winner.X,
    "model_b": evalica.Winner.Y,
    "tie": evalica.Winner.Draw,
    "tie (bothbad)": evalica.Winner.Draw,
}


def test_equal_models_move_by_half_of_k():
    assert online_elo(table(("x", "y", "model_a"))).to_dict() == {"x": 1002.0, "y": 998.0}
    assert online_elo(table(("x", "y", "model_b")), k=32, start=1500).to_dict() == {"y": 1516.0, "x": 1484.0}


def test_a_tie_moves_points_to_the_weaker():
    after = online_elo(table(("x", "y", "model_a"), ("x", "y", "tie")))
    expected = 1 / (1 + 10 ** (-4 / 400))  # x stands 4 points above y by then
    assert after["x"] == pytest.approx(1002 + 4 * (0.5 - expected), abs=1e-12)
    assert online_elo(table(("x", "y", "tie (bothbad)")))["x"] == 1000


@few
@given(tables)
def test_points_are_only_exchanged_and_sides_do_not_matter(battles):
    ratings = online_elo(battles, k=16)
    assert ratings.mean() == pytest.approx(1000, abs=1e-9)
    assert ratings.is_monotonic_decreasing
    other = {"model_a": "model_b", "model_b": "model_a"}
    turned = battles.rename(columns=other).assign(winner=battles["winner"].replace(other))
    pd.testing.assert_series_equal(ratings, online_elo(turned, k=16), rtol=1e-12)


def test_agrees_with_evalica():
    battles = simulate(pd.Series([0.5, 0.3, 0.2], index=list("xyz")), 300, ties=0.6, seed=1)
    theirs = evalica.elo(
        battles["model_a"], battles["model_b"], battles["winner"].map(TO_EVALICA), initial=1000, k=4
    ).scores
    np.testing.assert_allclose(online_elo(battles), theirs.reindex(online_elo(battles).index), rtol=1e-12)


def test_the_last_battles_weigh_most():
    wins, losses = counted("x", "y", wins=20), counted("x", "y", losses=20)
    assert online_elo(table(*wins, *losses), k=32)["x"] < 1000 < online_elo(table(*losses, *wins), k=32)["x"]


def test_orders_are_rounds_of_the_same_battles():
    battles = simulate(pd.Series([0.5, 0.3, 0.2], index=list("xyz")), 200, seed=2)
    orders = elo_over_orders(battles, rounds=8, seed=5)
    assert orders.shape == (8, 3)
    pd.testing.assert_frame_equal(orders, elo_over_orders(battles, rounds=8, seed=5))
    assert not orders.equals(elo_over_orders(battles, rounds=8, seed=6))
    shuffled = battles.iloc[np.random.default_rng(5).permutation(200)]
    pd.testing.assert_series_equal(orders.loc[0], online_elo(shuffled)[orders.columns], check_names=False)
    assert orders.mean().is_monotonic_decreasing
    assert (orders.std() > 0.1).all()


def test_far_away_models_do_not_overflow():
    assert online_elo(table(("x", "y", "model_b")), scale=1e-3, k=1).abs().max() < 1e4
    for record in ({"wins": 300}, {"losses": 300}):
        assert np.isfinite(online_elo(table(*counted("x", "y", **record)), k=1e6)).all()


@pytest.mark.parametrize("option", [{"k": 0}, {"k": -4}, {"scale": 0}, {"base": 1}, {"k": float("nan")}])
def test_settings_that_measure_nothing_are_refused(option):
    with pytest.raises(ValueError, match=str(next(iter(option)))):
        online_elo(table(("x", "y", "tie")), **option)


def test_bad_battles_are_said():
    with pytest.raises(ValueError, match="'win' in rows 0"):
        online_elo(table(("x", "y", "win")))
    with pytest.raises(ValueError, match="rounds=0"):
        elo_over_orders(table(("x", "y", "tie")), rounds=0)
