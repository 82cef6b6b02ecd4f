"""How far ratings can be trusted: bootstraps by battle and question, the sandwich, ranks by interval."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from course_lib.arena.battles import Pairs, battle_weights, pairs
from course_lib.arena.ratings.bradley_terry import NoFiniteMaximum, log_strengths, strengths
from course_lib.arena.ratings.resampling import blocks, pair_of_each, unit_of_each

if TYPE_CHECKING:
    import pandas as pd


def bootstrap(
    battles: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], Any],
    rounds: int = 100,
    unit: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """A statistic of resampled tables: one row a round, one column for each entry of the statistic.

    battles: any table, one row a battle (or a verdict). statistic(table) returns a Series, or a number, which
    becomes the column "value". Each round draws as many rows with replacement as there are, in a random
    order; with unit, a column, as many of its values as there are, each with all its rows. Votes on the same
    question are alike, and only unit="question" lets the intervals know.
    A round in which a model is missing, or in which there is no finite maximum, holds NaN, and a warning says
    how many: intervals of the other rounds are then too narrow.

    Raises ValueError for rounds < 1, an empty table, a unit that is no column, has missing values or a single
    value, and whatever the statistic raises on the whole table. Source: Efron, Annals of Statistics 7 (1979).
    """
    import pandas as pd

    _require_rounds(rounds)
    if not isinstance(battles, pd.DataFrame) or not len(battles):
        raise ValueError("bootstrap: a DataFrame with at least one row is needed; nothing can be resampled.")
    whole = _series(statistic(battles))
    generator, rows = np.random.default_rng(seed), np.arange(len(battles))
    if unit is not None:
        code, ones = unit_of_each(battles, unit)
        members = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])
    table = []
    for _ in range(rounds):
        if unit is None:
            drawn = generator.choice(rows, len(rows))
        else:
            drawn = np.concatenate([members[i] for i in generator.integers(len(ones), size=len(ones))])
        sample = battles.iloc[drawn].reset_index(drop=True)
        sample.attrs["resampled"] = True  # rows that stand twice are meant to
        try:
            table.append(_series(statistic(sample)))
        except NoFiniteMaximum:
            table.append(pd.Series(dtype=float))
    return _rounds(pd.DataFrame([row.reindex(whole.index) for row in table]).to_numpy(), whole.index)


def multinomial_bootstrap(
    battles: pd.DataFrame,
    rounds: int = 100,
    weights=None,
    penalty: float = 0.0,
    unit: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Bradley-Terry strengths of resampled battles, without touching the battles again.

    Drawing N rows with replacement and counting them is one multinomial draw over the distinct outcomes
    (model, model, winner and weight); with unit, one over the values of that column. The distribution is that
    of `bootstrap(battles, bradley_terry)`, at a cost that does not grow with the number of battles.
    battles, weights, penalty: as in `bradley_terry`; a weighted battle is drawn as one. Returns strengths,
    one row a round, one column a model, the strongest on the whole table first; NaN as in `bootstrap`.
    Raises what `bradley_terry` and `bootstrap` raise.
    """
    _require_rounds(rounds)
    found, generator = blocks(battles, weights, unit), np.random.default_rng(seed)
    start = log_strengths(found.counts, penalty)
    table = np.full((rounds, len(start)), np.nan)
    for row in table:
        drawn, met = _present(found.draw(generator))
        try:
            logs = log_strengths(drawn, penalty, start[met] - start[met].mean())
        except NoFiniteMaximum:
            continue
        p = np.exp(logs - logs.max())
        row[met] = p / p.sum()
    order = strengths(found.counts.models, start).index
    place = [found.counts.models.index(model) for model in order]
    return _rounds(table[:, place], order)


def percentiles(rounds: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Percentile interval of each column: a row for each, with low and high. NaN is left out."""
    require_confidence(confidence)
    tail = (1 - confidence) / 2
    return rounds.quantile([tail, 1 - tail]).set_axis(["low", "high"]).T


def sandwich(
    battles: pd.DataFrame, weights=None, unit: str | None = None, penalty: float = 0.0
) -> pd.DataFrame:
    """Covariance H^-1 G H^-1 of the Bradley-Terry log strengths (of mean 0), strongest model first.

    H is the Hessian of the negative log-likelihood, G the sum of g g' over the independent parts, g being a
    part's gradient: a battle, or with unit, a column, all battles of one value. G is multiplied by
    U / (U - 1) for U parts. battles, weights, penalty: as in `bradley_terry`.
    The root of a diagonal entry, times 400 / ln 10, is a standard error in Elo points.
    Raises what `bradley_terry` raises, and ValueError for a bad unit.
    Source: Huber (1967), White, Econometrica 50 (1982); by clusters: Liang and Zeger, Biometrika 73 (1986).
    """
    import pandas as pd

    counts, weight = pairs(battles, weights), battle_weights(battles, weights)
    logs = log_strengths(counts, penalty)
    won = expit(logs[counts.first] - logs[counts.second])
    size = len(counts.models)
    # the constant is no direction of the likelihood; any curvature there makes H invertible and cancels
    hessian = _laplacian(counts, counts.total * won * (1 - won)) + penalty * np.eye(size) + 1 / size
    if unit is None:
        squares = pairs(battles, weight**2)
        spread = squares.wins * (1 - won) ** 2 + squares.losses * won**2 + squares.drawn * (0.5 - won) ** 2
        middle, parts = _laplacian(counts, spread), int((weight > 0).sum())
    else:
        from scipy.sparse import csr_array

        block, ones = unit_of_each(battles, unit)
        pair, kind = pair_of_each(battles, counts)
        residual = weight * (won[pair] - np.array([1.0, 0.0, 0.5])[kind])
        shape, parts = (len(ones), size), len(ones)
        scores = csr_array((residual, (block, counts.first[pair])), shape=shape)
        scores = (scores - csr_array((residual, (block, counts.second[pair])), shape=shape)).toarray()
        middle = scores.T @ scores
    inverse = np.linalg.inv(hessian)
    covariance = inverse @ middle @ inverse * (parts / max(parts - 1, 1))
    order = strengths(counts.models, logs).index
    table = pd.DataFrame(covariance, index=pd.Index(counts.models, name="model"), columns=counts.models)
    return table.loc[order, order]


def require_confidence(confidence: float) -> None:
    """Raise ValueError unless confidence is a share, above 0 and below 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} was given; it lies between 0 and 1, for example 0.95.")


def ranks(low: pd.Series, high: pd.Series) -> pd.Series:
    """Rank by interval: 1 + the number of models whose low exceeds this model's high. Many share a rank.

    low, high: ends of the intervals by model. Raises ValueError when their models differ, an end is missing
    or a low lies above its high. Source: FastChat's leaderboard, elo_analysis.py.
    """
    import pandas as pd

    if set(low.index) != set(high.index) or low.index.has_duplicates:
        raise ValueError("ranks: low and high must name the same models, each once.")
    high = high.reindex(low.index)
    if low.isna().any() or high.isna().any():
        raise ValueError(f"ranks: no interval for {low.index[low.isna() | high.isna()][0]!r} (NaN).")
    if (low > high).any():
        raise ValueError(f"ranks: low lies above high for {low.index[low > high][0]!r}.")
    above = low.to_numpy()[None, :] > high.to_numpy()[:, None]
    return pd.Series(1 + above.sum(1), index=low.index, name="rank")


def _laplacian(counts: Pairs, w: np.ndarray) -> np.ndarray:
    size = len(counts.models)
    matrix = np.zeros((size, size))
    matrix[counts.first, counts.second] = matrix[counts.second, counts.first] = -w
    return matrix - np.diag(matrix.sum(1))


def _present(counts: Pairs) -> tuple[Pairs, np.ndarray]:
    """Counts without models and pairs that drew no battle, and the positions of the models left."""
    total, size = counts.total, len(counts.models)
    met = np.flatnonzero(np.bincount(counts.first, total, size) + np.bincount(counts.second, total, size))
    if len(met) == size:
        return counts, met
    place, pair = np.searchsorted(met, np.arange(size)), np.flatnonzero(total)
    columns = (counts.wins, counts.losses, counts.ties, counts.both_bad)
    names = tuple(counts.models[i] for i in met)
    left = place[counts.first[pair]], place[counts.second[pair]]
    return Pairs(names, *left, *(column[pair] for column in columns)), met


def _series(value: Any) -> pd.Series:
    import pandas as pd

    return value if isinstance(value, pd.Series) else pd.Series({"value": value}, dtype=float)


def _rounds(values: np.ndarray, columns: pd.Index) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(values, columns=columns, index=pd.RangeIndex(len(values), name="round"))
    if (missing := table.isna()).any(axis=None):
        warnings.warn(
            f"bootstrap: {missing.any(axis=1).sum()} of {len(table)} rounds have no value for "
            f"{', '.join(map(repr, table.columns[missing.any()][:5]))}: too few of their battles were drawn. "
            "Intervals of the other rounds are too narrow; collect more battles or use a penalty.",
            UserWarning,
            stacklevel=3,
        )
    return table


def _require_rounds(rounds: int) -> None:
    if rounds < 1:
        raise ValueError(f"bootstrap: rounds={rounds} was given; at least 1 is needed, 100 is usual.")
