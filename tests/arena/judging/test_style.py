"""Style control: known truth, independent fits, invariances, bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from course_lib.arena.judging.style import length_difference, style_controlled
from course_lib.arena.ratings.bradley_terry import NoFiniteMaximum, bradley_terry

TRUTH = pd.Series({"a": 0.6, "b": 0.2, "c": 0.0, "d": -0.8})
EFFECT = 0.9


def simulated(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Battles in which the longer answer is preferred, and model d writes long."""
    rng = np.random.default_rng(seed)
    a, step = rng.integers(0, 4, n), rng.integers(1, 4, n)
    names = TRUTH.index.to_numpy()
    first, second = names[a], names[(a + step) % 4]
    length = {name: rng.lognormal(4 + 1.5 * (name == "d"), 0.7, n) for name in names}
    long_a = np.choose(a, [length[name] for name in names])
    long_b = np.choose((a + step) % 4, [length[name] for name in names])
    feature = length_difference(long_a, long_b)
    chance = expit(
        TRUTH[first].to_numpy() - TRUTH[second].to_numpy() + EFFECT * feature / np.sqrt((feature**2).mean())
    )
    won, tie = rng.random(n) < chance, rng.random(n) < 0.1
    winner = np.where(tie, "tie", np.where(won, "model_a", "model_b"))
    return pd.DataFrame({"model_a": first, "model_b": second, "winner": winner}), feature


def test_length_difference():
    found = length_difference([3, 0, 1, 0], [1, 5, 1, 0])
    assert found.tolist() == [0.5, -1, 0, 0]
    for a, b, sentence in (([1], [1, 2], "shapes"), ([-1], [1], "negative"), ([np.nan], [1], "missing")):
        with pytest.raises(ValueError, match=sentence):
            length_difference(a, b)


def test_the_truth_is_found_where_plain_ratings_are_fooled():
    battles, feature = simulated(20_000, seed=1)
    decided = (battles["winner"] != "tie").to_numpy()
    battles, feature = battles[decided].reset_index(drop=True), feature[decided]
    fit = style_controlled(battles, {"length": feature})
    logs = np.log(fit.strengths[TRUTH.index])
    np.testing.assert_allclose(logs - logs.mean(), TRUTH - TRUTH.mean(), atol=0.08)
    assert fit.coefficients["length"] == pytest.approx(EFFECT, abs=0.08)
    plain = np.log(bradley_terry(battles)[TRUTH.index])
    assert plain["d"] > plain["c"]  # long answers carry the weakest model past the third
    assert logs["d"] < logs["c"]


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("penalty", [0.5, 4.0])
def test_against_scikit_learn(center, penalty):
    battles, feature = simulated()
    fit = style_controlled(battles, {"length": feature}, None, penalty, penalty, center)
    names = sorted(TRUTH.index)
    design = np.stack(
        [1.0 * (battles["model_a"] == name) - (battles["model_b"] == name) for name in names]
        + [(feature - fit.mean["length"]) / fit.scale["length"]],
        axis=1,
    )
    won = (battles["winner"] != "model_b").to_numpy()
    tied = (battles["winner"] == "tie").to_numpy()
    rows = np.r_[np.arange(len(won)), np.flatnonzero(tied)]  # a tie is half a win and half a loss
    label = np.r_[won, np.zeros(tied.sum(), bool)]
    weight = np.where(tied[rows], 0.5, 1.0)
    oracle = LogisticRegression(C=1 / penalty, fit_intercept=False, tol=1e-10, max_iter=1000)
    oracle.fit(design[rows], label, weight)
    logs = np.log(fit.strengths[names])
    np.testing.assert_allclose(
        logs - logs.mean(), oracle.coef_[0, :4] - oracle.coef_[0, :4].mean(), atol=1e-4
    )
    assert fit.coefficients["length"] == pytest.approx(oracle.coef_[0, 4], abs=1e-4)


def test_a_feature_without_effect_leaves_the_ratings_as_they_are():
    battles, _ = simulated()
    both = pd.concat([battles, battles], ignore_index=True)
    sign = np.r_[np.ones(len(battles)), -np.ones(len(battles))]  # balanced within every pair and outcome
    fit = style_controlled(both, {"coin": sign})
    assert fit.coefficients["coin"] == pytest.approx(0, abs=1e-9)
    pd.testing.assert_series_equal(fit.strengths, bradley_terry(both), check_exact=False, rtol=1e-8)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_swapping_sides_names_and_splitting_weights_change_nothing(seed):
    battles, feature = simulated(150, seed)
    rng = np.random.default_rng(seed)
    fit = style_controlled(battles, {"length": feature}, penalty=0.1)
    swap = rng.random(len(battles)) < 0.5
    turned = battles.copy()
    turned.loc[swap, ["model_a", "model_b"]] = battles.loc[swap, ["model_b", "model_a"]].to_numpy()
    turned.loc[swap, "winner"] = battles.loc[swap, "winner"].replace(
        {"model_a": "model_b", "model_b": "model_a"}
    )
    other = style_controlled(turned, {"length": np.where(swap, -feature, feature)}, penalty=0.1)
    np.testing.assert_allclose(other.strengths[fit.strengths.index], fit.strengths, rtol=1e-6)
    np.testing.assert_allclose(other.coefficients, fit.coefficients, rtol=1e-6)

    renamed = battles.replace({"a": "zebra", "d": "ape"})
    again = style_controlled(renamed, {"length": feature}, penalty=0.1).strengths.rename(
        {"zebra": "a", "ape": "d"}
    )
    np.testing.assert_allclose(again[fit.strengths.index], fit.strengths, rtol=1e-6)

    weight = rng.integers(1, 4, len(battles))
    rows = np.repeat(np.arange(len(battles)), weight)
    once = style_controlled(battles, {"length": feature}, weight, penalty=0.1)
    many = style_controlled(battles.iloc[rows].reset_index(drop=True), {"length": feature[rows]}, penalty=0.1)
    np.testing.assert_allclose(many.strengths[once.strengths.index], once.strengths, rtol=1e-6)
    # scaling counts each row once, so the coefficient moves with the scale alone
    np.testing.assert_allclose(many.coefficients / many.scale, once.coefficients / once.scale, rtol=1e-6)


def test_taking_the_mean_off_is_not_blind_to_the_side():
    battles, feature = simulated(300)
    one_side = battles.copy()
    swap = feature < 0  # the longer answer always left, as with a reference that writes long
    one_side.loc[swap, ["model_a", "model_b"]] = battles.loc[swap, ["model_b", "model_a"]].to_numpy()
    one_side.loc[swap, "winner"] = battles.loc[swap, "winner"].replace(
        {"model_a": "model_b", "model_b": "model_a"}
    )
    fits = [
        style_controlled(table, {"length": x}, center=True).strengths["d"]
        for table, x in ((battles, feature), (one_side, abs(feature)))
    ]
    assert abs(fits[0] - fits[1]) > 0.01


def test_several_features_share_the_effect():
    battles, feature = simulated(3000)
    noise = np.random.default_rng(5).standard_normal(len(battles))
    fit = style_controlled(battles, pd.DataFrame({"length": feature, "noise": noise}))
    assert list(fit.coefficients.index) == ["length", "noise"]
    assert abs(fit.coefficients["noise"]) < 0.15 < fit.coefficients["length"]
    shrunk = style_controlled(battles, {"length": feature}, feature_penalty=1e6)
    assert abs(shrunk.coefficients["length"]) < 1e-2
    plain = bradley_terry(battles)
    np.testing.assert_allclose(shrunk.strengths[plain.index], plain, atol=5e-3)


def test_bad_features_are_named():
    battles, feature = simulated(50)
    for features, sentence in (
        ({"length": feature[:-1]}, "49 rows and 1 columns for 50 battles"),
        (pd.DataFrame(index=range(50)), "50 rows and 0 columns"),
        (
            {"length": np.r_[np.nan, feature[1:]]},
            r"feature 'length' is missing or infinite in row 0 \(1 such",
        ),
        ({"length": np.full(50, 2.0)}, "feature 'length' is 2 in every battle"),
        ({"length": ["long"] * 50}, "must be numbers"),
    ):
        with pytest.raises(ValueError, match=sentence):
            style_controlled(battles, features)
    with pytest.raises(ValueError, match="penalty=-1 was given"):
        style_controlled(battles, {"length": feature}, penalty=-1)
    with pytest.raises(ValueError, match="winner"):
        style_controlled(battles.drop(columns="winner"), {"length": feature})


def test_no_finite_fit_is_said():
    battles = pd.DataFrame(
        {"model_a": ["a", "a", "b"], "model_b": ["b", "c", "c"], "winner": ["model_a"] * 3}
    )
    with pytest.raises(NoFiniteMaximum, match="'a'"):
        style_controlled(battles, {"length": [0.1, -0.2, 0.3]})
    assert style_controlled(battles, {"length": [0.1, -0.2, 0.3]}, None, 1, 1).strengths.index[0] == "a"
    decided, feature = simulated(60)
    decided["winner"] = np.where(feature > 0, "model_a", "model_b")
    with pytest.raises(ValueError, match="a feature decides every battle"):
        style_controlled(decided, {"length": feature})
    assert style_controlled(decided, {"length": feature}, feature_penalty=1).coefficients["length"] > 1
