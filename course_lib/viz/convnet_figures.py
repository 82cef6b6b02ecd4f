"""Where convnets are active, depth by depth: activation maps in, one figure out.

Functions take arrays or tensors, never models, and return a Figure with ``figure.alt_text``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.viz.contrastive_figures import panels, with_alt
from course_lib.viz.picture_panels import bare, counted, headline, overlay, per_image, picture, pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def convnet_depths(
    images: Any,
    maps: Mapping[str, Sequence[Any]],
    powers: Sequence[float] = (1, 2, 4),
    depths: Sequence[str] | None = None,
    opacity: float = 1.0,
) -> Figure:
    """Draw where convnets are active at several depths, model beside model, one row an image.

    images (B, 3, H, W). maps: {model: one (B, h, w) per depth}, the sum over channels of abs(activation)^p
    with the p in ``powers`` (Gidaris et al. 2018, arXiv:1803.07728, figure 3: Conv1, Conv3, Conv5 with p = 1,
    2, 4). depths: their names. Each map has its own scale, so only where it is bright can be compared.
    """
    shown = pictures(images, "convnet_depths: images", "(images, 3, height, width)")
    names = list(depths) if depths is not None else [f"depth {i}" for i in range(len(powers))]
    if not maps or len(names) != len(powers) or any(len(one) != len(powers) for one in maps.values()):
        raise ValueError(
            f"convnet_depths: {len(powers)} powers, {len(names)} names of depths and "
            f"{[len(one) for one in maps.values()]} maps per model were given; one of each per depth is "
            "needed."
        )
    found = {
        model: [
            per_image(one, shown, f"convnet_depths: {model}, {n}") for n, one in zip(names, each, strict=True)
        ]
        for model, each in maps.items()
    }
    # a narrow empty column before each model keeps them apart
    widths = [1.0] + ([0.12] + [1.0] * len(powers)) * len(found)
    figure, axes = panels(len(widths), len(shown), 1.75, 1.95, squeeze=False, width_ratios=widths)
    figure.set_size_inches(1.75 * sum(widths), 1.95 * len(shown) + 0.7)
    for row, line in enumerate(axes):
        picture(line[0], shown[row], "image" if row == 0 else "")
        for axis in line[1:]:
            bare(axis)
        for m, (model, each) in enumerate(found.items()):
            line[1 + m * (len(powers) + 1)].set_axis_off()
            for d, (name, power) in enumerate(zip(names, powers, strict=True)):
                axis = line[2 + m * (len(powers) + 1) + d]
                overlay(shown[row], each[d][row], opacity, axis)
                axis.set_title(f"{model}\n{name}, p = {power:g}" if row == 0 else "", fontsize=12)
    pairs = []
    for a, b in itertools.combinations(found, 2):
        values = [_agreement(x, y) for x, y in zip(found[a], found[b], strict=True)]
        same = [
            f"{name} {value:.2f}" for name, value in zip(names, values, strict=True) if np.isfinite(value)
        ]
        pairs.append((f"{a} and {b}: " if len(found) > 2 else "") + ", ".join(same or ["cannot be compared"]))
    said = "; ".join(pairs)
    headline(figure, f"Where {', '.join(found)} {'are' if pairs else 'is'} active; each map on its own scale")
    return with_alt(
        figure,
        f"{counted(len(shown), 'image')} and activation maps of {', '.join(found)} at {', '.join(names)}."
        + (f" Mean correlation over images of their maps: {said}." if pairs else ""),
    )


def _agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over images of the correlation between two models' maps; nan for other grids and constant maps."""
    if first.shape != second.shape:
        return float("nan")
    a, b = (one.reshape(len(one), -1).astype(float) for one in (first, second))
    a, b = (one - one.mean(axis=1, keepdims=True) for one in (a, b))
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return float(((a * b).sum(axis=1) / scale).mean()) if (scale > 0).all() else float("nan")
