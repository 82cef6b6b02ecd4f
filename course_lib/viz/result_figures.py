"""Figures about results: transfer to new kinds, and what becomes of a number picked on the test set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_lib.viz.contrastive_figures import panels, shades, with_alt
from course_lib.viz.intro_figures import GREY, name_curves, percent

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


def transfer(table: pandas.DataFrame, chance: float, title: str, controls: Sequence[str] = ()) -> Figure:
    """Accuracy on new kinds against the labels used per class, one curve per way to start.

    table: columns start (the curve's name), labels_per_class, mean, low, high (shares; low and high may be
    nan). controls: starts that are drawn dashed.
    """
    figure, axis = panels(1, 1, 9.5, 5.0)
    starts = list(dict.fromkeys(table.start))
    places = sorted(table.labels_per_class.unique())
    shares = [percent(place / places[-1]) for place in places]
    for color, start in zip(shades(len(starts)), starts, strict=True):
        rows = table[table.start == start].sort_values("labels_per_class")
        style = "o--" if start in controls else "o-"
        axis.plot(rows.labels_per_class, 100 * rows["mean"], style, color=color, linewidth=2.2, markersize=6)
        axis.fill_between(
            rows.labels_per_class, 100 * rows.low, 100 * rows.high, color=color, alpha=0.2, lw=0
        )
    ends = {start: 100 * table[table.start == start]["mean"].iloc[-1] for start in starts}
    name_curves(axis, ends, shades(len(starts)), places[-1])
    axis.axhline(100 * chance, color=GREY, linestyle=":", linewidth=1.2)
    axis.text(places[0], 100 * chance - 1, "chance", color=GREY, fontsize=12, va="top")
    axis.set_xscale("log")
    axis.set_xticks(places, [f"{place}\n({share})" for place, share in zip(places, shares, strict=True)])
    axis.minorticks_off()
    axis.set_xlim(places[0] * 0.85, places[-1] * 5)
    axis.set_xlabel("labels per new kind (share of all, log scale)", fontsize=13)
    axis.set_ylabel("accuracy on new pictures (%)", fontsize=13)
    axis.set_title(title, fontsize=14)
    mean = table.set_index(["start", "labels_per_class"])["mean"]
    lines = "; ".join(
        f"{start} " + ", ".join(percent(mean[start, place]) for place in places) for start in starts
    )
    return with_alt(
        figure,
        f"Accuracy with {', '.join(shares)} of the labels, one curve per start. {lines}. "
        f"Chance {percent(chance)}.",
    )


def picked_on_test(candidates: np.ndarray, fresh: np.ndarray) -> Figure:
    """What choosing on the test set does: reported accuracy of the best of k, and its accuracy on new data.

    candidates, fresh: (runs, K) accuracies of the same K equally good models on a small test set and on new
    pictures. Draws both against k = 1..K, mean over runs.
    """
    figure, axis = panels(1, 1, 9.5, 4.6)
    runs, most = candidates.shape
    dark, _, light = shades(3)
    seen = np.maximum.accumulate(candidates, axis=1)
    winner = np.array([[candidates[run, : k + 1].argmax() for k in range(most)] for run in range(runs)])
    true = np.take_along_axis(fresh, winner, axis=1)
    for values, color, name in (
        (seen, dark, "reported:\non the test set"),
        (true, light, "true:\non new pictures"),
    ):
        mean = 100 * values.mean(0)
        half = 196 * values.std(0, ddof=1) / np.sqrt(runs)
        axis.plot(np.arange(1, most + 1), mean, color=color, linewidth=2.4)
        axis.fill_between(
            np.arange(1, most + 1), mean - half, mean + half, color=color, alpha=0.2, linewidth=0
        )
        axis.annotate(
            name, (most, mean[-1]), (8, 0), textcoords="offset points", color=color, fontsize=12, va="center"
        )
    axis.set_xticks([1, *range(10, most + 1, 10)])
    axis.set_xlim(1, most * 1.3)
    axis.set_xlabel("models tried, the best on the test set is reported", fontsize=13)
    axis.set_ylabel("accuracy (%)", fontsize=13)
    gap = 100 * (seen[:, -1] - true[:, -1]).mean()
    axis.set_title(f"The best of {most} on the test set: {gap:.1f} points that do not exist", fontsize=14)
    return with_alt(
        figure,
        f"Two curves over the number of models tried, up to {most}. The reported accuracy of the best on the "
        f"test set climbs; its accuracy on new pictures stays behind, {gap:.1f} points below at the end.",
    )
