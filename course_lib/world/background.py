"""What stands behind the objects: sky, sun, clouds, hills and ground, or a backdrop without up and down."""

from __future__ import annotations

from course_lib.world.pen import OFFSET, Canvas, Pen, cosine, sine
from course_lib.world.scene import Scene
from course_lib.world.vocabulary import BACKDROPS, GROUNDS, SKIES

# Inks 0-15 belong to the background.
SKY, GLOW, CLOUD, HILL, GROUND, GROUND_DARK, GROUND_LIGHT = range(7)
INKS = 16


def _mix(a: tuple[int, ...], b: tuple[int, ...], percent: int) -> bytes:
    return bytes((x * (100 - percent) + y * percent) // 100 for x, y in zip(a, b, strict=True))


def _palette(sky: tuple[int, int, int], ground: tuple[int, int, int], night: bool) -> bytes:
    """Colours of the background's inks, three bytes each."""
    black, white = (0, 0, 0), (255, 255, 255)
    glow = (244, 240, 214) if night else (255, 240, 170)
    inks = [
        bytes(sky),
        bytes(glow),
        _mix(sky, white, 28 if night else 62),
        _mix(ground, sky, 55),
        bytes(ground),
        _mix(ground, black, 10),
        _mix(ground, white, 24),
    ]
    return b"".join(inks).ljust(3 * INKS, b"\0")


PALETTES: dict[tuple, bytes] = {
    (sky, ground): _palette(SKIES[sky], GROUNDS[ground], sky == "night")
    for sky in SKIES
    for ground in GROUNDS
} | {(name, None): _palette(color, color, False) for name, color in BACKDROPS.items()}


def draw_background(canvas: Canvas, scene: Scene) -> None:
    """Cover the whole canvas with the scene's background."""
    side, decor = canvas.side, scene.decor
    pen = Pen(canvas, 0, 0.5, 0.5, 1.0)
    if scene.horizon is None:
        canvas.rectangle([OFFSET, 0, OFFSET + side, side], GROUND)
        _backdrop(pen, decor)
        return
    row = int(scene.horizon * side)
    canvas.rectangle([OFFSET, 0, OFFSET + side, row], SKY)
    v = 2 * scene.horizon - 1  # the horizon in the pen's coordinates
    if decor[0] < 0.5:
        pen.oval(GLOW, 2 * decor[1] - 1, v - 0.3 - 0.6 * decor[2], 0.09 + 0.07 * decor[3])
    for k in (4, 8):
        if decor[k] < 0.55:
            u, w, s = 2 * decor[k + 1] - 1, v - 0.25 - 0.7 * decor[k + 2], 0.14 + 0.16 * decor[k + 3]
            pen.oval(CLOUD, u, w, s, s * 0.45)
            pen.oval(CLOUD, u + s * 0.8, w + s * 0.15, s * 0.7, s * 0.34)
    if decor[12] < 0.5:
        u, s = 2 * decor[13] - 1, 0.4 + 0.5 * decor[14]
        pen.oval(HILL, u, v + 0.05, s, 0.12 + 0.25 * decor[15])
        pen.oval(HILL, u - 1.4 * s, v + 0.05, s, 0.08 + 0.2 * decor[16])
    canvas.rectangle([OFFSET, row, OFFSET + side, side], GROUND)
    for k in (17, 19, 21):  # patches lie flat and shrink towards the horizon
        near = decor[k]
        pen.oval(
            GROUND_DARK if k != 19 else GROUND_LIGHT,
            2.4 * decor[k + 1] - 1.2,
            v + (1.0 - v) * (0.08 + 0.92 * near),
            0.2 + 0.4 * near,
            0.02 + 0.07 * near,
        )


def _backdrop(pen: Pen, decor: tuple[float, ...]) -> None:
    turn = int(256 * decor[0])
    if decor[1] < 0.34:  # patches
        for k in range(2, 20, 3):
            ink = GROUND_DARK if k % 2 else GROUND_LIGHT
            r = 0.2 + 0.4 * decor[k]
            pen.oval(ink, 2 * decor[k + 1] - 1, 2 * decor[k + 2] - 1, r, r * 0.6, turn + 40 * k)
    elif decor[1] < 0.67:  # broad stripes, any direction
        gap = 0.44 + 0.2 * decor[2]
        du, dv = _polar(turn + 64, 1.5)
        for k in range(-3, 3):
            u, v = _polar(turn, (k + decor[3]) * gap)
            pen.line(GROUND_LIGHT, u - du, v - dv, u + du, v + dv, gap * 0.45)
    else:  # dots
        gap, r = 0.58 + 0.14 * decor[2], 0.07 + 0.05 * decor[4]
        for k in range(-2, 3):
            u0, v0 = _polar(turn, (k + decor[3] - 0.5) * gap)
            for j in range(-2, 3):
                du, dv = _polar(turn + 64, (j + 0.5 * (k & 1) - 0.25) * gap)
                if -1.1 < u0 + du < 1.1 and -1.1 < v0 + dv < 1.1:
                    pen.oval(GROUND_DARK, u0 + du, v0 + dv, r)


def _polar(turn: int, radius: float) -> tuple[float, float]:
    return radius * cosine(turn), radius * sine(turn)
