"""The map of the course: one scene of the world, seen through the question that each lecture asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course_lib.viz.contrastive_figures import panels, with_alt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GREY, ACCENT = "#777777", "#b0413e"


@dataclass(frozen=True)
class Station:
    """A lecture on the map: its name, its question in a few words, and what draws it into an axis."""

    name: str
    question: str
    draw: Callable


def course_map(stations: Sequence[Station], columns: int = 4, first: int = 1) -> Figure:
    """The way through the course: a picture for each station, in reading order, with arrows between them.

    first: the number of the first station's lecture.
    """
    from matplotlib.patches import ConnectionPatch

    rows = -(-len(stations) // columns)
    figure, axes = panels(columns, rows, 3.4, 3.5, squeeze=False)
    axes = axes.ravel()
    for axis in axes:
        axis.set_axis_off()
    for number, (axis, station) in enumerate(zip(axes, stations, strict=False), start=1):
        station.draw(axis)
        axis.set_title(f"{number + first - 1} · {station.name}", fontsize=15, fontweight="bold")
        axis.text(0.5, -0.05, station.question, transform=axis.transAxes, ha="center", va="top", fontsize=12)
        if number % columns and number < len(stations):
            arrow = ConnectionPatch(
                (1.02, 0.5), (-0.02, 0.5), "axes fraction", "axes fraction", axesA=axis, axesB=axes[number]
            )
            arrow.set(arrowstyle="-|>", linewidth=2, color=GREY, mutation_scale=18)
            figure.add_artist(arrow)
    names = "; ".join(f"{number} {one.name}: {one.question}" for number, one in enumerate(stations, first))
    return with_alt(figure, f"Map of the course in {len(stations)} pictures. {names.replace(chr(10), ' ')}.")


def picture(axis, image: np.ndarray, extent: tuple[float, float, float, float] = (0, 1, 0, 1)) -> None:
    """Draw an image (H, W, 3) into part of a square axis. extent: left, right, bottom, top in [0, 1]."""
    axis.imshow(image, extent=extent, interpolation="nearest", aspect="equal")
    axis.set(xlim=(0, 1), ylim=(0, 1))


def turned(image: np.ndarray) -> Callable:
    """Pretext: the picture, turned by a quarter."""
    return lambda axis: picture(axis, np.rot90(image))


def two_views(first: np.ndarray, second: np.ndarray) -> Callable:
    """Contrastive: two views (H, W, 3) of one picture, one above the other."""

    def draw(axis):
        picture(axis, first, (0.0, 0.55, 0.45, 1.0))
        picture(axis, second, (0.45, 1.0, 0.0, 0.55))

    return draw


def correlations(first: np.ndarray, second: np.ndarray) -> Callable:
    """Redundancy: the correlation of every feature of one view with every feature of the other.

    first, second: (N, D) features of two views of the same N pictures.
    """
    first, second = ((one - one.mean(0)) / (one.std(0) + 1e-9) for one in (first, second))
    matrix = first.T @ second / len(first)  # (D, D)

    def draw(axis):
        axis.imshow(matrix, cmap="cividis", vmin=-1, vmax=1, extent=(0, 1, 0, 1))

    return draw


def masked(image: np.ndarray, patch: int, removed: float, generator: np.random.Generator) -> Callable:
    """Masked: the picture with a share of its square patches taken away. patch: side in pixels."""
    rows, columns = image.shape[0] // patch, image.shape[1] // patch
    gone = generator.permutation(rows * columns)[: round(removed * rows * columns)]
    hidden = np.zeros(rows * columns, bool)
    hidden[gone] = True
    hidden = np.kron(hidden.reshape(rows, columns), np.ones((patch, patch), bool))
    return lambda axis: picture(axis, np.where(hidden[..., None], np.uint8(200), image))


def teacher_and_students(teacher: np.ndarray, students: Sequence[np.ndarray]) -> Callable:
    """Self-distilled: what the teacher sees, and the small pieces from which a student must say the same."""

    def draw(axis):
        picture(axis, teacher, (0.0, 0.66, 0.34, 1.0))
        for number, piece in enumerate(students[:3]):
            picture(axis, piece, (number * 0.35, number * 0.35 + 0.3, 0.0, 0.3))
        axis.annotate(
            "", (0.86, 0.33), (0.69, 0.67), arrowprops={"arrowstyle": "<->", "lw": 2, "color": ACCENT}
        )
        axis.text(0.84, 0.75, "same\nanswer?", ha="center", fontsize=11, color=ACCENT)

    return draw


def with_sentences(image: np.ndarray, sentences: Sequence[str]) -> Callable:
    """CLIP: the picture and sentences of which the first is true."""

    def draw(axis):
        picture(axis, image, (0.2, 0.8, 0.4, 1.0))
        for number, sentence in enumerate(sentences):
            color, weight = ("#1a7f5a", "bold") if number == 0 else (GREY, "normal")
            axis.text(
                0.5, 0.28 - 0.13 * number, sentence, ha="center", fontsize=11, color=color, fontweight=weight
            )

    return draw


def with_prompt(image: np.ndarray, mask: np.ndarray) -> Callable:
    """Promptable: a click on an object (inside ``mask``, (H, W) bool) and the outline that answers it."""
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    x, y = (columns[nearest] + 0.5) / width, 1 - (rows[nearest] + 0.5) / height

    def draw(axis):
        faded = np.where(mask[..., None], image, (0.45 * image + 0.55 * 255).astype(np.uint8))
        picture(axis, faded)
        grid_x, grid_y = (np.arange(width) + 0.5) / width, 1 - (np.arange(height) + 0.5) / height
        axis.contour(grid_x, grid_y, mask.astype(float), levels=[0.5], colors=[ACCENT], linewidths=2.5)
        axis.plot([x], [y], marker="*", markersize=18, color="white", markeredgecolor="black")

    return draw


def scores(values: Mapping[str, float], chance: float) -> Callable:
    """Benchmarked: accuracies in [0, 1] as bars from 0 to 100 %, with the chance level."""

    def draw(axis):
        from matplotlib import colormaps

        names = list(values)
        for number, name in enumerate(names):
            y = 0.85 - 0.9 * number / len(names)
            color = colormaps["viridis"](0.8 * number / max(len(names) - 1, 1))
            axis.barh(y, values[name], height=0.5 / len(names), color=color)
            axis.text(
                0.0, y + 0.3 / len(names), f"{name}: {100 * values[name]:.0f} %", fontsize=11, va="bottom"
            )
        axis.plot([chance, chance], [0, 1], linestyle=":", color=GREY, zorder=0)
        axis.set(xlim=(0, 1), ylim=(0, 1.05))

    return draw
