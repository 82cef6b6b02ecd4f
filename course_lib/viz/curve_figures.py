"""Learning curves with bands: arrays in, one figure out.

Functions take arrays or tensors, never models, and return a Figure with ``figure.alt_text``. Curves differ in
colour and in dashes, so that they are told apart without colour.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.evaluate import t_interval
from course_lib.viz.contrastive_figures import panels, shades, with_alt
from course_lib.viz.picture_panels import DASHES, array, counted, headline

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curves(
    curves: Mapping[str, Any], x: Any, xlabel: str, ylabel: str, title: str | None = None
) -> Figure:
    """Draw the mean over runs of each curve with its 95 % t interval as a band.

    curves: {name: (runs, steps)}; one run has no band. x (steps,): where they were measured. title: the
    finding; without it the last values are said.
    """
    if not curves:
        raise ValueError("learning_curves: curves is empty; give {name: values (runs, steps)}.")
    places = array(x, "learning_curves: x", "(steps,)")
    figure, axis = panels(1, 1, 8.5, 5.0)
    ends: dict[str, str] = {}
    for (name, values), color, dash in zip(
        curves.items(), shades(len(curves)), itertools.cycle(DASHES), strict=False
    ):
        runs = array(values, f"learning_curves: {name}", "(runs, steps)")
        if runs.shape[1] != len(places):
            raise ValueError(
                f"learning_curves: {name} has {runs.shape[1]} steps but x has {len(places)}; they must agree."
            )
        intervals = [t_interval(column) for column in runs.T]
        means, low, high = (
            np.array([getattr(one, end) for one in intervals]) for end in ("mean", "low", "high")
        )
        several = len(runs) > 1
        label = f"{name}: mean of {len(runs)} runs, 95 % t interval" if several else f"{name}: one run"
        axis.plot(places, means, dash, color=color, linewidth=2.2, label=label)
        ends[name] = f"{means[-1]:.3g}"
        if several:
            axis.fill_between(places, low, high, color=color, alpha=0.2, linewidth=0)
            ends[name] += f" [{low[-1]:.3g}, {high[-1]:.3g}]"
    axis.set_xlabel(xlabel, fontsize=13)
    axis.set_ylabel(ylabel, fontsize=13)
    axis.legend(fontsize=12, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.16))  # never over a curve
    words = "; ".join(f"{name} {end}" for name, end in ends.items())
    headline(figure, title or f"At the end: {words}")
    return with_alt(
        figure,
        f"{ylabel} against {xlabel} from {places[0]:g} to {places[-1]:g}, "
        f"{counted(len(curves), 'curve')}. Last "
        f"values, with 95 % interval where there are several runs: {words}.",
    )
