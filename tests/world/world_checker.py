# ruff: noqa: SIM905, E501
"""Reads the world's sentences back and says whether they are true of a scene.

Written from the documentation of `course_lib.world.words` without using its code: words are parsed with
regular expressions, and the thresholds are stated here again. A sentence that cannot be parsed raises `Unreadable`.
"""

from __future__ import annotations

import re

KINDS = """house tree car fish bird cat flower boat umbrella mushroom rocket cup butterfly face ball pine
snail blossom""".split()
COLORS = "red orange yellow green blue purple pink brown".split()
PLURALS = {kind + ("es" if kind == "x" else "s"): kind for kind in KINDS} | {
    "fish": "fish",
    "butterflies": "butterfly",
}
FACTS = {
    "is an animal": "fish bird cat butterfly snail",
    "is a plant": "tree pine flower blossom",
    "has wings": "bird butterfly",
    "lives under water": "fish",
    "carries people": "car boat rocket",
    "has wheels": "car",
    "flies to space": "rocket",
    "keeps you dry in the rain": "umbrella",
    "holds a drink": "cup",
    "is a building": "house",
    "rolls when kicked": "ball",
    "carries its house on its back": "snail",
    "says meow": "cat",
}
RELATION = "(left of|right of|above|below|in front of|behind)"


class Unreadable(AssertionError):
    """The checker does not know this form of sentence."""


def side(thing) -> str:
    x = thing.position[0]
    return "on the left" if x < 0.4 else "on the right" if x > 0.6 else "in the middle"


def stands(a, relation: str, b) -> bool:
    """Whether thing a is in the relation to thing b."""
    dx, dy = b.position[0] - a.position[0], b.position[1] - a.position[1]
    return {
        "left of": dx >= 0.12 - 1e-12,
        "right of": -dx >= 0.12 - 1e-12,
        "above": dy >= 0.12 - 1e-12,
        "below": -dy >= 0.12 - 1e-12,
        "in front of": b.depth - a.depth > 0,
        "behind": a.depth - b.depth > 0,
    }[relation]


def meant(scene, phrase: str) -> list[int]:
    """Places in scene.objects of all objects that a noun phrase without its article fits."""
    things = list(enumerate(scene.objects))
    if match := re.fullmatch(rf"(\w+) {RELATION} the (.+)", phrase):
        kind, relation, anchor = match.groups()
        found = meant(scene, anchor)
        if len(found) != 1:
            return []
        other = scene.objects[found[0]]
        return [k for k, t in things if k != found[0] and t.kind == kind and stands(t, relation, other)]
    if match := re.fullmatch(r"(nearest|farthest|largest|leftmost|rightmost) object", phrase):
        key = {
            "nearest": lambda t: t.depth,
            "farthest": lambda t: -t.depth,
            "largest": lambda t: -t.size,
            "leftmost": lambda t: t.position[0],
            "rightmost": lambda t: -t.position[0],
        }[match[1]]
        best = min(key(t) for _, t in things)
        return [k for k, t in things if key(t) == best]
    match = re.fullmatch(
        r"(?:(big|small) )?(?:(\w+) )?(\w+?)( on the left| on the right| in the middle)?", phrase
    )
    if not match or (match[3] != "object" and match[3] not in KINDS) or (match[2] and match[2] not in COLORS):
        raise Unreadable(phrase)
    size, color, kind, place = match.groups()
    return [
        k
        for k, t in things
        if (kind == "object" or t.kind == kind)
        and (color is None or t.color == color)
        and (place is None or side(t) == place.strip())
        and (size is None or (t.size >= 0.45 if size == "big" else t.size <= 0.33))
    ]


def _one(scene, phrase: str):
    found = meant(scene, phrase)
    if len(found) != 1:
        raise AssertionError(f"{phrase!r} fits {len(found)} objects of scene {scene.index}")
    return scene.objects[found[0]]


def _article(text: str) -> str:
    match = re.fullmatch(r"(an?) (.+)", text)
    if not match or (match[1] == "an") != (match[2][0] in "aeiou"):
        raise Unreadable(text)
    return match[2]


def _list(text: str) -> list[str]:
    return re.split(r", | and ", text)


def _fit_all(scene, names: list[str]) -> bool:
    """Whether each name can be given its own object, all different; names of one object each, in scene order."""
    return len(names) == len(scene.objects) and all(k in meant(scene, name) for k, name in enumerate(names))


def true(scene, text: str) -> bool:
    """Whether a sentence or caption is true of the scene."""
    if ". " in text or re.match(r"an? \w+ picture of", text):
        return all(_dense(scene, part) for part in text.split(". "))
    if match := re.fullmatch(rf"the (.+) is (not )?{RELATION} the (.+)", text):
        first, negated, relation, second = match.groups()
        return stands(_one(scene, first), relation, _one(scene, second)) != bool(negated)
    if match := re.fullmatch(r"the (.+) is not (\w+)", text):
        return _one(scene, match[1]).color != match[2]
    if match := re.fullmatch(r"there is no (\w+)", text):
        return not meant(scene, match[1])
    if match := re.fullmatch(r"there is (an? .+) but no (.+)", text):
        return bool(meant(scene, _article(match[1]))) and not meant(scene, match[2])
    if match := re.fullmatch(r"(an? .+?) (under|before) (an? .+) (sky|backdrop)", text):
        return len(meant(scene, _article(match[1]))) >= 1 and _setting(scene, match[4], _article(match[3]))
    names = [_article(name) for name in _list(text)]
    if len(names) == 1:
        return bool(meant(scene, names[0]))
    # as many different objects as names, each name with its own
    free = set(range(len(scene.objects)))
    for name in names:
        options = [k for k in meant(scene, name) if k in free]
        if not options:
            return False
        free.discard(options[0])
    return True


def _setting(scene, what: str, name: str) -> bool:
    return scene.sky == name and (scene.horizon is None) == (what == "backdrop")


def _dense(scene, part: str) -> bool:
    if match := re.fullmatch(r"an? (\w+) picture of (one object|(\d+) objects): (.+)", part):
        number = int(match[3] or 1)
        names = [_article(name) for name in _list(match[4])]
        return match[1] == scene.style and number == len(scene.objects) and _fit_all(scene, names)
    if match := re.fullmatch(r"the (.+) is in front of everything else", part):
        return _one(scene, match[1]).depth == min(thing.depth for thing in scene.objects)
    if match := re.fullmatch(r"the backdrop is (\w+)", part):
        return _setting(scene, "backdrop", match[1])
    if match := re.fullmatch(r"the sky is (\w+) and the ground is (\w+)", part):
        return _setting(scene, "sky", match[1]) and scene.ground == match[2]
    if match := re.fullmatch(r"a sign says ([A-Z]+)", part):
        return [word.text for word in scene.words] == [match[1]]
    if match := re.fullmatch(r"a chart shows (.+)", part):
        shown = [tuple(column.split()) for column in _list(match[1])]
        return shown == [(c, str(v)) for c, v in zip(scene.chart.colors, scene.chart.values, strict=True)]
    raise Unreadable(part)


def answer(scene, text: str) -> tuple[str, str]:
    """The answer to a question and the family it belongs to."""
    for pattern, family, solve in _QUESTIONS:
        if match := re.fullmatch(pattern, text):
            return solve(scene, *match.groups()), family
    raise Unreadable(text)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _choose(scene, first: str, second: str, key) -> str:
    a, b = key(_one(scene, first)), key(_one(scene, second))
    assert a != b
    return first if a < b else second


def _only(values):
    values = set(values)
    assert len(values) == 1
    return values.pop()


def _extreme(scene, name: str) -> str:
    value = (max if name == "tallest" else min)(scene.chart.values)
    return _only(c for c, v in zip(scene.chart.colors, scene.chart.values, strict=True) if v == value)


def _columns(scene) -> dict[str, int]:
    return dict(zip(scene.chart.colors, scene.chart.values, strict=True))


def _knows(fact: str, thing) -> bool:
    return thing.kind in FACTS[fact].split()


_QUESTIONS = [
    ("What is the largest object\\?", "general", lambda s: max(s.objects, key=lambda t: t.size).kind),
    ("What colour is the (\\w+)\\?", "general", lambda s, n: s.sky if n == "backdrop" else _one(s, n).color),
    ("Is there an? (\\w+) in the picture\\?", "general", lambda s, n: _yes(meant(s, n))),
    ("What is the ground made of\\?", "general", lambda s: s.ground),
    ("Is it night\\?", "general", lambda s: _yes(s.sky == "night")),
    ("Which kind of object in the picture (.+)\\?", "knowledge",
     lambda s, fact: _only(t.kind for t in s.objects if _knows(fact, t))),
    ("Is there an object in the picture that (.+)\\?", "knowledge",
     lambda s, fact: _yes(any(_knows(fact, t) for t in s.objects))),
    ("What does the sign say\\?", "ocr_chart", lambda s: s.words[0].text),
    ("How many letters are on the sign\\?", "ocr_chart", lambda s: str(len(s.words[0].text))),
    ("Does the sign name the largest object\\?", "ocr_chart",
     lambda s: _yes(s.words[0].text.lower() == max(s.objects, key=lambda t: t.size).kind)),
    ("How many columns does the chart have\\?", "ocr_chart", lambda s: str(len(s.chart.colors))),
    ("What colour is the (tallest|shortest) column of the chart\\?", "ocr_chart", _extreme),
    ("How many units high is the (\\w+) column of the chart\\?", "ocr_chart", lambda s, c: str(_columns(s)[c])),
    ("Which column of the chart is higher, (\\w+) or (\\w+)\\?", "ocr_chart",
     lambda s, a, b: a if _columns(s)[a] > _columns(s)[b] else b),
    ("How many objects are in the picture\\?", "vision_centric", lambda s: str(len(s.objects))),
    ("How many (\\w+) are in the picture\\?", "vision_centric",
     lambda s, n: str(sum(t.kind == PLURALS[n] for t in s.objects))),
    ("Which is nearer to the viewer, the (.+) or the (.+)\\?", "vision_centric",
     lambda s, a, b: _choose(s, a, b, lambda t: t.depth)),
    ("Which is larger, the (.+) or the (.+)\\?", "vision_centric",
     lambda s, a, b: _choose(s, a, b, lambda t: -t.size)),
    ("Is the (.+) to the left or to the right of the (.+)\\?", "vision_centric",
     lambda s, a, b: "left" if _one(s, a).position[0] < _one(s, b).position[0] else "right"),
]  # fmt: skip
