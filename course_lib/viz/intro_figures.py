"""Figures of the introduction: measured tables in, one figure out, described in ``figure.alt_text``.

Titles say what was found, so they are made from the numbers that are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_lib.evaluate import t_interval
from course_lib.viz.contrastive_figures import panels, shades, with_alt

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

GREY = "#777777"
OWN, INDEPENDENT = "their own mistakes", "if mistakes were independent"


def percent(value: float) -> str:
    """A share as a whole number of percent: 0.123 -> "12 %"."""
    return f"{100 * value:.0f} %"


def band(axis, table: pandas.DataFrame, x: str, y: str, color, style: str = "o-") -> float:
    """Draw the mean of ``y`` (a share, in %) over seeds at each ``x`` with its 95 % interval.

    Returns the last mean in %.
    """
    places, intervals = zip(
        *((place, t_interval(rows[y])) for place, rows in table.groupby(x, sort=True)), strict=True
    )
    means = [100 * one.mean for one in intervals]
    axis.plot(places, means, style, color=color, linewidth=2.2, markersize=6)
    low, high = ([100 * getattr(one, end) for one in intervals] for end in ("low", "high"))
    axis.fill_between(places, low, high, color=color, alpha=0.2, linewidth=0)
    return means[-1]


def name_curves(axis, ends: Mapping[str, float], colors: Sequence, x: float, gap: float = 0.065) -> None:
    """Write each curve's name beside its last value, no two closer than ``gap`` of the axis height.

    ends: {name: last value}, in the order of ``colors``. A name with n lines takes n gaps.
    """
    low, high = axis.get_ylim()
    color_of, taken, written = dict(zip(ends, colors, strict=True)), -np.inf, []
    for name, value in sorted(ends.items(), key=lambda item: item[1]):
        half = 0.5 * gap * (high - low) * (1 + name.count("\n"))
        height = max(value, taken + half)
        taken = height + half
        written.append((name, height))
    axis.set_ylim(low, max(high, taken))
    for name, height in written:
        axis.annotate(
            name,
            (x, height),
            (10, 0),
            textcoords="offset points",
            va="center",
            fontsize=12,
            color=color_of[name],
        )


def as_large_as(table: pandas.DataFrame, rate: float) -> float:
    """How many correct labels are worth as much as all the labels at this noise rate.

    table: columns labels, noise, accuracy. Interpolates the mean curve without noise over log(labels); nan if
    the noisy labels do better or worse than anything on that curve.
    """
    mean = table.groupby(["noise", "labels"])["accuracy"].mean()
    clean = np.maximum.accumulate(mean[0.0].to_numpy())
    reached = mean[rate].iloc[-1]
    if not clean[0] <= reached <= clean[-1]:
        return float("nan")
    return float(np.exp(np.interp(reached, clean, np.log(mean[0.0].index))))


def label_budget(table: pandas.DataFrame, chance: float) -> Figure:
    """Accuracy against the number of labels, one curve per share of wrong labels.

    table: one row per run with columns labels, noise, seed, accuracy. chance: accuracy of guessing.
    """
    figure, axis = panels(1, 1, 9.5, 4.8)
    rates = sorted(table.noise.unique())
    colors, ends = shades(len(rates)), {}
    for color, rate in zip(colors, rates, strict=True):
        name = "all correct" if rate == 0 else f"{percent(rate)} wrong"
        ends[name] = band(axis, table[table.noise == rate], "labels", "accuracy", color)
    axis.axhline(100 * chance, color=GREY, linestyle="--", linewidth=1.2)
    axis.text(table.labels.min(), 100 * chance + 1, "chance", color=GREY, fontsize=12)
    budgets = sorted(table.labels.unique())
    name_curves(axis, ends, colors, budgets[-1])
    axis.set_xscale("log")
    axis.set_xticks(budgets, [f"{one:,}" for one in budgets], minor=False)
    axis.minorticks_off()
    axis.set_xlim(budgets[0] * 0.9, budgets[-1] * 2.2)
    axis.set_xlabel("labels paid for (log scale)", fontsize=13)
    axis.set_ylabel("accuracy on new pictures (%)", fontsize=13)
    worst, worth = rates[-1], as_large_as(table, rates[-1])
    finding = f"{budgets[-1]:,} labels of which {percent(worst)} are wrong"
    finding += (
        f" teach as much as {worth:,.0f} correct ones" if np.isfinite(worth) else " lose accuracy throughout"
    )
    axis.set_title(finding, fontsize=14)
    mean = table.groupby(["noise", "labels"])["accuracy"].mean()
    spans = "; ".join(
        f"{percent(rate)} wrong: {percent(mean[rate].iloc[0])} to {percent(mean[rate].iloc[-1])}"
        for rate in rates
    )
    return with_alt(
        figure,
        f"Accuracy against number of labels from {budgets[0]:,} to {budgets[-1]:,}, one rising curve for "
        f"each share of wrong labels ({spans}). More wrong labels, lower curve.",
    )


def agreement(table: pandas.DataFrame, votes: pandas.DataFrame) -> Figure:
    """Left: annotators' agreement against their schooling. Right: correct labels against votes per picture.

    table: columns examples, kappa, accuracy, one row per pair of annotators (accuracy: mean of the two).
    votes: columns annotators, accuracy, kind (OWN or INDEPENDENT), seed.
    """
    figure, (left, right) = panels(2, 1, 6.8, 4.6)
    dark, _, light = shades(3)
    places = sorted(table.examples.unique())
    reached = {
        "correct": band(left, table, "examples", "accuracy", light),
        "kappa x 100": band(left, table, "examples", "kappa", dark),
    }
    name_curves(left, reached, (light, dark), places[-1])
    left.set_xscale("log")
    left.set_xticks(places, [str(one) for one in places])
    left.minorticks_off()
    left.set_xlim(places[0] * 0.9, places[-1] * 2.4)
    left.set_xlabel("examples each annotator was trained with (log scale)", fontsize=13)
    left.set_ylabel("correct labels (%), agreement x 100", fontsize=13)
    ends = table.groupby("examples")["accuracy"].mean()
    first, last = percent(ends.iloc[0]), percent(ends.iloc[-1])
    left.set_title(f"Training {places[-1] // places[0]} x longer: {first} to {last} correct", fontsize=14)
    own = band(right, votes[votes.kind == OWN], "annotators", "accuracy", dark)
    ideal = band(right, votes[votes.kind == INDEPENDENT], "annotators", "accuracy", light, "s--")
    names = {"their own\nmistakes": own, "if mistakes were\nindependent": ideal}
    name_curves(right, names, (dark, light), votes.annotators.max())
    right.set_xticks(sorted(votes.annotators.unique()))
    right.set_xlim(0.7, votes.annotators.max() * 1.45)
    right.set_xlabel("annotators who vote on each picture", fontsize=13)
    right.set_ylabel("correct labels after the vote (%)", fontsize=13)
    right.set_title(
        f"Shared mistakes survive the vote: {100 - own:.0f} % wrong, not {100 - ideal:.1f} %", fontsize=14
    )
    return with_alt(
        figure,
        f"Left: correct labels rise from {first} to {last} as annotators are trained with {places[0]} to "
        f"{places[-1]} examples; Cohen's kappa between two of them rises with it. Right: with "
        f"{votes.annotators.max()} voters {own:.0f} % of the labels are correct; with independent mistakes "
        f"it would be {ideal:.1f} %.",
    )


def spending(table: pandas.DataFrame, budget: int) -> Figure:
    """Accuracy of the learner when the same number of answers buys more pictures or more votes per picture.

    table: columns annotators (votes per picture), examples (schooling), quality (share of correct answers),
    seed, accuracy. budget: answers paid for.
    """
    figure, axis = panels(1, 1, 9.5, 4.8)
    kinds = sorted(table.examples.unique())
    found, ends, colors = [], {}, shades(len(kinds))
    for color, examples in zip(colors, kinds, strict=True):
        rows = table[table.examples == examples]
        quality = rows.quality.mean()
        name = f"annotators {percent(quality)} correct"
        ends[name] = band(axis, rows, "annotators", "accuracy", color)
        best = rows.groupby("annotators")["accuracy"].mean().idxmax()
        found.append((quality, best))
    votes = sorted(table.annotators.unique())
    name_curves(axis, ends, colors, votes[-1])
    axis.set_xticks(votes, [f"{one} x {budget // one:,}" for one in votes])
    axis.set_xlim(votes[0] - 0.2, votes[-1] * 1.42)
    axis.set_xlabel(f"votes per picture x pictures ({budget:,} answers in all)", fontsize=13)
    axis.set_ylabel("accuracy of the learner (%)", fontsize=13)
    poor_best, good_best = found[0][1], found[-1][1]
    if good_best < poor_best:
        title = (
            f"Good annotators: {_votes(good_best)} each on more pictures. Poor ones: {_votes(poor_best)} each"
        )
    elif good_best == poor_best:
        title = (
            f"Best use of {budget:,} answers: {_votes(good_best)} per picture, for good and poor annotators"
        )
    else:
        title = f"Best votes per picture: {poor_best} for poor annotators, {good_best} for good ones"
    axis.set_title(title, fontsize=14)
    details = "; ".join(f"annotators {percent(one)} correct: best with {_votes(best)}" for one, best in found)
    return with_alt(
        figure,
        f"Accuracy of a learner against votes per picture at {budget:,} answers in all. {details}.",
    )


def spending_in_words(table: pandas.DataFrame, budget: int) -> str:
    """The finding of ``spending`` as sentences: the best use of the budget for each kind of annotator."""
    sentences = []
    for _, rows in table.groupby("examples"):
        mean = rows.groupby("annotators")["accuracy"].mean()
        best, one = mean.idxmax(), mean.index.min()
        gain = 100 * (mean[best] - mean[one])
        against = f", {gain:.1f} points above one vote each" if best != one else ""
        sentences.append(
            f"Annotators who are right {percent(rows.quality.mean())} of the time: best with {_votes(best)} "
            f"on each of {budget // best:,} pictures ({100 * mean[best]:.1f} %{against})."
        )
    return " ".join(sentences)


def _votes(count: int) -> str:
    return "1 vote" if count == 1 else f"{count} votes"


def contact_sheet(images, names: Sequence[str], columns: int = 9) -> Figure:
    """Pictures (N, 3, H, W) uint8 in rows, each with its name above."""
    rows = -(-len(names) // columns)
    figure, axes = panels(columns, rows, 1.25, 1.45, squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    for axis, image, name in zip(axes.ravel(), images, names, strict=False):
        axis.imshow(np.asarray(image).transpose(1, 2, 0), interpolation="nearest")
        axis.set_title(name, fontsize=12)
    return with_alt(figure, f"{len(names)} drawn pictures with their labels: {', '.join(names)}.")
