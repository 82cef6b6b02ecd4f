"""What figures with pictures share: arrays are checked, images, heat maps and masks drawn in one way."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from course_lib.viz.contrastive_figures import as_pixels, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

HEAT, SIGNED = "viridis", "RdBu_r"  # amounts; values with a sign. Neither sets red against green.
DASHES = ("-", "--", "-.", ":")


def array(value: Any, name: str, layout: str) -> np.ndarray:
    """Return numbers as an array with the axes that ``layout`` names, like "(heads, rows, columns)".

    value: array or tensor on any device; name: who asks for what, for the sentence. Raises TypeError for what
    holds no numbers (a model), ValueError for another number of axes, an empty axis, NaN and infinity.
    """
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
    try:
        found = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths; {layout} is needed.") from None
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{name} is a {type(value).__name__}; give an array or tensor {layout}.")
    if found.ndim != len([axis for axis in layout.strip("()").split(",") if axis.strip()]) or not found.size:
        raise ValueError(f"{name} has shape {found.shape}; {layout} is needed.")
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ValueError(f"{name} holds NaN or infinity; find out where they come from before you draw it.")
    return found


def pictures(value: Any, name: str, layout: str = "(3, height, width)") -> np.ndarray:
    """Return one image or many, checked to be what a person can look at: uint8, or floats in [0, 1].

    Raises ValueError for another shape and for floats outside (a model's standardised input, 0 to 255).
    """
    found = array(value, name, layout)
    if found.shape[-3] != 3:
        raise ValueError(f"{name} has shape {found.shape}; {layout} is needed.")
    low, high = found.min(), found.max()
    if found.dtype != np.uint8 and (low < -0.05 or high > 1.05):
        raise ValueError(
            f"{name} holds values from {low:.3g} to {high:.3g}; give the picture itself, uint8 or floats in "
            "[0, 1], not a model's standardised input."
        )
    return found


def per_image(
    value: Any, images: np.ndarray, name: str, layout: str = "(images, rows, columns)"
) -> np.ndarray:
    """Return an array with one entry per image (B, ...). Raises ValueError for another number of them."""
    found = array(value, name, layout)
    if len(found) != len(images):
        raise ValueError(f"{name}: {len(found)} maps for {len(images)} images; give one per image.")
    return found


def one_label_each(labels: Any, count: int, name: str) -> np.ndarray:
    """Return labels (count,), names or numbers. Raises ValueError for another number of them."""
    found = np.asarray(labels)
    if found.shape != (count,):
        raise ValueError(
            f"{name}: labels have shape {found.shape} for {count} pictures; give one per picture."
        )
    return found


def truth(masks: Any, name: str, image: np.ndarray) -> np.ndarray:
    """Return masks (K, H, W) as bool. Raises ValueError if their pixels are not the image's (3, H, W)."""
    found = array(masks, name, "(objects, height, width)")
    if found.shape[1:] != image.shape[1:]:
        raise ValueError(
            f"{name} has shape {found.shape} but the image {image.shape}; their height and width must agree."
        )
    return found.astype(bool)


def short(value: float) -> str:
    """A number in a tight place: two digits that count."""
    return f"{value:.2g}"


def apart(low: float, high: float) -> tuple[str, str]:
    """Two ends of a scale with as many digits as tell them apart: 10.1 and 10.3, not 10 and 10."""
    texts = [(f"{low:.{digits}g}", f"{high:.{digits}g}") for digits in (2, 3, 4, 5, 6)]
    return next((pair for pair in texts if pair[0] != pair[1]), texts[0])


def span(values: np.ndarray) -> str:
    """Smallest and largest value in words: "0.01 to 0.2"."""
    return " to ".join(apart(float(values.min()), float(values.max())))


def counted(number: int, word: str) -> str:
    """1 -> "1 map", 2 -> "2 maps"."""
    return f"{number} {word}" + "s" * (number != 1)


def bare(axis: Axes, title: str = "", below: str = "", size: float = 12) -> None:
    """Take ticks and frame away; write a title above and a line below."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    axis.set_title(title, fontsize=size)
    axis.set_xlabel(below, fontsize=size - 1)


def picture(axis: Axes, image: Any, title: str = "", below: str = "", size: float = 12) -> AxesImage:
    """Draw an image (3, H, W), enlarged without blur."""
    bare(axis, title, below, size)
    return axis.imshow(as_pixels(image), interpolation="nearest")


def limits_of(values: np.ndarray) -> tuple[float, float]:
    """Smallest and largest value; a constant map gets a scale too, on which it is the lowest colour."""
    low, high = float(values.min()), float(values.max())
    return low, high if high > low else low + max(abs(low), 1.0) * 1e-6


def heat_map(axis: Axes, heat: np.ndarray, limits: tuple[float, float] | None = None, **options) -> AxesImage:
    """Draw numbers (rows, columns) as squares of colour, on their own scale or on ``limits``."""
    low, high = limits or limits_of(heat)
    options = {"cmap": HEAT, "interpolation": "nearest", **options}
    return axis.imshow(heat, vmin=low, vmax=high, **options)


def overlay(
    image: Any,
    heat: Any,
    opacity: float = 0.5,
    ax: Axes | None = None,
    limits: tuple[float, float] | None = None,
    colors: str = HEAT,
) -> AxesImage:
    """Draw a heat map (rows, columns) over an image (3, H, W): every patch one square, nothing smoothed.

    opacity: 0 shows the image alone, 1 the heat map alone. ax: where; without it a new figure is made, the
    result's ``.figure``. limits: (low, high) of the colour scale, else the map's own smallest and largest
    value. Returns the drawn heat map. Raises ValueError for bad shapes and an opacity outside [0, 1].
    """
    shown, values = pictures(image, "overlay: image"), array(heat, "overlay: heat", "(rows, columns)")
    if not 0 <= opacity <= 1:
        raise ValueError(f"overlay: opacity is {opacity}; give 0 (image alone) to 1 (heat map alone).")
    axis: Any = panels(1, 1, 3.2, 3.2)[1] if ax is None else ax
    picture(axis, shown)
    _, height, width = shown.shape
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)  # in pixels of the image
    return heat_map(axis, values, limits, extent=extent, alpha=opacity, cmap=colors)


def outline(axis: Axes, masks: np.ndarray | None) -> None:
    """Draw the border of each mask (K, H, W), white on black to show on every ground; None: nothing."""
    if masks is None:
        return
    _, height, width = masks.shape
    x, y = np.arange(-1, width + 1), np.arange(-1, height + 1)
    for mask in masks[masks.any(axis=(1, 2))]:
        closed = np.pad(mask.astype(float), 1)  # an object at the edge of the image has a border there
        for color, thickness in (("black", 3.4), ("white", 1.6)):
            axis.contour(x, y, closed, levels=[0.5], colors=color, linewidths=thickness)
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def cross(axis: Axes, x: float, y: float) -> None:
    """Mark a place with a cross, white on black."""
    for color, thickness in (("black", 5), ("white", 2.5)):
        axis.plot([x], [y], "x", color=color, markersize=11, markeredgewidth=thickness)


def scale_bar(
    figure: Figure, axes: Any, drawn: AxesImage, mark: float | None = None, label: str = "", size: float = 11
) -> Any:
    """Put a colour bar with the two ends of the scale below ``axes``; a line where ``mark`` lies on it."""
    low, high = drawn.get_clim()
    bar = figure.colorbar(drawn, ax=axes, orientation="horizontal", shrink=0.94, aspect=16, pad=0.03)
    if bar.solids is not None:
        bar.solids.set_alpha(1)  # over an image the map is faint, its scale need not be
    bar.set_ticks([low, high], labels=list(apart(low, high)), fontsize=size)
    first, last = bar.ax.get_xticklabels()
    first.set_horizontalalignment("left")  # inside the bar's width: neighbours stay apart
    last.set_horizontalalignment("right")
    if mark is not None and low <= mark <= high:
        for color, thickness in (("black", 5), ("white", 2.2)):
            bar.ax.axvline(mark, color=color, linewidth=thickness)
    if label:
        bar.set_label(label, fontsize=size)
    return bar


def headline(figure: Figure, text: str, size: float = 14) -> None:
    """Write the finding over the figure, broken into lines that fit its width."""
    width = int(figure.get_figwidth() * 72 / (0.57 * size))
    figure.suptitle(textwrap.fill(text, max(width, 20), break_on_hyphens=False), fontsize=size)


def grid_of(count: int, most: int = 5) -> tuple[int, int]:
    """Columns and rows for ``count`` panels, at most ``most`` in a row and the rows about equally full."""
    rows = -(-count // most)
    return -(-count // rows), rows


def tidy(axes: np.ndarray, used: int) -> None:
    """Empty the panels of a grid that no picture fills."""
    for axis in axes.ravel()[used:]:
        axis.set_axis_off()
