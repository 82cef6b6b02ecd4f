"""Figures of the lecture on contrastive learning: measured arrays and tables in, one figure out.

Every function returns a Figure with ``figure.alt_text``: a sentence or two for people who do not see it, for
``viz.alt(figure, figure.alt_text)``. Titles say what was found, so they are made from the drawn numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, FancyBboxPatch

POSITIVE, NEGATIVE = "#1a7f5a", "#b0413e"


def shades(count: int) -> list:
    """Return ``count`` colours from dark to light viridis, without the yellow that a projector loses."""
    return [colormaps["viridis"](value) for value in np.linspace(0.0, 0.72, max(count, 2))][:count]


def panels(columns: int = 1, rows: int = 1, width: float = 6.0, height: float = 4.0, **options):
    """Return ``(figure, axes)`` in the lecture's sizes; axes are squeezed as in ``Figure.subplots``."""
    figure = Figure(figsize=(columns * width, rows * height), dpi=100, layout="constrained")
    axes = figure.subplots(rows, columns, **options)
    for axis in np.atleast_1d(axes).ravel():
        axis.tick_params(labelsize=12)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def with_alt(figure: Figure, text: str) -> Figure:
    """Return the figure with its description, ``figure.alt_text``."""
    figure.alt_text = text  # type: ignore[attr-defined]  # an attribute of our own
    return figure


def as_pixels(image: torch.Tensor | np.ndarray) -> np.ndarray:
    """Return an image ``(3, H, W)`` as ``(H, W, 3)`` in [0, 1]; uint8 is divided by 255."""
    array = np.asarray(image.detach().cpu() if isinstance(image, torch.Tensor) else image)
    array = array.astype(np.float32) / 255 if array.dtype == np.uint8 else array
    if array.ndim != 3 or array.shape[0] != 3:
        raise ValueError(f"image has shape {array.shape}; expected (3, H, W).")
    return array.transpose(1, 2, 0).clip(0, 1)


def pairs(images, first_views, second_views) -> Figure:
    """Draw what a contrastive pair is: each row an image and its two views; lines join who is compared.

    images, first_views, second_views: three batches (B, 3, h, w) of the same B images (at most 4 are drawn).
    """
    rows = min(len(images), 4)
    figure, axes = panels(3, rows, 2.6, 2.1, squeeze=False)
    for row in range(rows):
        for column, batch in enumerate((images, first_views, second_views)):
            axes[row, column].imshow(as_pixels(batch[row]), interpolation="nearest")
            axes[row, column].set_xticks([])
            axes[row, column].set_yticks([])
            axes[row, column].spines[:].set_visible(False)
    for axis, name in zip(axes[0], ("image", "view $x$", "views $x^+$ and $x^-$"), strict=True):
        axis.set_title(name, fontsize=14)
    for row in range(rows):
        color, style, width = (POSITIVE, "-", 4) if row == 0 else (NEGATIVE, "--", 2)
        line = ConnectionPatch(
            (1, 0.5), (0, 0.5), "axes fraction", "axes fraction", axesA=axes[0, 1], axesB=axes[row, 2]
        )
        line.set(color=color, linestyle=style, linewidth=width)
        figure.add_artist(line)
    figure.suptitle("One positive pair (solid), the other images are negatives (dashed)", fontsize=14)
    return with_alt(
        figure,
        f"{rows} rows, each an image and two random views of it. A solid line joins the two views of the "
        "first image: the positive pair. Dashed lines join it with views of the other images.",
    )


def score_gap(positive: Sequence[float], negative: Sequence[float]) -> Figure:
    """Draw the mean score of positive pairs and of negative pairs, one value a training step each."""
    figure, axis = panels(1, 1, 8, 4.2)
    steps = np.arange(len(positive))
    for values, name, color in (
        (positive, "positive pairs", POSITIVE),
        (negative, "negative pairs", NEGATIVE),
    ):
        axis.plot(steps, values, color=color, linewidth=2)
        axis.annotate(
            name,
            (steps[-1], np.mean(values[-5:])),
            (6, 0),
            textcoords="offset points",
            fontsize=13,
            color=color,
        )
    before = np.mean(positive[:1]) - np.mean(negative[:1])
    after = np.mean(positive[-20:]) - np.mean(negative[-20:])
    axis.fill_between(steps, negative, positive, color="0.9")
    axis.set_xlim(0, len(steps) * 1.22)
    axis.set_xlabel("training step", fontsize=13)
    axis.set_ylabel("mean score (cosine)", fontsize=13)
    axis.set_title(f"The gap between positive and negative scores: {before:.2f} → {after:.2f}", fontsize=14)
    return with_alt(
        figure,
        f"Mean score of positive and of negative pairs over {len(steps)} steps of training. Their "
        f"difference goes from {before:.2f} at the first step to {after:.2f} over the last 20 steps.",
    )


def score_matrices(before, after) -> Figure:
    """Draw the scores between all 2B views of one batch before and after training; rows 2k-1, 2k are a pair.

    before, after: arrays (2B, 2B) of cosines, views of one image next to each other.
    """
    figure, axes = panels(2, 1, 4.6, 4.4)
    gaps = []
    for axis, scores, name in zip(axes, (before, after), ("before training", "after training"), strict=True):
        scores = np.asarray(scores)
        shown = axis.imshow(scores, vmin=-1, vmax=1, cmap="cividis", interpolation="nearest")
        same_image = np.arange(len(scores))[:, None] // 2 == np.arange(len(scores))[None, :] // 2
        positive = scores[same_image & ~np.eye(len(scores), dtype=bool)].mean()
        gaps.append(positive - scores[~same_image].mean())
        axis.set_title(f"{name}: gap {gaps[-1]:.2f}", fontsize=14)
        axis.set_xlabel("view $j$", fontsize=13)
        axis.set_ylabel("view $i$", fontsize=13)
    figure.colorbar(shown, ax=axes, label="score $s_{i,j}$ (cosine)", shrink=0.8)
    return with_alt(
        figure,
        f"Two matrices of scores between {len(before)} views. The 2 by 2 blocks on the diagonal are the "
        f"views of one image; they stand out by {gaps[0]:.2f} before training and by {gaps[1]:.2f} after it.",
    )


def information_bound(table: pd.DataFrame) -> Figure:
    """Draw the InfoNCE bound on mutual information against the truth.

    table: columns information (true, nats), candidates (N), bound (log N - loss, nats).
    """
    figure, axis = panels(1, 1, 8, 5)
    top = table.information.max()
    axis.plot([0, top], [0, top], color="black", linewidth=1.5)
    axis.annotate("the truth", (top * 0.93, top * 0.93), (-70, 0), textcoords="offset points", fontsize=13)
    groups = list(table.groupby("candidates"))
    for (candidates, group), color in zip(groups, shades(len(groups)), strict=True):
        axis.axhline(np.log(candidates), color=color, linewidth=1, linestyle=":")
        axis.plot(group.information, group.bound, "o-", color=color, linewidth=2)
        axis.annotate(
            f"N = {candidates}",
            (top, group.bound.iloc[-1]),
            (8, -4),
            textcoords="offset points",
            fontsize=13,
            color=color,
        )
    axis.set_xlim(0, top * 1.15)
    axis.set_xlabel("true mutual information (nats)", fontsize=13)
    axis.set_ylabel("log N − loss (nats)", fontsize=13)
    axis.set_title("The bound follows the truth, then stops at log N (dotted)", fontsize=14)
    return with_alt(
        figure,
        "The InfoNCE bound against the true mutual information for "
        + ", ".join(f"N = {n}" for n, _ in groups)
        + ". Each curve lies below the diagonal and flattens under its own dotted ceiling log N.",
    )


def gallery(images: Mapping[str, torch.Tensor]) -> Figure:
    """Draw the augmentation gallery: ``images`` maps a panel's name to its picture (3, h, w)."""
    columns = (len(images) + 1) // 2
    figure, axes = panels(columns, 2, 2.5, 2.75)
    for axis in axes.ravel():
        axis.set_axis_off()
    for axis, (name, image), letter in zip(axes.ravel(), images.items(), "abcdefghijklmnop", strict=False):
        axis.imshow(as_pixels(image), interpolation="nearest")
        axis.set_title(f"({letter}) {name}", fontsize=12)
    return with_alt(figure, "One image of the world and its augmentations: " + "; ".join(images) + ".")


def sharpening(scores: Sequence[float] | np.ndarray, temperatures: Sequence[float]) -> Figure:
    """Draw the softmax weights of one positive (first score) and its negatives at several temperatures."""
    scores = np.asarray(scores, dtype=np.float64)
    order = np.r_[0, 1 + np.argsort(-scores[1:])]
    figure, axes = panels(len(temperatures), 1, 3.2, 3.6, sharey=True)
    shares = []
    for axis, temperature in zip(np.atleast_1d(axes), temperatures, strict=True):
        weights = np.exp((scores - scores.max()) / temperature)
        weights = (weights / weights.sum())[order]
        # a negative pushes with a force proportional to its weight
        shares.append(weights[1] / weights[1:].sum())
        axis.bar(range(len(scores)), weights, color=[POSITIVE] + [NEGATIVE] * (len(scores) - 1))
        axis.set_title(f"τ = {temperature:g}", fontsize=14)
        axis.set_xticks(
            [0, len(scores) - 1], [f"positive\n{scores[0]:.2f}", f"easiest\n{scores[order[-1]]:.2f}"]
        )
    np.atleast_1d(axes)[0].set_ylabel("softmax weight", fontsize=13)
    figure.suptitle(
        f"The hardest negative gets {shares[0]:.0%} of the push at τ = {temperatures[0]:g}, "
        f"{shares[-1]:.0%} at τ = {temperatures[-1]:g}",
        fontsize=14,
    )
    return with_alt(
        figure,
        "Softmax weights of one positive and its negatives, sorted by score, at temperatures "
        + ", ".join(f"{t:g}" for t in temperatures)
        + ". A low temperature puts nearly all weight on the positive and the hardest negatives.",
    )


def queue_ages(ages: np.ndarray) -> Figure:
    """Draw the age of a queue's keys: ages (steps, K), in steps, NaN for the random keys of the start."""
    figure, axis = panels(1, 1, 8, 4.2)
    shown = axis.imshow(ages.T, aspect="auto", cmap="cividis_r", interpolation="nearest", origin="lower")
    figure.colorbar(shown, ax=axis, label="age of the key (steps)")
    axis.set_xlabel("training step", fontsize=13)
    axis.set_ylabel("place in the queue", fontsize=13)
    full = np.flatnonzero(~np.isnan(ages).any(axis=1))
    oldest = int(np.nanmax(ages))
    axis.set_title(
        f"The queue is full at step {full[0]}; its oldest key is then {oldest} steps old", fontsize=14
    )
    return with_alt(
        figure,
        f"Age of each of {ages.shape[1]} keys over {len(ages)} steps: a saw-tooth. Each batch overwrites the "
        f"oldest keys; the queue is full at step {full[0]} and no key is older than {oldest} steps.",
    )


def ema_memory(momenta: Sequence[float], steps: int = 10_000) -> Figure:
    """Draw which share of MoCo's key encoder is older than t steps, m^t, and each momentum's half-life."""
    figure, axis = panels(1, 1, 8, 4.2)
    ages = np.geomspace(1, steps, 400)
    lives = [np.log(2) / (1 - m) for m in momenta]
    for m, life, color in zip(momenta, lives, shades(len(momenta)), strict=True):
        axis.plot(ages, 100 * m**ages, color=color, linewidth=2)
        axis.plot([life], [50], "o", color=color, markersize=8)
        place = {"xytext": (9, 0), "textcoords": "offset points", "fontsize": 13, "color": color}
        axis.annotate(f"m = {m:g}\n{life:.0f} steps", (life, 50), **place)
    axis.set_xscale("log")
    axis.set_xlabel("age (steps, log scale)", fontsize=13)
    axis.set_ylabel("made of encoders older than this (%)", fontsize=13)
    axis.set_title("Half of the key encoder is older than ln 2 / (1 − m) steps (dots)", fontsize=14)
    text = ", ".join(f"m = {m:g}: {life:.0f} steps" for m, life in zip(momenta, lives, strict=True))
    return with_alt(
        figure,
        f"Share of the key encoder that is older than a given age, for several momenta. Half-lives: {text}.",
    )


Link = tuple[tuple[int, int], tuple[int, int], str, str]


def framework(rows: Sequence[Sequence[str]], links: Sequence[Link], title: str) -> Figure:
    """Draw a method as boxes: ``rows`` of names from left to right, joined by arrows inside a row.

    links: (row, column) of two boxes in different rows, a label and an arrow style ("-", "-|>" or "<|-|>").
    """
    width = max(map(len, rows))
    figure, axis = panels(1, 1, 1.9 * width, 1.45 * len(rows) + 0.5)
    axis.set_axis_off()
    axis.set_xlim(-0.6, width - 0.4)
    axis.set_ylim(-len(rows) + 0.5, 0.6)
    arrow = {"linewidth": 1.8, "mutation_scale": 16}
    for row, boxes in enumerate(rows):
        for column, name in enumerate(boxes):
            corner, style = (column - 0.36, -row - 0.22), "round,pad=0.04"
            axis.add_patch(FancyBboxPatch(corner, 0.72, 0.44, style, fc="#e9eef4", ec="#31446b"))
            axis.text(column, -row, name, ha="center", va="center", fontsize=13)
        for left, right in itertools.pairwise(range(len(boxes))):
            ends = (right - 0.4, -row), (left + 0.4, -row)
            axis.annotate("", *ends, arrowprops={**arrow, "arrowstyle": "-|>", "color": "0.25"})
    for (row, column), (to_row, to_column), label, style in links:
        side = 0.28 if to_row > row else -0.28  # leave below when the other box is below
        look = {**arrow, "arrowstyle": style, "linestyle": "--", "color": POSITIVE}
        axis.annotate("", (to_column, -to_row + side), (column, -row - side), arrowprops=look)
        middle = (column + to_column) / 2, -(row + to_row) / 2
        look = {"ha": "center", "va": "center", "fontsize": 12, "color": POSITIVE, "backgroundcolor": "white"}
        axis.text(*middle, label, **look)
    axis.set_title(title, fontsize=14)
    named = "; ".join(" to ".join(boxes) for boxes in rows)
    crossing = "; ".join(f"{rows[a][b]} and {rows[c][d]}: {label}" for (a, b), (c, d), label, _ in links)
    text = f"{title}. Diagram: {named}. Dashed: {crossing}."
    for sign, word in (("\n", " "), ("$", ""), ("\\tilde{x}", "x"), ("{", ""), ("}", "")):
        text = text.replace(sign, word)
    return with_alt(figure, text)
