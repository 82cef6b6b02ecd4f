"""Figures of the introduction: measured tables in, one figure out, described in ``figure.alt_text``.

Titles say what was found, so they are made from the numbers that are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_lib.evaluate import t_interval
from course_lib.viz.contrastive_figures import panels, shades, with_alt

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

GREY = "#777777"


def percent(value: float) -> str:
    """A share as a whole number of percent: 0.123 -> "12 %"."""
    return f"{100 * value:.0f} %"


def band(axis, table: pandas.DataFrame, x: str, y: str, color, name: str, style: str = "o-") -> float:
    """Draw the mean of ``y`` (a share, in %) over seeds at each ``x``, its 95 % interval, and a name.

    Returns the last mean in %, where the name stands.
    """
    places, intervals = zip(
        *((place, t_interval(rows[y])) for place, rows in table.groupby(x, sort=True)), strict=True
    )
    means = [100 * one.mean for one in intervals]
    axis.plot(places, means, style, color=color, linewidth=2.2, markersize=6)
    low, high = ([100 * getattr(one, end) for one in intervals] for end in ("low", "high"))
    axis.fill_between(places, low, high, color=color, alpha=0.2, linewidth=0)
    axis.annotate(
        name,
        (places[-1], means[-1]),
        (8, 0),
        textcoords="offset points",
        color=color,
        fontsize=12,
        va="center",
    )
    return means[-1]


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
    for color, rate in zip(shades(len(rates)), rates, strict=True):
        name = "all correct" if rate == 0 else f"{percent(rate)} wrong"
        band(axis, table[table.noise == rate], "labels", "accuracy", color, name)
    axis.axhline(100 * chance, color=GREY, linestyle="--", linewidth=1.2)
    axis.text(table.labels.min(), 100 * chance + 1, "chance", color=GREY, fontsize=12)
    budgets = sorted(table.labels.unique())
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
    ends = "; ".join(
        f"{percent(rate)} wrong: {percent(mean[rate].iloc[0])} to {percent(mean[rate].iloc[-1])}"
        for rate in rates
    )
    return with_alt(
        figure,
        f"Accuracy against number of labels from {budgets[0]:,} to {budgets[-1]:,}, one rising curve for "
        f"each share of wrong labels ({ends}). More wrong labels, lower curve.",
    )


def agreement(table: pandas.DataFrame, votes: pandas.DataFrame) -> Figure:
    """Left: annotators' agreement against their schooling. Right: correct labels against votes per picture.

    table: columns examples, kappa, accuracy, one row per pair of annotators (accuracy: mean of the two).
    votes: columns annotators, accuracy, kind ("their own mistakes" or "if mistakes were independent"), seed.
    """
    figure, (left, right) = panels(2, 1, 6.8, 4.6)
    dark, _, light = shades(3)
    band(left, table, "examples", "accuracy", light, "correct")
    band(left, table, "examples", "kappa", dark, "agree\n(kappa x 100)")
    left.set_xscale("log")
    places = sorted(table.examples.unique())
    left.set_xticks(places, [str(one) for one in places])
    left.minorticks_off()
    left.set_xlim(places[0] * 0.9, places[-1] * 2.4)
    left.set_xlabel("examples each annotator was trained with (log scale)", fontsize=13)
    left.set_ylabel("correct labels (%), agreement", fontsize=13)
    ends = table.groupby("examples")["accuracy"].mean()
    first, last = percent(ends.iloc[0]), percent(ends.iloc[-1])
    left.set_title(f"Training {places[-1] // places[0]} x longer: {first} to {last} correct", fontsize=14)
    reached = {}
    for (kind, rows), color, style in zip(votes.groupby("kind"), (light, dark), ("s--", "o-"), strict=True):
        reached[kind] = band(right, rows, "annotators", "accuracy", color, kind.replace(" ", "\n", 1), style)
    right.set_xticks(sorted(votes.annotators.unique()))
    right.set_xlim(0.7, votes.annotators.max() * 1.45)
    right.set_xlabel("annotators who vote on each picture", fontsize=13)
    right.set_ylabel("correct labels after the vote (%)", fontsize=13)
    own, ideal = reached["their own mistakes"], reached["if mistakes were independent"]
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
    found = []
    for color, examples in zip(shades(len(kinds)), kinds, strict=True):
        rows = table[table.examples == examples]
        quality = rows.quality.mean()
        band(axis, rows, "annotators", "accuracy", color, f"annotators {percent(quality)} correct")
        best = rows.groupby("annotators")["accuracy"].mean().idxmax()
        found.append((quality, best))
    votes = sorted(table.annotators.unique())
    axis.set_xticks(votes, [f"{one} x {budget // one:,}" for one in votes])
    axis.set_xlim(votes[0] - 0.2, votes[-1] * 1.42)
    axis.set_xlabel(f"votes per picture x pictures ({budget:,} answers in all)", fontsize=13)
    axis.set_ylabel("accuracy of the learner (%)", fontsize=13)
    poor_best, good_best = found[0][1], found[-1][1]
    if good_best < poor_best:
        title = (
            f"Good annotators: {_votes(good_best)} each on more pictures. Poor ones: {_votes(poor_best)} each"
        )
    else:
        title = (
            f"Best use of {budget:,} answers: {_votes(good_best)} per picture, for good and poor annotators"
        )
    axis.set_title(title, fontsize=14)
    details = "; ".join(f"annotators {percent(one)} correct: best with {_votes(best)}" for one, best in found)
    return with_alt(
        figure,
        f"Accuracy of a learner against votes per picture at {budget:,} answers in all. {details}.",
    )


def _votes(count: int) -> str:
    return "1 vote" if count == 1 else f"{count} votes"


def transfer(
    table: pandas.DataFrame, chance: float, title: str, direct: Sequence[str] = (), y: str = "accuracy (%)"
) -> Figure:
    """Accuracy on new kinds against the share of labels used, one curve per way to start.

    table: columns start (the curve's name), share (of the labels, 0 to 1), seed, accuracy. direct: starts
    that are controls, drawn dashed.
    """
    figure, axis = panels(1, 1, 9.5, 5.0)
    starts = list(dict.fromkeys(table.start))
    shares = sorted(table.share.unique())
    table = table.assign(percent_labels=100 * table.share)
    for color, start in zip(shades(len(starts)), starts, strict=True):
        band(
            axis,
            table[table.start == start],
            "percent_labels",
            "accuracy",
            color,
            start,
            "o--" if start in direct else "o-",
        )
    axis.axhline(100 * chance, color=GREY, linestyle=":", linewidth=1.2)
    axis.text(100 * shares[0], 100 * chance + 1, "chance", color=GREY, fontsize=12)
    axis.set_xscale("log")
    axis.set_xticks([100 * one for one in shares], [percent(one) for one in shares])
    axis.minorticks_off()
    axis.set_xlim(100 * shares[0] * 0.85, 100 * shares[-1] * 6)
    axis.set_xlabel("labels of the new kinds that are used (log scale)", fontsize=13)
    axis.set_ylabel(y, fontsize=13)
    axis.set_title(title, fontsize=14)
    mean = table.groupby(["start", "share"])["accuracy"].mean()
    lines = "; ".join(
        f"{start}: " + ", ".join(percent(mean[start, share]) for share in shares) for start in starts
    )
    given = ", ".join(percent(one) for one in shares)
    return with_alt(figure, f"Accuracy with {given} of the labels. {lines}. Chance: {percent(chance)}.")


def picked_on_test(candidates: np.ndarray, fresh: np.ndarray, chance: float) -> Figure:
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
