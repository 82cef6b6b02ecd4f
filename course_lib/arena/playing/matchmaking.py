"""Which question and which two answerers come next, and who stands on the left.

Every draw depends on the arena's seed and on the number of the battle alone, given what has been shown
before, so an arena can be replayed from its database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

POLICIES = ("fewest", "uniform")
Pair = tuple[str, str]


@dataclass(frozen=True)
class Draw:
    """One battle to come: question's place in the pool, model_a on the left, model_b on the right."""

    question: int
    model_a: str
    model_b: str


@dataclass
class Matchmaker:
    """Draws anonymous pairs.

    models: names, at least two, all different. questions: how many there are in the pool. policy: "uniform",
    every pair alike; "fewest", one of the pairs that were shown least so far, so that every pair is covered
    evenly even when few votes come. seed: of all draws. Raises ValueError for fewer than two models, a
    repeated name, no questions and another policy.
    """

    models: Sequence[str]
    questions: int
    policy: str = "fewest"
    seed: int = 0
    shown: Counter[Pair] = field(default_factory=Counter)  # of each pair, names in sorted order

    def __post_init__(self) -> None:
        if len(self.models) < 2 or len(set(self.models)) < len(self.models):
            raise ValueError(
                f"Matchmaker: models are {', '.join(self.models) or 'none'}; give two or more, all different."
            )
        if self.questions < 1:
            raise ValueError(f"Matchmaker: questions is {self.questions}; give at least one.")
        if self.policy not in POLICIES:
            raise ValueError(f'Matchmaker: policy is "{self.policy}"; choose one of {", ".join(POLICIES)}.')
        self.pairs = list(combinations(sorted(self.models), 2))

    def draw(self, number: int, seen: Collection[int] = ()) -> Draw:
        """Battle `number` (from 0). seen: places of questions to leave out, unless nothing else is left."""
        random = np.random.default_rng((self.seed, number))
        pairs = self.pairs
        if self.policy == "fewest":
            least = min(self.shown[pair] for pair in pairs)
            pairs = [pair for pair in pairs if self.shown[pair] == least]
        first, second = pairs[random.integers(len(pairs))]
        if random.integers(2):
            first, second = second, first
        fresh = sorted(set(range(self.questions)) - set(seen)) or range(self.questions)
        return Draw(int(fresh[random.integers(len(fresh))]), first, second)

    def note(self, model_a: str, model_b: str) -> None:
        """Count a pair as shown."""
        first, second = sorted((model_a, model_b))
        self.shown[first, second] += 1
