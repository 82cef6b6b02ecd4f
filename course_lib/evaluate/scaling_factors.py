"""Several causes of scaling at once: images seen or images known? More parameters or more data?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course_lib.evaluate.scaling import numbers, positive, t_quantile

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FactorFit:
    """y = intercept + sum of slope * log2(factor) by least squares.

    table: one row a factor with slope (change of y per doubling of this factor, all others kept), low, high
    (Student t interval) and p. r2, noise (residual standard deviation), freedom (n - factors - 1).
    """

    intercept: float
    table: pd.DataFrame
    r2: float
    noise: float
    freedom: int


def exposure(samples_seen, images) -> pd.DataFrame:
    """How many different images a run saw, and how often each: columns samples_seen, unique_images, passes.

    samples_seen (n,): images shown in training; images: size of the pool, one number or (n,). Whole passes
    without replacement: a run shorter than one pass sees each image at most once, so unique_images is the
    smaller of the two. "More data" above one pass means the same images again. Raises ValueError for values
    that are not positive.
    """
    import pandas as pd

    seen = np.atleast_1d(positive(samples_seen, "exposure: samples_seen"))
    pool = np.broadcast_to(positive(images, "exposure: images"), seen.shape)
    unique = np.minimum(seen, pool)
    return pd.DataFrame({"samples_seen": seen, "unique_images": unique, "passes": seen / unique})


def factor_fit(factors: Mapping[str, Sequence[float]], y, confidence: float = 0.95) -> FactorFit:
    """Effect of each factor at fixed values of the others: y (n,) on log2 of all factors together.

    factors: name -> (n,) values > 0, for example {"unique_images": ..., "passes": ..., "parameters": ...};
    give log2 of an error rate as y for a power law. Raises ValueError for too few points, different lengths,
    NaN, values <= 0, and for factors that only change together: no fit can tell them apart, only another
    experiment can (the sentence names them).
    """
    import pandas as pd
    from scipy.stats import t

    values = numbers(y, "factor_fit: y")
    logs = []
    for name, column in factors.items():
        logs.append(np.log2(positive(column, f"factor_fit: {name}")))
        if logs[-1].shape != values.shape:
            raise ValueError(
                f"factor_fit: {name} has shape {logs[-1].shape} and y {values.shape}; give one each."
            )
    freedom = len(values) - len(factors) - 1
    if not factors or freedom < 1:
        raise ValueError(
            f"factor_fit: {len(values)} points and {len(factors)} factors were given; give at least one "
            "factor and two more points than factors."
        )
    centred = np.stack([column - column.mean() for column in logs], axis=1)  # (n, factors)
    if np.linalg.matrix_rank(centred, tol=1e-6) < len(factors):
        raise ValueError(
            f"factor_fit: {', '.join(factors)} do not vary independently in these {len(values)} points; no "
            "fit can tell their effects apart. Leave one out, or add runs in which one changes alone."
        )
    inverse = np.linalg.inv(centred.T @ centred)
    slopes = inverse @ centred.T @ (values - values.mean())
    residuals = values - values.mean() - centred @ slopes
    noise = math.sqrt(float(residuals @ residuals) / freedom)
    errors = noise * np.sqrt(np.diag(inverse))
    half = t_quantile(confidence, freedom) * errors
    with np.errstate(divide="ignore"):
        p = 2 * t.sf(np.abs(slopes) / errors, freedom)
    total = float(((values - values.mean()) ** 2).sum())
    return FactorFit(
        intercept=float(
            values.mean() - sum(s * column.mean() for s, column in zip(slopes, logs, strict=True))
        ),
        table=pd.DataFrame(
            {"slope": slopes, "low": slopes - half, "high": slopes + half, "p": p}, index=list(factors)
        ),
        r2=1 - float(residuals @ residuals) / total if total > 0 else 1.0,
        noise=noise,
        freedom=freedom,
    )
