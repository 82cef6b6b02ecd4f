"""Images in, frozen features out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from course_lib.data import as_float


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
    if batch_size < 1:
        raise ValueError(f"embed: batch_size={batch_size} was given; give 1 or more.")
    one_batch: Any = encoder.embed if hasattr(encoder, "embed") else _encode
    modes = [(module, module.training) for module in encoder.modules()]
    encoder.eval()
    try:
        with torch.no_grad():
            parts = []
            for start in range(0, shape[0], batch_size):
                part = images[start : start + batch_size]
                part = part if isinstance(part, torch.Tensor) else torch.from_numpy(np.array(part))
                features = one_batch(part) if one_batch is not _encode else _encode(encoder, part)
                parts.append(features.float().cpu())
    finally:
        for module, training in modes:
            module.training = training
    features = torch.cat(parts)
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


def _encode(encoder: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """One batch (B, 3, H, W) through the encoder on its own device, as floats in [0, 1]."""
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    return encoder(as_float(images.to(device)))
