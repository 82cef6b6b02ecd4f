"""Signs with a word and small charts, drawn on the picture's own pixel grid so that they stay readable."""

from __future__ import annotations

from course_lib.world.pen import FINE, OFFSET, Canvas
from course_lib.world.scene import Chart, Word
from course_lib.world.vocabulary import COLORS

# Inks of signs and charts.
PAPER, FRAME, TEXT = 80, 81, 82
COLUMN = 84  # the first of eight, one for each colour
INKS = {PAPER: (250, 250, 244), FRAME: (70, 66, 74), TEXT: (24, 22, 30)} | {
    COLUMN + k: rgb for k, rgb in enumerate(COLORS.values())
}
_COLUMN_OF = {name: COLUMN + k for k, name in enumerate(COLORS)}

# Letters 5 wide and 7 high: one byte for each column, lowest bit on top.
_FONT = {
    letter: bytes.fromhex(columns)
    for letter, columns in {
        "A": "7e1111117e", "B": "7f49494936", "C": "3e41414122", "D": "7f4141413e", "E": "7f49494941",
        "F": "7f09090901", "G": "3e41495a38", "H": "7f0808087f", "I": "00417f4100", "J": "2040413f01",
        "K": "7f08142241", "L": "7f40404040", "M": "7f020c027f", "N": "7f0408107f", "O": "3e4141413e",
        "P": "7f09090906", "Q": "3e4151215e", "R": "7f09192946", "S": "2649494932", "T": "01017f0101",
        "U": "3f4040403f", "V": "1f2040201f", "W": "3f4038403f", "X": "6314081463", "Y": "0304780403",
        "Z": "6151494543",
    }.items()
}  # fmt: skip

_UNIT = {32: 1, 48: 2, 64: 2, 96: 4}  # pixels for one unit of a chart
_COLUMN_WIDTH = {32: 3, 48: 4, 64: 5, 96: 8}
MOST_UNITS = 8


def dot(size: int) -> int:
    """Pixels for one dot of a letter in a picture of this size."""
    return 2 if size >= 96 else 1


def word_extent(text: str, size: int) -> tuple[int, int]:
    """Width and height in pixels of a sign with this word."""
    return (6 * len(text) + 3) * dot(size), 11 * dot(size)


def chart_extent(columns: int, size: int) -> tuple[int, int]:
    """Width and height in pixels of a chart with this many columns."""
    return columns * (_COLUMN_WIDTH[size] + 1) + 5, MOST_UNITS * _UNIT[size] + 5


def _pixels(box: tuple[float, float, float, float], size: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(value * size) for value in box)
    return left, top, right, bottom


def _fill(canvas: Canvas, ink: int, left: int, top: int, right: int, bottom: int, trim: int = 0) -> None:
    """Fill whole pixels; right and bottom are exclusive; trim takes fine pixels off the top."""
    x0, y0 = OFFSET + left * FINE, top * FINE + trim
    canvas.rectangle([x0, y0, OFFSET + right * FINE - 1, bottom * FINE - 1], ink)


def _board(canvas: Canvas, left: int, top: int, right: int, bottom: int, edge: int) -> None:
    _fill(canvas, FRAME, left, top, right, bottom)
    _fill(canvas, PAPER, left + edge, top + edge, right - edge, bottom - edge)


def draw_word(canvas: Canvas, word: Word, size: int) -> None:
    """Draw one sign."""
    d = dot(size)
    left, top, right, bottom = _pixels(word.box, size)
    _board(canvas, left, top, right, bottom, d)
    for number, letter in enumerate(word.text):
        for column, bits in enumerate(_FONT[letter]):
            x = left + (2 + 6 * number + column) * d
            for row in range(7):
                if bits >> row & 1:
                    y = top + (2 + row) * d
                    _fill(canvas, TEXT, x, y, x + d, y + d)


def draw_chart(canvas: Canvas, chart: Chart, size: int) -> None:
    """Draw one chart."""
    unit, width = _UNIT[size], _COLUMN_WIDTH[size]
    left, top, right, bottom = _pixels(chart.box, size)
    _board(canvas, left, top, right, bottom, 1)
    foot = bottom - 2
    _fill(canvas, TEXT, left + 1, foot, right - 1, bottom - 1)
    for number, (color, value) in enumerate(zip(chart.colors, chart.values, strict=True)):
        x = left + 3 + number * (width + 1)
        if chart.form == "bars":
            _fill(canvas, _COLUMN_OF[color], x, foot - value * unit, x + width, foot)
        else:
            for k in range(value):
                y = foot - (k + 1) * unit
                _fill(canvas, _COLUMN_OF[color], x, y, x + width, y + unit, trim=min(2, unit))
