"""Battle counts and win fractions, model against model: the two heat maps of an arena's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_lib.arena.battles import Pairs, pairs
from course_lib.arena.ratings.bradley_terry import WILDVISION_PENALTY, log_strengths, strengths

if TYPE_CHECKING:
    import pandas as pd


def count_matrix(battles: pd.DataFrame, weights=None, order: Sequence[str] | None = None) -> pd.DataFrame:
    """Battles of each model (row) with each other (column), ties included; symmetric, 0 on the diagonal.

    battles, weights: as in `bradley_terry`. order: names of rows and columns, all models or some; None sorts
    them by Bradley-Terry rating (with a small penalty, so that it always exists), highest first.
    Raises what `checked` raises, and ValueError for names in order that did not battle or stand twice.
    """
    counts = pairs(battles, weights)
    table = _table(counts, counts.total, counts.total)
    return _ordered(table, counts, order).fillna(0.0)


def win_fraction(battles: pd.DataFrame, weights=None, order: Sequence[str] | None = None) -> pd.DataFrame:
    """Share of battles that the row's model won over the column's, among those that had a winner.

    Ties of both kinds are left out, so that a cell and its mirror sum to 1; NaN where no battle was decided.
    battles, weights, order, errors: as in `count_matrix`. Source: WildVision-Arena's page, elo_analysis.py.
    """
    counts = pairs(battles, weights)
    decided = counts.wins + counts.losses
    with np.errstate(invalid="ignore"):
        return _ordered(_table(counts, counts.wins / decided, counts.losses / decided), counts, order)


def _table(counts: Pairs, upper: np.ndarray, lower: np.ndarray) -> pd.DataFrame:
    """(P,) values of first against second, and of second against first, as a square table; NaN elsewhere."""
    import pandas as pd

    values = np.full((len(counts.models),) * 2, np.nan)
    values[counts.first, counts.second] = upper
    values[counts.second, counts.first] = lower
    names = pd.Index(counts.models, name="model")
    return pd.DataFrame(values, index=names, columns=names.rename("opponent"))


def _ordered(table: pd.DataFrame, counts: Pairs, order: Sequence[str] | None) -> pd.DataFrame:
    if order is None:
        rated = strengths(counts.models, log_strengths(counts, WILDVISION_PENALTY))
        order = list(rated.index)
    order = list(order)
    if strange := [name for name in order if name not in counts.models]:
        raise ValueError(f"order: {', '.join(map(repr, strange[:5]))} did not battle; leave these names out.")
    if len(set(order)) < len(order):
        raise ValueError("order: a name stands twice; each model has one row.")
    return table.loc[order, order]
