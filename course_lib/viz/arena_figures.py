"""Figures of arenas: ratings as they move, leaderboards with intervals, heat maps, ratings by category.

Tables of course_lib.arena in, one figure out, described in ``figure.alt_text``. Titles say what was found, so
they are made from the drawn numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course_lib.viz.contrastive_figures import panels, shades, with_alt
from course_lib.viz.contrastive_results import name_ends
from course_lib.viz.picture_panels import counted, headline, heat_map

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

GREY = "0.45"


def rating_paths(paths: pandas.DataFrame, start: float = 1000) -> Figure:
    """Draw the ratings of an arena after each battle, one line a model.

    paths: (battles, models) ratings, in Elo points, in the order in which the battles were played.
    """
    figure, axis = panels(1, 1, 9.5, 5.2)
    order = paths.iloc[-1].sort_values(ascending=False).index
    colors = dict(zip(order, shades(len(order)), strict=True))
    for model in order:
        axis.plot(np.arange(1, len(paths) + 1), paths[model], color=colors[model], linewidth=1.8)
    axis.axhline(start, color=GREY, linestyle=":", linewidth=1.2)
    axis.set_xlim(0, len(paths) * 1.25)
    axis.set_xlabel("battles played", fontsize=13)
    axis.set_ylabel("rating (Elo points)", fontsize=13)
    name_ends(axis, [(model, len(paths), float(paths[model].iloc[-1]), colors[model]) for model in order])
    gap = paths.iloc[-1].max() - paths.iloc[-1].min()
    headline(
        figure, f"After {len(paths):,} battles {order[0]} leads; first and last are {gap:.0f} points apart"
    )
    return with_alt(
        figure,
        f"One line a model, all starting at {start:g}. After {len(paths):,} battles: "
        + ", ".join(f"{model} {paths[model].iloc[-1]:.0f}" for model in order)
        + ".",
    )


def order_spread(orders: pandas.DataFrame, played: pandas.Series, most: int = 20) -> Figure:
    """Draw what the order of the battles alone does to online Elo: a bar from least to largest rating.

    orders: one row a random order, one column a model, as `elo_over_orders` gives it; the first `most`
    columns are drawn. played: ratings in the order in which the battles came, drawn as crosses.
    """
    shown = orders.iloc[:, :most]
    figure, axis = panels(1, 1, 9.5, max(3.0, 1.2 + 0.29 * shown.shape[1]))
    places = np.arange(shown.shape[1])[::-1]
    axis.hlines(places, shown.min(), shown.max(), color=shades(2)[1], linewidth=7, alpha=0.6)
    axis.plot(shown.mean(), places, "o", color=shades(2)[0], markersize=6)
    axis.plot(played[shown.columns], places, "x", color="black", markersize=8, markeredgewidth=2)
    axis.set_yticks(places, shown.columns, fontsize=12)
    axis.set_xlabel(
        "online Elo (points): bar = least to largest, dot = mean, cross = the order on file", fontsize=12
    )
    leaders = orders.idxmax(axis=1).value_counts()
    span = (orders.max() - orders.min()).mean()
    headline(
        figure,
        f"{len(orders)} orders of the same battles: {len(leaders)} different leaders, "
        f"a rating moves by {span:.0f} points on average",
    )
    return with_alt(
        figure,
        f"Ranges of the online Elo rating of {shown.shape[1]} models over {len(orders)} random orders of the "
        f"same battles. A rating moves by {span:.0f} points on average. First place goes to "
        + ", ".join(f"{model} {counted(count, 'time')}" for model, count in leaders.items())
        + ".",
    )


def leaderboard(
    table: pandas.DataFrame,
    wider: pandas.DataFrame | None = None,
    names: tuple[str, str] = ("", ""),
    most: int | None = None,
) -> Figure:
    """Draw ratings with 95 % intervals, best on top, and each model's rank by interval beside its name.

    table: index model; columns rating, low, high, rank, as `arena.leaderboard` gives it.
    wider: the same models with another interval, drawn as a thin line behind; the ranks are then those of
    `wider`. names: what the two intervals are, for the legend. most: how many models are drawn, from the top;
    the finding is about all.
    """
    everyone = table if wider is None else wider
    first, among = int((everyone["rank"] == 1).sum()), len(everyone)
    ratio = (everyone["high"] - everyone["low"]).mean() / (table["high"] - table["low"]).mean()
    table = table.iloc[:most]
    figure, axis = panels(1, 1, 9.5, max(3.0, 1.5 + 0.29 * len(table)))
    places = np.arange(len(table))[::-1]
    last = table if wider is None else wider.loc[table.index]
    dark, _, light = shades(3)
    axis.hlines(
        places, table["low"], table["high"], color=light, linewidth=8, alpha=0.6, label=names[0] or None
    )
    if wider is not None:
        axis.hlines(places, last["low"], last["high"], color=dark, linewidth=1.8, label=names[1])
        for end in ("low", "high"):
            axis.plot(last[end], places, "|", color=dark, markersize=8, markeredgewidth=1.8)
    axis.plot(table["rating"], places, "o", color=dark, markersize=6)
    axis.set_yticks(places, [f"{model}  ({rank})" for model, rank in last["rank"].items()], fontsize=12)
    axis.set_xlabel(
        "rating (Elo points, mean of all models 1000); in brackets: rank by interval", fontsize=12
    )
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)
    if wider is not None:
        axis.legend(fontsize=12, frameon=False, loc="lower right")
    finding = f"{first} of {among} models share rank 1"
    if wider is not None:
        finding += f": the interval {names[1]} is {ratio:.2f} times as wide as {names[0]}"
    headline(figure, finding)
    return with_alt(
        figure,
        f"Ratings of {len(table)} models with intervals. {finding}. From the top: "
        + ", ".join(
            f"{model} {row.rating:.0f} [{row.low:.0f}, {row.high:.0f}]"
            for model, row in last.head(8).iterrows()
        )
        + ".",
    )


def count_and_win(counts: pandas.DataFrame, fractions: pandas.DataFrame) -> Figure:
    """Draw an arena's two heat maps: battles of each pair, and how often the row's model beat the column's.

    counts, fractions: as `count_matrix` and `win_fraction` give them, same models in the same order. A column
    has the number that stands behind its model's name.
    """
    empty = counts.to_numpy() == 0
    battles, won = np.where(empty, np.nan, counts), 100 * fractions.to_numpy(dtype=float)
    most = float(np.nanmax(battles))
    # columns have numbers, not names: long names would take the room that the cells need
    numbers = [str(place + 1) for place in range(len(counts))]
    names = [f"{model}  {number}" for model, number in zip(counts.index, numbers, strict=True)]
    cell = max(0.42, 4.2 / len(counts))  # inches; below, the colour bar and half of the names are added
    side = cell * len(counts)
    figure, axes = panels(2, 1, side + 1.1 + 0.05 * max(map(len, names)), side + 1.3)
    digits = max(len(f"{most:.0f}"), len("100"))
    size = min(12.0, 72 * cell / (0.75 * digits))  # a digit is 0.64 of its size wide
    for axis, cells, limit, cmap, title in (
        (axes[0], battles, most, "viridis", "battles of the pair"),
        (axes[1], won, 100.0, "cividis", "share that the row won, ties left out (%)"),
    ):
        axis.set_facecolor("0.88")
        drawn = heat_map(axis, cells, (0.0, limit), cmap=cmap)
        for i, j in zip(*np.nonzero(np.isfinite(cells)), strict=True):
            color = "white" if cells[i, j] < 0.55 * limit else "black"
            axis.text(j, i, f"{cells[i, j]:.0f}", ha="center", va="center", fontsize=size, color=color)
        axis.set_xticks(range(len(counts)), numbers, fontsize=12)
        axis.set_yticks(range(len(counts)), names if axis is axes[0] else numbers, fontsize=12)
        axis.set_title(title, fontsize=13)
        figure.colorbar(drawn, ax=axis, shrink=0.75)
    upper = np.triu_indices(len(counts), 1)
    never, pairs = int(empty[upper].sum()), len(upper[0])
    known = won[upper][np.isfinite(won[upper])]
    finding = (
        f"{never} of {pairs} pairs never met; the higher rated model won most decided battles in "
        f"{int((known > 50).sum())} of {len(known)} pairs"
    )
    headline(figure, finding)
    return with_alt(
        figure,
        f"Two square maps of {len(counts)} models sorted by rating. Left, battles of each pair, up to "
        f"{most:.0f}; grey means none. Right, the share of decided battles that the row won. "
        f"{finding}.",
    )


def category_deviations(table: pandas.DataFrame, whole: str = "all") -> Figure:
    """Draw how far each category's rating lies from the rating over all battles, model by category.

    table: index model, sorted; a column `whole` and one column a category, in Elo points.
    """
    gaps = table.drop(columns=whole).sub(table[whole], axis=0)
    figure, axis = panels(1, 1, 4.2 + 0.95 * gaps.shape[1], max(3.2, 1.6 + 0.33 * len(gaps)))
    limit = float(np.nanmax(np.abs(gaps.to_numpy())))
    axis.set_facecolor("0.88")
    drawn = heat_map(axis, gaps.to_numpy(dtype=float), (-limit, limit), cmap="PuOr_r", aspect="auto")
    for (i, j), gap in np.ndenumerate(gaps.to_numpy(dtype=float)):
        if np.isfinite(gap):
            color = "white" if abs(gap) > 0.6 * limit else "black"
            axis.text(j, i, f"{gap:+.0f}", ha="center", va="center", fontsize=10, color=color)
    axis.set_xticks(range(gaps.shape[1]), gaps.columns, fontsize=12, rotation=20)
    names = [f"{model}  {table[whole][model]:.0f}" for model in gaps.index]
    axis.set_yticks(range(len(gaps)), names, fontsize=11)
    figure.colorbar(drawn, ax=axis, shrink=0.8).set_label("points above the rating over all", fontsize=12)
    model, category = gaps.abs().stack().idxmax()
    headline(
        figure,
        f"Largest of {gaps.size} gaps: {model} in {category}, "
        f"{gaps.loc[model, category]:+.0f} points. Signal, or few battles?",
    )
    return with_alt(
        figure,
        f"Map of {len(gaps)} models by {gaps.shape[1]} categories: rating there minus rating over all, "
        f"from {np.nanmin(gaps.to_numpy()):.0f} to {np.nanmax(gaps.to_numpy()):.0f} points. Largest: "
        f"{model} in {category}, {gaps.loc[model, category]:+.0f}.",
    )
