"""Two scaling lines compared: do their slopes differ, and where do they meet? With intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from course_lib.evaluate.scaling import LogLinearFit, t_quantile


@dataclass(frozen=True)
class SlopeDifference:
    """Slope of the first fit minus slope of the second, per doubling, with interval and two-sided p."""

    difference: float
    low: float
    high: float
    p: float
    freedom: float

    def __str__(self) -> str:
        verdict = "differ" if self.low > 0 or self.high < 0 else "cannot be told apart"
        return (
            f"slopes {verdict}: {self.difference:+.2f} per doubling [{self.low:+.2f}, {self.high:+.2f}], "
            f"p = {self.p:.3g}"
        )


@dataclass(frozen=True)
class Crossing:
    """The x at which two lines meet, with Fieller's confidence set.

    kind "interval": the set is low..high. "outside": it is everything below low and above high, because the
    slopes differ too little. "everywhere": it is every x > 0 (low 0, high inf): the data say nothing.
    """

    x: float
    low: float
    high: float
    kind: str

    def __str__(self) -> str:
        where = {
            "interval": f"between {self.low:.3g} and {self.high:.3g}",
            "outside": f"below {self.low:.3g} or above {self.high:.3g}",
            "everywhere": "anywhere, for all that these points can say",
        }
        return f"the lines meet at {self.x:.3g}; the meeting point lies {where[self.kind]}"


def slope_difference(first: LogLinearFit, second: LogLinearFit, equal_noise: bool = True) -> SlopeDifference:
    """Difference of two slopes with its t interval, at the confidence of `first`.

    equal_noise=True pools the residuals (n1 + n2 - 4 degrees of freedom, exact if both fits have the same
    noise); False keeps them apart with the degrees of freedom of Welch and Satterthwaite. Two intervals that
    overlap are no test of a difference; this is one. Raises ValueError for two fits without any noise.
    """
    from scipy.stats import t

    variances = [fit.noise**2 / fit.spread for fit in (first, second)]
    if equal_noise:
        freedom: float = first.freedom + second.freedom
        pooled = _pooled_variance(first, second)
        variances = [pooled / fit.spread for fit in (first, second)]
    variance = sum(variances)
    if variance <= 0:
        raise ValueError(
            "slope_difference: both fits pass through all their points; no error is left to measure."
        )
    if not equal_noise:
        parts = [v**2 / fit.freedom for v, fit in zip(variances, (first, second), strict=True)]
        freedom = variance**2 / sum(parts)
    error = math.sqrt(variance)
    difference = first.slope - second.slope
    half = t_quantile(first.confidence, freedom) * error
    p = 2 * float(t.sf(abs(difference) / error, freedom))
    return SlopeDifference(difference, difference - half, difference + half, p, freedom)


def crossing(first: LogLinearFit, second: LogLinearFit) -> Crossing:
    """Where two log-linear fits meet, with Fieller's confidence set (Fieller 1954) at first's confidence.

    The set holds every x at which the difference of the lines, tested with pooled noise and n1 + n2 - 4
    degrees of freedom, is not significant; so it may be unbounded, and says so. Raises ValueError for equal
    slopes (the lines never meet).
    """
    level, slope = first.intercept - second.intercept, first.slope - second.slope
    if slope == 0:
        raise ValueError(f"crossing: both slopes are {first.slope:.6g}; parallel lines do not meet.")
    pooled = _pooled_variance(first, second)
    limit = t_quantile(first.confidence, first.freedom + second.freedom) ** 2 * pooled
    means = [fit.logs.mean() for fit in (first, second)]
    weights = [1 / fit.spread for fit in (first, second)]
    level_variance = sum(
        1 / len(fit.logs) + m**2 * w for fit, m, w in zip((first, second), means, weights, strict=True)
    )
    covariance = -sum(m * w for m, w in zip(means, weights, strict=True))
    # (level + slope u)^2 <= limit * variance(u) with u = log2 x, as square * u^2 + 2 * half * u + rest <= 0
    square = slope**2 - limit * sum(weights)
    half = level * slope - limit * covariance
    rest = level**2 - limit * level_variance
    inside = half**2 - square * rest
    x = _exp2(-level / slope)
    if square < 0 and inside <= 0:
        return Crossing(x, 0.0, math.inf, "everywhere")
    ends = sorted((-half + sign * math.sqrt(max(inside, 0.0))) / square for sign in (-1, 1))
    return Crossing(x, _exp2(ends[0]), _exp2(ends[1]), "interval" if square > 0 else "outside")


def _pooled_variance(first: LogLinearFit, second: LogLinearFit) -> float:
    squares = sum(fit.noise**2 * fit.freedom for fit in (first, second))
    return squares / (first.freedom + second.freedom)


def _exp2(u: float) -> float:
    return float(np.exp2(np.clip(u, -1074, 1023)))  # nearly parallel lines meet beyond all floats
