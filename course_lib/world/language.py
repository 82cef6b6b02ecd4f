"""Sentences about a scene: captions, referring phrases, relations, negations and hard negatives."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from course_lib.world.scene import HardNegative, Phrase, Scene, Statement
from course_lib.world.vocabulary import COLORS, KINDS
from course_lib.world.words import MARGIN, RELATIONS, an, backdrop, full_name, size_word, unique_name, where


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def captions(scene: Scene) -> list[str]:
    """True captions, from short to dense: main kind, with colour, with setting, all objects, everything."""
    things = scene.objects
    main = things[0]
    texts = [an(main.kind), an(full_name(main))]
    texts.append(f"{an(size_word(main) + full_name(main))} {where(main)} {backdrop(scene)}")
    if len(things) > 1:
        texts.append(_listed([an(full_name(thing)) for thing in things]))
    count = "one object" if len(things) == 1 else f"{len(things)} objects"
    parts = [an(size_word(thing) + full_name(thing)) + " " + where(thing) for thing in things]
    sentences = [f"a {scene.style} picture of {count}: {_listed(parts)}"]
    if len(things) > 1 and (name := unique_name(scene, 0)):
        sentences.append(f"the {name} is in front of everything else")
    if scene.horizon is None:
        sentences.append(f"the backdrop is {scene.sky}")
    else:
        sentences.append(f"the sky is {scene.sky} and the ground is {scene.ground}")
    sentences += [f"a sign says {word.text}" for word in scene.words]
    if scene.chart:
        columns = [
            f"{color} {value}" for color, value in zip(scene.chart.colors, scene.chart.values, strict=True)
        ]
        sentences.append(f"a chart shows {_listed(columns)}")
    texts.append(". ".join(sentences))
    return texts


def phrases(scene: Scene) -> list[Phrase]:
    """Noun phrases that each fit exactly one object of the scene, with the object they mean."""
    things = scene.objects
    found: list[Phrase] = []
    for number, thing in enumerate(things):
        same = [other for other in things if other.kind == thing.kind]
        if len(same) == 1:
            found.append(Phrase(f"the {thing.kind}", number))
        if sum(other.color == thing.color for other in same) == 1:
            found.append(Phrase(f"the {full_name(thing)}", number))
        if sum(other.color == thing.color for other in things) == 1:
            found.append(Phrase(f"the {thing.color} object", number))
        if len(same) > 1 and sum(where(other) == where(thing) for other in same) == 1:
            found.append(Phrase(f"the {thing.kind} {where(thing)}", number))
    if len(things) > 1:
        found += [Phrase("the nearest object", 0), Phrase("the farthest object", len(things) - 1)]
        found += [Phrase("the largest object", 0)]
        by_x = sorted(range(len(things)), key=lambda k: things[k].position[0])
        for name, first, second in (("leftmost", by_x[0], by_x[1]), ("rightmost", by_x[-1], by_x[-2])):
            if abs(things[first].position[0] - things[second].position[0]) >= MARGIN:
                found.append(Phrase(f"the {name} object", first))
    return found + _relational(scene)


def _relational(scene: Scene) -> list[Phrase]:
    """As "the cat left of the house", where no other cat comes near to fitting."""
    things, found = scene.objects, []
    opposite = {
        "left of": "right of",
        "right of": "left of",
        "in front of": "behind",
        "behind": "in front of",
    }
    for a, b in permutations(range(len(things)), 2):
        anchor = unique_name(scene, b)
        others = [t for k, t in enumerate(things) if t.kind == things[a].kind and k not in (a, b)]
        if anchor is None or not others or things[a].kind == things[b].kind:
            continue
        for relation, reverse in opposite.items():
            if RELATIONS[relation](things[a], things[b]) and all(
                RELATIONS[reverse](other, things[b]) for other in others
            ):
                found.append(Phrase(f"the {things[a].kind} {relation} the {anchor}", a))
    return found


def _named_pairs(scene: Scene) -> list[tuple[int, int, str, str]]:
    names: list[Any] = [unique_name(scene, number) for number in range(len(scene.objects))]
    pairs = permutations(range(len(names)), 2)
    return [(a, b, names[a], names[b]) for a, b in pairs if names[a] and names[b]]


def relations(scene: Scene) -> list[Statement]:
    """True sentences about two objects, "the red house is left of the bird", and for each a false twin."""
    found = []
    for a, b, first, second in _named_pairs(scene):
        for relation, holds in RELATIONS.items():
            if holds(scene.objects[a], scene.objects[b]):
                found.append(Statement(f"the {first} is {relation} the {second}", True, "relation"))
                found.append(Statement(f"the {second} is {relation} the {first}", False, "relation"))
    return found


def negations(scene: Scene) -> list[Statement]:
    """Sentences with "no" and "not", true ones and false ones."""
    found = []
    here = {thing.kind for thing in scene.objects}
    absent = [kind for kind in KINDS if kind not in here]
    if absent:
        kind = absent[(scene.index + len(here)) % len(absent)]
        found.append(Statement(f"there is no {kind}", True, "negation"))
    found.append(Statement(f"there is no {scene.objects[0].kind}", False, "negation"))
    colors = list(COLORS)
    for number, thing in enumerate(scene.objects):
        if name := unique_name(scene, number):
            other = colors[(colors.index(thing.color) + 1 + scene.index % 7) % 8]
            if name == thing.kind:
                found.append(Statement(f"the {name} is not {other}", True, "negation"))
                found.append(Statement(f"the {name} is not {thing.color}", False, "negation"))
            found.append(Statement(f"there is {an(full_name(thing))} but no {other} {thing.kind}",
                                   not _has(scene, other, thing.kind), "negation"))  # fmt: skip
    for a, b, first, second in _named_pairs(scene):
        for relation, holds in RELATIONS.items():
            if holds(scene.objects[a], scene.objects[b]):
                found.append(Statement(f"the {second} is not {relation} the {first}", True, "negation"))
    return found


def _has(scene: Scene, color: str, kind: str) -> bool:
    return any(thing.color == color and thing.kind == kind for thing in scene.objects)


def hard_negatives(scene: Scene) -> list[HardNegative]:
    """A true sentence and a false one of the same words: colours exchanged, or the two objects exchanged."""
    found = []
    for a, b, first, second in _named_pairs(scene):
        one, two = scene.objects[a], scene.objects[b]
        if a < b and one.kind != two.kind and one.color != two.color:
            both = _has(scene, two.color, one.kind) and _has(scene, one.color, two.kind)
            if not both:
                found.append(
                    HardNegative(
                        f"{an(full_name(one))} and {an(full_name(two))}",
                        f"{an(two.color)} {one.kind} and {an(one.color)} {two.kind}",
                        "swapped attributes",
                    )
                )
        for relation, holds in RELATIONS.items():
            if holds(one, two):
                found.append(
                    HardNegative(
                        f"the {first} is {relation} the {second}",
                        f"the {second} is {relation} the {first}",
                        "swapped roles",
                    )
                )
    return found
