"""What a judge is: two answers in, a five-way verdict with its reason out; in both orders where wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from course_lib.world import Question, Scene

# here A and B are the answers as shown: A first (left), B second (right)
LABELS = ("A>>B", "A>B", "A=B", "B>A", "B>>A")
_BETTER_A = dict(zip(LABELS, (2, 1, 0, -1, -2), strict=True))
WINNER = dict(zip(LABELS, ("model_a", "model_a", "tie", "model_b", "model_b"), strict=True))
_MIRRORED = dict(zip(LABELS, reversed(LABELS), strict=True))
_IN_BRACKETS = re.compile(r"\[\[\s*([AB<>=]+)\s*\]\]")


@dataclass(frozen=True)
class Verdict:
    """What a judge said of answers A and B.

    label: one of LABELS, or None: no verdict, which is missing and never a tie. reason: in words.
    orders: only when both orders were asked: the labels of the first (A shown first) and the second (B shown
    first), both written as seen by A and B, so that equal labels mean that the order did not matter.
    """

    label: str | None
    reason: str
    orders: tuple[str | None, str | None] | None = None

    def __post_init__(self) -> None:
        for label in (self.label, *(self.orders or ())):
            if label is not None and label not in LABELS:
                raise ValueError(
                    f"Verdict: {label!r} was given; a label is one of {', '.join(LABELS)}, or None."
                )

    @property
    def consistent(self) -> bool | None:
        """Whether both orders prefer the same side or none; None when one was not asked or is missing."""
        if self.orders is None or None in self.orders:
            return None
        return len({WINNER[label] for label in self.orders if label}) == 1


class Judge(Protocol):
    """Anything with this method can judge. It sees no model's name."""

    def ask(
        self, question: Question | str, answer_a: str, answer_b: str, scene: Scene | None = None
    ) -> Verdict:
        """Compare two answers to a question about the picture of a scene; A is shown first."""
        ...


def parse_label(text: str) -> str | None:
    """The verdict in a judge's text: the label in double brackets, [[A>B]].

    None when there is no bracketed label, when two different ones occur, or when it is none of the five: such
    text is a missing verdict, never a tie. The same label said twice counts. Source: WildVision-Bench's
    released rule (get_judgement.py) takes any run of the letters A, B, <, >, = in double brackets.
    """
    found = bracketed(text)
    return found.pop() if len(found) == 1 and found <= set(LABELS) else None


def bracketed(text: str) -> set[str]:
    """All that stands in double brackets and looks like a label, [[A>B]] or [[A]], each once."""
    return set(_IN_BRACKETS.findall(text))


@dataclass(frozen=True)
class _Swapped:
    judge: Judge

    def ask(
        self, question: Question | str, answer_a: str, answer_b: str, scene: Scene | None = None
    ) -> Verdict:
        first = self.judge.ask(question, answer_a, answer_b, scene)
        second = self.judge.ask(question, answer_b, answer_a, scene)
        turned = None if second.label is None else _MIRRORED[second.label]
        reason = f"A first: {first.reason} B first: {second.reason}"
        if first.label is None or turned is None:
            return Verdict(None, reason, (first.label, turned))
        mean = int((_BETTER_A[first.label] + _BETTER_A[turned]) / 2)  # rounded towards the tie
        label = next(label for label, value in _BETTER_A.items() if value == mean)
        return Verdict(label, reason, (first.label, turned))


def swapped(judge: Judge) -> Judge:
    """A judge that asks `judge` in both orders, so that no side gains from being shown first.

    Its verdict is the mean of the two on the scale +2 (A>>B) ... -2 (B>>A), rounded towards a tie: A>B and
    A=B give A=B. It is missing when one of the two is missing. `Verdict.orders` keeps both,
    `Verdict.consistent` says whether they agree on the side. Source: Zheng et al. 2023, arXiv:2306.05685,
    section 3.4.
    """
    return _Swapped(judge)


def judge_battles(judge: Judge, comparisons: pd.DataFrame) -> pd.DataFrame:
    """The comparisons with what the judge said: the columns verdict, winner, reason, consistent are added.

    comparisons: columns question (a world Question, or its text), answer_a, answer_b; optionally scene,
    model_a, model_b and more, which are kept; of these the judge sees the scene alone. winner: model_a,
    model_b or tie; missing where there is no verdict: drop those rows to get battles, and report how many.
    Raises ValueError for missing columns and for no rows.
    """
    lacking = [name for name in ("question", "answer_a", "answer_b") if name not in comparisons]
    if lacking:
        raise ValueError(
            f"judge_battles: the column {' and '.join(lacking)} is missing; there are "
            f"{', '.join(map(str, comparisons.columns))}."
        )
    if not len(comparisons):
        raise ValueError("judge_battles: there is nothing to judge; give at least one row.")
    scenes = comparisons["scene"] if "scene" in comparisons else [None] * len(comparisons)
    columns = (comparisons["question"], comparisons["answer_a"], comparisons["answer_b"], scenes)
    said = [judge.ask(*row) for row in zip(*columns, strict=True)]
    labels = [verdict.label for verdict in said]
    return comparisons.assign(
        verdict=labels,
        winner=[None if label is None else WINNER[label] for label in labels],
        reason=[verdict.reason for verdict in said],
        consistent=[verdict.consistent for verdict in said],
    )


@dataclass(frozen=True)
class PositionBias:
    """How often the answer shown first was preferred. share: of the decided ones; nan when there are none."""

    first: int
    second: int
    undecided: int
    share: float
    low: float
    high: float
    p_value: float

    def __str__(self) -> str:
        if not self.first + self.second:
            return f"no side was ever chosen ({self.undecided} undecided)"
        return (
            f"the first answer was preferred in {self.first} of {self.first + self.second} comparisons, "
            f"{100 * self.share:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}], p = {self.p_value:.2g}"
        )


def position_bias(winners: pd.Series, level: float = 0.95) -> PositionBias:
    """Whether the first side (model_a, left) is chosen more often than the second.

    winners: winners of battles whose sides were drawn at random, or five-way labels as shown; missing ones
    are left out. Gives Wilson's interval at `level` and the two-sided binomial test of one half, which hold
    for independent comparisons. If sides were not drawn at random, a better model that stands more often on
    one side looks like bias. Raises ValueError for an unknown label.
    """
    import pandas as pd

    from course_lib.arena.judging.agreement import votes_of

    votes = pd.Series(votes_of(pd.Series(winners).dropna()), dtype=object)
    first, second = int((votes == "left").sum()), int((votes == "right").sum())
    nothing = float("nan")
    if not first + second:
        return PositionBias(0, 0, len(votes), nothing, nothing, nothing, nothing)
    from scipy.stats import binomtest

    test = binomtest(first, first + second)
    low, high = test.proportion_ci(level, method="wilson")
    numbers = (float(number) for number in (test.statistic, low, high, test.pvalue))
    return PositionBias(first, second, len(votes) - first - second, *numbers)
