"""Draws parts into one 8-bit index image, three times finer than the picture, in whole-number coordinates.

Why exactly the same bytes come out everywhere:

- Pillow computes where a polygon's edge crosses a row in float32, and a processor that fuses multiply and add
  rounds a crossing at exactly k + 1/2 differently from one that does not. The canvas therefore lies at
  x >= OFFSET = 1024: there one float32 step is 1.2e-4, more than any rounding error of the slope (at most
  300 rows x 6e-8 x 1.5 = 3e-5 pixels), so both ways round to the exact crossing.
- Pillow 11.x began to draw a pixel more, or less, where two edges that lean the same way meet in a peak.
  `blunt` gives such peaks a top one fine pixel wide, which all versions from 10 to 13 draw alike.
- Python's own float arithmetic is IEEE double, never fused; Pillow's ellipses are pure integer arithmetic.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

OFFSET = 1024
FINE = 3  # fine pixels per pixel of the picture

# Cosines and sines rounded to 12 bits, so that they do not depend on the C library.
_WAVE = tuple(round(math.cos(2 * math.pi * k / 256) * 4096) / 4096 for k in range(256))


def cosine(turn: int) -> float:
    """Cosine of turn / 256 of a full turn, rounded to 1/4096."""
    return _WAVE[turn & 255]


def sine(turn: int) -> float:
    """Sine of turn / 256 of a full turn, rounded to 1/4096."""
    return _WAVE[(turn - 64) & 255]


def _circle(corners: int) -> tuple[tuple[float, float], ...]:
    return tuple((cosine(256 * k // corners), sine(256 * k // corners)) for k in range(corners))


_CIRCLES = {corners: _circle(corners) for corners in (8, 12, 16, 24, 32)}

# The inks of an object, as offsets from its first ink.
MAIN, DARK, LIGHT, ACCENT, ACCENT_DARK, WHITE, BLACK = range(7)


class Canvas:
    """The index image for one picture size. One per process and size: it is overwritten, never cleared.

    polygon(points, ink), ellipse(box, ink), rectangle(box, ink): filled shapes; whole numbers x, y, x, y, ...
    """

    def __init__(self, size: int):
        self.side = size * FINE
        self._image, self._shared = _image(OFFSET + self.side + 8, self.side)
        self.polygon, self.ellipse, self.rectangle = _fillers(self._image)

    def inks(self) -> np.ndarray:
        """What has been drawn, (side, side) uint8; a copy."""
        if self._shared is not None:
            return self._shared[:, OFFSET : OFFSET + self.side].copy()
        window = self._image.crop((OFFSET, 0, OFFSET + self.side, self.side))
        return np.frombuffer(window.tobytes(), np.uint8).reshape(self.side, self.side)


def _image(width: int, height: int) -> tuple[Image.Image, np.ndarray | None]:
    """An 8-bit image, and the array whose memory it shares, which is faster to read than `tobytes`.

    The array is None where this Pillow does not draw into shared memory.
    """
    pixels = np.zeros((height, width), np.uint8)
    image = Image.frombuffer("L", (width, height), pixels, "raw", "L", 0, 1)
    image.readonly = 0  # without this ImageDraw would draw into a copy
    ImageDraw.Draw(image).rectangle([1, 1, 2, 2], fill=7)
    if pixels[1:3, 1:3].tolist() == [[7, 7], [7, 7]]:
        return image, pixels
    return Image.new("L", (width, height)), None


def _fillers(image: Image.Image):
    """Three functions that fill a shape. Pillow's own are used, without the colour look-up of its public
    methods (a third of the drawing time) where this Pillow has them in the form known here; else the public
    methods."""
    draw = ImageDraw.Draw(image)
    core = draw.draw
    try:
        core.draw_polygon([0, 0, 1, 0, 1, 1], 0, 1)
        core.draw_ellipse([0, 0, 1, 1], 0, 1)
        core.draw_rectangle([0, 0, 1, 1], 0, 1)
    except (AttributeError, TypeError):
        return (
            lambda points, ink: draw.polygon(points, fill=ink),
            lambda box, ink: draw.ellipse(box, fill=ink),
            lambda box, ink: draw.rectangle(box, fill=ink),
        )
    polygon, ellipse, rectangle = core.draw_polygon, core.draw_ellipse, core.draw_rectangle
    return (
        lambda points, ink: polygon(points, ink, 1),
        lambda box, ink: ellipse(box, ink, 1),
        lambda box, ink: rectangle(box, ink, 1),
    )


def blunt(points: list[int]) -> list[int]:
    """The polygon x, y, x, y, ... without repeated corners and with slanted peaks made one pixel wide."""
    while points[:2] == points[-2:] and len(points) > 4:
        del points[-2:]
    xs, ys = points[::2], points[1::2]
    x1, y1 = xs[0], ys[0]
    over, down = x1 - xs[-1], y1 - ys[-1]  # the edge that leads to this corner
    result = []
    xs.append(x1)
    ys.append(y1)
    for x2, y2 in zip(xs[1:], ys[1:], strict=True):
        across, along = x2 - x1, y2 - y1
        if across or along:
            result.append(x1)
            result.append(y1)
            if down * along < 0 and over * across < 0:
                result.append(x1 + 1)
                result.append(y1)
            over, down, x1, y1 = across, along, x2, y2
    return result or points * 2


def _blunt_round(points: list[int]) -> list[int]:
    """`blunt` for a convex outline with many corners: only its highest and lowest corner can be peaks."""
    rows = points[1::2]
    first, second = rows.index(min(rows)), rows.index(max(rows))
    if first < second:
        first, second = second, first
    points[2 * first : 2 * first] = points[2 * first] + 1, rows[first]
    points[2 * second : 2 * second] = points[2 * second] + 1, rows[second]
    return points


class Pen:
    """Draws the parts of one object in its own coordinates: u right, v down, both -1 to 1, v = 1 its foot."""

    __slots__ = (
        "_a",
        "_b",
        "_c",
        "_d",
        "_e",
        "_ellipse",
        "_f",
        "_ink",
        "_polygon",
        "_rectangle",
        "_scale",
        "_turned",
    )

    def __init__(
        self, canvas: Canvas, ink: int, x: float, y: float, size: float, turn: int = 0, mirrored=False
    ):
        """Centre (x, y) and size are fractions of the picture's side; ink is the object's first."""
        side = canvas.side
        half = size * side / 2
        self._a = half * cosine(turn) * (-1 if mirrored else 1)
        self._b = -half * sine(turn)
        self._c = half * sine(turn) * (-1 if mirrored else 1)
        self._d = half * cosine(turn)
        self._e = OFFSET + x * side + 0.5
        self._f = y * side + 0.5
        self._ink = ink
        self._polygon, self._ellipse, self._rectangle = canvas.polygon, canvas.ellipse, canvas.rectangle
        self._turned = turn & 127
        self._scale = half

    def poly(self, ink: int, *points: float) -> None:
        """A filled polygon through u, v, u, v, ..."""
        a, b, c, d, e, f = self._a, self._b, self._c, self._d, self._e, self._f
        pairs = zip(points[::2], points[1::2], strict=True)
        if self._turned:
            corners = [w for u, v in pairs for w in (int(a * u + b * v + e), int(c * u + d * v + f))]
        else:
            corners = [w for u, v in pairs for w in (int(a * u + e), int(d * v + f))]
        self._polygon(blunt(corners), self._ink + ink)

    def rect(self, ink: int, left: float, top: float, right: float, bottom: float) -> None:
        """A filled rectangle."""
        if self._turned:
            self.poly(ink, left, top, right, top, right, bottom, left, bottom)
            return
        x0, x1 = int(self._a * left + self._e), int(self._a * right + self._e)
        y0, y1 = int(self._d * top + self._f), int(self._d * bottom + self._f)
        self._rectangle([min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)], self._ink + ink)

    def line(self, ink: int, u0: float, v0: float, u1: float, v1: float, width: float) -> None:
        """A straight stroke with flat ends; left out where it would be thinner than a fine pixel."""
        if width * self._scale < 0.8:
            return
        du, dv = u1 - u0, v1 - v0
        half = width / 2 / math.sqrt(du * du + dv * dv)
        nu, nv = -dv * half, du * half
        self.poly(ink, u0 + nu, v0 + nv, u1 + nu, v1 + nv, u1 - nu, v1 - nv, u0 - nu, v0 - nv)

    def oval(self, ink: int, u: float, v: float, ru: float, rv: float | None = None, turn: int = 0) -> None:
        """A filled ellipse with half-axes ru and rv (without rv a disc), turned by turn / 256 of a circle."""
        a, b, c, d = self._a, self._b, self._c, self._d
        x, y = a * u + b * v + self._e, c * u + d * v + self._f
        if rv is None:
            rv = ru
        elif turn:
            co, si = cosine(turn), sine(turn)
            a, b, c, d = a * co + b * si, b * co - a * si, c * co + d * si, d * co - c * si
        if -0.8 < b * (ru - rv) < 0.8:  # turning it moves its outline by less than a fine pixel
            rx, ry = ru * self._scale, rv * self._scale
            self._ellipse([int(x - rx), int(y - ry), int(x + rx), int(y + ry)], self._ink + ink)
            return
        a, b, c, d = a * ru, b * rv, c * ru, d * rv
        reach = (ru if ru > rv else rv) * self._scale  # in fine pixels
        points: list[int] = []
        for p, q in _CIRCLES[8 if reach < 10 else 12 if reach < 24 else 16 if reach < 40 else 24]:
            points += int(a * p + b * q + x), int(c * p + d * q + y)
        self._polygon(_blunt_round(points), self._ink + ink)

    def arc(
        self, u: float, v: float, ru: float, rv: float, start: int, stop: int, step: int = 1
    ) -> list[float]:
        """Points u, v, ... of an elliptic arc; start and stop in 1/32 of a circle, 0 right, 8 down, 24 up."""
        circle = _CIRCLES[32]
        step = step if stop >= start else -step
        return [
            w
            for k in range(start, stop + (1 if step > 0 else -1), step)
            for w in (u + ru * circle[k & 31][0], v + rv * circle[k & 31][1])
        ]

    def sector(self, ink: int, u: float, v: float, ru: float, rv: float, start: int, stop: int) -> None:
        """The part of an ellipse between an arc and its chord."""
        self.poly(ink, *self.arc(u, v, ru, rv, start, stop))

    def ring(
        self, ink: int, u: float, v: float, r: float, thick: float, start: int = 0, stop: int = 32
    ) -> None:
        """A band along an arc, from radius r - thick to r; start and stop even, in 1/32 of a circle."""
        if stop - start > 24:  # a closed band would touch itself at the seam
            self.ring(ink, u, v, r, thick, start, start + 16)
            start += 16
        inner = r - thick
        self.poly(ink, *self.arc(u, v, r, r, start, stop, 2), *self.arc(u, v, inner, inner, stop, start, 2))
