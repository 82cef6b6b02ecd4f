"""Who answers in the arena: anything with a name and `answer(scene, question, seed)`.

Until trained vision-language models take the place, samplers answer: right with a known probability for each
family of questions, otherwise with a plausible wrong answer, in a style of their own. So the true order is
known, and so is what a vote for the longer answer is worth: nothing.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from course_lib.arena.playing.questions import FAMILIES
from course_lib.world import COLORS, KINDS, Question, Scene
from course_lib.world.vocabulary import BACKDROPS, GROUNDS, SKIES

STYLES = ("terse", "plain", "wordy")


class Answerer(Protocol):
    """What plays in the arena. A trained model needs these two and nothing else."""

    @property
    def name(self) -> str:
        """As it stands in the tables; shown to a voter only after the vote."""
        ...

    def answer(self, scene: Scene, question: Question, seed: int) -> str:
        """The answer as text; the same for the same three arguments."""
        ...


@dataclass(frozen=True)
class Sampler:
    """Answers right with probability `accuracy[family]`, in one of three styles.

    name: as in the tables. accuracy: {family: probability in [0, 1]} for the families of the
    pool's questions. style: "terse" (the bare answer), "plain" (a sentence) or "wordy" (several
    sentences that add nothing). Raises ValueError for a family without a probability, a number outside [0, 1]
    and another style.
    """

    name: str
    accuracy: Mapping[str, float]
    style: str = "plain"

    def __post_init__(self) -> None:
        missing = [family for family in FAMILIES if family not in self.accuracy]
        if missing:
            raise ValueError(f"Sampler {self.name}: accuracy has no {', '.join(missing)}.")
        for family, value in self.accuracy.items():
            if not 0 <= value <= 1:
                raise ValueError(f"Sampler {self.name}: accuracy of {family} is {value}; give 0 to 1.")
        if self.style not in STYLES:
            raise ValueError(
                f'Sampler {self.name}: style is "{self.style}"; choose one of {", ".join(STYLES)}.'
            )

    def answer(self, scene: Scene, question: Question, seed: int) -> str:
        """The right answer or a plausible wrong one, drawn from name, scene, question and seed."""
        draw = drawn_from(self.name, scene.split, scene.index, scene.noise_seed, question.text, seed)
        right = draw.random() < self.accuracy[question.category]
        said = question.answer if right else wrong_answer(scene, question, draw)
        return in_style(said, self.style)


def drawn_from(*values: object) -> random.Random:
    """A generator that depends on the values and on nothing else: not on the process, not on the order."""
    digest = hashlib.blake2b(repr(values).encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))


def wrong_answer(scene: Scene, question: Question, draw: random.Random) -> str:
    """An answer of the right sort that is wrong: another colour, another kind, a number nearby."""
    right = question.answer
    others = [word for word in _candidates(scene, question) if word != right]
    return draw.choice(others)


def _candidates(scene: Scene, question: Question) -> list[str]:
    right, text = question.answer, question.text
    if ", " in text and " or " in text:  # "Which is larger, the cat or the pine?" names both answers
        named = text.rstrip("?").split(", ")[-1].split(" or ")
        return [name.removeprefix("the ") for name in named]
    if right.isdigit():
        return [str(number) for number in range(max(1, int(right) - 2), int(right) + 3)]
    if right.isupper():  # a word on a sign
        return [kind.upper() for kind in KINDS]
    here = [thing.kind for thing in scene.objects]
    # what is in the picture comes before what is not: the likelier mistake
    groups = (["yes", "no"], ["left", "right"], list(COLORS), here, list(KINDS), list(GROUNDS), list(SKIES),
              list(BACKDROPS))  # fmt: skip
    return next((g for g in groups if right in g and len(set(g)) > 1), [right, "nothing"])


def in_style(said: str, style: str) -> str:
    """An answer as text in one of the three styles; the content is the same in each."""
    if style == "terse":
        return said[:1].upper() + said[1:] + "."
    if style == "plain":
        return f"The answer is {said}."
    return (
        "Thank you for this interesting question! I looked at the whole picture with care, from the "
        "foreground to the background, before I decided. Taking everything into account, the answer is "
        f"{said}. In short: {said}."
    )


def _sampler(name: str, style: str, *accuracy: float) -> Sampler:
    return Sampler(name, dict(zip(FAMILIES, accuracy, strict=True)), style)


def default_answerers() -> list[Sampler]:
    """Eight samplers: strong and weak, two twins that differ in style alone, and two with a blind spot."""
    return [
        _sampler("Heron-Large", "plain", 0.95, 0.92, 0.90, 0.88),
        _sampler("Heron-Small", "plain", 0.80, 0.72, 0.66, 0.62),
        _sampler("Otter-Brief", "terse", 0.75, 0.75, 0.75, 0.75),
        _sampler("Otter-Chat", "wordy", 0.75, 0.75, 0.75, 0.75),  # Otter-Brief with more words
        _sampler("Newt-Reader", "plain", 0.60, 0.55, 0.95, 0.45),  # reads well, sees little
        _sampler("Finch-Eye", "terse", 0.85, 0.60, 0.25, 0.90),  # sees well, cannot read
        _sampler("Mole-Base", "wordy", 0.50, 0.45, 0.35, 0.40),
        _sampler("Dice", "terse", 0.25, 0.25, 0.10, 0.25),
    ]


def preference(
    first: str, second: str, answer: str, draw: random.Random, length_bias: float = 0.0, care: float = 1.0
) -> str:
    """What a simulated voter who knows the truth says of two answers: "left", "right", "tie" or "both bad".

    care: probability of looking at all; otherwise one of the four at random. length_bias: probability of
    taking the longer of two answers that are both right or both wrong. answer: the right one.
    """
    if draw.random() >= care:
        return draw.choice(("left", "right", "tie", "both bad"))
    left, right = (says(text, answer) for text in (first, second))
    if left != right:
        return "left" if left else "right"
    if len(first) != len(second) and draw.random() < length_bias:
        return "left" if len(first) > len(second) else "right"
    return "tie" if left else "both bad"


def says(text: str, answer: str) -> bool:
    """Whether a sampler's text gives the answer: in every style it ends with what is said."""
    return f" {text.lower()}".endswith(f" {answer.lower()}.")
