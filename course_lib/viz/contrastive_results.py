"""Figures of the contrastive lecture that show sweeps: tables with one row a finished run in, one figure out.

A dot is one run (one seed), a line joins means over seeds, bands are 95 % intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.viz.contrastive_figures import NEGATIVE, POSITIVE, panels, shades, with_alt


def name_ends(axis: Axes, ends: Sequence[tuple[str, float, float, object]]) -> list[float]:
    """Write each line's name (name, x, y, color) right of its end; names that would overlap are moved apart.

    Returns the heights of the names, in the order of ``ends``. Call it last, when the limits stand.
    """
    bottom, top = axis.get_ylim()
    apart = 0.065 * (top - bottom)  # a line of text, in data units
    order = sorted(range(len(ends)), key=lambda i: ends[i][2])
    heights = [ends[i][2] for i in order]
    for above in range(1, len(heights)):
        heights[above] = max(heights[above], heights[above - 1] + apart)
    shift = np.mean([h - ends[i][2] for h, i in zip(heights, order, strict=True)])
    placed = {i: float(h - shift) for h, i in zip(heights, order, strict=True)}
    for i, (name, x, _, color) in enumerate(ends):
        look: dict[str, Any] = {
            "xytext": (9, 0),
            "textcoords": "offset points",
            "fontsize": 13,
            "color": color,
        }
        axis.annotate(name, (x, placed[i]), va="center", **look)
    return [placed[i] for i in range(len(ends))]


def seeds_and_mean(axis: Axes, x, y, color) -> pd.Series:
    """Draw one dot a run and a line through the means at each x; return the means."""
    runs = pd.DataFrame({"x": list(x), "y": list(y)})
    means = runs.groupby("x").y.mean()
    axis.plot(runs.x, runs.y, "o", color=color, alpha=0.4, markersize=6)
    axis.plot(means.index, means, "-", color=color, linewidth=2)
    return means


def kept_information(table: pd.DataFrame) -> Figure:
    """Draw what a linear probe reads from h and from z, one panel per property.

    table: columns head (projector), layer ("h" or "z"), attribute, accuracy (fraction), chance (fraction).
    """
    attributes, heads = list(dict.fromkeys(table.attribute)), list(dict.fromkeys(table["head"]))
    figure, axes = panels(len(attributes), 1, 3.3, 4.0, sharey=True, squeeze=False)
    kept = []
    for axis, attribute in zip(axes[0], attributes, strict=True):
        rows = table[table.attribute == attribute]
        for layer, color, shift in (("h", POSITIVE, -0.2), ("z", NEGATIVE, 0.2)):
            values = [100 * rows[(rows["head"] == h) & (rows.layer == layer)].accuracy.mean() for h in heads]
            bars = axis.bar(np.arange(len(heads)) + shift, values, 0.38, color=color, label=layer)
            axis.bar_label(bars, fmt="%.0f", fontsize=11)
        kept.append(rows[rows.layer == "h"].accuracy.mean() - rows[rows.layer == "z"].accuracy.mean())
        axis.axhline(100 * rows.chance.iloc[0], color="0.4", linestyle=":", linewidth=1.5)
        axis.set_xticks(range(len(heads)), heads)
        axis.set_title(attribute, fontsize=14)
    axes[0, 0].set_ylabel("linear probe, test accuracy (%)", fontsize=13)
    axes[0, 0].legend(fontsize=13, frameon=False, title="probe on")
    more = [name for name, gain in zip(attributes, kept, strict=True) if gain > 0]
    figure.suptitle(f"h keeps more than z: {', '.join(more) or 'nothing'} (dotted: chance)", fontsize=14)
    return with_alt(
        figure,
        "Linear probes on h and on z. Mean advantage of h in points: "
        + "; ".join(f"{name} {100 * gain:+.0f}" for name, gain in zip(attributes, kept, strict=True))
        + ".",
    )


def few_labels(table: pd.DataFrame, title: str) -> Figure:
    """Draw accuracy against labels per class.

    table: columns method, labels_per_class, mean, low, high (fractions).
    """
    figure, axis = panels(1, 1, 8, 5)
    methods, ends = list(dict.fromkeys(table.method)), []
    for method, color, marker in zip(methods, shades(len(methods)), "os^Dv", strict=False):
        rows = table[table.method == method].sort_values("labels_per_class")
        axis.plot(rows.labels_per_class, 100 * rows["mean"], marker + "-", color=color, linewidth=2)
        axis.fill_between(rows.labels_per_class, 100 * rows.low, 100 * rows.high, color=color, alpha=0.15)
        ends.append((method, rows.labels_per_class.iloc[-1], 100 * rows["mean"].iloc[-1], color))
    counts = sorted(table.labels_per_class.unique())
    axis.set_xscale("log")
    axis.set_xticks(counts, [f"{count:g}" for count in counts])
    axis.minorticks_off()
    axis.set_xlim(counts[0] * 0.85, counts[-1] * 3.2)
    axis.set_xlabel("labels per class (log scale)", fontsize=13)
    axis.set_ylabel("validation accuracy (%)", fontsize=13)
    axis.set_title(title, fontsize=14)
    name_ends(axis, ends)
    finals = table[table.labels_per_class == counts[-1]]
    return with_alt(
        figure,
        f"Validation accuracy against labels per class ({counts[0]:g} to {counts[-1]:g}), 95 % bands over "
        f"seeds. At {counts[-1]:g} labels: "
        + ", ".join(f"{row.method} {100 * row['mean']:.0f} %" for _, row in finals.iterrows())
        + ".",
    )


def batch_and_epochs(table: pd.DataFrame, chance: float) -> Figure:
    """Draw probe accuracy against batch size, one line per training length.

    table: columns batch, epochs, accuracy (fraction), one row a run. chance: accuracy of a random encoder.
    """
    figure, axis = panels(1, 1, 8, 5)
    groups = list(table.groupby("epochs"))
    gains, ends = [], []
    for (epochs, rows), color in zip(groups, shades(len(groups)), strict=True):
        means = seeds_and_mean(axis, rows.batch, 100 * rows.accuracy, color)
        ends.append((f"{epochs:g} epoch{'s' * (epochs != 1)}", means.index[-1], means.iloc[-1], color))
        gains.append(means.iloc[-1] - means.iloc[0])
    batches = sorted(table.batch.unique())
    axis.axhline(100 * chance, color="0.4", linestyle=":")
    axis.annotate(
        "random encoder",
        (batches[0], 100 * chance),
        (0, 5),
        textcoords="offset points",
        fontsize=12,
        color="0.4",
    )
    axis.set_xscale("log", base=2)
    axis.set_xticks(batches, [f"{b}\n{2 * b - 2}" for b in batches])
    axis.set_xlim(batches[0] * 0.9, batches[-1] * 1.7)
    axis.set_xlabel("images in a batch, and under it the negatives of each view, 2B − 2", fontsize=13)
    axis.set_ylabel("linear probe (%)", fontsize=13)
    axis.set_title(
        f"From batch {batches[0]} to {batches[-1]}: {gains[0]:+.1f} points (epochs: {groups[0][0]:g}), "
        f"{gains[-1]:+.1f} (epochs: {groups[-1][0]:g})",
        fontsize=14,
    )
    name_ends(axis, ends)
    return with_alt(
        figure,
        f"Probe accuracy against batch size {batches[0]} to {batches[-1]}, a line per number of epochs. "
        "Change from the smallest to the largest batch: "
        + "; ".join(f"{e:g} epochs {g:+.1f} points" for (e, _), g in zip(groups, gains, strict=True))
        + ".",
    )


def momentum_sweep(table: pd.DataFrame, published: dict[float, float]) -> Figure:
    """Draw probe accuracy against MoCo's momentum, ours and the published one side by side.

    table: columns momentum, accuracy (fraction), one row a run. published: momentum -> accuracy in per cent.
    """
    figure, axes = panels(2, 1, 5.5, 4.2)
    momenta = sorted(set(table.momentum) | set(published))
    place = {m: i for i, m in enumerate(momenta)}
    means = seeds_and_mean(axes[0], table.momentum.map(place), 100 * table.accuracy, POSITIVE)
    axes[1].plot([place[m] for m in published], list(published.values()), "s-", color=NEGATIVE, linewidth=2)
    best = momenta[int(means.idxmax())]
    axes[0].set_title(f"here: best at m = {best:g}", fontsize=14)
    axes[1].set_title("published, ImageNet (m = 0 fails)", fontsize=14)
    for axis in axes:
        axis.set_xticks(range(len(momenta)), [f"{m:g}" for m in momenta])
        axis.set_xlim(-0.4, len(momenta) - 0.6)
        axis.set_xlabel("momentum m", fontsize=13)
        axis.set_ylabel("linear probe (%)", fontsize=13)
    return with_alt(
        figure,
        "Probe accuracy against momentum. Here: "
        + ", ".join(f"m = {momenta[int(i)]:g}: {v:.1f} %" for i, v in means.items())
        + ". Published: m = 0 fails, "
        + ", ".join(f"m = {m:g}: {v:.1f} %" for m, v in published.items())
        + ".",
    )


def composition(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw probe accuracy (fractions, NaN: not run) for pairs of augmentations, one alone on the diagonal."""
    figure, axis = panels(1, 1, 5.6, 4.8)
    values = 100 * np.asarray(matrix)
    shown = axis.imshow(values, cmap="viridis")
    middle = np.nanmean([np.nanmin(values), np.nanmax(values)])
    for i, j in np.argwhere(~np.isnan(values)):
        color = "black" if values[i, j] > middle else "white"
        axis.text(j, i, f"{values[i, j]:.1f}", ha="center", va="center", fontsize=14, color=color)
    axis.set_xticks(range(len(names)), names, fontsize=12)
    axis.set_yticks(range(len(names)), names, fontsize=12)
    axis.spines[:].set_visible(False)
    figure.colorbar(shown, ax=axis, label="linear probe (%)")
    best: Any = np.unravel_index(np.nanargmax(values), values.shape)
    pair = " + ".join(dict.fromkeys((names[best[0]], names[best[1]])))
    axis.set_title(f"Best: {pair}, {values[best]:.1f} %", fontsize=14)
    return with_alt(
        figure,
        "Probe accuracy for pairs of augmentations: "
        + "; ".join(
            f"{' + '.join(dict.fromkeys((names[i], names[j])))} {values[i, j]:.1f} %"
            for i, j in np.argwhere(~np.isnan(values))
            if i <= j
        )
        + ".",
    )


def shuffle_leak(table: pd.DataFrame, chance: float) -> Figure:
    """Draw what happens without shuffling: pretext accuracy over training, and the probe at its end.

    table: columns shuffle (bool), seed, pretext (list of accuracies, one a step), accuracy (probe, fraction).
    chance: pretext accuracy of a guess.
    """
    figure, axes = panels(2, 1, 5.5, 4.2, gridspec_kw={"width_ratios": [3, 2]})
    probes: list[float] = []
    ends: list[tuple[str, float, float, object]] = []
    highest = 0.0
    for shuffle, color, name in ((True, POSITIVE, "shuffled"), (False, NEGATIVE, "not shuffled")):
        rows = table[table["shuffle"] == shuffle]
        curves = np.array([list(p) for p in rows.pretext])
        smooth = pd.DataFrame(curves.T).rolling(10, min_periods=1).mean().to_numpy() * 100
        axes[0].plot(smooth, color=color, alpha=0.35, linewidth=1)
        axes[0].plot(smooth.mean(axis=1), color=color, linewidth=2.5)
        settled = smooth[min(20, len(smooth) // 2) :]  # at first the queue is random: easy
        highest = max(highest, settled.max())
        ends.append((name, len(smooth) - 1, smooth[-1].mean(), color))
        probes.append(100 * rows.accuracy.mean())
        axes[1].plot(
            [0 if shuffle else 1] * len(rows), 100 * rows.accuracy, "o", color=color, alpha=0.5, markersize=8
        )
        axes[1].plot([0 if shuffle else 1], [probes[-1]], "_", color=color, markersize=40, markeredgewidth=3)
    axes[0].axhline(100 * chance, color="0.4", linestyle=":")
    axes[0].set_xlabel("training step", fontsize=13)
    axes[0].set_ylabel("picks the right key (%)", fontsize=13)
    axes[0].set_ylim(-0.03 * highest, 1.15 * highest)
    axes[0].set_xlim(0, 1.4 * ends[0][1])
    name_ends(axes[0], ends)
    axes[0].set_title("Pretext accuracy (dotted: guessing)", fontsize=14)
    axes[1].set_xticks([0, 1], ["shuffled", "not shuffled"], fontsize=12)
    axes[1].set_xlim(-0.6, 1.6)
    axes[1].set_ylabel("linear probe (%)", fontsize=13)
    axes[1].set_title(f"Probe: {probes[1] - probes[0]:+.1f} points unshuffled", fontsize=14)
    return with_alt(
        figure,
        "Left, how often the query picks its own key among the queue, with the batch shuffled and not. "
        f"Right, the linear probe: {probes[0]:.1f} % shuffled, {probes[1]:.1f} % not shuffled.",
    )


def switches(table: pd.DataFrame, names: Sequence[str], start: float) -> Figure:
    """Draw every on/off combination of a few switches, sorted by the number that are on.

    table: a bool column per name, and accuracy (fraction), one row a run. start: a random encoder's.
    """
    groups = sorted(
        table.groupby(list(names)), key=lambda group: (sum(group[0]), [not on for on in group[0]])
    )
    figure, axis = panels(1, 1, 9, 4.8)
    labels, means = [], []
    for place, (setting, rows) in enumerate(groups):
        means.append(100 * rows.accuracy.mean())
        labels.append("\n".join(name if on else "·" for name, on in zip(names, setting, strict=True)))
        axis.bar(place, means[-1], color=shades(len(names) + 1)[sum(setting)], alpha=0.75)
        axis.plot([place] * len(rows), 100 * rows.accuracy, "o", color="black", markersize=5)
        axis.annotate(
            f"{means[-1]:.1f}",
            (place, means[-1]),
            (0, -18),
            textcoords="offset points",
            ha="center",
            fontsize=12,
            color="white",
        )
    axis.axhline(100 * start, color="0.3", linestyle=":")
    axis.set_xticks(range(len(groups)), labels, fontsize=12)
    axis.set_ylabel("linear probe (%)", fontsize=13)
    axis.set_title(
        f"All on against all off: {means[-1] - means[0]:+.1f} points (dots: seeds; dotted: random)",
        fontsize=14,
    )
    return with_alt(
        figure,
        "Probe accuracy for each combination: "
        + "; ".join(
            f"{label.replace(chr(10), ' ')} {mean:.1f} %" for label, mean in zip(labels, means, strict=True)
        )
        + f". Random encoder {100 * start:.1f} %.",
    )
