"""Pictures of the class page, as PNG bytes with their words. Matplotlib is loaded when one is drawn."""

import io
import math
from typing import Any

from course_lib.grading.reporting.statistics import Item, Statistics

INK, GRID = "#1a1a1a", "#cccccc"
# what became of an answer: colour and hatching, so that the parts differ without colour too
PARTS = {
    "right": ("#1b7837", ""),
    "known mistake": ("#e08214", "//"),
    "other wrong values": ("#b35806", ".."),
    "stopped without values": ("#762a83", "xx"),
    "not started": ("#d9d9d9", ""),
}


def scores(found: Statistics) -> tuple[bytes, str]:
    """(PNG, alt text) of the histogram of totals."""
    figure, axis = _figure(7.2, 2.9)
    bins = min(20, max(1, math.ceil(found.most))) if found.most else 1
    width = found.most / bins if found.most else 1
    counts = [0] * bins
    for total in found.totals:
        counts[max(0, min(bins - 1, int(total / width)))] += 1
    axis.bar([width * (n + 0.5) for n in range(bins)], counts, 0.94 * width, color="#31688e")
    if found.mean is not None:
        for value, style, name in ((found.mean, "-", "mean"), (found.quantile(0.5), "--", "median")):
            axis.axvline(value, color=INK, linestyle=style, linewidth=1.6, label=f"{name} {value:.1f}")
        axis.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1.0), fontsize=9)
    axis.set(xlim=(0, found.most or 1), xlabel=f"points (of {found.most:g})", ylabel="students")
    axis.yaxis.get_major_locator().set_params(integer=True)
    text = f"Histogram of the totals of {len(found.totals)} students"
    if found.mean is not None:
        quarters = [found.quantile(share) for share in (0.25, 0.5, 0.75)]
        text += (
            f": mean {found.mean:.1f} of {found.most:g} points, a quarter below {quarters[0]:.1f}, "
            f"half below {quarters[1]:.1f}, a quarter above {quarters[2]:.1f}"
        )
    return _png(figure), text + "."


def outcomes(items: list[Item]) -> tuple[bytes, str]:
    """(PNG, alt text) of one bar per exercise: right, known mistakes, other wrong values, stopped, blank."""
    figure, axis = _figure(7.2, 1.1 + 0.42 * max(1, len(items)))
    names = [_short(item.exercise) for item in items]
    starts = [0.0] * len(items)
    shares = {
        part: [100 * _part(item, part) / item.students if item.students else 0.0 for item in items]
        for part in PARTS
    }
    for part, (colour, hatch) in PARTS.items():
        axis.barh(
            names,
            shares[part],
            left=starts,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            label=part,
            height=0.7,
        )
        for row, (start, share) in enumerate(zip(starts, shares[part], strict=True)):
            if share >= 6:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.92}
                axis.text(
                    start + share / 2, row, f"{share:.0f}", ha="center", va="center", fontsize=9, bbox=box
                )
        starts = [start + share for start, share in zip(starts, shares[part], strict=True)]
    axis.set(xlim=(0, 100), xlabel="students (%)", ylabel="exercise")
    axis.invert_yaxis()
    axis.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1.0), fontsize=9)
    words = [
        f"{item.exercise}: " + ", ".join(f"{shares[part][row]:.0f} % {part}" for part in PARTS)
        for row, item in enumerate(items)
    ]
    return _png(figure), "Bars of what became of each exercise. " + "; ".join(words) + "."


def difficulty(items: list[Item]) -> tuple[bytes, str]:
    """(PNG, alt text) of difficulty against discrimination, one point per exercise."""
    figure, axis = _figure(7.2, 3.6)
    axis.axhspan(-1, 0.1, color="#f6dcc4", zorder=0)
    axis.axhline(0, color=INK, linewidth=0.8)
    places = [
        (100 * one.difficulty, one.discrimination, one.exercise)
        for one in items
        if one.discrimination is not None and one.difficulty is not None
    ]
    axis.scatter([x for x, _, _ in places], [y for _, y, _ in places], color="#31688e", s=36, zorder=3)
    taken: list[tuple[float, float]] = []
    for x, y, name in places:
        up = 5 + 11 * sum(abs(x - a) < 9 and abs(y - b) < 0.12 for a, b in taken)
        taken.append((x, y))
        axis.annotate(_short(name), (x, y), (5, up), textcoords="offset points", fontsize=9)
    bottom = min([y - 0.1 for _, y, _ in places] + [-0.1])
    axis.set(xlim=(-2, 106), ylim=(bottom, 1.08))
    axis.set(xlabel="students with full points (%): hard at the left, easy at the right")
    axis.set_ylabel("correlation with\nall other exercises")
    axis.text(1, bottom + 0.02, "below 0.1: look at the exercise", fontsize=9, color="#7a2e00")
    words = [f"{name}: {x:.0f} % right, correlation {y:.2f}" for x, y, name in places]
    text = "; ".join(words) if words else "no exercise varies enough to be drawn"
    return _png(figure), f"Share of right answers against correlation with the other exercises. {text}."


def _part(item: Item, part: str) -> int:
    return {
        "right": item.right,
        "known mistake": sum(item.mistakes.values()),
        "other wrong values": item.other,
        "stopped without values": sum(item.stopped.values()),
        "not started": item.blank,
    }[part]


def _short(name: str) -> str:
    return name if len(name) <= 14 else name[:13] + "\u2026"


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.add_subplot()
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_axisbelow(True)
    return figure, axis


def _png(figure: Any) -> bytes:
    """The picture without a date or version in it: the same numbers give the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
