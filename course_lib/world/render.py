"""From a scene to pixels and labels, from one drawing.

All parts are drawn once into an image of ink numbers. Colours are a table from ink to colour, masks a table from ink
to object, depth a table from ink to distance: so the labels cannot disagree with the picture.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from course_lib.world import boards, shapes_living, shapes_things
from course_lib.world.background import INKS as BACKGROUND_INKS
from course_lib.world.background import PALETTES, draw_background
from course_lib.world.pen import FINE, Canvas, Pen
from course_lib.world.scene import Rendered, Scene, Thing
from course_lib.world.vocabulary import COLORS, KINDS

RENDERER = 1  # raised whenever the same scene would give other bytes
FAR = 20.0  # depth of sky and backdrop
NEAR_EDGE = 1.02  # where the ground has depth 1, as a fraction of the height
BOARD_DEPTH = 0.5  # signs and charts hang in front of everything
OBJECT_INKS = 8  # inks reserved for one object
LINE = 100  # pencil line of the sketch style
GROUND_INKS = (4, 5, 6)

_DRAW = {kind: getattr(shapes_things, kind, None) or getattr(shapes_living, kind) for kind in KINDS}
_canvas = cache(Canvas)


def _mix(rgb: tuple[int, ...], other: tuple[int, ...], percent: int) -> tuple[int, ...]:
    return tuple((a * (100 - percent) + b * percent) // 100 for a, b in zip(rgb, other))


_SHIFTS = ((0, 0, 0), (10, -6, 4), (-12, 4, 8), (2, 10, -10))  # small variations of a named colour
_WHITES = ((252, 250, 244), (244, 240, 228), (255, 246, 236), (236, 242, 248))
_BLACKS = ((34, 32, 40), (52, 40, 36), (28, 34, 52), (56, 56, 60))


@cache
def _object_palette(color: str, accent: str, variant: int) -> bytes:
    """Colours of one object's eight inks, three bytes each."""
    shift = _SHIFTS[variant]
    main = tuple(min(255, max(0, a + b)) for a, b in zip(COLORS[color], shift))
    second = COLORS[accent]
    inks = (
        main,
        _mix(main, (20, 10, 30), 30),
        _mix(main, (255, 255, 255), 42),
        second,
        _mix(second, (20, 10, 30), 30),
        _WHITES[variant],
        _BLACKS[variant],
        (0, 0, 0),
    )
    return b"".join(bytes(ink) for ink in inks)


_BOARD_PALETTE = b"".join(bytes(boards.INKS.get(ink, (0, 0, 0))) for ink in range(80, 128))


def palette(scene: Scene) -> bytes:
    """256 colours, three bytes each: inks 0-127, then the same inks where a pattern darkens them."""
    parts = [PALETTES[scene.sky, scene.ground]]
    parts += [_object_palette(t.color, t.accent, int(4 * t.traits[7])) for t in scene.objects]
    plain = b"".join(parts).ljust(80 * 3, b"\0") + _BOARD_PALETTE
    if scene.style == "flat":
        return plain
    table = np.frombuffer(plain, np.uint8).reshape(128, 3).astype(np.int64)
    if scene.style == "textured":
        bright = table.sum(1, keepdims=True) > 330
        variant = np.where(bright, table * 72 // 100, table + (255 - table) * 34 // 100)
        return np.concatenate([table, variant]).astype(np.uint8).tobytes()
    paper = np.array([250, 247, 238])
    wash = np.full((128, 1), 34)  # per cent of paper in each colour
    wash[:BACKGROUND_INKS] = 72
    wash[80:] = 0
    table = (table * (100 - wash) + paper * wash) // 100
    table[LINE] = (52, 48, 58)
    return np.concatenate([table, table * 80 // 100]).astype(np.uint8).tobytes()


@cache
def _patterns(side: int) -> np.ndarray:
    """Eight patterns as the eight bits of a (side, side) uint8 image."""
    y, x = np.mgrid[:side, :side]
    planes = (
        (x % 12 < 5),
        (y % 12 < 5),
        ((x + y) % 14 < 6),
        ((x // 7 + y // 7) % 2 == 0),
        ((x % 12 - 6) ** 2 + (y % 12 - 6) ** 2 < 12),
        ((y + np.abs(x % 16 - 8)) % 12 < 5),
        ((x + y) % 12 < 3) | ((x - y) % 12 < 3),
        ((x * 7 + y * 13 + (x * y) % 11) % 5 == 0),
    )
    return sum(plane.astype(np.uint8) << k for k, plane in enumerate(planes)).astype(np.uint8)


def _pattern_bits(scene: Scene) -> bytes:
    """For each ink the bit of the pattern that covers it, 0 for none."""
    bits = bytearray(256)
    if scene.style == "textured":
        for number, thing in enumerate(scene.objects):
            first = BACKGROUND_INKS + OBJECT_INKS * number
            bits[first] = bits[first + 2] = 1 << thing.pattern
            bits[first + 3] = 1 << (thing.pattern + 3) % 8
        bits[5], bits[6] = 1 << 7, 1 << 1
    else:  # pencil hatching on what lies in the shade
        for number in range(len(scene.objects)):
            first = BACKGROUND_INKS + OBJECT_INKS * number
            bits[first + 1] = bits[first + 4] = 1 << 6
        bits[5] = 1 << 2
    return bytes(bits)


@cache
def _noise(size: int, strength: int) -> np.ndarray:
    """A field of noise larger than the picture, from a counter-based hash; standard deviation about `strength`."""
    wide = size + 64
    with np.errstate(over="ignore"):
        z = np.arange(wide * wide * 3, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(size)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    total = sum((z >> np.uint64(8 * k) & np.uint64(255)).astype(np.int64) for k in range(4))
    return (((total - 510) * strength) // 148).astype(np.int16).reshape(wide, wide, 3)


@cache
def _steps(size: int) -> np.ndarray:
    return ((2 * np.arange(size) + 1 - size) * 64 // size).astype(np.int64)  # -64 to 64 across the picture


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


def draw(scene: Scene):
    """The scene as a Pillow image of ink numbers, three times finer than the picture."""
    canvas = _canvas(scene.size)
    draw_background(canvas, scene)
    things = scene.objects
    for number in range(len(things) - 1, -1, -1):  # farthest first
        _draw_thing(canvas, things[number], number)
    if scene.chart:
        boards.draw_chart(canvas, scene.chart, scene.size)
    for word in scene.words:
        boards.draw_word(canvas, word, scene.size)
    return canvas.image.crop(canvas.box)


def _decorate(inks, scene: Scene):
    """Add patterns or pencil lines to an ink image."""
    from PIL import Image

    array = np.asarray(inks)
    bits = np.frombuffer(array.tobytes().translate(_pattern_bits(scene)), np.uint8).reshape(array.shape)
    covered = array + ((_patterns(array.shape[0]) & bits) != 0).view(np.uint8) * np.uint8(128)
    if scene.style == "sketch":
        edge = np.zeros(array.shape, bool)
        edge[:, 1:] = array[:, 1:] != array[:, :-1]
        edge[1:] |= array[1:] != array[:-1]
        edge[:, :-1] |= edge[:, 1:]
        edge[:-1] |= edge[1:]
        edge &= array < 80  # signs keep their letters
        covered[edge] = LINE
    return Image.fromarray(covered)


def colour(inks, scene: Scene) -> np.ndarray:
    """Turn an ink image into the picture (H, W, 3) uint8: palette, box average, light, noise."""
    if scene.style != "flat":
        inks = _decorate(inks, scene)
    inks.putpalette(palette(scene))
    small = np.asarray(inks.convert("RGB").reduce(FINE))
    light, steps = scene.light, _steps(scene.size)
    rows = light.gain + ((light.down * steps) >> 6)
    gain = (rows[:, None] + ((light.right * steps) >> 6)).astype(np.uint16)
    picture = (small * gain[:, :, None]) >> 7  # at most 255 * 200 before the shift: fits 16 bits
    if scene.noise:
        x, y = scene.noise_seed & 63, scene.noise_seed >> 6 & 63
        field = _noise(scene.size, scene.noise)
        picture = picture.view(np.int16) + field[y : y + scene.size, x : x + scene.size]
        np.maximum(picture, 0, out=picture)
    return np.minimum(picture, 255).astype(np.uint8)


def image(scene: Scene) -> np.ndarray:
    """Only the picture (H, W, 3) uint8: the fast path."""
    return colour(draw(scene), scene)


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
    inks = np.asarray(fine)[FINE // 2 :: FINE, FINE // 2 :: FINE].copy()
    number = len(scene.objects)
    owner = (inks.astype(np.int64) - BACKGROUND_INKS) // OBJECT_INKS
    masks = owner[None] == np.arange(number)[:, None, None]
    boxes = np.zeros((number, 4), np.int64)
    for k, mask in enumerate(masks):
        columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
        if len(rows):
            boxes[k] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return Rendered(colour(fine, scene), masks, boxes, _depth_table(scene, inks))
