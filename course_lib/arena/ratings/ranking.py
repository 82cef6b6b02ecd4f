"""The leaderboard: ratings with intervals and ranks, over all battles or per category."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from course_lib.arena.battles import checked, pairs
from course_lib.arena.ratings.bradley_terry import bradley_terry
from course_lib.arena.ratings.intervals import (
    multinomial_bootstrap,
    percentiles,
    ranks,
    require_confidence,
    sandwich,
)
from course_lib.arena.ratings.scale import elo_scale, scale_factor

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("bootstrap", "sandwich")


def leaderboard(
    battles: pd.DataFrame,
    weights=None,
    *,
    method: str = "bootstrap",
    rounds: int = 100,
    unit: str | None = None,
    penalty: float = 0.0,
    confidence: float = 0.95,
    anchor: tuple[str, float] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Bradley-Terry ratings on Elo's scale (400, 10) with error, interval, battles and rank; highest first.

    battles, weights, penalty: as in `bradley_terry`. method: "bootstrap", percentiles of `rounds` resamples,
    or "sandwich", a normal interval; both by battle, or by the column `unit`. anchor: (model, rating) or None
    for a mean of 1000; the anchor's own interval is empty, since the others are measured against it.
    Columns: rating, error (standard error, points), low, high, battles (sum of weights), rank (by interval).
    Raises what these functions raise, and ValueError for another method.
    """
    import pandas as pd

    if method not in METHODS:
        raise ValueError(f"leaderboard: method={method!r} was given; {' or '.join(METHODS)} works.")
    strengths = bradley_terry(battles, weights, penalty)
    rating = elo_scale(strengths, anchor=anchor)
    if method == "bootstrap":
        drawn = elo_rounds(multinomial_bootstrap(battles, rounds, weights, penalty, unit, seed), anchor)
        interval, error = percentiles(drawn, confidence), drawn.std(ddof=1)
    else:
        error = elo_errors(sandwich(battles, weights, unit, penalty), anchor)
        half = normal_quantile(confidence) * error
        interval = pd.DataFrame({"low": rating - half, "high": rating + half})
    table = pd.DataFrame({"rating": rating, "error": error.reindex(rating.index)})
    table[["low", "high"]] = interval.reindex(rating.index)
    counts = pairs(battles, weights)
    size = len(counts.models)
    played = np.bincount(counts.first, counts.total, size) + np.bincount(counts.second, counts.total, size)
    table["battles"] = pd.Series(played, index=counts.models).reindex(rating.index)
    table["rank"] = ranks(table["low"], table["high"])
    return table


def elo_rounds(
    rounds: pd.DataFrame, anchor: tuple[str, float] | None = None, scale: float = 400, base: float = 10
) -> pd.DataFrame:
    """Strengths of many rounds, one a row, on Elo's scale: each with its anchor, or of mean 1000."""
    logs = np.log(rounds) * scale_factor(scale, base)
    if anchor is None:
        return logs.sub(logs.mean(axis=1), axis=0) + 1000
    model, rating = anchor
    return logs.sub(logs[model], axis=0) + rating


def elo_errors(
    covariance: pd.DataFrame, anchor: tuple[str, float] | None = None, scale: float = 400, base: float = 10
) -> pd.Series:
    """Standard errors in Elo points from a covariance of log strengths; of the difference to an anchor."""
    import pandas as pd

    variance = np.diag(covariance).astype(float)
    if anchor is not None:
        to_anchor = covariance[anchor[0]].to_numpy()
        variance = variance + covariance.loc[anchor[0], anchor[0]] - 2 * to_anchor
    points = scale_factor(scale, base) * np.sqrt(np.maximum(variance, 0.0))
    return pd.Series(points, index=covariance.index, name="error")


def normal_quantile(confidence: float) -> float:
    """How many standard errors lie on each side of a normal interval: 1.96 for 0.95."""
    from statistics import NormalDist

    require_confidence(confidence)
    return NormalDist().inv_cdf((1 + confidence) / 2)


def per_category(
    battles: pd.DataFrame, rating: Callable[[pd.DataFrame], pd.Series], column: str = "category"
) -> pd.DataFrame:
    """Ratings of each category's battles alone: one row a model, one column a category (most battles first).

    rating: battles -> Series by model, for example online_elo, or
    lambda b: elo_scale(bradley_terry(b, penalty=0.1)). NaN where a model has no battle in a category.
    Rows are sorted by the rating of all battles together, which is the first column, "all".
    Raises ValueError for a column that is not there or has missing values, naming rows, and what rating
    raises, with the category that it failed on.
    """
    import pandas as pd

    checked(battles)
    if column not in battles:
        raise ValueError(
            f"per_category: no column {column!r}; the columns are {', '.join(map(repr, battles.columns))}."
        )
    if (missing := battles[column].isna()).any():
        rows = ", ".join(map(str, battles.index[missing][:5]))
        raise ValueError(f"per_category: column {column!r} has no value (NaN) in rows {rows}.")
    found = {"all": rating(battles)}
    for category in battles[column].value_counts(sort=True).index:
        try:
            found[category] = rating(battles[battles[column] == category])
        except ValueError as error:
            raise ValueError(f"per_category: {column} {category!r}: {error}") from error
    return pd.DataFrame(found).reindex(found["all"].sort_values(ascending=False, kind="stable").index)
