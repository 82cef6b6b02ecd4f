"""What the sentences mean: one place for the words' definitions, all read off the scene.

- left of / right of / above / below: the centres differ by at least MARGIN of the picture's side that way.
- in front of / behind: nearer to / farther from the viewer.
- on the left: centre at x < 0.4; on the right: x > 0.6; in the middle: between.
- big: size at least 0.45; small: size at most 0.33.
"""

from __future__ import annotations

from collections.abc import Callable

from course_lib.world.scene import Scene, Thing
from course_lib.world.vocabulary import SKIES

MARGIN = 0.12
_PLURALS = {"fish": "fish", "butterfly": "butterflies"}

RELATIONS: dict[str, Callable[[Thing, Thing], bool]] = {
    "left of": lambda a, b: a.position[0] <= b.position[0] - MARGIN,
    "right of": lambda a, b: a.position[0] >= b.position[0] + MARGIN,
    "above": lambda a, b: a.position[1] <= b.position[1] - MARGIN,
    "below": lambda a, b: a.position[1] >= b.position[1] + MARGIN,
    "in front of": lambda a, b: a.depth < b.depth,
    "behind": lambda a, b: a.depth > b.depth,
}


def an(words: str) -> str:
    """The words with their indefinite article."""
    return ("an " if words[0] in "aeiou" else "a ") + words


def plural(kind: str) -> str:
    """Several of a kind."""
    return _PLURALS.get(kind, kind + "es" if kind.endswith(("ch", "sh", "s", "x")) else kind + "s")


def full_name(thing: Thing) -> str:
    """Colour and kind, "red house"."""
    return f"{thing.color} {thing.kind}"


def size_word(thing: Thing) -> str:
    """ "big", "small" or nothing, with a blank behind it when there is a word."""
    return "big " if thing.size >= 0.45 else "small " if thing.size <= 0.33 else ""


def where(thing: Thing) -> str:
    """ "on the left", "in the middle" or "on the right"."""
    x = thing.position[0]
    return "on the left" if x < 0.4 else "on the right" if x > 0.6 else "in the middle"


def backdrop(scene: Scene) -> str:
    """What is behind everything, "under a blue sky" or "before a mint backdrop"."""
    if scene.horizon is None:
        return f"before {an(scene.sky)} backdrop"
    return f"under {an(scene.sky)} sky" if scene.sky in SKIES else ""


def unique_name(scene: Scene, number: int) -> str | None:
    """The shortest of "house", "red house" that fits only this object; None if neither does."""
    thing = scene.objects[number]
    alike = [other for other in scene.objects if other.kind == thing.kind]
    if len(alike) == 1:
        return thing.kind
    if sum(other.color == thing.color for other in alike) == 1:
        return full_name(thing)
    return None
