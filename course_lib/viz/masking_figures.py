"""Figures of masked reconstruction: arrays in, one figure out.

The gallery of augmentations is `contrastive_figures.gallery`, of the panels that `data.gallery` makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.viz.contrastive_figures import panels, with_alt
from course_lib.viz.picture_panels import array, counted, headline, picture, pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS = ("original", "masked", "reconstruction", "with the visible")


def reconstruction_grid(panels_by_ratio: Mapping[float, Sequence[Any]]) -> Figure:
    """Draw what a masked autoencoder makes of one image at several mask ratios, a row each, lowest first.

    panels_by_ratio: {share of patches removed: (original, masked, reconstruction, reconstruction with the
    visible patches pasted in)}, each (3, H, W) (He et al. 2022, arXiv:2111.06377, figures 2 and 4). A
    reconstruction may leave [0, 1]; it is clipped for the eye, not for the error. The error is the mean
    squared one over the pixels in which masked and original differ. Raises ValueError for ratios outside [0,
    1] and panels that do not match.
    """
    if not panels_by_ratio:
        raise ValueError("reconstruction_grid: no ratio was given; give {ratio: four panels}.")
    errors: dict[float, float] = {}
    figure, axes = panels(4, len(panels_by_ratio), 2.1, 2.25, squeeze=False)
    for row, ratio in enumerate(sorted(panels_by_ratio)):
        line = axes[row]
        found = _panels(panels_by_ratio[ratio], ratio)
        original, masked, reconstruction = (as_range(one) for one in found[:3])
        removed = (original != masked).any(axis=0)
        errors[ratio] = (
            float(((reconstruction - original) ** 2)[:, removed].mean()) if removed.any() else float("nan")
        )
        for axis, one, name in zip(line, found, _PANELS, strict=True):
            picture(axis, one, name if row == 0 else "", size=13)
        line[0].set_ylabel(f"{100 * ratio:g} % removed", fontsize=13)
        line[2].set_xlabel(f"error {errors[ratio]:.2g}", fontsize=12)
    words = "; ".join(f"{100 * ratio:g} % removed {error:.2g}" for ratio, error in errors.items())
    (first, least), (last, most) = min(errors.items()), max(errors.items())
    headline(
        figure,
        f"Mean squared error on this picture's removed pixels: {least:.2g} at {100 * first:g} %"
        + (f", {most:.2g} at {100 * last:g} %" if len(errors) > 1 else ""),
    )
    return with_alt(
        figure,
        f"{counted(len(errors), 'row')} of four pictures: original, masked, reconstruction, and "
        f"reconstruction with the visible patches. Mean squared error on the removed pixels: {words}.",
    )


def as_range(image: np.ndarray) -> np.ndarray:
    """An image as float64 with white at 1, not clipped."""
    return image / 255 if image.dtype == np.uint8 else image.astype(float)


def _panels(given: Sequence[Any], ratio: float) -> list[np.ndarray]:
    """Return the four panels of a row, checked."""
    if not 0 <= ratio <= 1:
        raise ValueError(
            f"reconstruction_grid: the ratio {ratio} was given; it is a share from 0 to 1, like 0.75."
        )
    if len(given) != len(_PANELS):
        raise ValueError(
            f"reconstruction_grid: {len(given)} panels at ratio {ratio}; give original, masked, "
            "reconstruction and reconstruction with the visible patches."
        )
    names = [f"reconstruction_grid: {name} at ratio {ratio}" for name in _PANELS]
    found = [pictures(one, name) for one, name in zip(given[:2], names, strict=False)]
    found += [array(one, name, "(3, height, width)") for one, name in zip(given[2:], names[2:], strict=True)]
    if len({one.shape for one in found}) > 1:
        raise ValueError(
            f"reconstruction_grid: panels at ratio {ratio} are {[one.shape for one in found]}; one size."
        )
    return found
