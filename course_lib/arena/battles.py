"""Battles: who met whom and who won, checked once and counted per pair of models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

WINNERS = ("model_a", "model_b", "tie", "tie (bothbad)")
OUTCOMES = np.array([1.0, 0.0, 0.5, 0.5])  # for model_a, in the order of WINNERS: any tie is half a win
COLUMNS = ("model_a", "model_b", "winner")
CHUNK = 1 << 17  # rows coded at a time: working memory stays the same however many battles there are


@dataclass(frozen=True)
class Pairs:
    """Weighted counts per unordered pair of models that met: all that a rating needs to know of the battles.

    models: names, sorted. first, second: (P,) positions in models, first < second, no pair twice.
    wins, losses, ties, both_bad: (P,) sums of weights, seen from first.
    """

    models: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray
    wins: np.ndarray
    losses: np.ndarray
    ties: np.ndarray
    both_bad: np.ndarray

    @property
    def drawn(self) -> np.ndarray:
        """(P,) ties of both kinds."""
        return self.ties + self.both_bad

    @property
    def score(self) -> np.ndarray:
        """(P,) points of first: its wins and half of the ties."""
        return self.wins + self.drawn / 2

    @property
    def total(self) -> np.ndarray:
        """(P,) battles of the pair."""
        return self.wins + self.losses + self.drawn


@dataclass(frozen=True)
class Coded:
    """Battles as numbers. models: names in order of appearance; a, b: (N,) positions; winner: in WINNERS."""

    models: tuple[str, ...]
    a: np.ndarray
    b: np.ndarray
    winner: np.ndarray


def checked(battles: pd.DataFrame) -> pd.DataFrame:
    """The battles as they are, after every check; what the ratings call first.

    battles: columns model_a, model_b (names) and winner (one of WINNERS); more columns are kept.
    Two rows count as recorded twice when they agree in every column and one of the columns `voter`,
    `timestamp` or `id` could have told them apart: they are kept, and a warning names them.
    Raises TypeError for anything but a DataFrame and ValueError for missing columns, no battles, missing
    names or winners, labels that are not in WINNERS, a model against itself and fewer than two models.
    """
    _code(battles, lambda start, a, b, winner: None)
    return battles


def coded(battles: pd.DataFrame) -> Coded:
    """Battles as positions of models and winners, (N,) each. Raises what `checked` raises."""
    parts: list[tuple[np.ndarray, ...]] = []
    models = _code(battles, lambda start, a, b, winner: parts.append((a, b, winner)))
    a, b, winner = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Coded(models, a, b, winner)


def outcomes(battles: pd.DataFrame) -> np.ndarray:
    """(N,) what model_a got: 1 for a win, 0.5 for a tie of either kind, 0 for a loss. Raises as `checked`."""
    return OUTCOMES[coded(battles).winner]


def pairs(battles: pd.DataFrame, weights=None) -> Pairs:
    """Counts per pair of models, in one pass over the battles; memory grows with the pairs, not the battles.

    weights: None (each battle counts once), the name of a column, or (N,) numbers >= 0.
    Raises what `checked` raises, and ValueError for weights that are negative, missing, infinite or all zero.
    """
    import pandas as pd

    weight = battle_weights(battles, weights) if weights is not None else None
    cells = np.zeros(0, dtype=np.int64)  # each (a, b, winner) seen, as one number
    sums = np.zeros(0)  # and what it adds up to

    def count(start: int, a: np.ndarray, b: np.ndarray, winner: np.ndarray) -> None:
        nonlocal cells, sums
        part = None if weight is None else weight[start : start + len(a)]
        row, new = pd.factorize(a << 32 | b << 2 | winner)
        counts = np.concatenate([sums, np.bincount(row, part, minlength=len(new)).astype(float)])
        cells, place = np.unique(np.concatenate([cells, new]), return_inverse=True)
        sums = np.bincount(place, counts, minlength=len(cells)).astype(float)

    models = _code(battles, count)
    return _by_pair(models, cells >> 32, cells >> 2 & (1 << 30) - 1, cells & 3, sums)


def _by_pair(models: tuple[str, ...], a, b, winner, sums) -> Pairs:
    """Sums per (a, b, winner) gathered into one row per unordered pair, models sorted by name."""
    order = sorted(range(len(models)), key=models.__getitem__)
    place = np.empty(len(models), dtype=np.int64)
    place[order] = np.arange(len(models))
    a, b = place[a], place[b]
    kind = np.where((a > b) & (winner < 2), 1 - winner, winner)  # seen from the smaller position
    keys, row = np.unique(np.minimum(a, b) * len(models) + np.maximum(a, b), return_inverse=True)
    table = np.zeros((4, len(keys)))
    np.add.at(table, (kind, row), sums)
    met = table.sum(0) > 0  # a pair whose weights are all zero did not meet
    first, second = keys[met] // len(models), keys[met] % len(models)
    return Pairs(tuple(models[i] for i in order), first, second, *table[:, met])


def battle_weights(battles: pd.DataFrame, weights) -> np.ndarray:
    """(N,) weights of the battles: ones for None, a column by its name, or numbers. Raises as `pairs`."""
    if weights is None:
        return np.ones(len(battles))
    if isinstance(weights, str):
        if weights not in battles:
            raise ValueError(
                f"battles: no column {weights!r} for the weights; the columns are {_names(battles.columns)}."
            )
        weights = battles[weights]
    try:
        values = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"battles: weights are numbers, one a battle; given: {weights!r:.80}.") from None
    if values.shape != (len(battles),):
        raise ValueError(
            f"battles: {len(battles)} battles want {len(battles)} weights; shape {values.shape} came."
        )
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise ValueError(
            f"battles: weights are finite and not negative; {values[bad][0]} stands in rows "
            f"{_rows(battles.index[bad])}."
        )
    if len(values) and not values.any():
        raise ValueError(
            "battles: every weight is 0, so no battle counts; give at least some a positive weight."
        )
    return values


def _code(battles: pd.DataFrame, take) -> tuple[str, ...]:
    """Check the battles chunk by chunk, hand each to take(start, a, b, winner), return the models seen."""
    import pandas as pd

    if not isinstance(battles, pd.DataFrame):
        raise TypeError(
            f"battles: a pandas DataFrame with the columns {_names(COLUMNS)} is needed; a "
            f"{type(battles).__name__} was given."
        )
    if missing := [name for name in COLUMNS if name not in battles]:
        raise ValueError(
            f"battles: column {_names(missing)} is missing; a battle has {_names(COLUMNS)}, the columns "
            f"given are {_names(battles.columns) or 'none'}."
        )
    if not len(battles):
        raise ValueError("battles: the table has no rows; at least one battle of two models is needed.")
    known: dict = {}
    labels = {label: position for position, label in enumerate(WINNERS)}
    for start in range(0, len(battles), CHUNK):
        chunk = battles.iloc[start : start + CHUNK]
        a, b = (_positions(chunk, name, known) for name in COLUMNS[:2])
        winner = _positions(chunk, "winner", labels)
        if len(labels) > len(WINNERS):
            raise ValueError(
                f"battles: column 'winner' holds {_names(list(labels)[len(WINNERS) :])} in rows "
                f"{_rows(chunk.index[winner >= len(WINNERS)])}; it is one of {_names(WINNERS)}. Rename or "
                "drop other labels: an unknown label is not a tie."
            )
        if (itself := a == b).any():
            only = "the only model, " if len(known) == 1 else ""
            raise ValueError(
                f"battles: {only}{_names(chunk['model_a'][itself].unique())}, meets itself (columns "
                f"'model_a' and 'model_b' agree) in rows {_rows(chunk.index[itself])}; a battle is between "
                "two different models, drop these rows."
            )
        take(start, a, b, winner)
    if strange := [name for name in known if not isinstance(name, str)]:
        raise ValueError(
            f"battles: models are named by text; columns 'model_a', 'model_b' hold {_names(strange)}. "
            "Use .astype(str)."
        )
    _say_repeated(battles)
    return tuple(known)


def _say_repeated(battles: pd.DataFrame) -> None:
    """Warn of rows recorded twice, unless nothing could tell them apart or a resample drew them twice."""
    telling = [name for name in ("voter", "timestamp", "id") if name in battles]
    if not telling or battles.attrs.get("resampled") or not (again := battles.duplicated()).any():
        return
    import warnings

    warnings.warn(
        f"battles: {again.sum()} of {len(battles)} rows repeat an earlier row in every column "
        f"({_names(battles.columns)}): rows {_rows(battles.index[again])}. Each counts as a battle of its "
        "own; if they were recorded twice, use battles.drop_duplicates().",
        UserWarning,
        stacklevel=4,
    )


def _positions(chunk: pd.DataFrame, column: str, known: dict) -> np.ndarray:
    """Position of each value of a column in `known`, which grows with what is new. Refuses missing values."""
    import pandas as pd

    codes, values = pd.factorize(np.asarray(chunk[column], dtype=object))
    if (codes < 0).any():
        raise ValueError(
            f"battles: column {column!r} has no value (NaN) in rows {_rows(chunk.index[codes < 0])}; "
            "drop these rows or fill them in. A missing winner is not a tie."
        )
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)[codes]


def _rows(index: Iterable) -> str:
    """The first labels of rows, and how many more there are."""
    rows = list(index)
    shown = ", ".join(map(str, rows[:5]))
    return shown if len(rows) <= 5 else f"{shown} and {len(rows) - 5} more"


def _names(values: Iterable) -> str:
    """Values in quotes, the first eight."""
    values = list(values)
    return ", ".join(map(repr, values[:8])) + (f" and {len(values) - 8} more" if len(values) > 8 else "")
