"""Figures of attention: maps in, one figure out, with its scales, 1/N and what was cut away.

Heads and layers are numbered from 0, as they are indexed. Functions take arrays or tensors, never models, and
return a Figure with ``figure.alt_text``. Bad shapes raise ValueError, things that hold no numbers TypeError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from course_lib.evaluate import attention_jaccard, mass_mask
from course_lib.viz.contrastive_figures import as_pixels, panels, with_alt
from course_lib.viz.picture_panels import (
    array,
    bare,
    counted,
    cross,
    grid_of,
    headline,
    heat_map,
    limits_of,
    outline,
    overlay,
    picture,
    pictures,
    scale_bar,
    short,
    span,
    tidy,
    truth,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["compare_models", "heads_grid", "layers_by_heads", "overlay", "rollout_panels"]

_HEADS = "(heads, rows, columns)"
_DIMMED = 0.25  # brightness of what a mask leaves out


def heads_grid(
    image: Any,
    attention: Any,
    prefix_mass: Any = None,
    mask: Any = None,
    shared_scale: bool = False,
    opacity: float = 1.0,
) -> Figure:
    """Draw an image and how much attention each head gives to each of its N patches, with 1/N marked.

    image (3, H, W). attention (heads, rows, columns): one query's row, prefix columns dropped, not rescaled
    (DINO, Caron et al. 2021, arXiv:2104.14294, figure 3: the CLS row of the last layer). prefix_mass
    (heads,): what the dropped columns (CLS, registers) got. mask (K, H, W) bool: true objects, outlined.
    shared_scale: one colour scale for all heads instead of one each. opacity: 1 shows the maps alone, less
    lets the image shine through.
    """
    shown, maps = pictures(image, "heads_grid: image"), array(attention, "heads_grid: attention", _HEADS)
    objects = None if mask is None else truth(mask, "heads_grid: mask", shown)
    removed = None if prefix_mass is None else array(prefix_mass, "heads_grid: prefix_mass", "(heads,)")
    heads, patches = len(maps), maps[0].size
    if removed is not None and len(removed) != heads:
        raise ValueError(f"heads_grid: prefix_mass has {len(removed)} numbers for {heads} heads; one each.")
    height = 3.4 if shared_scale and heads < 5 else 2.85  # the scale's room is not to come from the maps
    figure, axes = panels(*grid_of(heads + 1), 2.3, height, squeeze=False)
    tidy(axes, heads + 1)
    first, *others = axes.ravel()
    picture(first, shown, "image" if objects is None else "image and objects")
    outline(first, objects)
    limits, words, even = limits_of(maps) if shared_scale else None, [], 1 / patches
    for head, (axis, one) in enumerate(zip(others, maps, strict=False)):
        drawn = overlay(shown, one, opacity, axis, limits)
        kept = "" if removed is None else f"prefix takes {100 * removed[head]:.0f} %"
        axis.set_title(f"head {head}" + ("\n" + kept if kept else ""), fontsize=12)
        outline(axis, objects)
        if not shared_scale:
            scale_bar(figure, axis, drawn, mark=even)
        else:
            axis.set_xlabel(span(one), fontsize=11)
        words.append(f"head {head} {span(one)}" + (f", {kept}" if kept else ""))
    if shared_scale:
        scale_bar(figure, axes, drawn, mark=even, label="attention, one scale for all heads; line: 1/N")
    top = int(maps.reshape(heads, -1).max(axis=1).argmax())
    times = maps[top].max() / even
    where = f"1/N = {short(even)} (line on the scale)"
    headline(figure, f"Head {top} gives one patch {times:.1f} times the even share {where}")
    rows, cols = maps.shape[1:]
    return with_alt(
        figure,
        f"An image and the attention of {counted(heads, 'head')} over {rows} x {cols} patches; even "
        f"attention would be 1/{patches} = {short(even)}. Smallest and largest value: {'; '.join(words)}.",
    )


def compare_models(image: Any, attentions: Mapping[str, Any], masks: Any = None, mass: float = 0.6) -> Figure:
    """Draw the heads of several models on one image, and where one of each puts ``mass`` of its attention.

    image (3, H, W). attentions: {model's name: (heads, rows, columns)}, prefix dropped. masks (K, H, W) bool:
    the last column then shows the head with the best Jaccard (`evaluate.attention_jaccard`, mean over the
    objects; picked with the truth in hand, so it flatters every model alike); without masks the head that
    needs the fewest patches. Raises ValueError if patches are not squares of whole pixels.
    """
    shown = pictures(image, "compare_models: image")
    if not attentions:
        raise ValueError("compare_models: attentions is empty; give {name: (heads, rows, columns)}.")
    maps = {k: array(v, f"compare_models: attention of {k}", _HEADS) for k, v in attentions.items()}
    objects = None if masks is None else truth(masks, "compare_models: masks", shown)
    most = max(map(len, maps.values()))
    figure, axes = panels(most + 1, len(maps), 1.75, 2.0, squeeze=False)
    found: dict[str, tuple[int, str]] = {}
    for line, (name, heads) in zip(axes, maps.items(), strict=True):
        tidy(line[:-1], len(heads))
        for head, one in enumerate(heads):
            overlay(shown, one, 1.0, line[head])
            line[head].set_title(f"head {head}", fontsize=12)
            line[head].set_xlabel(span(one), fontsize=11)
        line[0].set_ylabel(name, fontsize=13)
        chosen, head, value = _best_head(heads, shown, objects, mass, name)
        number = f"{value:.2f}" if objects is not None else f"{100 * value:.0f} %"
        what = f"Jaccard {number}" if objects is not None else f"{number} of the patches"
        found[name] = head, number
        pixels = as_pixels(shown) * np.where(chosen, 1.0, _DIMMED)[..., None]
        picture(line[-1], pixels.transpose(2, 0, 1), f"{100 * mass:.0f} % of head {head}", what)
        outline(line[-1], objects)
    each = ", ".join(f"{name} {number}" for name, (_, number) in found.items())
    values = "; ".join(f"{name} {number} (head {head})" for name, (head, number) in found.items())
    kind = "the fewest patches"
    finding = f"{100 * mass:.0f} % of one head's attention, share of patches: {each}"
    if objects is not None:
        kind = "the best overlap with the true objects, Jaccard"
        finding = f"Overlap of the best head with the objects (Jaccard): {each}"
    headline(figure, finding)
    return with_alt(
        figure,
        f"Attention of {len(maps)} models on one image, a row each, a column per head. Last column: the "
        f"patches with {100 * mass:.0f} % of the attention of the head with {kind}: {values}.",
    )


def _best_head(heads, image, objects, mass, name) -> tuple[np.ndarray, int, float]:
    """Return the chosen pixels (H, W), the head, its Jaccard or, without objects, its share of patches."""
    _, height, width = image.shape
    rows, columns = heads.shape[1:]
    if height % rows or width % columns or height // rows != width // columns:
        raise ValueError(
            f"compare_models: {rows} x {columns} patches of {name} do not cut an image of {height} x {width} "
            "pixels into squares; give the image that the model saw."
        )
    attention, size = torch.as_tensor(heads), height // rows
    kept = mass_mask(attention.flatten(1), mass)
    if objects is None:
        shares = kept.double().mean(dim=1)
        head = int(shares.argmin())
        value = shares[head].item()
    else:
        scores = attention_jaccard(attention[None], [torch.as_tensor(objects)], size, mass).per_head
        head = int(scores.argmax())
        value = scores[head].item()
    return kept[head].reshape(rows, columns).numpy().repeat(size, 0).repeat(size, 1), head, value


def layers_by_heads(attention: Any, shared_scale: bool = False) -> Figure:
    """Draw every head of every layer as a small map, its largest value below it.

    attention (layers, heads, rows, columns): one query's row in each, prefix dropped. shared_scale: one
    colour scale for all maps instead of one each.
    """
    maps = array(attention, "layers_by_heads: attention", "(layers, heads, rows, columns)")
    layers, heads, rows, columns = maps.shape
    even = 1 / (rows * columns)
    each = 1.3 * min(max(rows / columns, 0.6), 1.6) + 0.3
    figure, axes = panels(heads, layers, 1.3, each, squeeze=False)
    figure.set_figheight(layers * each + (1.5 if shared_scale else 0.6))  # headline, scale
    limits = limits_of(maps) if shared_scale else None
    for layer, head in np.ndindex(layers, heads):
        axis, one = axes[layer, head], maps[layer, head]
        drawn = heat_map(axis, one, limits)
        bare(axis, f"head {head}" if layer == 0 else "", f"max {short(one.max())}")
        if head == 0:
            axis.set_ylabel(f"layer {layer}", fontsize=12)
    if shared_scale:
        scale_bar(figure, axes, drawn, mark=even, label="attention, one scale; line: 1/N")
    peaks = maps.reshape(layers, heads, -1).max(axis=2).mean(axis=1)
    sharp = int(peaks.argmax())
    headline(
        figure,
        f"Layer {sharp} is the sharpest: its heads' largest weights average {peaks[sharp] / even:.1f} times "
        f"1/N = {short(even)}",
    )
    words = ", ".join(f"layer {layer} {short(peak)}" for layer, peak in enumerate(peaks))
    return with_alt(
        figure,
        f"{counted(layers, 'layer')} by {counted(heads, 'head')} of attention over {rows} x {columns} "
        f"patches (even: {short(even)}). Largest value, mean over heads: {words}.",
    )


def rollout_panels(image: Any, maps: Mapping[str, Any], masks: Any = None, opacity: float = 1.0) -> Figure:
    """Draw several explanations of one image next to each other, each on its own scale, its peak marked.

    image (3, H, W). maps: {name: (rows, columns)}, for example last layer, rollout, relevance and Grad-CAM;
    each may have its own grid. masks (K, H, W) bool: true objects, outlined; it is then said which peaks hit
    one: more than half of the peak's patch is object.
    """
    shown = pictures(image, "rollout_panels: image")
    if not maps:
        raise ValueError("rollout_panels: maps is empty; give {name: (rows, columns)}.")
    values = {k: array(v, f"rollout_panels: map of {k}", "(rows, columns)") for k, v in maps.items()}
    objects = None if masks is None else truth(masks, "rollout_panels: masks", shown)
    figure, axes = panels(*grid_of(len(values) + 1), 2.5, 3.0, squeeze=False)
    tidy(axes, len(values) + 1)
    first, *others = axes.ravel()
    picture(first, shown, "image" if objects is None else "image and objects")
    outline(first, objects)
    words, hits = [], 0
    for axis, (name, one) in zip(others, values.items(), strict=False):
        scale_bar(figure, axis, overlay(shown, one, opacity, axis))
        axis.set_title(name, fontsize=12)
        row, column = np.unravel_index(int(one.argmax()), one.shape)
        _, height, width = shown.shape
        y, x = (row + 0.5) * height / one.shape[0] - 0.5, (column + 0.5) * width / one.shape[1] - 0.5
        outline(axis, objects)
        place = f"peak {short(one.max())} at row {row}, column {column}"
        if objects is not None:
            high, wide = height / one.shape[0], width / one.shape[1]  # of one patch, in pixels
            top, left = round(row * high), round(column * wide)
            patch = objects[:, top : top + max(1, round(high)), left : left + max(1, round(wide))]
            hit = bool(np.any(patch, axis=0).mean() > 0.5)
            hits += hit
            place += ", on an object" if hit else ", beside the objects"
        cross(axis, x, y)
        words.append(f"{name}: {place}")
    number = counted(len(values), "map")
    headline(
        figure,
        f"Peaks (crosses) in a patch that is mostly object: {hits} of {number}"
        if objects is not None
        else f"{number} of one image, each on its own scale; crosses mark the peaks",
    )
    return with_alt(figure, f"An image and {number} of what counted in it. {'; '.join(words)}.")
