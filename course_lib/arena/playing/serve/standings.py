"""Ratings, heat maps and distributions of the votes so far, computed once for everyone who looks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.arena.playing.questions import DOMAINS, FAMILIES
from course_lib.arena.playing.votes import battles_table

if TYPE_CHECKING:
    import pandas

PENALTY = 0.1  # of the strengths while some model has never lost or never won
FEWEST_QUESTIONS = 30  # with votes, for an interval
SECONDS_AFTER_A_FAILURE = 10.0


def standings(battles: pandas.DataFrame) -> dict[str, Any]:
    """Everything that the page of standings shows, as JSON can hold it. battles: of `battles_table`.

    models: best first, with Bradley-Terry rating (mean 1000), online Elo and battles, and where there are
    enough votes the rating's 95% interval (low, high) and the rank by interval; counts and wins: matrices in
    that order, wins without ties, None where a pair has not met or only tied; winners, families, domains:
    {name: votes}; voters: how many; note: a sentence where a rating needs one, else "".
    """
    from course_lib.arena.ratings.bradley_terry import NoFiniteMaximum
    from course_lib.arena.ratings.elo import online_elo
    from course_lib.arena.ratings.matrices import count_matrix, win_fraction
    from course_lib.arena.ratings.ranking import leaderboard

    found: dict[str, Any] = {
        "votes": len(battles), "voters": int(battles["voter"].nunique()), "note": "",
        "models": [], "counts": [], "wins": [],
        "winners": _counts(battles, "winner", ("model_a", "model_b", "tie", "tie (bothbad)")),
        "families": _counts(battles, "category", FAMILIES),
        "domains": _counts(battles, "domain", DOMAINS),
    }  # fmt: skip
    if not len(battles):
        return found
    # votes on one question are alike: intervals are by question, and need some
    how: dict[str, Any] = {"method": "sandwich"}
    if certain := battles["question"].nunique() >= FEWEST_QUESTIONS:
        how["unit"] = "question"
    try:
        table = leaderboard(battles, **how)
    except NoFiniteMaximum:
        table, certain = leaderboard(battles, penalty=PENALTY, **how), False
        found["note"] = (
            "A model has never lost, never won, or never met the others: until it has, the Bradley-Terry "
            f"ratings are held together by a penalty of {PENALTY}."
        )
    order, online = list(table.index), online_elo(battles)
    shown = ["rating", "low", "high", "rank"] if certain else ["rating"]
    found["models"] = [
        {"name": name, "elo": float(online[name]), "battles": int(table.loc[name, "battles"])}
        | {column: float(table.loc[name, column]) for column in shown}
        for name in order
    ]
    found["counts"] = count_matrix(battles, order=order).to_numpy().astype(int).tolist()
    shares = win_fraction(battles, order=order).to_numpy().tolist()
    found["wins"] = [[None if share != share else share for share in row] for row in shares]  # NaN
    return found


def _counts(battles: pandas.DataFrame, column: str, names: Iterable[str]) -> dict[str, int]:
    counts = battles[column].value_counts()
    return {name: int(counts.get(name, 0)) for name in names}


@dataclass(frozen=True)
class Edition:
    """Standings as they are sent. votes: of how many votes; tag: of the content, for If-None-Match."""

    votes: int
    body: bytes
    tag: str


class Newsroom:
    """Keeps the latest standings. However many ask, one computation runs at most, and once for a count.

    path: of the database; votes: tells how many votes count now. rest: after a computation that took s
    seconds of the processor none starts for max(least, rest * s) seconds, so that the votes keep it.
    """

    def __init__(self, path: Path, votes: Callable[[], int], rest: float = 9.0, least: float = 1.0):
        self.path, self.votes, self.rest, self.least = path, votes, rest, least
        self._latest: Edition | None = None
        self._running: asyncio.Task[None] | None = None
        self._table: pandas.DataFrame | None = None
        self._not_before = 0.0

    async def open(self) -> None:
        """Compute the first standings now: that loads the libraries, and is not counted as work."""
        await self.latest()
        self._not_before = 0.0

    async def latest(self) -> Edition:
        """The standings of now or of a moment ago; who comes first waits for the first ones."""
        old = self._latest is None or self._latest.votes != self.votes()
        if old and self._running is None and time.monotonic() >= self._not_before:
            self._running = asyncio.create_task(self._compute())
        if self._latest is None:
            assert self._running is not None
            await asyncio.shield(self._running)
        assert self._latest is not None
        return self._latest

    async def _compute(self) -> None:
        try:
            self._latest, seconds = await asyncio.to_thread(self._timed)
            self._not_before = time.monotonic() + max(self.least, self.rest * seconds)
        except Exception:
            self._not_before = time.monotonic() + SECONDS_AFTER_A_FAILURE
            logging.getLogger(__name__).exception("The standings could not be computed.")
            if self._latest is None:
                raise
        finally:
            self._running = None

    def _timed(self) -> tuple[Edition, float]:
        began = time.thread_time()
        return self._edition(), time.thread_time() - began

    def _edition(self) -> Edition:
        import pandas

        after = 0 if self._table is None or not len(self._table) else int(self._table.index[-1])
        new = battles_table(self.path, after)
        self._table = new if self._table is None else pandas.concat([self._table, new])
        body = json.dumps(standings(self._table), allow_nan=False).encode()
        return Edition(len(self._table), body, f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"')
