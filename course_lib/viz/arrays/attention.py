"""Attention of any layer and head of any vision transformer, while its forward pass stays fused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.models import VisionTransformer
from course_lib.models.encoder import chosen
from course_lib.models.running import in_eval_mode
from course_lib.viz.arrays.foreign import Description, check_images, describe, unwrapped
from course_lib.viz.arrays.tap import AttentionTap, LayerAttention, nothing_seen, open_between


@dataclass(frozen=True)
class AttentionReading:
    """All that has to be kept of a forward pass to draw any of its attention maps.

    layers: one `LayerAttention` for each layer asked for, in that order. numbers: which layers these are,
    from 0. depth: how many the model has. prefix: tokens before the first patch (CLS, registers). grid: rows
    and columns of patches. path: how the attention was found, in words.
    """

    layers: list[LayerAttention]
    numbers: list[int]
    depth: int
    prefix: int
    grid: tuple[int, int]
    path: str

    def maps(self) -> Tensor:
        """(L, B, H, T, T) float32; entry [l, b, h, i, j]: how much token i takes from token j."""
        first = self.layers[0]
        if any((one.heads, one.tokens) != (first.heads, first.tokens) for one in self.layers):
            shapes = ", ".join(f"{one.heads} x {one.tokens}" for one in self.layers)
            raise ValueError(
                f"attention_maps: the layers have different heads x tokens ({shapes}), as in models with "
                "windows; ask for one layer at a time."
            )
        shape = (len(self.layers), len(first.held), first.heads, first.tokens, first.tokens)
        out = first.held.new_empty(shape, dtype=torch.float32)
        for place, layer in zip(out, self.layers, strict=True):
            layer.matrix(place)
        return out

    def rows(self, query: int | Sequence[int]) -> Tensor:
        """Rows of some tokens (0 is CLS): (L, B, H, Q, T), or (L, B, H, T) for one index. Sum 1."""
        query = query if isinstance(query, int) else list(query)
        return torch.stack([layer.rows(query) for layer in self.layers])

    def cls_maps(self) -> tuple[Tensor, Tensor]:
        """What CLS takes from each patch, (L, B, H, rows, columns), and from the prefix, (L, B, H).

        Not renormalised: both together sum to 1. Raises ValueError for a model without CLS.
        """
        if self.prefix < 1:
            raise ValueError("cls_maps: this model has no CLS token; ask for rows of patches instead.")
        row = self.rows(0)
        return row[..., self.prefix :].unflatten(-1, self.grid), row[..., : self.prefix].sum(-1)


def read_attention(
    model: nn.Module,
    images: Tensor,
    layers: int | Sequence[int] | None = -1,
    patch_size: int | tuple[int, int] | None = None,
    prefix: int | None = None,
) -> AttentionReading:
    """One fused forward pass; queries and keys of the given layers (None: all) are kept.

    model: a VisionTransformer or method of this course, a vision transformer of timm, Hugging Face or
    torchvision, or any module that attends to patches; for one of another library give patch_size and prefix.
    images: float (B, 3, H, W), any size that the patches divide: for this course in [0, 1], for others what
    they take themselves. No hook stays, and every module's mode is put back.

    Raises TypeError or ValueError in a sentence: a model without attention, compiled or quantised; images of
    another shape, dtype, size or device; a layer out of range; tokens that are not prefix + patches.
    """
    network = unwrapped(model)
    check_images(network, images)
    about = describe(network)
    if about.library == "other" and (patch_size is not None or prefix is not None):
        size = (patch_size, patch_size) if isinstance(patch_size, int) else patch_size
        about = Description("other", network, prefix, size)
    grid = about.grid(images)
    if isinstance(network, VisionTransformer):
        wanted = chosen(layers, len(network.blocks), "attention: layers")
        found = [LayerAttention(*pair) for pair in network.queries_keys(images, layers)]
        depth, how = (
            len(network.blocks),
            "this course's queries and keys; layers after the last one are skipped",
        )
    else:
        tap = _tapped(network, images, layers, about)
        depth = tap.count if about.layers is None else len(about.layers)
        wanted = chosen(layers, depth, "attention: layers")
        found = [tap.kept[number] for number in wanted]
        how = {
            "fused": "queries and keys handed to the fused kernel, which stays fused",
            "nn.MultiheadAttention": "queries and keys projected once more beside nn.MultiheadAttention",
            "softmax": "the softmax that the model itself writes out, so all of it was computed",
        }[next(iter(tap.paths))]
    if not wanted:
        raise ValueError("attention: layers is empty; give at least one, or None for all.")
    prefix_of, grid_of = _checked(about, grid, found[0].tokens, network)
    return AttentionReading(found, wanted, depth, prefix_of, grid_of, f"{about.library}: {how}")


def attention_maps(
    model: nn.Module, images: Tensor, layers: int | Sequence[int] | None = -1, **known
) -> Tensor:
    """Attention of the given layers (None: all), (L, B, H, T, T) float32, rows sum to 1.

    T = prefix + patches row by row. How it was found and where the patches begin: `read_attention`, which
    has the same arguments and raises the same errors.
    """
    return read_attention(model, images, layers, **known).maps()


def attention_rows(
    model: nn.Module,
    images: Tensor,
    query: int | Sequence[int],
    layers: int | Sequence[int] | None = -1,
    **known,
) -> Tensor:
    """Only the rows of some query tokens (0 is CLS): (L, B, H, Q, T), or (L, B, H, T) for one index.

    Raises what `read_attention` raises, and ValueError for a query out of range.
    """
    reading = read_attention(model, images, layers, **known)
    return reading.rows(query)


@torch.no_grad()
def _tapped(network: nn.Module, images: Tensor, layers, about: Description) -> AttentionTap:
    """The forward pass of a model of another library, listened to."""
    if about.layers is not None:
        wanted = set(chosen(layers, len(about.layers), "attention: layers"))
        if not wanted:
            raise ValueError("attention: layers is empty; give at least one, or None for all.")
        first, last = min(wanted), max(wanted)
        tap = AttentionTap(wanted.__contains__, start=first)
        with in_eval_mode(network), open_between(tap, about.layers[first], about.layers[last]):
            about.forward(images)
        if not tap.paths:
            raise nothing_seen(network)
        if tap.count != last + 1:
            raise ValueError(
                f"layers {first} to {last} of {type(network).__name__} attend {tap.count - first} times "
                "instead of once each; such a model cannot be read layer by layer."
            )
        return tap
    asked = None if layers is None else [layers] if isinstance(layers, int) else list(layers)
    # how many layers there are is known at the end: for -1 all have to be kept until then
    tap = AttentionTap(lambda number: asked is None or any(one < 0 or one == number for one in asked))
    with in_eval_mode(network), tap:
        about.forward(images)
    if not tap.paths:
        raise nothing_seen(network)
    return tap


def _checked(about: Description, grid, tokens: int, network: nn.Module) -> tuple[int, tuple[int, int]]:
    """Prefix and grid, once it is certain that they explain the number of tokens."""
    if grid is None:
        raise ValueError(
            f"{type(network).__name__} is of a library that is not known here: give patch_size, and prefix, "
            "the number of tokens before the first patch (CLS and registers)."
        )
    prefix = about.prefix if about.prefix is not None else tokens - grid[0] * grid[1]
    if prefix < 0 or prefix + grid[0] * grid[1] != tokens:
        raise ValueError(
            f"the model attends over {tokens} tokens, but {grid[0]} x {grid[1]} patches and {prefix} prefix "
            "tokens were expected; windowed and pooled models have no map of all patches."
        )
    return prefix, grid
