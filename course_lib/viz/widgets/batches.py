"""Pictures on their way to a widget: checked once, sent as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.data import as_float
from course_lib.data.checks import check_batch


def batch_of(images: Any, where: str) -> Tensor:
    """(B, 3, H, W) float32 in [0, 1] on the CPU, of an array, a tensor, an ImageSet, or of one picture.

    where: who asks, for the sentence. Raises TypeError for what holds no pictures, ValueError for another
    shape or range.
    """
    images = getattr(images, "images", images)
    if not isinstance(images, Tensor | np.ndarray):
        raise TypeError(
            f"{where}: images is a {type(images).__name__}; give an array or tensor (B, 3, H, W)."
        )
    found = torch.as_tensor(np.asarray(images) if isinstance(images, np.ndarray) else images).detach().cpu()
    return check_batch(as_float(found[None] if found.ndim == 3 else found), where)


def as_bytes(images: Tensor, side: int | None = None) -> np.ndarray:
    """uint8 (..., 3, H, W) of pictures in [0, 1]; with side: made smaller until no side is longer."""
    if side is not None and max(images.shape[-2:]) > side:
        height, width = images.shape[-2:]
        scale = side / max(height, width)
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        images = F.interpolate(images, size, mode="bilinear", antialias=True)
    return (images.detach().float().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
