"""Images in, frozen features out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from course_lib.data import as_float
from course_lib.models.running import device_of, in_eval_mode


def embed(encoder: nn.Module, images, batch_size: int = 512) -> torch.Tensor:
    """Features of frozen images: (N, D) float32 on the CPU, in the order of the images.

    encoder: an encoder (images in [0, 1] -> (B, D)) or a method, of which `.embed` is asked.
    images: (N, 3, H, W) uint8 or float in [0, 1], a tensor, an array or memory map, or an ImageSet.
    The encoder runs in eval mode without gradient on its own device; every module's mode is put back.
    Raises ValueError for images of another shape and when the features are not finite or not (B, D).
    """
    images = getattr(images, "images", images)
    shape = tuple(getattr(images, "shape", ()))
    if len(shape) != 4 or shape[1] != 3 or shape[0] == 0:
        raise ValueError(
            f"embed: images of shape {shape} were given; give (N, 3, H, W), uint8 or float in [0, 1]."
        )
    if hasattr(encoder, "embed"):
        features = in_batches(encoder, images, lambda part: encoder.embed(part), batch_size)  # type: ignore[operator]
    else:
        features = in_batches(encoder, images, lambda part: encoder(floats(encoder, part)), batch_size)
    if features.ndim != 2:
        raise ValueError(
            f"embed: the encoder gave {tuple(features.shape)}; an encoder gives one row (B, D) per image."
        )
    bad = int((~torch.isfinite(features)).any(dim=1).sum())
    if bad:
        raise ValueError(
            f"embed: {bad} of {len(features)} features are NaN or infinite; the encoder diverged."
        )
    return features


def token_features(
    encoder: nn.Module, images, blocks: int = 1, mean: bool = False, batch_size: int = 256
) -> torch.Tensor:
    """Features of a vision transformer for a linear probe: (N, (blocks + mean) * width) float32 on the CPU.

    The CLS token after each of the last `blocks` blocks, each through the last norm, side by side, oldest
    first; mean: and the mean patch of the last one. DINO probes ViT-S with blocks=4 and ViT-B with blocks=1,
    mean=True (Caron et al. 2021, arXiv:2104.14294, appendix F.2). encoder: a `VisionTransformer` or a method
    with one. Raises TypeError for another encoder, ValueError for blocks out of range and no images.
    """
    vit: Any = getattr(encoder, "encoder", encoder)
    if not hasattr(vit, "tokens"):
        raise TypeError(f"token_features: {type(vit).__name__} has no tokens; give a VisionTransformer.")
    if not 1 <= blocks <= len(vit.blocks):
        raise ValueError(f"token_features: blocks={blocks}; this encoder has 1 to {len(vit.blocks)}.")

    def one_batch(part: torch.Tensor) -> torch.Tensor:
        x, chosen = vit.tokens(floats(vit, part)), []
        for number, block in enumerate(vit.blocks):
            x = block(x)
            if number >= len(vit.blocks) - blocks:
                chosen.append(vit.norm(x)[:, 0])
        if mean:
            chosen.append(vit.norm(x)[:, vit.prefix :].mean(dim=1))
        return torch.cat(chosen, dim=1)

    return in_batches(vit, getattr(images, "images", images), one_batch, batch_size)


def in_batches(network: nn.Module, images, function, batch_size: int) -> torch.Tensor:
    """function(batch) of all images, joined, float32 on the CPU: eval mode, no gradient, modes put back."""
    if batch_size < 1:
        raise ValueError(f"embed: batch_size={batch_size} was given; give 1 or more.")
    if not len(images):
        raise ValueError("embed: there are no images; give (N, 3, H, W) with N at least 1.")
    parts = []
    with in_eval_mode(network), torch.no_grad():
        for start in range(0, len(images), batch_size):
            part = images[start : start + batch_size]
            part = part if isinstance(part, torch.Tensor) else torch.from_numpy(np.array(part))
            parts.append(function(part).float().cpu())
    return torch.cat(parts)


def floats(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """One batch (B, 3, H, W) on the network's device, as floats in [0, 1]."""
    return as_float(images.to(device_of(network)))
