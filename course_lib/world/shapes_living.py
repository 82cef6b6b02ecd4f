"""Plants: tree, pine, flower, blossom, mushroom. Animals and a face: fish, bird, cat, butterfly, snail, face.

Each function draws one kind with a `Pen`; `t` holds 8 numbers in [0, 1) that set its proportions.
"""

from __future__ import annotations

from course_lib.world.pen import ACCENT, ACCENT_DARK, BLACK, DARK, LIGHT, MAIN, WHITE, Pen, cosine, sine


def tree(p: Pen, t: tuple[float, ...]) -> None:
    """Trunk, a crown of overlapping rounds, sometimes fruit."""
    wide, trunk = 0.4 + 0.12 * t[0], 0.11 + 0.06 * t[1]
    p.poly(
        ACCENT_DARK,
        -trunk,
        -0.1,
        trunk,
        -0.1,
        trunk * 1.2,
        0.85,
        trunk * 2,
        1,
        -trunk * 2,
        1,
        -trunk * 1.2,
        0.85,
    )
    p.line(ACCENT_DARK, 0, 0.5, 0.32, 0.12, 0.1)
    p.oval(DARK, 0, -0.05, wide + 0.28, 0.36)
    p.oval(MAIN, -wide, -0.24, 0.44, 0.38)
    p.oval(MAIN, wide, -0.24, 0.44, 0.38)
    p.oval(MAIN, 0.0, -0.5 - 0.06 * t[2], 0.52, 0.42)
    p.oval(LIGHT, -0.2, -0.62, 0.2, 0.13, 240)
    if t[3] < 0.6:
        for u, v in ((-0.5, -0.3), (-0.12, -0.22), (0.22, -0.55), (0.55, -0.2), (0.25, -0.05))[
            : 3 + int(3 * t[4])
        ]:
            p.oval(ACCENT, u, v, 0.1)


def pine(p: Pen, t: tuple[float, ...]) -> None:
    """Trunk and tiers of branches that narrow upwards, sometimes a star on top."""
    p.rect(ACCENT_DARK, -0.12, 0.55, 0.12, 1)
    tiers, wide = 3 + int(2 * t[0]), 0.62 + 0.25 * t[1]
    step = 1.35 / tiers
    for k in range(tiers):
        foot = 0.72 - k * step
        w = wide * (1 - k / (tiers + 0.6))
        peak = foot - step * 1.55 if k < tiers - 1 else -0.92
        p.poly(DARK, -w, foot, 0, peak, w, foot, w * 0.5, foot + 0.08, 0, foot, -w * 0.5, foot + 0.08)
        p.poly(MAIN, -w, foot, 0, peak, w * 0.45, foot - 0.02, 0, foot - 0.08, -w * 0.5, foot + 0.04)
    if t[2] < 0.4:
        for k in (0, 1):
            s = 1 - 2 * k
            p.poly(ACCENT, -0.15, -0.87 - s * 0.06, 0.15, -0.87 - s * 0.06, 0, -0.87 + s * 0.14)


def _petals(
    p: Pen, ink: int, v: float, number: int, reach: float, length: float, wide: float, first: int
) -> None:
    for k in range(number):
        turn = first + 256 * k // number
        p.oval(ink, reach * cosine(turn), v + reach * sine(turn), length, wide, turn)


def flower(p: Pen, t: tuple[float, ...]) -> None:
    """Stem with leaves, petals around a centre, seen from the side."""
    number, v = 5 + int(3 * t[0]), -0.4
    p.poly(ACCENT_DARK, -0.06, v, 0.06, v, 0.08, 1, -0.08, 1)
    p.oval(ACCENT_DARK, 0.32, 0.6 - 0.2 * t[1], 0.34, 0.14, 232)
    p.oval(ACCENT_DARK, -0.32, 0.75 - 0.2 * t[2], 0.34, 0.14, 24)
    first = int(256 * t[3])
    if number > 5:
        _petals(p, DARK, v, number, 0.34, 0.25, 0.2, first + 128 // number)
    _petals(p, MAIN, v, number, 0.34, 0.25, 0.17 + 0.03 * t[4], first)
    p.oval(ACCENT, 0, v, 0.2)
    p.oval(WHITE, 0, v, 0.09)


def blossom(p: Pen, t: tuple[float, ...]) -> None:
    """A flower seen from above: two rings of petals around a centre, the same from every side."""
    number = 6 + int(3 * t[0])
    _petals(p, DARK, 0, number, 0.58, 0.4, 0.27, 128 // number)
    _petals(p, MAIN, 0, number, 0.56, 0.4, 0.23 + 0.04 * t[1], 0)
    _petals(p, LIGHT, 0, number, 0.36, 0.2, 0.08, 0)
    p.oval(ACCENT, 0, 0, 0.25 + 0.06 * t[2])
    for k in range(4):
        p.oval(ACCENT_DARK, 0.13 * cosine(64 * k + 32), 0.13 * sine(64 * k + 32), 0.05)


def mushroom(p: Pen, t: tuple[float, ...]) -> None:
    """Stalk with a skirt, a domed cap with spots."""
    rim, w = 0.02 + 0.15 * t[0], 0.18 + 0.09 * t[1]
    p.poly(WHITE, -w, rim, w, rim, w * 1.15, 0.8, w * 1.5, 0.98, -w * 1.5, 0.98, -w * 1.15, 0.8)
    p.poly(ACCENT, -w * 1.5, rim + 0.36, -w, rim + 0.18, w, rim + 0.18, w * 1.5, rim + 0.36)
    tall = rim + 0.93
    p.oval(DARK, 0, rim, 0.95, 0.17)
    p.sector(MAIN, 0, rim, 0.97, tall, 16, 32)
    p.oval(MAIN, 0, rim, 0.9, 0.07)
    for u, v, r in (
        (-0.5, -0.24, 0.13),
        (0.06, -0.5, 0.17),
        (0.56, -0.2, 0.12),
        (-0.2, -0.76, 0.09),
        (0.0, -0.1, 0.1),
    )[: 3 + int(3 * t[2])]:
        p.oval(WHITE, u, rim + v * tall, r * (0.8 + 0.5 * t[3]), r * 0.85)


def _eye(p: Pen, u: float, v: float, r: float) -> None:
    p.oval(WHITE, u, v, r)
    p.oval(BLACK, u, v, r * 0.55)


def fish(p: Pen, t: tuple[float, ...]) -> None:
    """Body, forked tail, fins, stripes or spots, eye and mouth; looks left."""
    deep = 0.4 + 0.16 * t[0]
    p.poly(DARK, 0.4, 0, 0.98, -0.3 - 0.2 * t[1], 0.82, 0.0, 0.98, 0.3 + 0.2 * t[1])
    p.poly(ACCENT, -0.3, -deep * 0.75, 0.0, -deep - 0.28, 0.4, -deep * 0.9, 0.35, -deep * 0.4)
    p.poly(ACCENT, -0.1, deep * 0.7, 0.15, deep + 0.26, 0.32, deep * 0.6)
    p.oval(MAIN, -0.2, 0, 0.76, deep)
    p.oval(LIGHT, -0.22, deep * 0.45, 0.46, deep * 0.42)
    if t[2] < 0.5:
        for u in (-0.08, 0.2)[: 1 + int(2 * t[3])]:
            p.oval(ACCENT, u, 0, 0.08, deep * 0.9)
    else:
        for u, v in ((0.0, -0.35), (0.2, 0.0), (0.0, 0.3)):
            p.oval(DARK, u, v * deep * 1.6, 0.09)
    p.poly(DARK, -0.12, 0.02, 0.2, -0.14, 0.2, 0.2)
    _eye(p, -0.62, -deep * 0.28, 0.14)
    p.line(BLACK, -0.94, 0.1, -0.72, 0.14, 0.06)


def bird(p: Pen, t: tuple[float, ...]) -> None:
    """Body, head with beak and eye, wing, tail and legs; looks left."""
    fat = 0.38 + 0.1 * t[0]
    for u in (-0.12, 0.16):
        p.line(BLACK, u, 0.4, u, 0.95, 0.07)
        p.line(BLACK, u - 0.16, 0.95, u + 0.08, 0.95, 0.08)
    p.poly(DARK, 0.3, -0.05, 0.95, -0.4 + 0.4 * t[1], 0.99, -0.12 + 0.4 * t[1], 0.4, 0.35)
    p.poly(ACCENT, -0.72, -0.62, -0.99, -0.42, -0.72, -0.3)
    p.oval(MAIN, 0.03, 0.14, 0.58, fat, 14)
    p.poly(MAIN, -0.7, -0.35, -0.3, -0.6, 0.2, -0.1, -0.4, 0.3)
    p.oval(MAIN, -0.45, -0.5, 0.34)
    p.oval(LIGHT, -0.22, 0.26, 0.26, 0.2, 30)
    if t[2] < 0.6:  # folded wing
        p.poly(DARK, -0.2, 0.0, 0.1, -0.16, 0.75, 0.12, 0.3, 0.4, 0.0, 0.36)
    else:  # raised wing
        p.poly(DARK, -0.12, 0.08, 0.05, -0.5, 0.5, -0.92, 0.52, -0.3, 0.34, 0.14)
    if t[3] < 0.4:
        p.poly(ACCENT, -0.5, -0.78, -0.42, -0.99, -0.32, -0.84, -0.18, -0.95, -0.24, -0.72)
    _eye(p, -0.54, -0.54, 0.12)


def cat(p: Pen, t: tuple[float, ...]) -> None:
    """A sitting cat: tail, body, head with ears, eyes, muzzle and whiskers, sometimes stripes."""
    p.ring(DARK, 0.55, 0.55, 0.4, 0.15, 24 - 2 * int(2 * t[0]), 42)
    wide = 0.42 + 0.1 * t[1]
    p.oval(MAIN, 0, 0.5, wide, 0.5)
    p.oval(LIGHT, 0, 0.56, wide * 0.52, 0.32)
    for s in (-1, 1):
        p.oval(MAIN, s * 0.24, 0.9, 0.19, 0.1)
        p.poly(MAIN, s * 0.5, -0.4, s * (0.5 + 0.06 * t[2]), -0.99, s * 0.06, -0.66)
        p.poly(ACCENT, s * 0.43, -0.56, s * 0.45, -0.84, s * 0.2, -0.66)
    p.oval(MAIN, 0, -0.34, 0.56, 0.42)
    if t[3] < 0.5:
        for u in (-0.14, 0.0, 0.14):
            p.rect(DARK, u - 0.035, -0.75, u + 0.035, -0.56)
        for v in (0.35, 0.55):
            p.poly(DARK, -wide, v, -wide * 0.55, v + 0.05, -wide, v + 0.1)
            p.poly(DARK, wide, v, wide * 0.55, v + 0.05, wide, v + 0.1)
    for s in (-1, 1):
        p.oval(WHITE, s * 0.23, -0.4, 0.13, 0.12)
        p.oval(BLACK, s * 0.23, -0.4, 0.06, 0.11)
        for dv in (-0.06, 0.06):
            p.line(BLACK, s * 0.2, -0.16, s * 0.75, -0.18 + dv * 1.6, 0.035)
    p.oval(LIGHT, 0, -0.15, 0.2, 0.13)
    p.poly(BLACK, -0.08, -0.24, 0.08, -0.24, 0, -0.14)


def butterfly(p: Pen, t: tuple[float, ...]) -> None:
    """Four wings with spots, body and feelers, head up."""
    w, low = 0.44 + 0.06 * t[0], 0.32 + 0.1 * t[1]
    for s in (-1, 1):
        p.line(BLACK, 0, -0.5, s * 0.26, -0.95, 0.05)
        p.oval(BLACK, s * 0.27, -0.95, 0.06)
        p.oval(DARK, s * 0.4, 0.45, low, 0.42, s * -20 & 255)
        p.oval(MAIN, s * 0.38, 0.42, low - 0.09, 0.33, s * -20 & 255)
        p.oval(DARK, s * 0.5, -0.26, w, 0.5, s * 22 & 255)
        p.oval(MAIN, s * 0.48, -0.25, w - 0.08, 0.42, s * 22 & 255)
        p.oval(ACCENT, s * 0.58, -0.34, 0.16 + 0.06 * t[2])
        p.oval(WHITE, s * 0.58, -0.34, 0.07)
        p.oval(ACCENT if t[3] < 0.5 else LIGHT, s * 0.42, 0.45, 0.13)
    p.oval(BLACK, 0, 0.08, 0.09, 0.58)
    p.oval(BLACK, 0, -0.46, 0.13)


def snail(p: Pen, t: tuple[float, ...]) -> None:
    """Shell with a spiral, foot, neck and stalked eyes; looks left."""
    r = 0.6 + 0.08 * t[0]
    for u in (-0.9, -0.62):
        p.line(ACCENT_DARK, -0.72, 0.1, u, -0.36 - 0.15 * t[1], 0.06)
        p.oval(BLACK, u, -0.38 - 0.15 * t[1], 0.09)
    p.poly(
        ACCENT, -0.95, 0.05, -0.72, -0.1, -0.5, 0.05, -0.4, 0.55, 0.5, 0.7, 0.98, 0.96, -0.6, 0.97, -0.88, 0.8
    )
    p.oval(ACCENT, -0.74, 0.14, 0.23, 0.24)
    v = 0.84 - r
    p.oval(MAIN, 0.22, v, r)
    p.oval(DARK, 0.2, v + 0.02, r * 0.74)
    p.oval(MAIN, 0.22, v + 0.05, r * 0.58)
    p.oval(DARK, 0.2, v + 0.04, r * 0.34)
    p.oval(LIGHT, 0.21, v + 0.06, r * 0.2)
    p.line(BLACK, -0.93, 0.26, -0.76, 0.3, 0.05)


def face(p: Pen, t: tuple[float, ...]) -> None:
    """Hair or hat, ears, eyes, nose and mouth."""
    tall = 0.86 + 0.08 * t[0]
    form = int(3 * t[1])
    if form == 0:  # long hair
        p.oval(ACCENT, 0, -0.14, 0.96, 0.84)
        p.rect(ACCENT, -0.96, -0.1, 0.96, 0.7)
    for s in (-1, 1):
        p.oval(DARK, s * 0.82, 0.08, 0.16, 0.2)
    p.oval(MAIN, 0, 0.08, 0.8, tall)
    if form == 1:  # cap
        p.sector(ACCENT, 0, -0.3, 0.8, 0.68, 16, 32)
        p.rect(ACCENT_DARK, -0.96, -0.38, 0.86, -0.26)
    else:  # fringe
        p.sector(ACCENT, 0, -0.22, 0.74, 0.72, 16, 32)
        p.poly(MAIN, -0.3, -0.2, 0.1, -0.42, 0.55, -0.2)
    for s in (-1, 1):
        p.oval(WHITE, s * 0.31, -0.02, 0.17, 0.15)
        p.oval(BLACK, s * 0.31 + 0.02, -0.01, 0.09)
        if t[2] < 0.5:
            p.oval(LIGHT, s * 0.5, 0.34, 0.13, 0.1)
    p.poly(DARK, 0, 0.08, 0.12, 0.34, -0.1, 0.34)
    if t[3] < 0.6:
        p.sector(BLACK, 0, 0.46, 0.36, 0.3, 0, 16)
        p.rect(WHITE, -0.24, 0.46, 0.24, 0.54)
    else:
        p.poly(BLACK, *p.arc(0, 0.36, 0.4, 0.34, 2, 14), *p.arc(0, 0.36, 0.32, 0.24, 14, 2))
