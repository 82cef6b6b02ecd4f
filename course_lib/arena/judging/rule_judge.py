"""A judge without a model: it knows the world's right answer, and can be given a judge's known faults."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course_lib.arena.judging.judges import Verdict
from course_lib.world import COLORS, KINDS

if TYPE_CHECKING:
    from course_lib.world import Question, Scene

_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {name: str(number) for number, name in enumerate(_NAMES)}
_GROUPS = ({"yes", "no"}, {"left", "right"}, set(COLORS), set(KINDS))
_QUALITY = ("does not give the right answer", "names the right answer beside another", "is right")


@dataclass(frozen=True)
class RuleJudge:
    """Compares answers with the right one: each is wrong (0), hedged (1) or right (2).

    The difference, A minus B, plus the faults below is the margin: above 1.5 it is A>>B, above 0.5 A>B,
    otherwise A=B, and the same for B. Hedged is an answer that names the right one beside another of its sort
    ("red or blue"). The same judge gives the same verdict on the same comparison, in every process.

    position_bias: added for the answer shown first; 1 turns every tie into A>B.
    length_bias: times (a - b) / (a + b), a and b the lengths in words; 1 turns a tie into a win for an answer
        three times as long as the other or longer.
    noise: standard deviation of a normal error, drawn from seed, question and answers in their order.
    failure: probability (0 to 1) of giving no verdict.
    """

    position_bias: float = 0.0
    length_bias: float = 0.0
    noise: float = 0.0
    failure: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.noise < 0:
            raise ValueError(f"RuleJudge: noise={self.noise} was given; a standard deviation is at least 0.")
        if not 0 <= self.failure <= 1:
            raise ValueError(f"RuleJudge: failure={self.failure} was given; a probability lies from 0 to 1.")

    def ask(
        self, question: Question | str, answer_a: str, answer_b: str, scene: Scene | None = None
    ) -> Verdict:
        """Compare two answers; A is shown first. A question given as text is looked up in the scene's.

        Raises ValueError for a text without a scene, and for a text that is no question of the scene.
        """
        asked = _looked_up(question, scene)
        # scene and noise seed tell two pictures with the same question and answers apart
        where = (scene.split, scene.index, scene.noise_seed) if scene is not None else ()
        key = repr((self.seed, asked.text, asked.answer, answer_a, answer_b, where)).encode()
        draw = np.random.default_rng(int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big"))
        if draw.random() < self.failure:
            return Verdict(None, "No verdict was given.")
        a, b = (quality(asked, answer) for answer in (answer_a, answer_b))
        words_a, words_b = (len(answer.split()) for answer in (answer_a, answer_b))
        margin = a - b + self.position_bias + self.noise * draw.standard_normal()
        if words_a + words_b:
            margin += self.length_bias * (words_a - words_b) / (words_a + words_b)
        reason = f'The right answer is "{asked.answer}": A {_QUALITY[a]}, B {_QUALITY[b]}.'
        return Verdict(_label(margin), reason)


def quality(question: Question, answer: str) -> int:
    """How good an answer is: 0 without the right answer in it, 1 with it beside another one, 2 with it alone.

    Case and punctuation do not matter; number words count as numbers where the answer holds no digit.
    """
    words = _words(answer)
    right = _words(question.answer)
    if len(right) == 1 and right[0].isdigit() and not any(word.isdigit() for word in words):
        words = [_NUMBERS.get(word, word) for word in words]
    text = f" {' '.join(words)} "
    if not right or f" {' '.join(right)} " not in text:
        return 0
    return 1 if any(f" {rival} " in text for rival in _rivals(question, words)) else 2


def _rivals(question: Question, words: list[str]) -> set[str]:
    """Other answers of the same sort, in normal form."""
    right = " ".join(_words(question.answer))
    if ", " in question.text and " or " in question.text:  # "Which is larger, the cat or the red car?"
        named = question.text.rstrip("?").rsplit(", ", 1)[1].split(" or ")
        return {" ".join(_words(name.removeprefix("the "))) for name in named} - {right}
    if right.isdigit():
        return {word for word in words if word.isdigit()} - {right}
    return next((group - {right} for group in _GROUPS if right in group), set())


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _looked_up(question: Question | str, scene: Scene | None) -> Question:
    if not isinstance(question, str):
        return question
    if scene is None:
        raise ValueError(
            f"RuleJudge: {question!r} came as text without a scene; give the Question, or the scene too."
        )
    from course_lib.world.questions import questions

    known = questions(scene)
    for one in known:
        if one.text == question:
            return one
    raise ValueError(
        f"RuleJudge: {question!r} is none of the {len(known)} questions of scene {scene.index}, so its right "
        "answer is not known; take one of world.questions(scene)."
    )


def _label(margin: float) -> str:
    size = 2 if abs(margin) > 1.5 else 1 if abs(margin) > 0.5 else 0
    if not size:
        return "A=B"
    better, worse = ("A", "B") if margin > 0 else ("B", "A")
    return f"{better}{'>' * size}{worse}"
