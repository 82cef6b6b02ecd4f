"""The patches of an image as vectors: which are alike, which stand out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.models.running import in_eval_mode
from course_lib.viz.arrays.feature_maps import as_map, layer_maps, map_layer, network_of
from course_lib.viz.arrays.foreign import describe


@dataclass(frozen=True)
class PatchTokens:
    """tokens (B, N, D) float32: one vector per patch, row by row. prefix (B, P, D): CLS, registers (P may
    be 0).

    grid: (rows, columns), N = rows * columns.
    """

    tokens: Tensor
    prefix: Tensor
    grid: tuple[int, int]


def patch_tokens(model: nn.Module, images: Tensor, normalised: bool = True) -> PatchTokens:
    """The output token of every patch, without gradient, in eval mode, on the model's device.

    model: a vision transformer of this course, timm, Hugging Face (ViT, DINOv2 and DINOv2 with registers,
    with or without a classifier; positions are interpolated to the images' size) or torchvision; or a
    convolutional network, whose last map is taken, each position a patch (a course ResNet's last stage, of
    others the module that `feature_maps.map_layer` finds). images: float (B, 3, H, W) as the model takes
    them, H x W need not be square. normalised: after the model's last norm, as a head gets them; False:
    before it, where the norms of tokens differ most (`token_norms`). Convolutional networks have no such
    norm; there it makes no difference.

    Raises TypeError or ValueError in a sentence for images of another shape or that do not divide into
    patches, and for a model that has neither tokens nor maps.
    """
    network = network_of(model, images)
    if describe(network).prefix is None:
        maps = layer_maps(network, images, [map_layer(network, images)])[0].float()
        tokens = maps.flatten(2).transpose(1, 2)
        return PatchTokens(tokens, tokens[:, :0], (maps.shape[2], maps.shape[3]))
    about, parts = describe(network), dict[str, Tensor]()
    grid = about.grid(images)
    assert about.prefix is not None  # where it is known, so is the size of the patches
    assert grid is not None

    def look(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        parts["tokens"] = (output if normalised else inputs[0]).detach().clone()

    handle = _last_norm(network).register_forward_hook(look)
    try:
        with torch.no_grad(), in_eval_mode(network):
            about.forward(images)
    finally:
        handle.remove()
    tokens = parts["tokens"].float()
    as_map(tokens, network, images)  # checks that all tokens are there
    return PatchTokens(tokens[:, about.prefix :], tokens[:, : about.prefix], grid)


def _last_norm(network: Any) -> nn.Module:
    """The norm behind the last block; Identity in timm's models that pool first."""
    # torchvision has it in .encoder; a classifier of Hugging Face in the transformer inside, its .base_model
    for part in (network, getattr(network, "encoder", None), getattr(network, "base_model", None)):
        for name in ("norm", "layernorm", "ln"):
            if isinstance(getattr(part, name, None), nn.Module):
                return getattr(part, name)
    raise TypeError(
        f"patch_tokens: {type(network).__name__} has no last norm over its tokens; give a ViT or DINOv2."
    )


def patch_similarity(tokens: Tensor, query: int | tuple[int, int]) -> Tensor:
    """Cosine of every patch to a clicked one: tokens (B, N, D) -> (B, N) in [-1, 1]; a vector of zeros
    gives 0.

    query: a patch, looked up in each image itself, or (image, patch): all images are compared with that one
    patch, within and across images. Raises ValueError for another shape and for a query out of range.
    """
    _check_tokens(tokens, "patch_similarity")
    unit = F.normalize(tokens.float(), dim=2)
    image, patch = (None, query) if isinstance(query, int) else query
    if not 0 <= patch < tokens.shape[1] or (image is not None and not 0 <= image < len(tokens)):
        raise ValueError(
            f"patch_similarity: query={query}; patches are numbered 0 to {tokens.shape[1] - 1}, images 0 to "
            f"{len(tokens) - 1}."
        )
    chosen = unit[:, patch] if image is None else unit[image, patch].expand(len(unit), -1)  # (B, D)
    return (unit @ chosen[:, :, None])[:, :, 0].clamp(-1, 1)


def token_norms(tokens: Tensor) -> Tensor:
    """Length of each token, (B, N, D) -> (B, N) float32.

    In large transformers without registers a few patches of plain background have much longer tokens, in
    which the model keeps what concerns the whole image (Darcet et al. 2024, arXiv:2309.16588, section 2.1).
    A last LayerNorm makes lengths nearly equal: look at `patch_tokens(..., normalised=False)`.
    """
    _check_tokens(tokens, "token_norms")
    return tokens.float().norm(dim=2)


def outliers(norms: Tensor, factor: float = 3.0) -> Tensor:
    """Which tokens are artefacts: (B, N) lengths -> (B, N) bool, True above `factor` x the image's median.

    The rule is ours. Darcet et al. 2024 cut at a length of 150, read off the histogram of one model; a
    multiple of the median serves models of any scale, as long as fewer than half of the patches are
    artefacts. Raises ValueError for a factor that is not above 1 and for another shape.
    """
    if norms.ndim != 2 or not norms.numel() or not factor > 1:
        raise ValueError(
            f"outliers: norms {tuple(norms.shape)}, factor={factor}; give token_norms (B, N) and a factor "
            "above 1."
        )
    return norms > factor * norms.quantile(0.5, dim=1, keepdim=True)


def _check_tokens(tokens: Tensor, name: str) -> None:
    if not isinstance(tokens, Tensor) or tokens.ndim != 3 or 0 in tokens.shape:
        what = tuple(tokens.shape) if isinstance(tokens, Tensor) else type(tokens).__name__
        raise ValueError(
            f"{name}: tokens are {what}; give a tensor (B, N, D), as patch_tokens(...).tokens is."
        )
