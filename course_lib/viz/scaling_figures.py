"""Figures of scaling: lines with intervals per category, what a filter changes, and layers that agree.

Fits of course_lib.evaluate in, one figure out, described in ``figure.alt_text``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from course_lib.viz.arena_figures import GREY
from course_lib.viz.contrastive_figures import panels, shades, with_alt
from course_lib.viz.contrastive_results import name_ends
from course_lib.viz.picture_panels import grid_of, headline, heat_map, tidy

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from course_lib.evaluate.layer_alignment import LayerAlignment
    from course_lib.evaluate.scaling import LogLinearFit

MARKS = ("o", "s", "^", "D")


def scaling_lines(
    fits: Mapping[str, Mapping[str, LogLinearFit]],
    label: str,
    finding: str,
    unit: str = "mean score (points)",
) -> Figure:
    """Draw fitted lines with their 95 % band and the points, one panel a category, one colour a family.

    fits: {category: {family: fit}}. label: of x, with its unit. finding: the title.
    """
    columns, rows = grid_of(len(fits), 3)
    figure, axes = panels(columns, rows, 4.2, 3.7, squeeze=False)
    tidy(axes, len(fits))
    words = []
    for axis, (category, families) in zip(axes.ravel(), fits.items(), strict=False):
        for (family, fit), color, mark in zip(
            families.items(), shades(len(families) + 1), cycle(MARKS), strict=False
        ):
            x = np.exp2(np.linspace(fit.logs.min(), fit.logs.max(), 60))
            centre, low, high = fit.predict(x, "line")
            axis.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)
            axis.plot(x, centre, color=color, linewidth=2)
            axis.plot(np.exp2(fit.logs), fit.values, mark, color=color, markersize=7, label=family)
            words.append(
                f"{category}, {family} {fit.slope:+.2f} [{fit.slope_low:+.2f}, {fit.slope_high:+.2f}]"
            )
        axis.set_xscale("log", base=2)
        ticks = sorted({float(x) for fit in families.values() for x in np.exp2(fit.logs)})
        axis.set_xticks(ticks, [f"{x:g}" for x in ticks])
        axis.minorticks_off()
        slopes = " / ".join(f"{fit.slope:+.2f}" for fit in families.values())
        axis.set_title(f"{category}\n{slopes} per doubling", fontsize=13)
        axis.set_xlabel(label, fontsize=12)
    for axis in axes[:, 0]:
        axis.set_ylabel(unit, fontsize=12)
    if len(next(iter(fits.values()))) > 1:
        handles = axes[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=4, fontsize=12, frameon=False)
    headline(figure, finding)
    return with_alt(
        figure,
        f"{len(fits)} panels of scores against {label}, with lines and 95 % bands. {finding}. Slopes per "
        f"doubling: {'; '.join(words)}.",
    )


def series(table: pandas.DataFrame, label: str, unit: str, finding: str) -> Figure:
    """Draw one line a column of table over its index (log scale): scores over samples seen, for example."""
    figure, axis = panels(1, 1, 9.0, 4.8)
    colors = shades(table.shape[1])
    for column, color, mark in zip(table, colors, cycle(MARKS), strict=False):
        axis.plot(table.index, table[column], f"{mark}-", color=color, linewidth=2.2, markersize=8)
    axis.set_xscale("log", base=2)
    axis.set_xticks(list(table.index), [f"{x:g}" for x in table.index])
    axis.minorticks_off()
    axis.set_xlim(table.index.min() * 0.9, table.index.max() * 1.9)
    axis.set_xlabel(label, fontsize=13)
    axis.set_ylabel(unit, fontsize=13)
    ends = [
        (str(c), float(table.index[-1]), float(table[c].iloc[-1]), k)
        for c, k in zip(table, colors, strict=True)
    ]
    name_ends(axis, ends)
    headline(figure, finding)
    return with_alt(
        figure,
        f"{unit} over {label}. {finding}. "
        + "; ".join(f"{c}: {', '.join(f'{v:.1f}' for v in table[c])}" for c in table)
        + ".",
    )


def differences(table: pandas.DataFrame, groups: Sequence[int], finding: str) -> Figure:
    """Draw score differences as a map of numbers: one row a model, one column a benchmark or category.

    table: differences in points. groups: columns after which a white line is drawn.
    """
    cells = table.to_numpy(dtype=float)
    figure, axis = panels(1, 1, 3.0 + 0.95 * table.shape[1], 2.2 + 0.5 * len(table))
    limit = float(np.nanmax(np.abs(cells)))
    drawn = heat_map(axis, cells, (-limit, limit), cmap="PuOr_r", aspect="auto")
    for (i, j), value in np.ndenumerate(cells):
        color = "white" if abs(value) > 0.6 * limit else "black"
        axis.text(j, i, f"{value:+.1f}", ha="center", va="center", fontsize=12, color=color)
    for place in groups:
        axis.axvline(place - 0.5, color="white", linewidth=5)
    axis.set_xticks(range(table.shape[1]), [str(c) for c in table], fontsize=11, rotation=25, ha="right")
    axis.set_yticks(range(len(table)), [str(row) for row in table.index], fontsize=12)
    figure.colorbar(drawn, ax=axis, shrink=0.9).set_label("points", fontsize=12)
    headline(figure, finding)
    rows = "; ".join(
        f"{name}: " + ", ".join(f"{c} {v:+.1f}" for c, v in row.items()) for name, row in table.iterrows()
    )
    return with_alt(figure, f"Map of differences in points. {finding}. {rows}.")


def layer_scores(
    results: Mapping[str, LayerAlignment], rows: Sequence[str], columns: Sequence[str], finding: str
) -> Figure:
    """Draw the mutual k-NN score of every layer pair, one panel a model, the best pair in bold.

    results: {model: alignment}, all with the same layers. rows, columns: names of the layers of a and of b.
    """
    figure, axes = panels(len(results), 1, 3.4, 4.2, squeeze=False)
    highest = max(float(found.scores.max()) for found in results.values())
    drawn = None
    for axis, (name, found) in zip(axes[0], results.items(), strict=True):
        drawn = heat_map(axis, found.scores, (0, highest), aspect="auto")
        for (i, j), score in np.ndenumerate(found.scores):
            weight = "bold" if (i, j) == found.layers else "normal"
            color = "white" if score < 0.55 * highest else "black"
            axis.text(
                j, i, f"{score:.3f}", ha="center", va="center", fontsize=12, color=color, fontweight=weight
            )
        axis.set_xticks(range(len(columns)), columns, fontsize=11, rotation=35, ha="right")
        axis.set_yticks(range(len(rows)), rows if axis is axes[0, 0] else [""] * len(rows), fontsize=11)
        axis.set_title(f"{name}\nbest {found.score:.3f}, calibrated {found.calibrated:.3f}", fontsize=12)
    if drawn is not None:
        figure.colorbar(drawn, ax=axes[0, -1]).set_label("mutual k-NN", fontsize=12)
    headline(figure, finding)
    return with_alt(
        figure,
        f"Mutual nearest neighbour scores of all layer pairs for {len(results)} models. {finding}. "
        + "; ".join(
            f"{name} {found.score:.3f} at {rows[found.layers[0]]} and {columns[found.layers[1]]}"
            for name, found in results.items()
        )
        + ".",
    )


def against_chance(results: Mapping[str, LayerAlignment], finding: str) -> Figure:
    """Draw each pair's alignment score beside what chance and the choice of layers would give."""
    figure, axis = panels(1, 1, 9.0, 1.8 + 0.42 * len(results))
    order = sorted(results, key=lambda name: results[name].score)
    places = np.arange(len(order))
    axis.barh(places, [results[n].score for n in order], color=shades(3)[1], height=0.62)
    lucky = [results[n].selected_chance for n in order]
    axis.plot(lucky, places, "|", color="black", markersize=18, markeredgewidth=3)
    chance = results[order[0]].chance
    axis.axvline(chance, color=GREY, linestyle=":")
    for place, name in zip(places, order, strict=True):
        axis.annotate(
            f"{results[name].score:.3f}",
            (results[name].score, place),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=12,
        )
    axis.set_yticks(places, order, fontsize=12)
    axis.set_xlim(0, 1.15 * max(r.score for r in results.values()))
    axis.set_xlabel("mutual k-NN; dotted: chance; mark: best layers of shuffled images", fontsize=12)
    headline(figure, finding)
    words = "; ".join(
        f"{n} {results[n].score:.3f} (corrected p {results[n].corrected_p:.2g})" for n in order[::-1]
    )
    return with_alt(figure, f"Bars of alignment scores. {finding}. {words}. Chance {chance:.3f}.")
