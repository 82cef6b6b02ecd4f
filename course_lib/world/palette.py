"""Tables from ink to colour, for each style: plain, pencil on paper, or with patterns."""

from __future__ import annotations

from functools import cache

import numpy as np

from course_lib.world import boards
from course_lib.world.background import INKS as BACKGROUND_INKS
from course_lib.world.background import PALETTES
from course_lib.world.scene import Scene
from course_lib.world.vocabulary import COLORS

OBJECT_INKS = 8  # inks reserved for one object
LINE = 100  # pencil line of the sketch style


def _mix(rgb: tuple[int, ...], other: tuple[int, ...], percent: int) -> tuple[int, ...]:
    return tuple((a * (100 - percent) + b * percent) // 100 for a, b in zip(rgb, other, strict=True))


_SHIFTS = ((0, 0, 0), (10, -6, 4), (-12, 4, 8), (2, 10, -10))  # small variations of a named colour
# The light and the dark parts vary as well, so that "much black" does not mean "butterfly".
_WHITES = ((252, 250, 244), (248, 234, 200), (214, 230, 250), (250, 220, 232))
_BLACKS = ((34, 32, 40), (84, 52, 34), (30, 42, 92), (36, 66, 50))


@cache
def _object_palette(color: str, accent: str, variant: int) -> bytes:
    """Colours of one object's eight inks, three bytes each."""
    shift = _SHIFTS[variant]
    main = tuple(min(255, max(0, a + b)) for a, b in zip(COLORS[color], shift, strict=True))
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
def patterns(side: int) -> np.ndarray:
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


def pattern_bits(scene: Scene) -> bytes:
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
