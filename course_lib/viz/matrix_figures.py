"""Figures of how features spread: similarities, covariances, singular values. Arrays in, one figure out.

Functions take arrays or tensors, never models, and return a Figure with ``figure.alt_text``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.viz.contrastive_figures import panels, shades, with_alt
from course_lib.viz.picture_panels import (
    DASHES,
    HEAT,
    SIGNED,
    array,
    counted,
    headline,
    heat_map,
    one_label_each,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def similarity_matrix(features: Any, labels: Any = None) -> Figure:
    """Draw the cosine between all pairs of pictures, sorted by label when labels (N,) are given.

    features: (N, D), or the matrix itself: an (N, N) that is symmetric is taken as the similarities. The
    scale has 0 in its middle when a similarity is negative, else it goes from the smallest to the largest.
    (`contrastive_figures.score_matrices` compares pairs of views before and after training.)
    """
    found = array(features, "similarity_matrix: features", "(pictures, dimensions)").astype(float)
    if found.shape[0] != found.shape[1] or not np.allclose(found, found.T, atol=1e-5):
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not (lengths > 0).all():
            raise ValueError(
                "similarity_matrix: a row of features is all zero and has no direction; leave it out."
            )
        found = (found / lengths) @ (found / lengths).T
    figure, axis = panels(1, 1, 6.6, 5.4)
    axis.locator_params(nbins=8, integer=True)
    others = ~np.eye(len(found), dtype=bool)
    finding = f"Mean similarity of two pictures: {found[others].mean():.2f}"
    if labels is not None:
        kinds = one_label_each(labels, len(found), "similarity_matrix")
        order = np.argsort(kinds, kind="stable")
        found, kinds = found[order][:, order], kinds[order]
        same = kinds[:, None] == kinds[None]
        names, starts = np.unique(kinds, return_index=True)
        for start in starts[1:]:
            axis.axhline(start - 0.5, color="black", linewidth=0.8)
            axis.axvline(start - 0.5, color="black", linewidth=0.8)
        if (same & others).any() and not same.all():
            within, between = found[same & others].mean(), found[~same].mean()
            finding = f"Similarity {within:.2f} within a label, {between:.2f} between labels"
        ends = np.append(starts[1:], len(kinds))
        if len(names) <= 24:
            axis.set_yticks((starts + ends - 1) / 2, [str(name) for name in names])
    limit = max(1.0, float(np.abs(found).max()))
    signed = found.min() < 0
    drawn = heat_map(axis, found, *([(-limit, limit)] if signed else []), cmap=SIGNED if signed else HEAT)
    figure.colorbar(drawn, ax=axis).set_label("cosine similarity", fontsize=13)
    axis.set_xlabel("picture", fontsize=13)
    axis.set_ylabel("picture" if labels is None else "picture, sorted by label", fontsize=13)
    headline(figure, finding)
    return with_alt(figure, f"Matrix of the similarities between {len(found)} pictures. {finding}.")


def covariance_matrix(features: Any, normalize: bool = False) -> Figure:
    """Draw how the D dimensions of features (N, D) vary together; normalize: correlations instead.

    What VICReg and Barlow Twins push towards the diagonal (Bardes et al. 2022, arXiv:2105.04906, eq. 3;
    Zbontar et al. 2021, arXiv:2103.03230, eq. 2). Divided by N - 1.
    """
    found = array(features, "covariance_matrix: features", "(pictures, dimensions)").astype(float)
    if len(found) < 2 or found.shape[1] < 2:
        raise ValueError(
            f"covariance_matrix: features are {found.shape}; give 2 pictures and 2 dimensions or more."
        )
    matrix = np.cov(found, rowvar=False)
    if normalize:
        spread = np.sqrt(np.diag(matrix))
        # a dimension that never moves is correlated with nothing
        matrix = matrix / np.maximum(spread[:, None] * spread[None], 1e-12)
    others = np.abs(matrix[~np.eye(len(matrix), dtype=bool)])
    word, diagonal = "correlation" if normalize else "covariance", float(np.diag(matrix).mean())
    figure, axis = panels(1, 1, 6.6, 5.4)
    limit = max(diagonal, 1e-12)  # the mean variance: one wild dimension must not bleach all others
    axis.locator_params(nbins=8, integer=True)
    drawn = heat_map(axis, matrix, (-limit, limit), cmap=SIGNED)
    extend = "both" if np.abs(matrix).max() > limit * (1 + 1e-9) else "neither"
    bar = figure.colorbar(drawn, ax=axis, extend=extend)
    bar.set_label(f"{word} of two dimensions", fontsize=13)
    axis.set_xlabel("dimension", fontsize=13)
    axis.set_ylabel("dimension", fontsize=13)
    finding = f"Mean size of a {word}: {others.mean():.2g} off the diagonal, {diagonal:.2g} on it"
    headline(figure, finding)
    return with_alt(
        figure,
        f"{word.capitalize()} matrix of {len(matrix)} dimensions over {len(found)} pictures. {finding}; the "
        f"largest off the diagonal is {others.max():.2g}.",
    )


def singular_values(spectra: Mapping[str, Any]) -> Figure:
    """Draw the singular values of several models' features, each relative to its largest, on a log scale.

    spectra: {name: (D,)}, not negative, in any order. The legend says the effective rank, exp of the entropy
    of s / sum(s) (Roy & Vetterli 2007, eq. 1-4; as `evaluate.effective_rank`). A collapsed dimension falls
    off (Jing et al. 2022, arXiv:2110.09348, figure 2).
    """
    if not spectra:
        raise ValueError("singular_values: spectra is empty; give {name: singular values (D,)}.")
    figure, axis = panels(1, 1, 8.0, 5.0)
    ranks: dict[str, tuple[float, int]] = {}
    for (name, values), color, dash in zip(
        spectra.items(), shades(len(spectra)), itertools.cycle(DASHES), strict=False
    ):
        found = np.sort(array(values, f"singular_values: {name}", "(dimensions,)").astype(float))[::-1]
        if found[-1] < 0 or found[0] <= 0:
            raise ValueError(
                f"singular_values: {name} has values below 0 or only zeros; give singular values."
            )
        share = found[found > 0] / found.sum()
        ranks[name] = float(np.exp(-(share * np.log(share)).sum())), len(found)
        label = f"{name}: effective rank {ranks[name][0]:.1f} of {len(found)}"
        relative = np.where(found > 0, found / found[0], np.nan)  # zero has no place on a log scale
        axis.plot(np.arange(1, len(found) + 1), relative, dash, color=color, linewidth=2.2, label=label)
    axis.set_yscale("log")
    axis.set_xlabel("singular value, from the largest", fontsize=13)
    axis.set_ylabel("value / largest (log scale)", fontsize=13)
    axis.legend(fontsize=12, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.16))  # never over a curve
    best = max(ranks, key=lambda name: ranks[name][0])
    headline(
        figure, f"{best} uses the most directions: effective rank {ranks[best][0]:.1f} of {ranks[best][1]}"
    )
    words = "; ".join(f"{name} {rank:.1f} of {size}" for name, (rank, size) in ranks.items())
    return with_alt(
        figure,
        f"{counted(len(ranks), 'falling curve')}, singular values on a log scale. Effective ranks: {words}.",
    )
