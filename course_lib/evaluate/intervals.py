"""Mean and 95 % interval of a handful of repeated measurements."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A mean with its interval. `low` and `high` are nan when there was only one value."""

    mean: float
    low: float
    high: float
    values: tuple[float, ...]

    def __str__(self) -> str:
        if len(self.values) < 2:
            return f"{100 * self.mean:.1f} % (one run)"
        return f"{100 * self.mean:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def t_interval(values, confidence: float = 0.95) -> Interval:
    """Student's t interval of the mean of n values: mean +- t_{n-1} s / sqrt(n), s with 1/(n-1).

    Raises ValueError for no values and for a confidence outside (0, 1).
    """
    values = tuple(float(value) for value in values)
    if not values:
        raise ValueError("t_interval: no values were given; measure at least once (twice for an interval).")
    if not 0 < confidence < 1:
        raise ValueError(
            f"t_interval: confidence={confidence} was given; it lies between 0 and 1, for example 0.95."
        )
    n, mean = len(values), math.fsum(values) / len(values)
    if n == 1:
        return Interval(mean, math.nan, math.nan, values)
    from scipy.stats import t

    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(t.ppf((1 + confidence) / 2, n - 1)) * deviation / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, values)
