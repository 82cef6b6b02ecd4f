"""Figures of judges: verdicts, missing ones, agreement with people, faults; and how open models are.

Tables of course_lib.arena in, one figure out, described in ``figure.alt_text``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap

from course_lib.arena.judging.verdicts import COUNTS
from course_lib.arena.published.openness import CATEGORIES
from course_lib.viz.arena_figures import GREY
from course_lib.viz.contrastive_figures import NEGATIVE, POSITIVE, panels, shades, with_alt
from course_lib.viz.picture_panels import bare, headline, heat_map, picture

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

VERDICTS = (*COUNTS, "missing")


def verdict_shares(table: pandas.DataFrame) -> Figure:
    """Draw the five verdicts (and the missing ones) of each model as one bar of 100 %, best score on top.

    table: as `judge_table` gives it; counts in the columns of VERDICTS, score beside the name.
    """
    counts = table[list(VERDICTS)]
    shares = 100 * counts.div(counts.sum(axis=1), axis=0)
    figure, axis = panels(1, 1, 9.5, 1.7 + 0.29 * len(table))
    places, left = np.arange(len(table))[::-1], np.zeros(len(table))
    colors = [colormaps["viridis"](value) for value in (0.0, 0.3, 0.6, 0.8, 1.0)]
    for name, color in zip(VERDICTS, [*colors, "0.5"], strict=True):
        label = name.replace("_", " ")
        axis.barh(places, shares[name], left=left, color=color, height=0.8, label=label)
        left += shares[name].to_numpy()
    axis.set_yticks(places, [f"{model}  {score:.1f}" for model, score in table["score"].items()], fontsize=11)
    axis.set_xlim(0, 100)
    axis.set_xlabel("share of the questions (%); number = score", fontsize=12)
    figure.legend(
        *axis.get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=11, frameon=False
    )
    ahead = int((table["score"] > 50).sum())
    headline(figure, f"{ahead} of {len(table)} models score above 50, the reference's own score")
    return with_alt(
        figure,
        f"One bar of verdicts for each of {len(table)} models, from much better to much worse than the "
        "reference. Scores: "
        + ", ".join(f"{model} {score:.1f}" for model, score in table["score"].items())
        + ".",
    )


def missing_rules(table: pandas.DataFrame) -> Figure:
    """Draw a model's score under each rule for missing verdicts, as points above or below dropping them.

    table: as `missing_rules` gives it: columns missing, drop, tie, worst, best; index model.
    """
    figure, axis = panels(1, 1, 9.5, 1.7 + 0.29 * len(table))
    places = np.arange(len(table))[::-1]
    gaps = table[["tie", "worst", "best"]].sub(table["drop"], axis=0)
    axis.hlines(places, gaps["worst"], gaps["best"], color=shades(3)[2], linewidth=6, alpha=0.6)
    axis.plot(gaps["tie"], places, "D", color=shades(3)[0], markersize=6)
    axis.axvline(0, color=GREY, linestyle=":")
    names = [f"{model}  {row['drop']:.1f} ({row['missing']:.0f})" for model, row in table.iterrows()]
    axis.set_yticks(places, names, fontsize=11)
    axis.set_xlabel(
        "change of the score (points): bar = worst to best case, diamond = counted as ties", fontsize=12
    )
    gainer = gaps["tie"].idxmax()
    headline(
        figure,
        f"Missing verdicts (in brackets) as ties: from {gaps['tie'].min():+.2f} to "
        f"{gaps['tie'].max():+.2f} points; {gainer} gains most",
    )
    return with_alt(
        figure,
        "What missing verdicts can do to each score. Counted as ties instead of dropped: "
        + ", ".join(f"{model} {gap:+.2f}" for model, gap in gaps["tie"].items())
        + f". Worst case {gaps['worst'].min():+.2f}, best case {gaps['best'].max():+.2f}.",
    )


def vote_matrix(matrix: pandas.DataFrame, agreements: Mapping[str, pandas.DataFrame]) -> Figure:
    """Draw who voted what (rows: the people, columns: the judge) and the agreement under each protocol.

    matrix: counts by label. agreements: {protocol: table with columns value, low, high and a row kappa and a
    row f1_macro}, as `agreement_intervals` gives it.
    """
    figure, axes = panels(2, 1, 5.8, 4.6)
    values = matrix.to_numpy()
    heat_map(axes[0], values, (0, values.max()), cmap="viridis")
    for (i, j), count in np.ndenumerate(values):
        color = "white" if count < 0.55 * values.max() else "black"
        axes[0].text(j, i, f"{count:.0f}", ha="center", va="center", fontsize=13, color=color)
    axes[0].set_xticks(range(len(matrix.columns)), matrix.columns, fontsize=12)
    axes[0].set_yticks(range(len(matrix.index)), matrix.index, fontsize=12)
    axes[0].set_xlabel(matrix.columns.name or "judge", fontsize=13)
    axes[0].set_ylabel(matrix.index.name or "person", fontsize=13)
    colors = dict(zip(("f1_macro", "kappa"), shades(2), strict=True))
    names = {"f1_macro": "macro F1", "kappa": "Cohen's kappa"}
    for step, metric in enumerate(names):
        rows = [table.loc[metric] for table in agreements.values()]
        places = np.arange(len(rows)) + 0.16 * (2 * step - 1)
        axes[1].vlines(
            places, [r["low"] for r in rows], [r["high"] for r in rows], color=colors[metric], linewidth=3
        )
        axes[1].plot(
            places,
            [r["value"] for r in rows],
            "os"[step],
            color=colors[metric],
            markersize=9,
            label=names[metric],
        )
    axes[1].set_xticks(range(len(agreements)), agreements, fontsize=12)
    axes[1].set_xlim(-0.6, len(agreements) - 0.4)
    axes[1].set_ylim(min(0, axes[1].get_ylim()[0]), 1.0)
    axes[1].axhline(0, color=GREY, linestyle=":")
    axes[1].set_ylabel("agreement (0 of kappa = chance)", fontsize=12)
    axes[1].legend(fontsize=12, frameon=False, loc="upper left")
    equal = np.trace(matrix.reindex(columns=matrix.index, fill_value=0).to_numpy()) / values.sum()
    headline(figure, f"The same vote on {100 * equal:.0f} % of {values.sum():,.0f} pairs")
    words = "; ".join(
        f"{protocol} macro F1 {table.loc['f1_macro', 'value']:.2f}, kappa {table.loc['kappa', 'value']:.2f}"
        for protocol, table in agreements.items()
    )
    return with_alt(
        figure,
        f"Left, a matrix of votes, {' by '.join(map(str, matrix.shape))}, equal votes on its diagonal: "
        f"{100 * equal:.0f} %. Right, agreement with 95 % intervals: {words}.",
    )


def first_preferred(table: pandas.DataFrame) -> Figure:
    """Draw how often each judge chose the answer shown first: columns share, low, high; index judge."""
    figure, axis = panels(1, 1, 9.0, 1.7 + 0.5 * len(table))
    places = np.arange(len(table))[::-1]
    axis.hlines(places, 100 * table["low"], 100 * table["high"], color=shades(2)[1], linewidth=6, alpha=0.7)
    axis.plot(100 * table["share"], places, "o", color=shades(2)[0], markersize=9)
    axis.axvline(50, color=GREY, linestyle=":")
    axis.set_yticks(places, table.index, fontsize=12)
    axis.set_ylim(-0.6, len(table) - 0.4)
    axis.set_xlabel("first answer preferred (% of decided comparisons); dotted: no preference", fontsize=12)
    worst = (table["share"] - 0.5).abs().idxmax()
    headline(figure, f"{worst}: the first answer wins {100 * table.loc[worst, 'share']:.0f} % of the time")
    return with_alt(
        figure,
        "How often the answer shown first is preferred: "
        + "; ".join(
            f"{name} {100 * row['share']:.1f} % [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
            for name, row in table.iterrows()
        )
        + ".",
    )


def answer_card(
    image: np.ndarray, question: str, answer: str, answers: Mapping[str, tuple[str, bool]]
) -> Figure:
    """Draw one question with its picture and what every model said, right ones marked.

    image: (3, H, W), uint8 or floats in [0, 1]. answer: the truth. answers: {model: (text, whether right)}.
    """
    figure, axes = panels(2, 1, 4.6, 0.9 + 0.36 * len(answers), width_ratios=[1, 2.4])
    picture(axes[0], image)
    bare(axes[1])
    axes[1].set(xlim=(0, 1), ylim=(len(answers) - 0.4, -0.6))
    for row, (model, (text, right)) in enumerate(answers.items()):
        color = POSITIVE if right else NEGATIVE
        axes[1].text(0, row, "✓" if right else "✗", color=color, fontsize=14, va="center")
        axes[1].text(0.06, row, f"{model}:  {plain(cut(text, 44))}", fontsize=12, va="center")
    known = sum(right for _, right in answers.values())
    headline(figure, plain(f"{question} (Truth: {answer}.) {known} of {len(answers)} say so"))
    return with_alt(
        figure,
        f"A picture and the answers of {len(answers)} models to the question {question} The right answer is "
        f"{answer}. Right: {', '.join(m for m, (_, right) in answers.items() if right) or 'none'}. Wrong: "
        f"{', '.join(m for m, (_, right) in answers.items() if not right) or 'none'}.",
    )


def cut(text: str, width: int) -> str:
    """The end of a long text: long answers say at their end what they mean."""
    while len(text) > width and " " in text.removeprefix("… "):
        text = "… " + text.removeprefix("… ").split(" ", 1)[1]
    return text


def plain(text: str) -> str:
    """Text in which Matplotlib finds no formula."""
    return text.replace("$", r"\$")


def openness_matrix(table: pandas.DataFrame, columns: tuple[str, ...]) -> Figure:
    """Draw six states a model, open, distilled or closed, models grouped by the category that follows.

    table: as `openness` gives it; columns: the six.
    """
    states = {"open": 2, "distilled": 1, "closed": 0}
    ranked = table.assign(order=[CATEGORIES.index(name) for name in table["category"]])
    rows = ranked.sort_values(["order", "closed"], kind="stable")
    cells = np.array([[states[row[column]] for column in columns] for _, row in rows.iterrows()])
    figure, axis = panels(1, 1, 9.0, 1.8 + 0.27 * len(rows))
    colors = ListedColormap([colormaps["viridis"](value) for value in (0.05, 0.5, 0.9)])
    heat_map(axis, cells, (0, 2), cmap=colors, aspect="auto")
    for (i, j), state in np.ndenumerate(cells):
        mark, color = "●" if state == 2 else "◐" if state == 1 else "○", "black" if state else "white"
        axis.text(j, i, mark, ha="center", va="center", fontsize=11, color=color)
    places = np.flatnonzero(rows["category"].to_numpy()[1:] != rows["category"].to_numpy()[:-1]) + 0.5
    for place in places:
        axis.axhline(place, color="white", linewidth=4)
    axis.set_xticks(range(len(columns)), [c.replace("_", "\n") for c in columns], fontsize=12)
    axis.set_yticks(range(len(rows)), [f"{model}" for model in rows.index], fontsize=11)
    for place, name in zip([-0.5, *places], rows["category"].unique(), strict=True):
        axis.text(len(columns) - 0.4, place + 0.5, name.replace(", ", ",\n"), fontsize=11, va="center")
    axis.spines[:].set_visible(False)
    axis.set_xlabel("● open   ◐ distilled from a closed model   ○ closed", fontsize=12)
    whole = int((rows["closed"] == 0).sum())
    headline(
        figure, f"{whole or 'None'} of {len(rows)} models {'is' if whole < 2 else 'are'} open in all six"
    )
    return with_alt(
        figure,
        f"Table of {len(rows)} models by {len(columns)} states, grouped: "
        + "; ".join(f"{name}: {', '.join(part.index)}" for name, part in rows.groupby("category", sort=False))
        + ".",
    )
