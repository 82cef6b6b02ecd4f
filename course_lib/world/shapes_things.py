"""Things people make: house, car, boat, umbrella, rocket, cup, ball.

Each function draws one kind with a `Pen`; `t` holds 8 numbers in [0, 1) that set its proportions.
"""

from __future__ import annotations

from course_lib.world.pen import ACCENT, ACCENT_DARK, BLACK, DARK, LIGHT, MAIN, WHITE, Pen


def house(p: Pen, t: tuple[float, ...]) -> None:
    """Walls, roof, door, window, sometimes a chimney and a round window."""
    w, eaves = 0.64 + 0.2 * t[0], -0.34 + 0.2 * t[1]
    side = 1 if t[2] < 0.5 else -1
    if t[3] < 0.7:
        p.rect(DARK, side * w * 0.55 - 0.1, -0.92, side * w * 0.55 + 0.1, eaves)
    p.rect(MAIN, -w, eaves, w, 1)
    p.rect(DARK, -w, eaves, w, eaves + 0.09)
    if t[4] < 0.7:
        p.poly(ACCENT, -w - 0.16, eaves, 0, -0.98, w + 0.16, eaves)
    else:
        p.poly(ACCENT, -w - 0.16, eaves, -w * 0.5, -0.8, w * 0.5, -0.8, w + 0.16, eaves)
    door = -side * w * 0.45
    p.rect(ACCENT_DARK, door - 0.15, 0.4, door + 0.15, 1)
    p.oval(WHITE, door + 0.08, 0.7, 0.04)
    pane = side * w * 0.45
    p.rect(WHITE, pane - 0.22, 0.18, pane + 0.22, 0.62)
    p.rect(BLACK, pane - 0.16, 0.24, pane - 0.03, 0.56)
    p.rect(BLACK, pane + 0.03, 0.24, pane + 0.16, 0.56)
    if t[5] < 0.6:
        p.oval(WHITE, 0, eaves - 0.24, 0.12)


def car(p: Pen, t: tuple[float, ...]) -> None:
    """Body, cabin with two windows, two wheels, light and bumper; saloon, van or pick-up."""
    roof = -0.5 + 0.2 * t[0]
    if t[1] < 0.5:  # saloon
        left, right, slope = -0.62, 0.5, 0.26
    elif t[1] < 0.8:  # van
        left, right, slope = -0.94, 0.46, 0.1
    else:  # pick-up
        left, right, slope = -0.2, 0.5, 0.18
    p.poly(MAIN, left, 0.2, left + slope, roof, right - slope * 0.6, roof, right + slope * 0.7, 0.2)
    low, high = 0.13, roof + 0.12
    middle = (left + right) / 2 + 0.03
    p.poly(WHITE, left + 0.13, low, left + slope + 0.06, high, middle - 0.05, high, middle - 0.05, low)
    p.poly(
        WHITE, middle + 0.05, low, middle + 0.05, high, right - slope * 0.6 - 0.04, high, right + 0.02, low
    )
    p.poly(MAIN, -0.98, 0.2, -0.92, 0.12, 0.8, 0.12, 0.98, 0.28, 0.98, 0.68, -0.98, 0.68)
    p.rect(DARK, -0.98, 0.54, 0.98, 0.7)
    p.rect(ACCENT, 0.84, 0.28, 0.98, 0.44)
    if t[2] < 0.5:
        p.rect(ACCENT, -0.96, 0.36, 0.7, 0.44)
    wheel = 0.24 + 0.05 * t[3]
    for u in (-0.54, 0.54):
        p.oval(BLACK, u, 0.97 - wheel, wheel)
        p.oval(WHITE, u, 0.97 - wheel, wheel * 0.48)


def boat(p: Pen, t: tuple[float, ...]) -> None:
    """Hull with a stripe, mast, two sails, sometimes a flag; or a steamer with a cabin and funnel."""
    rail = 0.3 + 0.1 * t[0]
    if t[1] < 0.65:
        p.rect(ACCENT_DARK, -0.05, -0.96, 0.05, rail)
        foot, top = rail - 0.1, -0.9 + 0.1 * t[2]
        p.poly(WHITE, 0.1, top, 0.3, -0.4, 0.72, foot, 0.1, foot)
        p.poly(LIGHT, -0.1, top + 0.2, -0.1, foot, -0.6 - 0.1 * t[3], foot)
        if t[4] < 0.6:
            p.poly(ACCENT, 0.05, -0.98, 0.38, -0.87, 0.05, -0.76)
    else:
        p.rect(ACCENT, 0.0, -0.7, 0.3, 0.0)
        p.rect(BLACK, 0.0, -0.72, 0.3, -0.55)
        p.rect(WHITE, -0.5, -0.15, 0.55, rail)
        for u in (-0.32, 0.02, 0.36):
            p.oval(BLACK, u, 0.08, 0.09)
    p.poly(MAIN, -0.98, rail, 0.98, rail, 0.66, 0.92, -0.62, 0.92)
    p.poly(ACCENT, -0.98, rail, 0.98, rail, 0.92, rail + 0.11, -0.91, rail + 0.11)
    p.poly(DARK, -0.7, 0.78, 0.75, 0.78, 0.66, 0.92, -0.62, 0.92)


def umbrella(p: Pen, t: tuple[float, ...]) -> None:
    """Scalloped canopy with ribs, shaft and hooked handle."""
    rim, top = 0.08 + 0.12 * t[0], -0.85 - 0.05 * t[1]
    hook = 1 if t[2] < 0.5 else -1
    p.rect(BLACK, -0.045, rim - 0.2, 0.045, 0.8)
    stretch = p.arc(hook * 0.155, 0.8, 0.2, 0.18, 0, 16, 2)
    p.poly(BLACK, *stretch, *p.arc(hook * 0.155, 0.8, 0.11, 0.09, 16, 0, 2))
    p.rect(BLACK, -0.04, -0.99, 0.04, top)
    number = 3 + int(2 * t[3])
    dome = p.arc(0, rim, 0.98, rim - top, 16, 32, 2)
    half = 0.98 / number
    edge = []
    for k in range(number):
        edge += p.arc(0.98 - half * (2 * k + 1), rim, half, 0.13, 0, -16, 4)
    p.poly(MAIN, *dome, *edge)
    for k in range(number):
        u = -0.98 + half * (2 * k + 1)
        if k % 2:
            p.poly(
                LIGHT if t[4] < 0.5 else ACCENT,
                u * 0.35 - 0.06, top + 0.05, u * 0.35 + 0.06, top + 0.05, u + half * 0.96, rim - 0.02,
                u, rim - 0.13, u - half * 0.96, rim - 0.02,
            )  # fmt: skip


def rocket(p: Pen, t: tuple[float, ...]) -> None:
    """Body, nose, fins, porthole and flame."""
    w, foot = 0.34 + 0.1 * t[0], 0.5 + 0.1 * t[1]
    p.poly(LIGHT, -w * 0.7, foot, w * 0.7, foot, 0.12, 0.86, 0, 0.99, -0.12, 0.86)
    p.poly(WHITE, -w * 0.36, foot, w * 0.36, foot, 0, 0.8)
    reach = w + 0.22 + 0.12 * t[2]
    for s in (-1, 1):
        p.poly(ACCENT, s * w * 0.9, 0.0, s * reach, 0.5, s * reach, foot + 0.18, s * w * 0.6, foot)
    p.poly(
        MAIN, 0, -0.98, w * 0.6, -0.72, w, -0.35, w, 0.2, w * 0.75, foot,
        -w * 0.75, foot, -w, 0.2, -w, -0.35, -w * 0.6, -0.72,
    )  # fmt: skip
    p.poly(
        DARK, w * 0.45, -0.8, w * 0.6, -0.72, w, -0.35, w, 0.2, w * 0.75, foot, w * 0.35, foot, w * 0.55, 0
    )
    p.poly(ACCENT, 0, -0.98, w * 0.6, -0.72, w * 0.74, -0.6, -w * 0.74, -0.6, -w * 0.6, -0.72)
    p.oval(WHITE, 0, -0.2, w * 0.6)
    p.oval(BLACK, 0, -0.2, w * 0.38)
    if t[3] < 0.5:
        p.rect(ACCENT, -w * 0.9, 0.22, w * 0.9, 0.32)


def cup(p: Pen, t: tuple[float, ...]) -> None:
    """Tapered body, handle, rim, band, sometimes steam and a saucer."""
    top, narrow = -0.4 + 0.15 * t[0], 0.42 + 0.16 * t[1]
    if t[2] < 0.6:
        p.oval(WHITE, 0, 0.9, 0.95, 0.1)
    p.ring(DARK, 0.58, 0.08, 0.38, 0.15)
    p.poly(MAIN, -0.7, top, 0.62, top, narrow, 0.84, 0.25, 0.93, -0.3, 0.93, -narrow - 0.06, 0.84)
    p.poly(DARK, 0.42, top, 0.62, top, narrow, 0.84, 0.25, 0.93)
    if t[3] < 0.6:
        p.poly(ACCENT, -0.64, 0.12, 0.56, 0.12, 0.52, 0.38, -0.6, 0.38)
    else:
        for u in (-0.4, -0.04, 0.32):
            p.oval(ACCENT, u, 0.25, 0.11)
    p.oval(LIGHT, -0.04, top, 0.66, 0.17)
    p.oval(BLACK, -0.04, top + 0.01, 0.54, 0.11)
    if t[4] < 0.6:
        for u in (-0.3, 0.16):
            p.poly(
                WHITE, u, -0.55, u + 0.12, -0.7, u, -0.83, u + 0.1, -0.99,
                u + 0.19, -0.97, u + 0.11, -0.83, u + 0.22, -0.69, u + 0.1, -0.53,
            )  # fmt: skip


def ball(p: Pen, t: tuple[float, ...]) -> None:
    """A disc with stripes, wedges, patches or a star; the same from every side."""
    p.oval(MAIN, 0, 0, 0.98)
    form = int(4 * t[0])
    if form == 0:  # stripes
        half = 0.16 + 0.1 * t[1]
        p.rect(ACCENT, -0.955, -half, 0.955, half)
        p.rect(WHITE, -0.96, -half - 0.12, 0.96, -half)
        p.rect(WHITE, -0.96, half, 0.96, half + 0.12)
    elif form == 1:  # beach ball
        for k, ink in ((0, WHITE), (11, ACCENT), (21, WHITE)):
            p.poly(ink, 0, 0, *p.arc(0, 0, 0.96, 0.96, k, k + 5))
        p.oval(LIGHT, 0, 0, 0.17)
    elif form == 2:  # football
        p.sector(BLACK, 0, 0, 0.36, 0.36, 0, 31)
        for k in (0, 6, 13, 19, 26):
            p.sector(BLACK, 0, 0, 0.97, 0.97, k - 2, k + 2)
            a = p.arc(0, 0, 0.36, 0.36, k, k)
            b = p.arc(0, 0, 0.95, 0.95, k, k)
            p.line(DARK, a[0], a[1], b[0], b[1], 0.07)
    else:  # star
        outer, inner = 0.7, 0.3
        points = []
        for k in range(5):
            points += p.arc(0, 0, outer, outer, round(k * 6.4), round(k * 6.4))
            points += p.arc(0, 0, inner, inner, round(k * 6.4 + 3.2), round(k * 6.4 + 3.2))
        p.ring(DARK, 0, 0, 0.98, 0.12)
        p.poly(WHITE if t[1] < 0.5 else ACCENT, *points)
