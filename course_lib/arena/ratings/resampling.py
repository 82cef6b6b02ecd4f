"""Battles as blocks that are drawn together: what a bootstrap of counts needs instead of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course_lib.arena.battles import Pairs, battle_weights, coded, pairs

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Blocks:
    """Distinct blocks of battles and what each adds to the counts per pair.

    counts: of all battles. size: (B,) how many alike blocks there are. adds: (3 P, B) weights that one of
    them adds to wins, losses and ties, in the order of counts.
    """

    counts: Pairs
    size: np.ndarray
    adds: csr_array

    def draw(self, generator: np.random.Generator) -> Pairs:
        """Counts of as many blocks, drawn with replacement: a multinomial over the distinct ones."""
        total = self.size.sum()
        drawn = generator.multinomial(int(total), self.size / total)
        wins, losses, ties = (self.adds @ drawn).reshape(3, -1)
        kept = self.counts
        return Pairs(kept.models, kept.first, kept.second, wins, losses, ties, np.zeros_like(ties))


def blocks(battles: pd.DataFrame, weights=None, unit: str | None = None) -> Blocks:
    """A block for each distinct outcome of a pair (and weight), or for each value of the column `unit`."""
    from scipy.sparse import csr_array

    if weights is None and unit is None:
        counts = pairs(battles)
        cells = np.concatenate([counts.wins, counts.losses, counts.drawn])
        seen = np.flatnonzero(cells)
        ones = (np.ones(len(seen)), (seen, np.arange(len(seen))))
        return Blocks(counts, cells[seen], csr_array(ones, shape=(len(cells), len(seen))))
    counts, weight = pairs(battles, weights), battle_weights(battles, weights)
    pair, kind = pair_of_each(battles, counts)
    cell, counting = pair + kind * len(counts.first), weight > 0
    cell, weight = cell[counting], weight[counting]
    if unit is None:
        rows = np.stack([cell, weight], axis=1)
        distinct, size = np.unique(rows, axis=0, return_counts=True)
        block, cell, weight = np.arange(len(size)), distinct[:, 0].astype(np.int64), distinct[:, 1]
    else:
        block, size = unit_of_each(battles, unit)
        block = block[counting]
    shape = (3 * len(counts.first), len(size))
    return Blocks(counts, size, csr_array((weight, (cell, block)), shape=shape))


def pair_of_each(battles: pd.DataFrame, counts: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """For each battle: position of its pair in counts; 0, 1, 2 where the first of it won, lost, tied."""
    rows = coded(battles)
    position = {model: place for place, model in enumerate(counts.models)}
    place = np.array([position[model] for model in rows.models])
    a, b = place[rows.a], place[rows.b]
    size = len(counts.models)
    keys = counts.first * size + counts.second
    pair = np.searchsorted(keys, np.minimum(a, b) * size + np.maximum(a, b))
    pair = np.minimum(pair, len(keys) - 1)  # of a pair that is not there all battles have weight 0
    kind = np.minimum(rows.winner, 2)
    return pair, np.where((a > b) & (kind < 2), 1 - kind, kind)


def unit_of_each(battles: pd.DataFrame, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """((N,) number of each row's unit, (U,) ones). Raises ValueError for a bad column or one unit."""
    import pandas as pd

    if unit not in battles:
        raise ValueError(
            f"unit={unit!r} is no column of the battles; a column that names what was drawn together is "
            f"needed, for example one of {', '.join(map(repr, battles.columns))}."
        )
    codes, values = pd.factorize(battles[unit])
    if (codes < 0).any():
        rows = ", ".join(map(str, battles.index[codes < 0][:5]))
        raise ValueError(f"unit={unit!r}: the column has no value (NaN) in rows {rows}; every row needs one.")
    if len(values) < 2:
        raise ValueError(
            f"unit={unit!r}: all rows have the one value {values[0]!r}; an interval needs two units or more."
        )
    return codes, np.ones(len(values))
