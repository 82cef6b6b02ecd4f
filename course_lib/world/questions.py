"""Questions with one right answer each, in four families: general, knowledge, ocr_chart, vision_centric."""

from __future__ import annotations

from typing import Any

from course_lib.world.scene import Question, Scene
from course_lib.world.vocabulary import FACTS, KINDS
from course_lib.world.words import MARGIN, an, plural, unique_name


def questions(scene: Scene) -> list[Question]:
    """All questions of a scene; those about signs and charts only where there are any."""
    return [*_general(scene), *_knowledge(scene), *_signs(scene), *_charts(scene), *_vision(scene)]


def _general(scene: Scene) -> list[Question]:
    things = scene.objects
    found: list[tuple[str, Any]] = [("What is the largest object?", things[0].kind)]
    for number, thing in enumerate(things):
        name = unique_name(scene, number)
        if name == thing.kind:
            found.append((f"What colour is the {name}?", thing.color))
    here = {thing.kind for thing in things}
    absent = [kind for kind in KINDS if kind not in here]
    found.append((f"Is there {an(things[-1].kind)} in the picture?", "yes"))
    if absent:
        found.append((f"Is there {an(absent[scene.index % len(absent)])} in the picture?", "no"))
    if scene.horizon is not None:
        found.append(("What is the ground made of?", scene.ground))
        found.append(("Is it night?", "yes" if scene.sky == "night" else "no"))
    else:
        found.append(("What colour is the backdrop?", scene.sky))
    return [Question(text, answer, "general") for text, answer in found]


def _knowledge(scene: Scene) -> list[Question]:
    found = []
    facts = list(FACTS)
    asked = facts[scene.index % len(facts)]
    for fact, kinds in FACTS.items():
        fitting = {thing.kind for thing in scene.objects} & kinds
        if len(fitting) == 1:
            found.append((f"Which kind of object in the picture {fact}?", next(iter(fitting))))
        if fact == asked or fitting:
            found.append((f"Is there an object in the picture that {fact}?", "yes" if fitting else "no"))
    return [Question(text, answer, "knowledge") for text, answer in found]


def _signs(scene: Scene) -> list[Question]:
    found = []
    for word in scene.words:
        main = scene.objects[0].kind
        found.append(("What does the sign say?", word.text))
        found.append(("How many letters are on the sign?", str(len(word.text))))
        found.append(("Does the sign name the largest object?", "yes" if word.text == main.upper() else "no"))
    return [Question(text, answer, "ocr_chart") for text, answer in found]


def _charts(scene: Scene) -> list[Question]:
    chart = scene.chart
    if chart is None:
        return []
    found = [("How many columns does the chart have?", str(len(chart.values)))]
    for name, value in (("tallest", max(chart.values)), ("shortest", min(chart.values))):
        if chart.values.count(value) == 1:
            found.append(
                (f"What colour is the {name} column of the chart?", chart.colors[chart.values.index(value)])
            )
    for color, value in zip(chart.colors, chart.values, strict=True):
        found.append((f"How many units high is the {color} column of the chart?", str(value)))
    first, second = chart.colors[:2]
    if chart.values[0] != chart.values[1]:
        higher = first if chart.values[0] > chart.values[1] else second
        found.append((f"Which column of the chart is higher, {first} or {second}?", higher))
    return [Question(text, answer, "ocr_chart") for text, answer in found]


def _vision(scene: Scene) -> list[Question]:
    things = scene.objects
    found = [("How many objects are in the picture?", str(len(things)))]
    for kind in sorted({thing.kind for thing in things}):
        number = sum(thing.kind == kind for thing in things)
        found.append((f"How many {plural(kind)} are in the picture?", str(number)))
    names: list[Any] = [unique_name(scene, number) for number in range(len(things))]
    for b in range(1, len(things)):
        for a in range(b):
            if not (names[a] and names[b]):
                continue
            one, two = (a, b) if (scene.index + b) % 2 else (b, a)  # the answer is not always the first named
            first, second = things[one], things[two]
            question = f"the {names[one]} or the {names[two]}"
            nearer = one if first.depth < second.depth else two
            found.append((f"Which is nearer to the viewer, {question}?", names[nearer]))
            if abs(first.size - second.size) >= 0.05:
                larger = one if first.size > second.size else two
                found.append((f"Which is larger, {question}?", names[larger]))
            across = first.position[0] - second.position[0]
            if abs(across) >= MARGIN:
                side = "left" if across < 0 else "right"
                found.append((f"Is the {names[one]} to the left or to the right of the {names[two]}?", side))
    return [Question(text, answer, "vision_centric") for text, answer in found]
