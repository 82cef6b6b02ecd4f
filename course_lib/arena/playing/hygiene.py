"""Votes that should not count: too many, twice the same, or against what everyone else sees.

Before a vote is counted: `RateLimit`, and a cap per voter and day. Afterwards, on battles: `clean`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas

DAY = 86_400.0


@dataclass(frozen=True)
class Limits:
    """How much one voter may do. per_minute: votes in the long run; burst: at once; per_day: from 0 h UTC."""

    per_minute: float = 30.0
    burst: int = 5
    per_day: int = 500

    def __post_init__(self) -> None:
        for name in ("per_minute", "burst", "per_day"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"Limits: {name} is {value}; give a number above 0.")


@dataclass
class RateLimit:
    """A bucket for each voter that holds `burst` tokens and gets `per_minute` a minute; a vote takes one.

    clock: seconds, only forwards. Not for several threads at once.
    """

    limits: Limits
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)  # voter -> (tokens, since when)

    def wait(self, voter: str) -> float:
        """Seconds until this voter may vote; 0.0: now."""
        return max(0.0, 1.0 - self._tokens(voter)) * 60.0 / self.limits.per_minute

    def take(self, voter: str) -> None:
        """Count a vote."""
        self._buckets[voter] = (self._tokens(voter) - 1.0, self.clock())

    def _tokens(self, voter: str) -> float:
        tokens, since = self._buckets.get(voter, (float(self.limits.burst), self.clock()))
        return min(self.limits.burst, tokens + (self.clock() - since) * self.limits.per_minute / 60.0)


def first_of_each(battles: pandas.DataFrame) -> pandas.Series:
    """False for rows that repeat an earlier one: same voter, question and pair of models, in any order."""
    _needs(battles, "voter", "question", "model_a", "model_b")
    pair = np.sort(battles[["model_a", "model_b"]].to_numpy(dtype=str), axis=1)
    keys = battles[["voter", "question"]].assign(first=pair[:, 0], second=pair[:, 1])
    return ~keys.duplicated()


def within_day(battles: pandas.DataFrame, per_day: int) -> pandas.Series:
    """False for a voter's votes beyond the first `per_day` of a day (UTC; column timestamp, seconds)."""
    _needs(battles, "voter", "timestamp")
    if per_day < 1:
        raise ValueError(f"within_day: per_day is {per_day}; give at least 1.")
    day = (battles["timestamp"].astype(float) // DAY).rename("day")
    ordered = battles.sort_values("timestamp", kind="stable")
    place = ordered.groupby([ordered["voter"], day.reindex(ordered.index)]).cumcount()
    return (place < per_day).reindex(battles.index)


def outlier_voters(
    battles: pandas.DataFrame, alpha: float = 0.05, fewest: int = 5, most: int = 100
) -> pandas.DataFrame:
    """Which voters vote against everyone else, one row per voter with at least `fewest` decisive votes.

    Each of a voter's first `most` decisive votes is compared with the others' decisive votes on that pair and
    the voter's own earlier ones: p = 1 if at least half of them went the same way, else the share that did,
    (1 + same) / (1 + all). The p of a voter like the others is not too often small, and as it has but two
    values, 1 / (2 p) is 1 or less on average. So the product over the votes in their order is a martingale at
    most, and ever exceeds 1 / alpha with probability alpha at most (Ville's inequality). FastChat's
    outlier_detect runs such products in the two directions of the alphabet; here there is one, against the
    majority, and no vote is its own witness.

    Ties are left out: with three outcomes 1 / (2 p) would be too large. Columns: votes (decisive), largest
    (of the product so far), outlier. Raises ValueError for alpha outside (0, 1).
    """
    import pandas

    _needs(battles, "voter", "model_a", "model_b", "winner")
    if not 0 < alpha < 1:
        raise ValueError(f"outlier_voters: alpha is {alpha}; give a number between 0 and 1.")
    decisive = battles[battles["winner"].isin(("model_a", "model_b"))]
    a, b = (decisive[name].to_numpy(dtype=str) for name in ("model_a", "model_b"))
    votes = pandas.DataFrame({
        "voter": decisive["voter"].to_numpy(),
        "first": np.minimum(a.astype(object), b.astype(object)),
        "second": np.maximum(a.astype(object), b.astype(object)),
        "won": (decisive["winner"].to_numpy() == "model_a") == (a < b),  # the first of the two, by name
    })  # fmt: skip
    pair, own = votes.groupby(["first", "second"])["won"], votes.groupby(["voter", "first", "second"])["won"]
    later = own.transform("size") - own.cumcount()  # the voter's own votes on this pair from this one on
    later_wins = own.transform("sum") - own.cumsum() + votes["won"]
    count, wins = pair.transform("size") - later, pair.transform("sum") - later_wins
    same = np.where(votes["won"], wins, count - wins)
    p = np.where(2 * same >= count, 1.0, (1.0 + same) / (1.0 + count))
    votes["factor"] = np.log(1.0 / (2.0 * p))
    rows = []
    for voter, his in votes.groupby("voter", sort=False):
        if len(his) >= fewest:
            largest = float(np.exp(his["factor"].to_numpy()[:most].cumsum().max()))
            rows.append(
                {"voter": voter, "votes": len(his), "largest": largest, "outlier": largest > 1 / alpha}
            )
    return pandas.DataFrame(rows, columns=["voter", "votes", "largest", "outlier"]).set_index("voter")


def clean(
    battles: pandas.DataFrame, per_day: int | None = 500, alpha: float | None = 0.05
) -> tuple[pandas.DataFrame, dict[str, Any]]:
    """Battles without repetitions, votes beyond the daily cap, and voters that `outlier_voters` names.

    per_day, alpha: None leaves that step out. Returns the table and what was dropped:
    {"repeated": rows, "over the cap": rows, "outliers": [voters], "of outliers": rows, "kept": rows}.
    """
    once = battles[first_of_each(battles)]
    capped = once if per_day is None else once[within_day(once, per_day)]
    found = [] if alpha is None else _named(outlier_voters(capped, alpha))
    kept = capped[~capped["voter"].isin(found)]
    report = {
        "repeated": len(battles) - len(once),
        "over the cap": len(once) - len(capped),
        "outliers": found,
        "of outliers": len(capped) - len(kept),
        "kept": len(kept),
    }
    return kept, report


def _needs(battles: pandas.DataFrame, *columns: str) -> None:
    missing = [column for column in columns if column not in battles]
    if missing:
        raise ValueError(f"battles has no column {', '.join(missing)}; there are: {', '.join(battles)}.")


def _named(outliers: pandas.DataFrame) -> list[Any]:
    return list(outliers.index[outliers["outlier"].to_numpy(dtype=bool)])
