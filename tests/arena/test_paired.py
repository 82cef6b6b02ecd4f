"""Paired differences, McNemar and power against SciPy, closed forms and simulation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_lib.arena.paired import (
    detection_power,
    discordance,
    items_needed,
    mcnemar,
    paired_differences,
    smallest_difference,
)
from course_lib.arena.published.datasets import load
from course_lib.arena.published.vqa_benchmarks import BENCHMARKS, category_means, points

GROUPS = pd.Series({b.name: b.category for b in BENCHMARKS})


def scores(seed, mean=50.0):
    return pd.Series(np.random.default_rng(seed).normal(mean, 10, 16), index=GROUPS.index)


def web_ssl(table, size):
    rows = load("webssl_appendix_vqa")
    row = rows[(rows["table"] == table) & (rows["params_b"] == size)]
    return points(row).iloc[0], category_means(row).iloc[0]


def test_a_category_has_the_paired_t_interval_of_scipy():
    first, second = scores(0), scores(1)
    table = paired_differences(first, second, GROUPS)
    for category in GROUPS.unique():
        names = GROUPS.index[category == GROUPS]
        expected = stats.ttest_rel(first[names], second[names]).confidence_interval(0.95)
        assert tuple(table.loc[category, ["t_low", "t_high"]]) == pytest.approx(tuple(expected))
    assert list(table.index) == [*GROUPS.unique(), "average"]


def test_two_groups_have_welchs_interval():
    """The average of two groups is half their sum; with one sign turned it is Welch's difference of means."""
    groups = pd.Series({**{f"a{i}": "a" for i in range(4)}, **{f"b{i}": "b" for i in range(7)}})
    gaps = pd.Series(np.random.default_rng(3).normal(size=11), index=groups.index)
    row = paired_differences(gaps, 0 * gaps, groups).loc["average"]
    welch = stats.ttest_ind(gaps[groups == "a"], -gaps[groups == "b"], equal_var=False)
    expected = np.array(welch.confidence_interval(0.95)) / 2
    assert (row["t_low"], row["t_high"]) == pytest.approx(tuple(expected))


@pytest.mark.parametrize(
    ("confidence", "x", "average"), [(0.4, (0.5, 0.5), (6, 6.5)), (0.8, (0, 1), (5.25, 7.25))]
)
def test_the_bootstrap_draws_benchmarks_within_their_category(confidence, x, average):
    """Two benchmarks per category: means 0, 0.5, 0.5, 1 and 10, 12, 12, 14, all 16 pairs equally likely."""
    groups = pd.Series({"a": "x", "b": "x", "c": "y", "d": "y"})
    gaps = pd.Series({"a": 0.0, "b": 1.0, "c": 10.0, "d": 14.0})
    table = paired_differences(gaps, 0 * gaps, groups, confidence, rounds=20000)
    ends = table[["boot_low", "boot_high"]]
    assert tuple(ends.loc["x"]) == x
    assert tuple(ends.loc["average"]) == average


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_swapping_models_turns_the_sign_and_order_changes_nothing(seed, shuffler):
    first, second = scores(seed), scores(seed + 1)
    table = paired_differences(first, second, GROUPS, rounds=10)
    swapped = paired_differences(second, first, GROUPS, rounds=10)
    assert list(swapped["t_low"]) == pytest.approx(list(-table["t_high"]))
    order = list(GROUPS.index)
    shuffler.shuffle(order)
    again = paired_differences(first[order], second, GROUPS, rounds=10)
    columns = ["difference", "t_low", "t_high"]
    pd.testing.assert_frame_equal(again[columns], table[columns])


def test_with_four_benchmarks_t_covers_and_the_percentile_bootstrap_does_not():
    groups = pd.Series("x", index=list("abcd"))
    hits = []
    for seed in range(150):
        gaps = pd.Series(np.random.default_rng(seed).normal(3, 2, 4), index=groups.index)
        row = paired_differences(gaps, 0 * gaps, groups, rounds=200, seed=seed).loc["x"]
        hits.append((row["t_low"] <= 3 <= row["t_high"], row["boot_low"] <= 3 <= row["boot_high"]))
    t, boot = np.mean(hits, axis=0)
    assert t == pytest.approx(0.95, abs=0.053)  # 3 standard deviations
    assert boot < 0.87


def test_web_dino_against_clip_at_seven_billion_parameters():
    """Ahead in Vision-Centric, behind in none for sure; +0.90 on average is not yet more than noise."""
    (ssl, ssl_means), (clip, clip_means) = web_ssl(6, 7), web_ssl(12, 7)
    table = paired_differences(ssl, clip, GROUPS)
    assert table["difference"].round(2).to_dict() == {
        "General": 1.32,
        "Knowledge": 0.19,
        "OCR & Chart": -3.95,
        "Vision-Centric": 6.05,
        "average": 0.90,
    }
    assert list(table["difference"]) == pytest.approx(list(ssl_means - clip_means))
    assert list(table.index[table["t_low"] > 0]) == ["Vision-Centric"]
    assert not (table["t_high"] < 0).any()
    assert table.at["OCR & Chart", "boot_high"] < 0  # the narrow interval would have claimed it
    small = paired_differences(web_ssl(6, 1)[0], web_ssl(12, 1)[0], GROUPS)
    assert small.at["average", "t_high"] < 0  # at one billion CLIP is ahead


def test_mcnemar_is_the_binomial_test_of_the_discordant_items():
    random = np.random.default_rng(0)
    first, second = random.random(300) < 0.7, random.random(300) < 0.6
    result = mcnemar(first, second)
    assert result.only_first == np.sum(first & ~second)
    assert result.both + result.only_first + result.only_second + result.neither == 300
    assert result.difference == pytest.approx(first.mean() - second.mean())
    assert result.p == stats.binomtest(result.only_second, result.only_first + result.only_second).pvalue
    # Wald for paired shares is the z interval of the mean of the differences -1, 0, 1
    gaps = first.astype(float) - second
    assert result.high - result.difference == pytest.approx(1.959964 * gaps.std() / np.sqrt(300), rel=1e-6)
    assert "on 300 items" in str(result)


def test_mcnemar_by_hand_and_without_any_difference():
    """9 items that only one model has right, 8 of them the first: p = 2 (1 + 9) / 2^9."""
    first = [1] * 8 + [0] + [1] * 20
    second = [0] * 8 + [1] + [1] * 20
    assert mcnemar(first, second).p == pytest.approx(2 * (1 + 9) / 2**9)
    same = mcnemar(first, first)
    assert (same.p, same.difference, same.low, same.high) == (1, 0, 0, 0)


def test_discordance_counts_what_two_correlated_models_differ_on():
    assert discordance(0.6, 0.6) == pytest.approx(2 * 0.6 * 0.4)
    assert discordance(0.6, 0.6, 1.0) == pytest.approx(0, abs=1e-12)
    random = np.random.default_rng(1)
    both = random.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 200_000) < [0.3, 0.1]
    correlation = np.corrcoef(both.T)[0, 1]
    expected = np.mean(both[:, 0] != both[:, 1])
    assert discordance(*both.mean(axis=0), correlation) == pytest.approx(expected)


@pytest.mark.parametrize(("difference", "discordant"), [(0.05, 0.3), (0.1, 0.2), (0.03, 0.48)])
def test_with_the_items_needed_the_test_succeeds_as_often_as_promised(difference, discordant):
    """McNemar's z test on simulated items: 80 of 100 at the size computed."""
    n = items_needed(difference, discordant, power=0.8)
    first, second = (discordant + difference) / 2, (discordant - difference) / 2
    draws = np.random.default_rng(0).multinomial(n, [first, second, 1 - discordant], size=20000)
    z = (draws[:, 0] - draws[:, 1]) / np.sqrt(np.maximum(draws[:, 0] + draws[:, 1], 1))
    assert np.mean(z > stats.norm.ppf(0.975)) == pytest.approx(0.8, abs=0.03)  # whole items
    assert detection_power(n, difference, discordant) >= 0.8 > detection_power(n - 1, difference, discordant)
    assert smallest_difference(n, discordant) == pytest.approx(difference, rel=0.01)


def test_what_the_benchmarks_can_see():
    """Two models near 50 % with correlation 0.5: MMVP's 150 pairs see 11 points, AI2D's 3,088 items 2.5."""
    seen = {
        b.name: 100 * smallest_difference(b.items, discordance(0.5, 0.5, 0.5)) for b in BENCHMARKS if b.items
    }
    assert seen["MMVP"] == pytest.approx(11.3, abs=0.05)
    assert seen["AI2D"] == pytest.approx(2.5, abs=0.05)
    assert items_needed(0.02, discordance(0.6, 0.58)) == 9495
    assert items_needed(0.02, discordance(0.6, 0.58, 0.6)) == 3802  # models that agree need fewer


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: paired_differences(scores(0)[:15], scores(1), GROUPS),
            "CV-Bench 3D is not in both first and sec",
        ),
        (lambda: paired_differences(scores(0), scores(1), GROUPS[1:]), "MME is not in both first and groups"),
        (lambda: paired_differences(scores(0) * np.nan, scores(1), GROUPS), "MME, .* is NaN"),
        (lambda: paired_differences(scores(0), scores(1), GROUPS, confidence=95), "95 was given"),
        (lambda: mcnemar([0, 1], [1]), "2 and 1 items"),
        (lambda: mcnemar([], []), "0 and 0 items"),
        (lambda: mcnemar([0, 2, np.nan], [1, 0, 1]), "first holds 2 values"),
        (lambda: discordance(1.2, 0.5), "first=1.2"),
        (lambda: discordance(0.9, 0.1, 0.9), "correlation=0.9 was given"),
        (lambda: items_needed(0, 0.3), "not 0"),
        (lambda: items_needed(0.4, 0.3), "at most the share"),
        (lambda: items_needed(0.1, 0.3, power=1), "power: 1 was given"),
        (lambda: detection_power(0, 0.1, 0.3), "items=0"),
        (lambda: smallest_difference(3, 0.1), "too few"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
