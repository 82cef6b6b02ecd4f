"""One arena: questions, answerers, the next pair, and which votes count.

A notebook and a served page use the same two calls, `next_battle` and `vote`; both return futures, because
the page answers many people at once. `.result()` waits.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course_lib.arena.playing.answerers import Answerer, default_answerers
from course_lib.arena.playing.hygiene import DAY, Limits, RateLimit
from course_lib.arena.playing.matchmaking import Matchmaker
from course_lib.arena.playing.questions import ArenaQuestion, pool
from course_lib.arena.playing.votes import VoteStore, add_battle, battles_table

if TYPE_CHECKING:
    import pandas

# what is pressed -> FastChat's word for it; model_a is on the left
WINNERS = {"left": "model_a", "right": "model_b", "tie": "tie", "both bad": "tie (bothbad)"}
LONGEST_KEY = 100  # characters


class Refused(ValueError):
    """A vote that does not count. reason: one word for programs; wait: seconds, where waiting helps."""

    def __init__(self, reason: str, sentence: str, wait: float = 0.0):
        super().__init__(sentence)
        self.reason, self.wait = reason, wait


@dataclass(frozen=True)
class Shown:
    """A battle as a voter sees it: no names. image: id of the question whose picture belongs to it."""

    battle: str
    number: int
    question: str
    image: str
    left: str
    right: str
    seconds_left: float


@dataclass(frozen=True)
class Counted:
    """A vote that counts, and now the names. again: it had been counted already (the same request twice)."""

    battle: str
    winner: str
    left: str
    right: str
    again: bool


class Arena:
    """Anonymous battles between answerers, with every vote kept.

    store: where; answerers: at least two; questions: see `questions.pool`. policy: which pair
    is next, see Matchmaker. seed: of the pairs, the sides and the answers. limits: of one voter, None: none.
    expires: seconds in which a shown battle can be voted on. clock: seconds since 1970.

    All answers are made at the beginning, so that nobody waits for a model. Raises ValueError if the store
    holds an arena with another seed, and TypeError for an answer that is not text.
    """

    def __init__(
        self,
        store: VoteStore,
        answerers: Sequence[Answerer] | None = None,
        questions: Sequence[ArenaQuestion] | None = None,
        policy: str = "fewest",
        seed: int = 0,
        limits: Limits | None = Limits(),  # noqa: B008 - frozen
        expires: float = 1800.0,
        clock: Callable[[], float] = time.time,
    ):
        if not expires > 0:
            raise ValueError(f"Arena: expires is {expires}; give seconds above 0.")
        answerers = default_answerers() if answerers is None else list(answerers)
        self.questions = pool(seed=seed) if questions is None else list(questions)
        self.matchmaker = Matchmaker([a.name for a in answerers], len(self.questions), policy, seed)
        kept = store.setting("seed", str(seed))
        if kept != str(seed):
            raise ValueError(
                f"Arena: seed is {seed}, but {store.path} was begun with seed {kept}; use that one."
            )
        self.store, self.limits, self.expires, self.clock = store, limits, expires, clock
        self.place = {question.id: place for place, question in enumerate(self.questions)}
        self._answers = {a.name: [_text(a, q, seed) for q in self.questions] for a in answerers}
        self._rate = RateLimit(limits) if limits else None
        shown, self.votes = store.write(_so_far).result()  # votes: how many count
        for first, second in shown:
            self.matchmaker.note(first, second)

    # What these do runs in the store's thread, inside a transaction: no two at once

    def next_battle(self, voter: str) -> Future[Shown]:
        """What this voter sees next: the battle that waits for a vote, if there is one, or a new one."""
        return self.store.write(lambda connection: self._next(connection, voter))

    def vote(self, voter: str, battle: Any, winner: Any, key: Any, anony: bool = True) -> Future[Counted]:
        """Count a vote. winner: left, right, tie or both bad. key: of this request, chosen by the sender.

        The same key with the same vote again is answered as the first time and counted once. The future
        raises Refused for a vote that is malformed, late, repeated, too fast, over the daily cap, for a pair
        that was never shown or was shown to someone else.
        """
        return self.store.write(lambda connection: self._vote(connection, voter, battle, winner, key, anony))

    def deal(self, voter: str, count: int) -> Future[list[tuple[Shown, str, str]]]:
        """New battles for a voter who is trusted with the names: (battle, name on the left, on the right)."""
        return self.store.write(lambda connection: [self._new(connection, voter) for _ in range(count)])

    def battles(self) -> pandas.DataFrame:
        """All votes so far, see course_lib.arena.playing.votes.battles_table."""
        return battles_table(self.store.path)

    def _next(self, connection: sqlite3.Connection, voter: str) -> Shown:
        now = self.clock()
        last = connection.execute(
            "SELECT battles.*, votes.number AS vote FROM battles LEFT JOIN votes "
            "ON votes.battle = battles.id WHERE battles.voter = ? ORDER BY battles.number DESC LIMIT 1",
            (voter,),
        ).fetchone()
        # a page that is loaded again shows the same pair: nobody can look for one to their liking
        if last and last["vote"] is None and last["question"] in self.place:
            left = last["shown_at"] + self.expires - now
            if left > 0:
                return _shown(last, left)
        return self._new(connection, voter)[0]

    def _new(self, connection: sqlite3.Connection, voter: str) -> tuple[Shown, str, str]:
        number = connection.execute("SELECT coalesce(max(number) + 1, 0) FROM battles").fetchone()[0]
        asked = connection.execute("SELECT DISTINCT question FROM battles WHERE voter = ?", (voter,))
        draw = self.matchmaker.draw(number, {self.place.get(row[0], -1) for row in asked})
        question = self.questions[draw.question]
        values = {
            "number": number, "voter": voter, "question": question.id, "text": question.question.text,
            "category": question.family, "domain": question.domain,
            "model_a": draw.model_a, "model_b": draw.model_b,
            "answer_a": self._answers[draw.model_a][draw.question],
            "answer_b": self._answers[draw.model_b][draw.question], "shown_at": self.clock(),
        }  # fmt: skip
        values["id"] = add_battle(connection, **values)
        self.matchmaker.note(draw.model_a, draw.model_b)
        return _shown(values, self.expires), draw.model_a, draw.model_b

    def _vote(
        self, connection: sqlite3.Connection, voter: str, battle: Any, winner: Any, key: Any, anony: bool
    ) -> Counted:
        _check(battle, winner, key)
        now = self.clock()
        shown = connection.execute("SELECT * FROM battles WHERE id = ?", (battle,)).fetchone()
        earlier = connection.execute(
            "SELECT * FROM votes WHERE voter = ? AND key = ?", (voter, key)
        ).fetchone()
        if earlier is not None:
            if (earlier["battle"], earlier["winner"]) != (battle, WINNERS[winner]):
                raise Refused("reused key", "This key was used for another vote; choose a new one.")
            return Counted(battle, winner, shown["model_a"], shown["model_b"], again=True)
        if shown is None:
            raise Refused("never shown", "This pair was never shown; ask for one first.")
        if shown["voter"] != voter:
            raise Refused("not yours", "This pair was shown to someone else.")
        if connection.execute("SELECT 1 FROM votes WHERE battle = ?", (battle,)).fetchone():
            raise Refused("repeated", "You have voted on this pair; the first vote counts.")
        if now >= shown["shown_at"] + self.expires:
            raise Refused(
                "late", f"This pair was shown more than {self.expires / 60:g} minutes ago; take the next."
            )
        self._within_limits(connection, voter, now)
        connection.execute(
            "INSERT INTO votes (battle, voter, winner, key, anony, voted_at) VALUES (?, ?, ?, ?, ?, ?)",
            (battle, voter, WINNERS[winner], key, int(anony), now),
        )
        if self._rate:
            self._rate.take(voter)
        self.votes += 1
        return Counted(battle, winner, shown["model_a"], shown["model_b"], again=False)

    def _within_limits(self, connection: sqlite3.Connection, voter: str, now: float) -> None:
        if self.limits is None or self._rate is None:
            return
        if wait := self._rate.wait(voter):
            raise Refused("too fast", f"That was quick: read both answers, and vote in {wait:.0f} s.", wait)
        today = now - now % DAY
        count = connection.execute(
            "SELECT count(*) FROM votes WHERE voter = ? AND voted_at >= ?", (voter, today)
        ).fetchone()[0]
        if count >= self.limits.per_day:
            raise Refused(
                "daily cap",
                f"{count} votes of yours count today, which is the most for one day. Thank you!",
                today + DAY - now,
            )


def _check(battle: Any, winner: Any, key: Any) -> None:
    if not isinstance(battle, str) or not isinstance(winner, str) or winner not in WINNERS:
        raise Refused(
            "malformed",
            f"A vote needs battle, the id that was shown, and winner, one of {', '.join(WINNERS)}.",
        )
    if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_KEY:
        raise Refused("malformed", f"A vote needs a new key of 1 to {LONGEST_KEY} characters.")


def _text(answerer: Answerer, question: ArenaQuestion, seed: int) -> str:
    said = answerer.answer(question.scene, question.question, seed)
    if not isinstance(said, str):
        raise TypeError(f"{answerer.name} answered {said!r:.60} to {question.id}; an answer is text.")
    return said


def _shown(row: Any, seconds_left: float) -> Shown:
    return Shown(
        row["id"], row["number"], row["text"], row["question"], row["answer_a"], row["answer_b"], seconds_left
    )


def _so_far(connection: sqlite3.Connection) -> tuple[list[tuple[str, str]], int]:
    """The pair of every battle that was shown, and the number of votes."""
    shown = [tuple(row) for row in connection.execute("SELECT model_a, model_b FROM battles")]
    return shown, connection.execute("SELECT count(*) FROM votes").fetchone()[0]
