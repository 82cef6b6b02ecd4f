"""Figures of what features know about places in a picture: arrays in, one figure out.

PCA colours, similarity to a patch, norms of tokens. Functions take arrays or tensors, never models, and
return a Figure with ``figure.alt_text``. The other figures of features have files of their own
(`convnet_figures`, `embedding_figures`, `matrix_figures`, `curve_figures`) and can be imported from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from course_lib.viz.arrays.patches import outliers
from course_lib.viz.contrastive_figures import NEGATIVE, POSITIVE, panels, with_alt
from course_lib.viz.convnet_figures import convnet_depths
from course_lib.viz.curve_figures import learning_curves
from course_lib.viz.embedding_figures import embedding_map, embedding_positions, neighbour_sheet
from course_lib.viz.matrix_figures import covariance_matrix, similarity_matrix, singular_values
from course_lib.viz.picture_panels import (
    SIGNED,
    array,
    bare,
    counted,
    cross,
    headline,
    limits_of,
    overlay,
    per_image,
    picture,
    pictures,
    scale_bar,
    short,
    span,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "convnet_depths",
    "covariance_matrix",
    "embedding_map",
    "embedding_positions",
    "learning_curves",
    "neighbour_sheet",
    "norm_figure",
    "pca_figure",
    "similarity_matrix",
    "similarity_to_patch",
    "singular_values",
]

_BATCH = "(images, 3, height, width)"


def pca_figure(images: Any, colors: Any, foreground: Any = None, explained: Any = None) -> Figure:
    """Draw images and, below, the first three principal components of their patches as red, green, blue.

    images (B, 3, H, W); colors (B, rows, columns, 3) in [0, 1]; foreground (B, rows, columns) bool: other
    patches are drawn black; explained: the components' shares of the variance. One PCA for all images, so
    equal colours mean equal features (Oquab et al. 2023, arXiv:2304.07193, figure 1).
    """
    shown = pictures(images, "pca_figure: images", _BATCH)
    drawn = per_image(colors, shown, "pca_figure: colors", "(images, rows, columns, 3)")
    if drawn.shape[-1] != 3 or drawn.min() < 0 or drawn.max() > 1:
        raise ValueError(
            f"pca_figure: colors has shape {drawn.shape} and values from {drawn.min():.3g} to "
            f"{drawn.max():.3g}; scale three components to [0, 1]: (images, rows, columns, 3)."
        )
    kept = np.ones(drawn.shape[:3], bool)
    if foreground is not None:
        kept = per_image(foreground, shown, "pca_figure: foreground").astype(bool)
        if kept.shape != drawn.shape[:3]:
            raise ValueError(
                f"pca_figure: foreground is {kept.shape}, colors {drawn.shape}; grids must agree."
            )
    figure, axes = panels(len(shown), 2, 1.9, 2.05, squeeze=False)
    for i, (above, below) in enumerate(axes.T):
        picture(above, shown[i])
        bare(below, below=f"{100 * kept[i].mean():.0f} % foreground" if foreground is not None else "")
        below.imshow(np.where(kept[i][..., None], drawn[i], 0.0), interpolation="nearest")
    finding = "Red, green, blue: the first three components of the patches"
    cut = spread = ""
    if foreground is not None:
        cut = f" {100 * kept.mean():.0f} % of them are foreground, others are black."
    if explained is not None:
        parts = array(explained, "pca_figure: explained", "(components,)")
        spread = f" They explain {' + '.join(f'{100 * one:.0f}' for one in parts)} % of the variance."
        finding = f"Three components explain {100 * parts[:3].sum():.0f} % of the coloured patches' variance"
    headline(figure, finding)
    return with_alt(
        figure,
        f"{counted(len(shown), 'image')} and below each its patches, coloured by their first three principal "
        f"components as red, green and blue.{cut}{spread}",
    )


def similarity_to_patch(
    images: Any, similarity: Any, query: tuple[int, int, int], opacity: float = 1.0
) -> Figure:
    """Draw how similar every patch of every image is to one patch, on a scale with 0 in its middle.

    images (B, 3, H, W); similarity (B, rows, columns), cosines; query (image, row, column): the patch,
    framed. A cross marks the most similar patch of each image, the query itself left out.
    """
    shown = pictures(images, "similarity_to_patch: images", _BATCH)
    values = per_image(similarity, shown, "similarity_to_patch: similarity")
    where = tuple(int(number) for number in query)
    if len(where) != 3 or any(not 0 <= at < size for at, size in zip(where, values.shape, strict=False)):
        raise ValueError(
            f"similarity_to_patch: query is {where}; give (image, row, column) below {values.shape}, from 0."
        )
    limit = max(float(np.abs(values).max()), 1e-6)
    figure, axes = panels(len(shown), 2, max(1.9, 3.4 / len(shown)), 2.2, squeeze=False)
    height, width = shown.shape[2] / values.shape[1], shown.shape[3] / values.shape[2]
    others = values.astype(float)
    others[where] = -np.inf
    for i, (above, below) in enumerate(axes.T):
        picture(above, shown[i], f"image {i}" + (", query framed" if i == where[0] else ""))
        drawn = overlay(shown[i], values[i], opacity, below, (-limit, limit), SIGNED)
        row, column = np.unravel_index(int(others[i].argmax()), others[i].shape)
        if np.isfinite(others[i, row, column]):
            cross(below, (column + 0.5) * width - 0.5, (row + 0.5) * height - 0.5)
            below.set_xlabel(f"best {others[i, row, column]:.2f}", fontsize=11)
    _frame(axes[:, where[0]], where[2] * width - 0.5, where[1] * height - 0.5, width, height)
    bar = scale_bar(figure, axes[1], drawn, label="similarity to the framed patch")
    bar.set_ticks([-limit, 0, limit], labels=[short(-limit), "0", short(limit)])
    best = [f"image {i} {one.max():.2f}" for i, one in enumerate(others) if np.isfinite(one.max())]
    rest = [(one.max(), i) for i, one in enumerate(others) if i != where[0]]
    headline(
        figure,
        "The most similar patch of another picture: image {1}, {0:.2f}".format(*max(rest))
        if rest
        else f"Most similar patch elsewhere in the picture: {others.max():.2f}",
    )
    return with_alt(
        figure,
        f"{counted(len(shown), 'image')} and the similarity of every patch to the patch at row "
        f"{where[1]}, column {where[2]} of image {where[0]}. Highest, the query left out: {', '.join(best)}.",
    )


def _frame(axes, x: float, y: float, width: float, height: float) -> None:
    from matplotlib.patches import Rectangle

    for axis in axes:
        for color, thickness in (("black", 4.5), ("white", 2.0)):
            axis.add_patch(Rectangle((x, y), width, height, fill=False, color=color, linewidth=thickness))


def norm_figure(norms: Any, images: Any, factor: float = 3.0, most: int = 4) -> Figure:
    """Draw the length of every patch token below its image, and how far the tokens' lengths are from usual.

    norms (B, rows, columns), before a last LayerNorm, which evens them out; images (B, 3, H, W), of which
    ``most`` are drawn. Counted are tokens longer than ``factor`` times their image's median, as
    `arrays.patches.outliers` does (Darcet et al. 2024, arXiv:2309.16588, figures 2 and 3).
    """
    shown = pictures(images, "norm_figure: images", _BATCH)
    values = per_image(norms, shown, "norm_figure: norms").astype(np.float32)
    lengths = values.reshape(len(values), -1)
    above = int(outliers(torch.as_tensor(lengths), factor).sum())
    middles = np.median(lengths, axis=1, keepdims=True)
    if not (middles > 0).all():
        raise ValueError("norm_figure: half of an image's norms are 0 or less; give lengths of tokens.")
    count = min(len(shown), most)
    figure, axes = panels(count + 1, 2, 2.3, 2.9, squeeze=False, width_ratios=[1.0] * count + [1.9])
    figure.set_size_inches(2.3 * (count + 1.9), 5.6)
    limits = limits_of(values)
    for (above_it, axis), image, one in zip(axes[:, :count].T, shown, values, strict=False):
        picture(above_it, image)
        drawn = overlay(image, one, 1.0, axis, limits)
        axis.set_xlabel(span(one), fontsize=11)
    scale_bar(figure, axes[1, :count], drawn, label="norm of the token")
    axes[0, -1].set_axis_off()
    right = axes[1, -1]
    right.hist((lengths / middles).ravel(), bins=40, color=POSITIVE)
    if above:
        right.axvline(factor, color=NEGATIVE, linestyle="--", linewidth=2)
    right.set_yscale("log")
    right.locator_params(axis="x", nbins=4)
    right.set_title(f"dashed: {factor:g} x median" if above else f"none above {factor:g}", fontsize=12)
    right.set_xlabel("norm / median of its image", fontsize=12)
    right.set_ylabel("tokens (log scale)", fontsize=12)
    found = f"{above} of {values.size:,} tokens are longer than {factor:g} times their image's median"
    headline(figure, found)
    return with_alt(
        figure,
        f"Norm of every patch token on {counted(count, 'image')}, from {span(values)}, and a histogram over "
        f"{counted(len(values), 'image')}. {found}; the most is {(lengths / middles).max():.3g} times.",
    )
