"""Scene i of a config: which objects, where, in what light. Only `random.Random(int).random()` is drawn from.

That stream is promised to stay the same in every Python; and Python's float arithmetic is IEEE double
everywhere.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from random import Random

from course_lib.world import boards
from course_lib.world.config import SPLITS, WorldConfig
from course_lib.world.render import NEAR_EDGE
from course_lib.world.scene import Chart, Copy, Light, Scene, Thing, Word
from course_lib.world.vocabulary import BACKDROPS, COLORS, FLOATS, GROUNDS, NO_WAY_UP, SKIES, STYLES, WORDS

_COLORS, _SKIES, _GROUNDS, _BACKDROPS = map(tuple, (COLORS, SKIES, GROUNDS, BACKDROPS))

# Each use of chance has its own stream, so that switching one thing on does not change another.
LAYOUT, KIND, COPY, BOARDS, NUISANCE, CLIP = range(6)

Box = tuple[float, float, float, float]


def stream(config: WorldConfig, split: str, index: int, purpose: int):
    """A function that draws numbers in [0, 1), another one for each seed, split, index and purpose."""
    return Random(config.seed << 80 | SPLITS.index(split) << 72 | purpose << 64 | index).random


@lru_cache(maxsize=256)
def _shuffled(seed: int, split: int, block: int, number: int) -> tuple[int, ...]:
    draw = Random(seed << 80 | split << 72 | KIND << 64 | block).random
    order = list(range(number))
    for k in range(number - 1, 0, -1):
        j = int(draw() * (k + 1))
        order[k], order[j] = order[j], order[k]
    return tuple(order)


@lru_cache(maxsize=64)
def long_tail(number: int, imbalance: float) -> tuple[float, ...]:
    """Probabilities of the kinds: p_k proportional to imbalance ** (-k / (number - 1)), rounded to 1e-6."""
    weights = [imbalance ** (-k / max(1, number - 1)) for k in range(number)]
    scaled = [round(weight / sum(weights) * 10**6) for weight in weights]
    scaled[0] += 10**6 - sum(scaled)
    return tuple(value / 10**6 for value in scaled)


def _tail_kind(config: WorldConfig, u: float) -> str:
    million = u * 10**6
    for kind, p in zip(config.kinds, long_tail(len(config.kinds), config.imbalance), strict=True):
        million -= round(p * 10**6)
        if million < 0:
            return kind
    return config.kinds[-1]


def main_kind(config: WorldConfig, split: str, index: int) -> str:
    """Kind of the main object of a scene that is not a copy."""
    if config.distribution == "long_tail":
        return _tail_kind(config, stream(config, split, index, KIND)())
    number = len(config.kinds)
    order = _shuffled(config.seed, SPLITS.index(split), index // number, number)
    return config.kinds[order[index % number]]


def copy_of(config: WorldConfig, split: str, index: int) -> Copy | None:
    """The original that scene `index` copies, never itself a copy; None if the scene is its own."""
    source, here = index, split
    form = None
    while True:
        found = _one_copy(config, here, source)
        if found is None:
            break
        form = form or found.form
        here, source = found.split, found.source
    return Copy(here, source, form) if form else None


def _one_copy(config: WorldConfig, split: str, index: int) -> Copy | None:
    leaks = config.leaks if split != "train" else 0.0
    if not leaks and not config.duplicates:
        return None
    draw = stream(config, split, index, COPY)
    kind, where, form = draw(), draw(), draw()
    form = "near" if form < config.near_copies else "exact"
    if kind < leaks:
        return Copy("train", int(where * config.leak_pool), form)
    if kind < leaks + (1 - leaks) * config.duplicates and index:
        return Copy(split, int(where * index), form)
    return None


def sample(config: WorldConfig, split: str, index: int) -> Scene:
    """Scene `index` of a split; a planted copy carries `.copy`."""
    copy = copy_of(config, split, index)
    if copy is None:
        return _original(config, split, index)
    scene = replace(_original(config, copy.split, copy.source), index=index, split=split, copy=copy)
    if copy.form == "near":
        light, noise, noise_seed = _nuisance(config, stream(config, split, index, NUISANCE))
        # never the original's own light, so that "near" is near and not equal
        gain = light.gain + 3 if light == scene.light else light.gain
        scene = replace(scene, light=light._replace(gain=gain), noise=noise, noise_seed=noise_seed)
    return scene


def _nuisance(config: WorldConfig, draw) -> tuple[Light, int, int]:
    level = config.nuisance
    gain, right, down = draw(), draw(), draw()
    # With a sky, light falls from above; without one it must not tell what is up.
    fall = -down if config.horizon else 2 * down - 1
    light = Light(
        128 + int(level * 60 * (gain - 0.6)), int(level * 44 * (right - 0.5)), int(level * 22 * fall)
    )
    return light, int(level * 13 * draw()), int(4096 * draw())


def _covered(box: Box, others: list[Box]) -> float:
    """At least the fraction of `box` that lies outside the picture or under the others."""
    left, top, right, bottom = box
    area = (right - left) * (bottom - top)
    inside = (min(right, 1.0) - max(left, 0.0)) * (min(bottom, 1.0) - max(top, 0.0))
    lost = area - inside
    for a, b, c, d in others:
        wide = (right if right < c else c) - (left if left > a else a)
        high = (bottom if bottom < d else d) - (top if top > b else b)
        if wide > 0 and high > 0:
            lost += wide * high
    return lost / area


def _thing(config, draw, kind, size, x, y, depth) -> Thing:
    color = _COLORS[int(8 * draw())]
    accent = _COLORS[(_COLORS.index(color) + 1 + int(7 * draw())) % 8]
    turn = draw()
    if kind in NO_WAY_UP:
        turn = int(256 * turn)
    else:  # half of them stand straight, the others lean by up to 12 degrees
        turn = 0 if turn < 0.5 else int(config.nuisance * 36 * (turn - 0.75)) & 255
    traits = (draw(), draw(), draw(), draw(), draw(), draw(), draw(), draw())
    return Thing(kind, color, size, (x, y), depth, accent, turn, draw() < 0.5, int(8 * draw()), traits)


def _original(config: WorldConfig, split: str, index: int) -> Scene:
    draw = stream(config, split, index, LAYOUT)
    words, chart, taken = _boards(config, split, index)
    horizon = 0.38 + 0.2 * draw() if config.horizon else None
    style = STYLES[int(3 * draw())] if config.style == "mixed" else config.style
    number = config.min_objects + int(draw() * (config.max_objects - config.min_objects + 1))
    kind = main_kind(config, split, index)
    size = max(0.44, (0.52 + 0.34 * draw()) * (0.85 if taken else 1.0) - 0.02 * (number - 1))
    depth = 1.0 + 0.4 * draw()
    best = _try(draw, kind, size, depth, horizon, taken, 16 if taken else 1, 0.2)
    things = [_thing(config, draw, kind, size, best[0], best[1], depth)]
    boxes = [*taken, _box(best, size)]
    for k in range(1, number):
        # farther and farther, smaller and smaller
        depth = depth + 0.35 + (2.4 / number) * draw()
        small = max(0.2, min((0.5 + 0.35 * draw()) / depth, 0.55 * size))
        other = config.kinds[int(len(config.kinds) * draw())]
        if config.distribution == "long_tail":
            other = _tail_kind(config, draw())
        needed = k < config.min_objects
        best = _try(draw, other, small, depth, horizon, boxes, 8, 0.4)
        if best[2] > 0.4:
            if not needed:
                continue
            small = 0.2  # promised by min_objects: smaller, and anywhere, if need be in the air
            best = _try(draw, other, small, depth, None, boxes, 60, 0.4)
        things.append(_thing(config, draw, other, small, best[0], best[1], depth))
        boxes.append(_box(best, small))
    decor = tuple([draw() for _ in range(24)])
    if config.horizon:
        sky, ground = _SKIES[int(len(_SKIES) * draw())], _GROUNDS[int(len(_GROUNDS) * draw())]
    else:
        sky, ground = _BACKDROPS[int(len(_BACKDROPS) * draw())], None
    light, noise, noise_seed = _nuisance(config, draw)
    return Scene(
        index, split, config.size, tuple(things), style, horizon, sky, ground, decor,
        light, noise, noise_seed, words, chart,
    )  # fmt: skip


def _box(spot: tuple[float, float, float], size: float) -> Box:
    x, y, half = spot[0], spot[1], size / 2
    return (x - half, y - half, x + half, y + half)


def _try(draw, kind, size, depth, horizon, boxes, tries, enough) -> tuple[float, float, float]:
    """A place (x, y, covered) where at most `enough` is covered, or the best of the tries."""
    best = (0.5, 0.5, 9.0)
    half = size / 2
    for _ in range(tries):
        x = half * 0.85 + (1 - half * 1.7) * draw()
        if horizon is None or kind in FLOATS:
            y = half * 0.96 + (1 - half * 1.92) * draw()
        else:  # standing on the ground at its distance
            draw()
            y = horizon + (NEAR_EDGE - horizon) / depth - half
        covered = _covered((x - half, y - half, x + half, y + half), boxes)
        if covered < best[2]:
            best = (x, y, covered)
            if covered <= enough:
                break
    return best


def _boards(config: WorldConfig, split: str, index: int) -> tuple[tuple[Word, ...], Chart | None, list[Box]]:
    """Sign and chart of a scene, and the boxes they take; each in a corner."""
    if not (config.words or config.charts):
        return (), None, []
    draw = stream(config, split, index, BOARDS)
    words: tuple[Word, ...]
    size, chart, words, taken = config.size, None, (), []
    right, low, pick, form, columns = draw() < 0.5, draw() < 0.5, draw(), draw(), 3 + int(2 * draw())
    order = sorted((draw(), color) for color in _COLORS)[:columns]
    values = tuple(1 + int(boards.MOST_UNITS * draw()) for _ in range(columns))
    if config.charts:
        box = _corner(*boards.chart_extent(columns, size), right, False, size)
        colors = tuple(color for _, color in order)
        chart = Chart("bars" if form < 0.6 else "dots", colors, values, box)
        taken.append(box)
    if config.words:
        usable = [word for word in WORDS if boards.word_extent(word, size)[0] < size - 1]
        text = usable[int(len(usable) * pick)]
        box = _corner(*boards.word_extent(text, size), right, low or config.charts, size)
        words = (Word(text, box),)
        taken.append(box)
    return words, chart, taken


def _corner(width: int, height: int, right: bool, low: bool, size: int) -> Box:
    left = size - width - 1 if right else 1
    top = size - height - 1 if low else 1
    return (left / size, top / size, (left + width) / size, (top + height) / size)
