"""Scaling fits that say how sure they are: a score, or a power law, against log2 of size, data or compute."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class LogLinearFit:
    """y = intercept + slope * log2(x) by least squares; slope is the gain per doubling of x.

    slope_low, slope_high: Student t interval at `confidence`. r2: share of the variance explained. noise:
    residual standard deviation with n - 2 in the denominator. logs (n,), values (n,): what was fitted.
    """

    intercept: float
    slope: float
    slope_low: float
    slope_high: float
    r2: float
    noise: float
    confidence: float
    logs: np.ndarray
    values: np.ndarray

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the residuals, n - 2."""
        return len(self.logs) - 2

    @property
    def spread(self) -> float:
        """Sum of squared deviations of log2(x): the more of it, the surer the slope."""
        return float(((self.logs - self.logs.mean()) ** 2).sum())

    def predict(self, x, interval: str = "observation") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Line at x > 0 and its t interval: of a new "observation" or of the "line" itself; three arrays.

        Raises ValueError for x that is not positive and another interval.
        """
        if interval not in ("observation", "line"):
            raise ValueError(f'predict: interval="{interval}" was given; choose "observation" or "line".')
        logs = np.log2(positive(x, "predict: x"))
        centre = self.intercept + self.slope * logs
        share = 1 / len(self.logs) + (logs - self.logs.mean()) ** 2 / self.spread
        half = (
            t_quantile(self.confidence, self.freedom)
            * self.noise
            * np.sqrt(share + (interval == "observation"))
        )
        return centre, centre - half, centre + half

    def __str__(self) -> str:
        return (
            f"{self.slope:+.2f} per doubling [{self.slope_low:+.2f}, {self.slope_high:+.2f}], "
            f"R2 {self.r2:.3f}, {len(self.logs)} points"
        )


@dataclass(frozen=True)
class PowerLawFit:
    """y = factor * x ** exponent, the least-squares line of log2(y) on log2(x) (`line`).

    exponent_low, exponent_high: Student t interval.
    """

    factor: float
    exponent: float
    exponent_low: float
    exponent_high: float
    line: LogLinearFit

    @property
    def doubling(self) -> float:
        """What a doubling of x multiplies y by, 2 ** exponent."""
        return 2**self.exponent

    def predict(self, x, interval: str = "observation") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """y at x > 0 and its interval, mapped back from the logarithm; see `LogLinearFit.predict`."""
        centre, low, high = self.line.predict(x, interval)
        return 2**centre, 2**low, 2**high

    def __str__(self) -> str:
        return (
            f"y = {self.factor:.3g} x^{self.exponent:.3f} "
            f"[{self.exponent_low:.3f}, {self.exponent_high:.3f}]: a doubling multiplies y by "
            f"{self.doubling:.3f}; R2 {self.line.r2:.3f}, {len(self.line.logs)} points"
        )


def log_linear_fit(x, y, confidence: float = 0.95) -> LogLinearFit:
    """Least squares of y (n,) on log2 of x (n,) > 0, with the t interval of the slope.

    x: parameters, samples seen, compute, any unit; y: a score. The interval assumes independent errors of
    equal size: with 4 or 5 points and one training run each, that is an assumption, not a finding. Raises
    ValueError for fewer than 3 points, different lengths, NaN, x <= 0, and fewer than two distinct x.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"log_linear_fit: confidence={confidence} was given; it lies between 0 and 1.")
    logs = np.log2(positive(x, "log_linear_fit: x"))
    values = numbers(y, "log_linear_fit: y")
    if logs.shape != values.shape or logs.ndim != 1:
        raise ValueError(
            f"log_linear_fit: x has shape {logs.shape} and y {values.shape}; give two lists of one length."
        )
    if len(logs) < 3:
        raise ValueError(
            f"log_linear_fit: {len(logs)} points were given; a line through two leaves no error to measure, "
            "give at least 3."
        )
    if np.ptp(logs) == 0:
        raise ValueError(f"log_linear_fit: all x are {2 ** logs[0]:.6g}; a slope needs two distinct x.")
    around = logs - logs.mean()
    slope = float(around @ values / (around @ around))
    intercept = float(values.mean() - slope * logs.mean())
    unexplained = float(((values - intercept - slope * logs) ** 2).sum())
    total = float(((values - values.mean()) ** 2).sum())
    noise = math.sqrt(unexplained / (len(logs) - 2))
    half = t_quantile(confidence, len(logs) - 2) * noise / math.sqrt(float(around @ around))
    # a flat line through equal values explains all there is
    r2 = 1 - unexplained / total if total > 0 else 1.0
    return LogLinearFit(intercept, slope, slope - half, slope + half, r2, noise, confidence, logs, values)


def power_law_fit(x, y, confidence: float = 0.95) -> PowerLawFit:
    """y = factor * x ** exponent fitted as a line in log-log; x, y (n,) > 0, for example compute and error.

    The logarithm makes errors relative: a point at 2 % error weighs as much as one at 50 %. There is no
    irreducible error in it, so it must not be drawn far beyond its points (Cherti et al. 2023,
    arXiv:2212.07143, section 4). Raises ValueError as `log_linear_fit`, and for y <= 0.
    """
    line = log_linear_fit(x, np.log2(positive(y, "power_law_fit: y")), confidence)
    return PowerLawFit(2**line.intercept, line.slope, line.slope_low, line.slope_high, line)


@cache
def t_quantile(confidence: float, freedom: float) -> float:
    """Half width of a two-sided Student t interval in standard errors."""
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, freedom))


def numbers(values, name: str) -> np.ndarray:
    """`values` as floats; raises ValueError for NaN and infinity."""
    found = np.asarray(list(values) if isinstance(values, Sequence) else values, dtype=float)
    bad = np.flatnonzero(~np.isfinite(np.atleast_1d(found)))
    if len(bad):
        raise ValueError(
            f"{name}: {len(bad)} values are NaN or infinite (first at position {bad[0]}); drop them."
        )
    return found


def positive(values, name: str) -> np.ndarray:
    """`values` as floats above 0; raises ValueError otherwise."""
    found = numbers(values, name)
    if np.any(found <= 0):
        raise ValueError(f"{name}: {np.min(found):.6g} was given; a logarithm needs values above 0.")
    return found
