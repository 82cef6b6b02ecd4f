"""Random draws, one per image, from an explicit generator.

Draws are made where the generator lives (the CPU when there is none) and moved to the images afterwards. So
the same seed gives the same augmentations on every device, and the host knows them without waiting.
"""

from __future__ import annotations

import torch
from torch import Tensor


def uniform(
    shape: int | tuple[int, ...], low: float, high: float, generator: torch.Generator | None
) -> Tensor:
    """Uniform draws in [low, high), float64 so that a draw times a size never rounds up to the size."""
    device = generator.device if generator is not None else "cpu"
    shape = (shape,) if isinstance(shape, int) else shape
    return torch.rand(shape, generator=generator, device=device, dtype=torch.float64) * (high - low) + low


def integers(high: Tensor, generator: torch.Generator | None) -> Tensor:
    """One uniform integer in [0, high) per entry of `high` (int64, on the generator's device)."""
    return (uniform(tuple(high.shape), 0.0, 1.0, generator) * high).long()


def coins(count: int, p: float, generator: torch.Generator | None) -> Tensor:
    """(count,) bool, each True with probability p."""
    return uniform(count, 0.0, 1.0, generator) < p


def rows_of(mask: Tensor, device: torch.device) -> Tensor:
    """Indices of the True entries of `mask`, on the images' device."""
    return mask.nonzero()[:, 0].to(device, non_blocking=True)


def per_image(values: Tensor, images: Tensor) -> Tensor:
    """(B,) draws -> (B, 1, 1, 1) float32 on the device of `images`, ready to multiply them."""
    return values.to(images.device, torch.float32, non_blocking=True)[:, None, None, None]
