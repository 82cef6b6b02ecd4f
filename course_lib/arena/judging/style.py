"""Style control: Bradley-Terry with covariates, so that a longer answer is not taken for a better one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.arena.battles import OUTCOMES, Coded, battle_weights, coded, pairs
from course_lib.arena.ratings.bradley_terry import require_finite_maximum, strengths
from course_lib.arena.ratings.newton import minimize

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class StyleFit:
    """What `style_controlled` found.

    strengths: per model, sum to 1, style taken out (as `bradley_terry` gives them). coefficients: change of
    model_a's log odds per scaled unit of each feature. mean, scale: x was used as (x - mean) / scale.
    """

    strengths: pd.Series
    coefficients: pd.Series
    mean: pd.Series
    scale: pd.Series


def length_difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(a - b) / (a + b), from -1 to 1 and 0 where both are 0. a, b: (N,) lengths or counts, >= 0.

    Raises ValueError for other shapes and for negative or missing lengths.
    """
    import numpy as np

    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        raise ValueError(f"length_difference: shapes {a.shape} and {b.shape} were given; they must be equal.")
    if not (np.isfinite(a).all() and np.isfinite(b).all() and (a >= 0).all() and (b >= 0).all()):
        raise ValueError("length_difference: a length is negative, infinite or missing; give numbers >= 0.")
    total = a + b
    return np.divide(a - b, total, out=np.zeros_like(total), where=total > 0)


def style_controlled(
    battles: pd.DataFrame,
    features: pd.DataFrame | Mapping[str, np.ndarray],
    weights=None,
    penalty: float = 0.0,
    feature_penalty: float = 0.0,
    center: bool = False,
) -> StyleFit:
    """Bradley-Terry strengths and style coefficients, fitted together by maximum likelihood.

    P(a beats b) = sigmoid(log s_a - log s_b + coefficients . scaled features).
    battles, weights: as in `bradley_terry`. features: one column per style, one number per battle, positive
    where model_a has more (see `length_difference`).
    center: False divides a feature by its root mean square: the strengths hold for answers of *equal* style
    and do not change when sides are swapped. True takes off the mean and divides by the standard deviation,
    as the published code does: the strengths then hold at the *average* difference in style, which is about
    0 where sides are random, but not where one reference is always model_a. Weights do not enter the scaling.
    penalty, feature_penalty: add half of it times the squared log strengths (coefficients) to the loss.

    Raises what `bradley_terry` raises; ValueError for features of another length, missing, infinite or
    constant ones, for negative penalties, and when a feature decides every battle: no finite fit exists.
    Source: Li et al. 2024, "Does style matter?", lmsys.org/blog/2024-08-28-style-control.
    """
    import numpy as np
    import pandas as pd

    for name, value in (("penalty", penalty), ("feature_penalty", feature_penalty)):
        if not (np.isfinite(value) and value >= 0):
            raise ValueError(f"style_controlled: {name}={value} was given; it is a number from 0 on.")
    counts = pairs(battles, weights)
    if penalty == 0:
        require_finite_maximum(counts)  # a feature cannot give a model that never lost a finite strength
    table = _checked_features(features, len(battles))
    mean = table.mean() if center else 0.0 * table.mean()
    scale = np.sqrt(((table - mean) ** 2).mean())
    scaled = (table - mean) / scale
    models = len(counts.models)
    ridge = np.r_[np.full(models, float(penalty)), np.full(scaled.shape[1], float(feature_penalty))]
    code = coded(battles)
    found = _fit(code, scaled.to_numpy(), battle_weights(battles, weights), ridge)
    logs = found[:models][pd.Index(code.models).get_indexer(pd.Index(counts.models))]
    return StyleFit(
        strengths(counts.models, logs),
        pd.Series(found[models:], index=scaled.columns, name="coefficient"),
        mean,
        scale,
    )


def _fit(code: Coded, features: np.ndarray, weight: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Log strengths of code.models (mean 0), then coefficients: least weighted log loss plus penalties."""
    import numpy as np
    from scipy.sparse import coo_array, csr_array, hstack
    from scipy.special import expit

    battles, models = len(weight), len(code.models)
    row, ones = np.arange(battles), np.ones(battles)
    places = (np.r_[row, row], np.r_[code.a, code.b])
    who = coo_array((np.r_[ones, -ones], places), (battles, models))  # +1 for model_a, -1 for model_b
    design = csr_array(hstack([who, features]))
    won = OUTCOMES[code.winner]
    level = np.r_[np.ones(models), np.zeros(features.shape[1])]  # adding to all log strengths changes nothing

    def objective(point: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        d = design @ point
        chance = expit(d)
        value = weight @ (np.logaddexp(0, d) - won * d) + ridge @ point**2 / 2
        return value, design.T @ (weight * (chance - won)) + ridge * point, weight * chance * (1 - chance)

    def solve(curvature: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        hessian = (design.T @ (design * curvature[:, None])).toarray() + np.diag(ridge)
        return np.linalg.lstsq(hessian + np.outer(level, level), gradient, rcond=None)[0]

    try:
        point = minimize(objective, solve, np.zeros(len(ridge)))
    except RuntimeError:
        point = np.full(len(ridge), np.inf)
    if not np.abs(point).max() < 30:  # odds of e^30: every battle is decided, and it would go on
        raise ValueError(
            "style_controlled: a feature decides every battle, so its coefficient grows without end; drop it "
            "or give feature_penalty=1."
        )
    return point


def _checked_features(features, battles: int) -> pd.DataFrame:
    """The features as a DataFrame of floats, one row per battle; otherwise a sentence."""
    import numpy as np
    import pandas as pd

    table = pd.DataFrame(features).reset_index(drop=True)
    if len(table) != battles or not table.shape[1]:
        raise ValueError(
            f"style_controlled: features has {len(table)} rows and {table.shape[1]} columns for {battles} "
            "battles; give one row per battle and at least one column."
        )
    try:
        table = table.astype(float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"style_controlled: features must be numbers ({error}).") from None
    for name, column in table.items():
        bad = ~np.isfinite(column)
        if bad.any():
            raise ValueError(
                f"style_controlled: feature {name!r} is missing or infinite in row {bad.idxmax()} "
                f"({bad.sum()} such in all)."
            )
        if np.ptp(column) == 0:
            raise ValueError(
                f"style_controlled: feature {name!r} is {column.iloc[0]:g} in every battle; it tells nothing."
            )
    return table
