"""ArenaGame: the arena for one student in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from course_lib.arena.playing.answerers import Answerer
from course_lib.arena.playing.questions import ArenaQuestion, pool
from course_lib.arena.playing.session import WINNERS, Arena
from course_lib.arena.playing.votes import VoteStore
from course_lib.viz.widgets.pairwise_vote import PairwiseVote

if TYPE_CHECKING:
    import pandas

A_YEAR = 365 * 86_400.0
SIDES = {word: side for side, word in WINNERS.items()}


class ArenaGame:
    """Anonymous battles on world pictures: vote in the notebook, then rate who answered.

        game = ArenaGame(rounds=12)
        game                # the last line of a cell shows it
        game.battles()      # after some votes: one row each, for online_elo or bradley_terry

    rounds: how many pairs. answerers, questions: as in `arena.Arena`; by default samplers of
    known accuracy and 200 questions. path: of a database that keeps the votes, None: they go with the kernel.
    voter: your name in it. policy, seed: see Arena. vote: the PairwiseVote that is shown; names appear after
    each vote.

    A vote is kept when `battles` is called, and then stays; until then it can be taken back. Raises
    ValueError for rounds < 1, and what Arena raises.
    """

    def __init__(
        self,
        rounds: int = 12,
        answerers: Sequence[Answerer] | None = None,
        questions: Sequence[ArenaQuestion] | None = None,
        path: str | Path | None = None,
        voter: str = "me",
        policy: str = "fewest",
        seed: int = 0,
    ):
        if rounds < 1:
            raise ValueError(f"ArenaGame: rounds is {rounds}; give at least 1.")
        self.voter = voter
        questions = pool(seed=seed) if questions is None else questions
        self.arena = Arena(
            VoteStore(path), answerers, questions, policy=policy, seed=seed, limits=None, expires=A_YEAR
        )
        self.dealt = self.arena.deal(voter, rounds).result()
        items = []
        for place, (shown, left, right) in enumerate(self.dealt):
            question = self.arena.questions[self.arena.place[shown.image]]
            image = torch.from_numpy(question.image().copy()).permute(2, 0, 1)
            answers = {left: shown.left, right: shown.right}
            items.append({"id": place, "question": shown.question, "image": image, "answers": answers})
        self.vote = PairwiseVote(items, shuffle=False)  # the sides were drawn when the battles were dealt
        self._kept = 0

    def battles(self) -> pandas.DataFrame:
        """Keep the votes so far; return all battles of the arena (`arena.battles_table`)."""
        votes = self.vote.votes()
        for row in votes.iloc[self._kept :].to_dict("records"):
            shown = self.dealt[row["question_id"]][0]
            kept = self.arena.vote(
                self.voter, shown.battle, SIDES[row["winner"]], shown.battle, anony=bool(row["anony"])
            )
            kept.result()
        self._kept = max(self._kept, len(votes))
        return self.arena.battles()

    def close(self) -> None:
        """Let the browser's side and the database go."""
        self.battles()
        self.vote.close()
        self.arena.store.close()

    def _ipython_display_(self) -> None:
        self.vote._ipython_display_()
