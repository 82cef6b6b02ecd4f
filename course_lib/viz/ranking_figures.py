"""Figures of rankings: two compared, two scores against each other, intervals that keep their promise.

Series by model in, one figure out, described in ``figure.alt_text``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_lib.viz.arena_figures import GREY
from course_lib.viz.contrastive_figures import panels, shades, with_alt
from course_lib.viz.picture_panels import headline
from course_lib.viz.point_labels import label_points

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


def two_rankings(
    left: pandas.Series, right: pandas.Series, names: tuple[str, str], unit: str, mark: Sequence[str] = ()
) -> Figure:
    """Draw two scores of the same models as a slope graph; models that change place are drawn dark.

    left, right: scores by model, higher is better. names: of the two columns. mark: models drawn in any case.
    """
    right = right.reindex(left.index)
    before, after = left.rank(ascending=False), right.rank(ascending=False)
    moved = [model for model in left.index if before[model] != after[model] or model in mark]
    figure, axis = panels(1, 1, 9.0, max(3.6, 1.6 + 0.27 * len(left)))
    for model in left.index:
        known = model in moved
        color = shades(2)[0] if known else "0.75"
        axis.plot([0, 1], [-before[model], -after[model]], color=color, linewidth=2.4 if known else 1.2)
        for x, place, value, side in ((0, before, left, "right"), (1, after, right, "left")):
            axis.annotate(
                f"{model}  {value[model]:.1f}" if x == 0 else f"{value[model]:.1f}  {model}",
                (x, -place[model]),
                (-8 if x == 0 else 8, 0),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=11,
                color="black" if known else GREY,
            )
    axis.set_xlim(-1.0, 2.0)
    axis.set_ylim(-len(left) - 0.6, -0.4)
    axis.set_xticks([0, 1], [f"{name}\n({unit})" for name in names], fontsize=12)
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    headline(figure, f"{len(moved)} of {len(left)} models change place")
    return with_alt(
        figure,
        f"Two columns of {len(left)} models, {names[0]} and {names[1]}, joined by lines. Places that change: "
        + (", ".join(f"{model} {before[model]:.0f} to {after[model]:.0f}" for model in moved) or "none")
        + ".",
    )


def coverage(table: pandas.DataFrame, nominal: float = 0.95) -> Figure:
    """Draw how often intervals hold the truth: a row a method, columns share and its own low, high."""
    figure, axis = panels(1, 1, 9.0, 1.6 + 0.55 * len(table))
    places = np.arange(len(table))[::-1]
    axis.hlines(places, 100 * table["low"], 100 * table["high"], color=shades(2)[1], linewidth=6, alpha=0.7)
    axis.plot(100 * table["share"], places, "o", color=shades(2)[0], markersize=9)
    axis.axvline(100 * nominal, color=GREY, linestyle=":")
    axis.set_yticks(places, table.index, fontsize=12)
    axis.set_ylim(-0.6, len(table) - 0.4)
    axis.set_xlabel("intervals that hold the true difference (%); dotted: what they promise", fontsize=12)
    worst = table["share"].idxmin()
    headline(figure, f"{worst}: {100 * table['share'][worst]:.0f} % instead of {100 * nominal:.0f} %")
    return with_alt(
        figure,
        "Share of intervals that hold the truth: "
        + "; ".join(f"{name} {100 * share:.1f} %" for name, share in table["share"].items())
        + f". They promise {100 * nominal:.0f} %.",
    )


def against(
    x: pandas.Series, y: pandas.Series, labels: Mapping[str, str], finding: str, log: bool = False
) -> Figure:
    """Draw two scores of the same models against each other, those furthest from the common order named.

    x, y: by model. labels: {"x": ..., "y": ...}, with units. finding: the title.
    """
    figure, axis = panels(1, 1, 8.4, 5.8)
    y = y.reindex(x.index)
    axis.plot(x, y, "o", color=shades(3)[1], markersize=8)
    if log:
        axis.set_xscale("log")
    axis.set_xlabel(labels["x"], fontsize=13)
    axis.set_ylabel(labels["y"], fontsize=13)
    axis.margins(0.12)
    headline(figure, finding)
    apart = (x.rank() - y.rank()).abs().sort_values(ascending=False, kind="stable")
    spots = [(str(model), float(x[model]), float(y[model])) for model in apart.index]
    label_points(axis, spots[:10], nameless=[spot[1:] for spot in spots[10:]])
    return with_alt(
        figure,
        f"{len(x)} models, {labels['y']} against {labels['x']}. {finding}. Furthest from the common order: "
        + ", ".join(f"{model} ({x[model]:g}, {y[model]:g})" for model in apart.index[:4])
        + ".",
    )
