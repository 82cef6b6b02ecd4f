"""Two models on the same benchmarks or items: their difference, how sure it is, how many items it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def paired_differences(
    first: pd.Series,
    second: pd.Series,
    groups: pd.Series,
    confidence: float = 0.95,
    rounds: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean difference first - second per group of benchmarks, and over all, each with two intervals.

    first, second: scores in points, indexed by benchmark; groups: benchmark -> category. Rows: the categories
    in the order of `groups`, then "average", the mean of the category means. Columns: difference, n
    (benchmarks), t_low, t_high (paired t interval of the n differences; for "average" the groups' variances
    added, with the degrees of freedom of Welch and Satterthwaite), boot_low, boot_high (percentiles over
    `rounds` resamples of the benchmarks within each group). Both ask: had other benchmarks of the same kind
    been taken, would the difference stay? With four benchmarks a percentile interval is much too narrow (it
    cannot leave the range of four numbers): read t. Intervals are NaN for a group of one. Raises ValueError
    for benchmarks that differ between first, second and groups (named), NaN, and a confidence outside (0, 1).
    """
    import pandas as pd

    _confidence(confidence, "paired_differences")
    for name, other in (("second", second), ("groups", groups)):
        apart = sorted(set(first.index) ^ set(other.index), key=str)
        if apart:
            raise ValueError(
                f"paired_differences: {', '.join(map(str, apart))} is not in both first and {name}; pairs "
                "need the same benchmarks."
            )
    if not first.index.is_unique or not len(first):
        raise ValueError("paired_differences: give at least one benchmark, and each once.")
    gaps = (first - second.reindex(first.index)).astype(float)
    if gaps.isna().any():
        raise ValueError(
            f"paired_differences: {', '.join(map(str, gaps.index[gaps.isna()]))} is NaN; drop it."
        )
    by_group = [
        (name, gaps[names].to_numpy()) for name, names in groups.groupby(groups, sort=False).groups.items()
    ]
    random = np.random.default_rng(seed)
    tails = [50 * (1 - confidence), 50 * (1 + confidence)]
    rows, means, variances, freedoms = [], [], [], []
    for _, values in by_group:
        n = len(values)
        variances.append(values.var(ddof=1) / n if n > 1 else math.nan)
        freedoms.append(n - 1)
        means.append(values[random.integers(n, size=(rounds, n))].mean(axis=1))
        half = _half(variances[-1], n - 1, confidence)
        boot = np.percentile(means[-1], tails)
        rows.append((values.mean(), n, values.mean() - half, values.mean() + half, *boot))
    average = float(np.mean([row[0] for row in rows]))
    parts = np.array(variances) / len(rows) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = parts.sum() ** 2 / (parts**2 / np.array(freedoms)).sum()
    half = _half(parts.sum(), freedom, confidence)
    boot = np.percentile(np.mean(means, axis=0), tails)
    rows.append((average, len(gaps), average - half, average + half, *boot))
    return pd.DataFrame(
        rows,
        columns=["difference", "n", "t_low", "t_high", "boot_low", "boot_high"],
        index=[name for name, _ in by_group] + ["average"],
    )


@dataclass(frozen=True)
class McNemar:
    """Two models on the same items. only_first, only_second: items that just one of them got right.

    difference: accuracy of first - accuracy of second, with a Wald interval low..high for paired shares.
    p: exact two-sided binomial test that the items on which they differ fall either way alike.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    difference: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        items = self.both + self.only_first + self.only_second + self.neither
        return (
            f"{100 * self.difference:+.1f} points [{100 * self.low:+.1f}, {100 * self.high:+.1f}] on {items} "
            f"items; they differ on {self.only_first + self.only_second} ({self.only_first} : "
            f"{self.only_second}), p = {self.p:.3g}"
        )


def mcnemar(first, second, confidence: float = 0.95) -> McNemar:
    """Exact McNemar test of two models on the same items (McNemar 1947); only discordant items speak.

    first, second (n,): right or wrong (bool, or 0 and 1), item i in both the same. Raises ValueError for
    different lengths, no items, and values that are not 0 or 1.
    """
    from scipy.stats import binomtest, norm

    _confidence(confidence, "mcnemar")
    answers = []
    for name, values in (("first", first), ("second", second)):
        array = np.asarray(values)
        wrong = np.flatnonzero(~np.isin(array, (0, 1)))
        if array.ndim != 1 or len(wrong):
            raise ValueError(
                f"mcnemar: {name} holds {len(wrong)} values that are not 0 or 1 (shape {array.shape}); give "
                "right or wrong, one value per item."
            )
        answers.append(array.astype(bool))
    a, b = answers
    if len(a) != len(b) or not len(a):
        raise ValueError(
            f"mcnemar: {len(a)} and {len(b)} items were given; both models answer the same items."
        )
    table = [int(np.sum(x & y)) for x in (a, ~a) for y in (b, ~b)]
    both, only_first, only_second, neither = table
    n, discordant = len(a), only_first + only_second
    difference = (only_first - only_second) / n
    error = math.sqrt(max(discordant / n - difference**2, 0) / n)
    half = float(norm.ppf((1 + confidence) / 2)) * error
    p = float(binomtest(only_first, discordant).pvalue) if discordant else 1.0
    return McNemar(
        both, only_first, only_second, neither, difference, difference - half, difference + half, p
    )


def discordance(first: float, second: float, correlation: float = 0.0) -> float:
    """Share of items on which two models with these accuracies differ: a (1 - b) + b (1 - a) - 2 covariance.

    correlation: of right and wrong over items, 0 for independent models; models of one family agree more,
    and so need fewer items. Raises ValueError for accuracies outside [0, 1] and for a correlation that
    these accuracies do not allow.
    """
    for name, value in (("first", first), ("second", second)):
        if not 0 <= value <= 1:
            raise ValueError(f"discordance: {name}={value} was given; an accuracy lies in [0, 1].")
    spread = math.sqrt(first * (1 - first) * second * (1 - second))
    both = first * second + correlation * spread
    least, most = max(0.0, first + second - 1), min(first, second)
    if not least - 1e-12 <= both <= most + 1e-12:
        raise ValueError(
            f"discordance: correlation={correlation} was given; accuracies {first} and {second} allow "
            f"{(least - first * second) / spread:.3f} to {(most - first * second) / spread:.3f}."
        )
    return first + second - 2 * both


def items_needed(difference: float, discordant: float, power: float = 0.8, significance: float = 0.05) -> int:
    """Items after which a paired test finds a difference of accuracies with probability `power`.

    difference: of the accuracies, as a share (0.02 = 2 points); discordant: share of items on which the
    models differ, see `discordance`. Normal approximation of McNemar's two-sided test (Connor 1987,
    Biometrics 43, equation 2): n = (z_a sqrt(discordant) + z_b sqrt(discordant - difference^2))^2 /
    difference^2. Raises ValueError for a difference of 0 or above `discordant`, and shares outside (0, 1).
    """
    from scipy.stats import norm

    _shares(difference, discordant, significance, "items_needed")
    _confidence(power, "items_needed: power")
    z_a, z_b = norm.ppf(1 - significance / 2), norm.ppf(power)
    root = z_a * math.sqrt(discordant) + z_b * math.sqrt(discordant - difference**2)
    return math.ceil((root / difference) ** 2)


def detection_power(items: int, difference: float, discordant: float, significance: float = 0.05) -> float:
    """Probability that a paired test on this many items finds the difference: the inverse of `items_needed`.

    The other tail, a significant result of the wrong sign, is left out. Raises ValueError as `items_needed`,
    and for items < 1.
    """
    from scipy.stats import norm

    _shares(difference, discordant, significance, "detection_power")
    if items < 1:
        raise ValueError(f"detection_power: items={items} was given; give at least 1.")
    reach = abs(difference) * math.sqrt(items) - norm.ppf(1 - significance / 2) * math.sqrt(discordant)
    spread = math.sqrt(discordant - difference**2)
    return float(norm.cdf(reach / spread)) if spread > 0 else float(reach > 0)


def smallest_difference(
    items: int, discordant: float, power: float = 0.8, significance: float = 0.05
) -> float:
    """Smallest difference of accuracies (a share) that a paired test on this many items finds with `power`.

    Raises ValueError as `detection_power`, and where not even a difference of `discordant` would be found.
    """
    from scipy.optimize import brentq

    _confidence(power, "smallest_difference: power")

    def lacking(difference: float) -> float:
        return detection_power(items, difference, discordant, significance) - power

    if lacking(discordant) < 0:
        raise ValueError(
            f"smallest_difference: {items} items, {discordant:.3g} of them discordant, are too few for any "
            f"difference at power {power}; take more items."
        )
    return float(brentq(lacking, 1e-9 * discordant, discordant))


def _half(variance: float, freedom: float, confidence: float) -> float:
    """Half width of a t interval; NaN where one value leaves no variance, 0 where all values are equal."""
    from scipy.stats import t

    if variance == 0:
        return 0.0
    return float(t.ppf((1 + confidence) / 2, freedom)) * math.sqrt(variance)


def _confidence(value: float, name: str) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name}: {value} was given; it lies between 0 and 1, for example 0.95.")


def _shares(difference: float, discordant: float, significance: float, where: str) -> None:
    _confidence(significance, f"{where}: significance")
    if not 0 < abs(difference) <= discordant <= 1:
        raise ValueError(
            f"{where}: difference={difference} and discordant={discordant} were given; the difference is "
            "not 0 and at most the share of items on which the models differ."
        )
