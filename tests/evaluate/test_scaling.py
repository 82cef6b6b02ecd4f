"""Scaling fits against SciPy, against the normal equations, and against simulated truth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_lib.arena.published.datasets import load
from course_lib.arena.published.vqa_benchmarks import category_means
from course_lib.evaluate.scaling import log_linear_fit, power_law_fit
from course_lib.evaluate.scaling_compare import crossing, slope_difference
from course_lib.evaluate.scaling_factors import exposure, factor_fit

SIZES = [1, 2, 3, 5, 7]


def web_ssl(table: int, column: str) -> pd.Series:
    """A category mean of one appendix table of the Web-SSL paper, by model size or samples seen."""
    rows = load("webssl_appendix_vqa").query("table == @table")
    x = rows["samples_seen_b" if table == 8 else "params_b"]
    return pd.Series(category_means(rows)[column].to_numpy(), index=x.to_numpy(), name=column)


def noisy_line(seed, slope=2.0, level=30.0, x=(1, 2, 4, 8, 16), noise=1.0):
    random = np.random.default_rng(seed)
    return level + slope * np.log2(x) + noise * random.standard_normal(len(x))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 12))
def test_the_line_is_the_one_of_scipy(seed, points):
    random = np.random.default_rng(seed)
    x, y = random.uniform(0.1, 50, points), random.uniform(0, 100, points)
    fit, expected = log_linear_fit(x, y), stats.linregress(np.log2(x), y)
    assert fit.slope == pytest.approx(expected.slope)
    assert fit.intercept == pytest.approx(expected.intercept)
    assert fit.r2 == pytest.approx(expected.rvalue**2)
    half = stats.t.ppf(0.975, points - 2) * expected.stderr
    assert (fit.slope_low, fit.slope_high) == pytest.approx((fit.slope - half, fit.slope + half))


def test_ocr_and_chart_grows_by_4_22_per_doubling_of_samples_seen():
    """Section 3.5 of the audit: 7B model, 1 to 8 billion samples, R2 0.998; four points leave it wide."""
    series = web_ssl(8, "OCR & Chart")
    fit = log_linear_fit(series.index, series)
    assert round(fit.slope, 2) == 4.22
    assert round(fit.r2, 3) == 0.998
    assert (fit.slope_low, fit.slope_high) == pytest.approx((3.619, 4.813), abs=1e-3)
    assert str(fit) == "+4.22 per doubling [+3.62, +4.81], R2 0.998, 4 points"


def test_only_the_language_free_model_gains_from_size():
    """Web-DINO +1.70 per doubling of parameters, CLIP +0.13; their averages meet near 4.9 billion."""
    ssl, clip = (web_ssl(table, "average") for table in (6, 12))
    first, second = log_linear_fit(ssl.index, ssl), log_linear_fit(clip.index, clip)
    assert (round(first.slope, 2), round(second.slope, 2)) == (1.70, 0.13)
    assert first.slope_low > 0 > second.slope_low
    gap = slope_difference(first, second)
    assert (gap.low, gap.high) == pytest.approx((1.10, 2.02), abs=0.005)
    assert str(gap).startswith("slopes differ: +1.56 per doubling")
    assert str(crossing(first, second)).endswith("at 4.9; the meeting point lies between 3.93 and 6.75")


def test_by_category_the_lines_meet_within_the_sizes_beyond_them_or_nobody_knows_where():
    """Vision-Centric near the smallest model, OCR & Chart at twice the largest, Knowledge anywhere."""
    met = {}
    for category in ("General", "Knowledge", "OCR & Chart", "Vision-Centric"):
        ssl, clip = (web_ssl(table, category) for table in (6, 12))
        met[category] = crossing(log_linear_fit(ssl.index, ssl), log_linear_fit(clip.index, clip))
    assert [round(c.x, 1) for c in met.values()] == [2.3, 35.0, 15.0, 0.8]
    assert met["OCR & Chart"].low > 7  # beyond the largest model: an extrapolation
    assert [name for name, c in met.items() if c.kind == "everywhere"] == ["Knowledge"]


def test_on_imagenet_alone_size_brings_nothing():
    """The talk's answer 2, as far as four sizes can say: 0.00 per doubling, between -0.63 and +0.62."""
    series = web_ssl(10, "average")
    fit = log_linear_fit(series.index, series)
    assert (fit.slope_low, fit.slope_high) == pytest.approx((-0.63, 0.62), abs=0.005)
    assert slope_difference(log_linear_fit(SIZES, web_ssl(6, "average")), fit).low > 0


def test_intervals_of_slope_line_and_new_observation_cover_95_of_100():
    x, hits = (1, 2, 4, 8, 16), []
    for seed in range(1000):
        fit = log_linear_fit(x, noisy_line(seed))
        random = np.random.default_rng(10**6 + seed)
        _, low, high = fit.predict(32, "line")
        _, new_low, new_high = fit.predict(32)
        new = 30 + 2 * 5 + random.standard_normal()
        hits.append((fit.slope_low <= 2 <= fit.slope_high, low <= 40 <= high, new_low <= new <= new_high))
    assert np.mean(hits, axis=0) == pytest.approx(0.95, abs=0.021)  # 3 standard deviations


def test_the_line_interval_is_narrowest_amid_the_points():
    fit = log_linear_fit(SIZES, noisy_line(0, x=SIZES))
    middle = 2 ** fit.logs.mean()
    centre, low, high = fit.predict([middle, 100 * middle], "line")
    assert high[0] - low[0] == pytest.approx(2 * stats.t.ppf(0.975, 3) * fit.noise / np.sqrt(5))
    assert high[1] - low[1] > 3 * (high[0] - low[0])
    assert centre[0] == pytest.approx(fit.values.mean())


def test_slope_difference_is_the_interaction_of_one_joint_regression():
    x = np.array([1, 2, 4, 8.0])
    first = log_linear_fit(x, noisy_line(1, x=x))
    second = log_linear_fit([1, 3, 9], noisy_line(2, x=[1, 3, 9]))
    group = np.r_[np.ones(4), np.zeros(3)]
    logs, y = np.r_[first.logs, second.logs], np.r_[first.values, second.values]
    design = np.stack([np.ones(7), group, logs, group * logs], axis=1)
    coefficients, squares, *_ = np.linalg.lstsq(design, y, rcond=None)
    error = np.sqrt(squares[0] / 3 * np.linalg.inv(design.T @ design)[3, 3])
    result = slope_difference(first, second)
    assert result.difference == pytest.approx(coefficients[3])
    assert result.high - result.difference == pytest.approx(stats.t.ppf(0.975, 3) * error)
    assert result.p == pytest.approx(2 * stats.t.sf(abs(coefficients[3]) / error, 3))


def test_without_equal_noise_the_degrees_of_freedom_are_those_of_welch():
    """At n points each with the same x, the slopes' test is Welch's with variances of slopes."""
    first = log_linear_fit(SIZES, noisy_line(1, x=SIZES, noise=5))
    second = log_linear_fit(SIZES, noisy_line(2, x=SIZES, noise=0.1))
    result = slope_difference(first, second, equal_noise=False)
    assert 3 <= result.freedom < 3.1  # the noisy fit alone
    pooled = slope_difference(first, second)
    assert pooled.freedom == 6
    assert result.high - result.low > pooled.high - pooled.low


def test_at_the_ends_of_fiellers_interval_the_lines_differ_just_significantly():
    first = log_linear_fit(SIZES, noisy_line(3, slope=6, level=20, x=SIZES))
    second = log_linear_fit(SIZES, noisy_line(4, slope=1, level=25, x=SIZES))
    meet = crossing(first, second)
    assert meet.kind == "interval"
    assert meet.low < meet.x < meet.high
    assert first.predict(meet.x)[0] == pytest.approx(second.predict(meet.x)[0])
    pooled = (first.noise**2 + second.noise**2) / 2
    for end in (meet.low, meet.high):
        gap = first.predict(end)[0] - second.predict(end)[0]
        variance = 2 * pooled * (1 / 5 + (np.log2(end) - first.logs.mean()) ** 2 / first.spread)
        assert abs(gap) / np.sqrt(variance) == pytest.approx(stats.t.ppf(0.975, 6))


def test_fiellers_set_covers_the_true_crossing_in_95_of_100_whatever_its_kind():
    """Slopes so close that every kind of set occurs; the lines truly meet at x = 4."""
    kinds, covered = [], []
    for seed in range(1000):
        first = log_linear_fit(SIZES, noisy_line(seed, slope=3.0, level=20, x=SIZES))
        second = log_linear_fit(SIZES, noisy_line(10**6 + seed, slope=1.5, level=23, x=SIZES))
        meet = crossing(first, second)
        kinds.append(meet.kind)
        inside = meet.low <= 4 <= meet.high
        covered.append({"interval": inside, "outside": not inside, "everywhere": True}[meet.kind])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.021)
    assert {"interval", "outside", "everywhere"} == set(kinds)


def test_nearly_parallel_lines_meet_beyond_all_numbers_and_say_so():
    first = log_linear_fit([1, 2, 4], [10, 11.1, 12])
    second = log_linear_fit([1, 2, 4], [20, 21.1, 22 + 1e-9])
    meet = crossing(first, second)
    assert meet.kind == "everywhere" or meet.kind == "outside"
    assert np.isfinite(meet.x)
    assert "lines meet at" in str(meet)


def test_a_power_law_is_found_again():
    x = np.array([1, 3, 10, 40.0])
    fit = power_law_fit(x, 50 * x**-0.2)
    assert (fit.factor, fit.exponent, fit.line.r2) == pytest.approx((50, -0.2, 1))
    assert fit.doubling == pytest.approx(2**-0.2)
    centre, low, high = fit.predict(100)
    assert (low, centre, high) == pytest.approx([50 * 100**-0.2] * 3)
    expected = np.polyfit(np.log(x), np.log([40, 37, 20, 19]), 1)
    assert power_law_fit(x, [40, 37, 20, 19]).exponent == pytest.approx(expected[0])


def test_openclip_error_falls_as_a_power_of_compute_and_more_slowly_on_smaller_pools():
    results = load("openclip_scaling_results")
    imagenet = results[results["downstream_dataset"] == "imagenet1k"]
    fits = {
        pool: power_law_fit(rows["gmacs_total"], 100 * (1 - rows["acc1"]))
        for pool, rows in imagenet.groupby("upstream_dataset")
    }
    exponents = {pool: round(fit.exponent, 3) for pool, fit in fits.items()}
    assert exponents == {"CLIP-WIT": -0.164, "LAION-2B": -0.114, "LAION-400M": -0.099, "LAION-80M": -0.073}
    assert [len(fit.line.logs) for fit in fits.values()] == [3, 13, 13, 5]
    # three points: the steeper slope of CLIP-WIT is not yet more than noise beside LAION-2B's interval
    assert fits["CLIP-WIT"].exponent_high > fits["LAION-2B"].exponent_low
    assert not slope_difference(fits["CLIP-WIT"].line, fits["LAION-2B"].line).low > 0


def test_exposure_tells_new_images_from_seen_ones():
    """Web-SSL: 1, 2, 4, 8 billion samples of a pool of 2 billion; and the pool filtered to 1.3 %."""
    table = exposure([1e9, 2e9, 4e9, 8e9], 2e9)
    assert list(table["unique_images"]) == [1e9, 2e9, 2e9, 2e9]
    assert list(table["passes"]) == [1, 1, 2, 4]
    assert exposure(2e9, 0.013 * 2e9)["passes"][0] == pytest.approx(76.9, abs=0.05)


def test_factors_are_separated_where_the_runs_separate_them():
    random = np.random.default_rng(0)
    seen, pool, size = (2.0 ** random.uniform(0, 6, 40) for _ in range(3))
    y = 5 + 2 * np.log2(seen) + 0.5 * np.log2(pool) + random.standard_normal(40)
    fit = factor_fit({"seen": seen, "pool": pool, "size": size}, y)
    design = np.stack([np.ones(40), *np.log2([seen, pool, size])], axis=1)
    coefficients, squares, *_ = np.linalg.lstsq(design, y, rcond=None)
    np.testing.assert_allclose([fit.intercept, *fit.table["slope"]], coefficients)
    errors = np.sqrt(squares[0] / 36 * np.diag(np.linalg.inv(design.T @ design)))[1:]
    np.testing.assert_allclose(fit.table["high"], coefficients[1:] + stats.t.ppf(0.975, 36) * errors)
    np.testing.assert_allclose(fit.table["p"], 2 * stats.t.sf(np.abs(coefficients[1:]) / errors, 36))
    assert fit.r2 == pytest.approx(1 - squares[0] / ((y - y.mean()) ** 2).sum())


def test_one_factor_is_the_line():
    y = noisy_line(5, x=SIZES)
    line, fit = log_linear_fit(SIZES, y), factor_fit({"size": SIZES}, y)
    assert tuple(fit.table.loc["size", ["slope", "low", "high"]]) == pytest.approx(
        (line.slope, line.slope_low, line.slope_high)
    )
    assert (fit.intercept, fit.r2, fit.noise) == pytest.approx((line.intercept, line.r2, line.noise))


def test_in_openclip_a_new_image_is_worth_more_than_a_repeated_one():
    results = load("openclip_scaling_results")
    rows = results[
        (results["downstream_dataset"] == "imagenet1k") & results["upstream_dataset"].str.startswith("LAION")
    ]
    pool = rows["upstream_dataset"].map({"LAION-80M": 80e6, "LAION-400M": 400e6, "LAION-2B": 2e9})
    shown = exposure(rows["samples_seen"], pool)
    factors = {"gmacs": rows["gmacs"], "unique": shown["unique_images"], "passes": shown["passes"]}
    slopes = factor_fit(factors, 100 * rows["acc1"]).table
    assert slopes["slope"].round(2).to_dict() == {"gmacs": 2.79, "unique": 3.04, "passes": 2.0}
    pool_effect = factor_fit(
        {"gmacs": rows["gmacs"], "seen": rows["samples_seen"], "pool": pool}, 100 * rows["acc1"]
    ).table.loc["pool"]
    assert pool_effect["low"] > 0  # at equal samples seen
    assert pool_effect["slope"] == pytest.approx(slopes.at["unique", "slope"] - slopes.at["passes", "slope"])


def test_web_ssl_cannot_tell_new_images_from_repeated_ones():
    """From 2 billion samples on the pool is used up: only the passes change."""
    shown = exposure([2e9, 4e9, 8e9, 8e9], 2e9)
    with pytest.raises(ValueError, match="unique_images, passes do not vary independently"):
        factor_fit({name: shown[name] for name in ("unique_images", "passes")}, [31.4, 35.6, 39.4, 39.3])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: log_linear_fit([1, 2], [1, 2]), "2 points were given"),
        (lambda: log_linear_fit([1, 2, 3], [1, 2]), "one length"),
        (lambda: log_linear_fit([1, 0, 3], [1, 2, 3]), "0 was given; a logarithm"),
        (lambda: log_linear_fit([1, 2, 3], [1, np.nan, 3]), "1 values are NaN or infinite"),
        (lambda: log_linear_fit([2, 2, 2], [1, 2, 3]), "two distinct x"),
        (lambda: log_linear_fit([1, 2, 3], [1, 2, 3], confidence=95), "confidence=95"),
        (lambda: log_linear_fit([1, 2, 3], [1, 2, 3]).predict(4, "mean"), '"observation" or "line"'),
        (lambda: power_law_fit([1, 2, 3], [1, -2, 3]), "-2 was given"),
        (lambda: crossing(*[log_linear_fit([1, 2, 4], [0, 1, 3])] * 2), "parallel"),
        (lambda: slope_difference(*[log_linear_fit([1, 2, 4], [0, 0, 0])] * 2), "no error is left"),
        (lambda: factor_fit({"a": [1, 2, 3], "b": [3, 1, 2]}, [1, 2, 3]), "3 points and 2 factors"),
        (lambda: factor_fit({"a": [1, 2, 3, 4]}, [1, 2, 3]), "a has shape"),
        (lambda: exposure([1], 0), "images"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
