"""From a scene to pixels and labels, from one drawing.

All parts are drawn once into an image of ink numbers. Colours are a table from ink to colour, masks a table
from ink to object, depth a table from ink to distance: so the labels cannot disagree with the picture.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import numpy as np

from course_lib.world import boards, shapes_living, shapes_things
from course_lib.world.background import INKS as BACKGROUND_INKS
from course_lib.world.background import draw_background
from course_lib.world.palette import LINE, OBJECT_INKS, palette, pattern_bits, patterns
from course_lib.world.pen import FINE, Canvas, Pen
from course_lib.world.scene import Rendered, Scene, Thing
from course_lib.world.vocabulary import KINDS

RENDERER = 4  # raised whenever the same scene would give other bytes
FAR = 20.0  # depth of sky and backdrop
NEAR_EDGE = 1.02  # where the ground has depth 1, as a fraction of the height
BOARD_DEPTH = 0.5  # signs and charts hang in front of everything
GROUND_INKS = (4, 5, 6)

_DRAW = {kind: getattr(shapes_things, kind, None) or getattr(shapes_living, kind) for kind in KINDS}
_local = threading.local()  # each thread has its own canvases


def _canvas(size: int) -> Canvas:
    canvases: dict = _local.__dict__
    canvas = canvases.get(size)
    if canvas is None:
        canvas = canvases[size] = Canvas(size)
    return canvas


@cache
def _noise(size: int, strength: int) -> np.ndarray:
    """Noise on a field larger than the picture, from a counter-based hash; its deviation is `strength`."""
    wide = size + 64
    with np.errstate(over="ignore"):
        z = np.arange(wide * wide * 3, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(size)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    total: Any = sum((z >> np.uint64(8 * k) & np.uint64(255)).astype(np.int64) for k in range(4))
    return (((total - 510) * strength) // 148).astype(np.int32).reshape(3, wide, wide)


@cache
def _steps(size: int) -> np.ndarray:
    return ((2 * np.arange(size) + 1 - size) * 64 // size).astype(np.int32)  # -64 to 64 across the picture


def _draw_thing(canvas: Canvas, thing: Thing, number: int) -> None:
    pen = Pen(
        canvas,
        BACKGROUND_INKS + OBJECT_INKS * number,
        *thing.position,
        thing.size,
        thing.turn,
        thing.mirrored,
    )
    _DRAW[thing.kind](pen, thing.traits)


def draw(scene: Scene) -> np.ndarray:
    """The scene as ink numbers (3H, 3W) uint8, three times finer than the picture."""
    canvas = _canvas(scene.size)
    draw_background(canvas, scene)
    things = scene.objects
    for number in range(len(things) - 1, -1, -1):  # farthest first
        _draw_thing(canvas, things[number], number)
    if scene.chart:
        boards.draw_chart(canvas, scene.chart, scene.size)
    for word in scene.words:
        boards.draw_word(canvas, word, scene.size)
    return canvas.inks()


def _decorate(inks: np.ndarray, scene: Scene) -> np.ndarray:
    """Add patterns or pencil lines to an ink image."""
    bits = np.frombuffer(inks.tobytes().translate(pattern_bits(scene)), np.uint8).reshape(inks.shape)
    covered = inks + ((patterns(inks.shape[0]) & bits) != 0).view(np.uint8) * np.uint8(128)
    if scene.style == "sketch":
        edge = np.zeros(inks.shape, bool)
        edge[:, 1:] = inks[:, 1:] != inks[:, :-1]
        edge[1:] |= inks[1:] != inks[:-1]
        edge[:, :-1] |= edge[:, 1:]
        edge[:-1] |= edge[1:]
        edge &= inks < 80  # signs keep their letters
        covered[edge] = LINE
    return covered


def colour(inks: np.ndarray, scene: Scene) -> np.ndarray:
    """Turn an ink image (3H, 3W) into the picture (3, H, W) uint8: palette, box average, light, noise."""
    size = scene.size
    if scene.style != "flat":
        inks = _decorate(inks, scene)
    # Four 16-bit lanes in one 64-bit number, so that red, green and blue are looked up and summed together.
    lanes = np.zeros((256, 4), np.uint16)
    colors = np.frombuffer(palette(scene), np.uint8).reshape(-1, 3)
    lanes[: len(colors), :3] = colors
    fine = lanes.view(np.uint64)[:, 0].take(inks.astype(np.intp)).reshape(size, FINE, size * FINE)
    rows = fine[:, 0] + fine[:, 1]
    rows += fine[:, 2]
    total = rows[:, 0::3] + rows[:, 1::3]
    total += rows[:, 2::3]  # (H, W), each lane at most 9 * 255
    picture = total.view(np.uint16).reshape(size, size, 4).transpose(2, 0, 1)[:3].astype(np.int32, order="C")
    picture *= _gain(scene)
    picture >>= 22
    if scene.noise:
        x, y = scene.noise_seed & 63, scene.noise_seed >> 6 & 63
        picture += _noise(size, scene.noise)[:, y : y + size, x : x + size]
        np.maximum(picture, 0, out=picture)
    return np.minimum(picture, 255, out=picture).astype(np.uint8)


def _gain(scene: Scene) -> np.ndarray:
    """Light on each pixel (H, W) int32, so that sum of 9 fine pixels * gain >> 22 is the lit average.

    2**22 / (9 * 128) = 3640.9; light is at most 200 / 128, so that the product stays below 2**31.
    """
    gain, right, down = scene.light
    steps = _steps(scene.size)
    return (steps * (down * 3641) + (gain * 3641 << 6))[:, None] + steps * (right * 3641) >> 6


def planes(scene: Scene) -> np.ndarray:
    """Only the picture, as (3, H, W) uint8: what the cache stores."""
    return colour(draw(scene), scene)


def image(scene: Scene) -> np.ndarray:
    """Only the picture, as (H, W, 3) uint8."""
    return np.ascontiguousarray(colour(draw(scene), scene).transpose(1, 2, 0))


def _depth_table(scene: Scene, inks: np.ndarray) -> np.ndarray:
    table = np.full(256, FAR, np.float32)
    for number, thing in enumerate(scene.objects):
        first = BACKGROUND_INKS + OBJECT_INKS * number
        table[first : first + OBJECT_INKS] = thing.depth
    table[80:LINE] = BOARD_DEPTH
    depth = table[inks]
    if scene.horizon is not None:
        row = (np.arange(scene.size) + 0.5) / scene.size
        below = np.maximum(row - scene.horizon, 1e-3)
        ground = np.minimum((NEAR_EDGE - scene.horizon) / below, FAR).astype(np.float32)
        depth = np.where(np.isin(inks, GROUND_INKS), ground[:, None], depth)
    return depth


def render(scene: Scene) -> Rendered:
    """Picture and labels of a scene; a pixel belongs to what is seen at its centre."""
    fine = draw(scene)
    inks = fine[FINE // 2 :: FINE, FINE // 2 :: FINE]
    number = len(scene.objects)
    owner = (inks.astype(np.int64) - BACKGROUND_INKS) // OBJECT_INKS
    masks = owner[None] == np.arange(number)[:, None, None]
    boxes = np.zeros((number, 4), np.int64)
    for k, mask in enumerate(masks):
        columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
        if len(rows):
            boxes[k] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return Rendered(
        np.ascontiguousarray(colour(fine, scene).transpose(1, 2, 0)), masks, boxes, _depth_table(scene, inks)
    )
