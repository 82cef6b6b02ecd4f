"""Attention rollout: follow the attention through all layers as if it were all that moves information.

Abnar & Zuidema 2020, arXiv:2005.00928, section 3.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

FUSIONS = {"mean": lambda a: a.mean(dim=2), "max": lambda a: a.amax(dim=2), "min": lambda a: a.amin(dim=2)}


def rollout(attention: Tensor, heads: Literal["mean", "max", "min"] = "mean", discard: float = 0.0) -> Tensor:
    """A'_L ... A'_2 A'_1 with A' = (A + I) / 2, rows that sum to 1: (L, B, H, T, T) -> (B, T, T).

    attention: of *all* layers, the first layer first, as `attention_maps(model, images, None)` gives it.
    Entry [b, i, j]: how much of input token j has reached token i; the map of an image is row 0 without the
    prefix. I stands for the residual connection, which passes on as much as the attention adds (an
    assumption of the method). heads: how the heads of a layer are joined; the paper takes the mean.
    discard: the share of each row's smallest entries that is set to 0 first, CLS excepted (not in the paper,
    common in code; 0.9 is often used).

    Raises ValueError for another shape, negative entries, an unknown name or a share outside [0, 1).
    """
    if attention.ndim != 5 or attention.shape[-1] != attention.shape[-2] or attention.min() < 0:
        raise ValueError(
            f"rollout: attention is {tuple(attention.shape)}; give softmax rows (L, B, H, T, T)."
        )
    if heads not in FUSIONS or not 0 <= discard < 1:
        raise ValueError(
            f'rollout: heads="{heads}", discard={discard}; heads is one of {", ".join(FUSIONS)}, discard is '
            "a share from 0 to below 1."
        )
    fused = FUSIONS[heads](attention.float())  # (L, B, T, T)
    if discard:
        fused = _without_the_smallest(fused, discard)
    identity = torch.eye(fused.shape[-1], device=fused.device)
    joined = identity.expand(fused.shape[1:])
    for layer in fused:
        layer = layer / layer.sum(dim=-1, keepdim=True).clamp(min=1e-12)
        joined = (0.5 * layer + 0.5 * identity) @ joined  # the later layer stands on the left
    return joined


def _without_the_smallest(attention: Tensor, share: float) -> Tensor:
    """Each row without its smallest entries, (..., T, T); the column of CLS stays."""
    number = int(attention.shape[-1] * share)
    order = attention[..., 1:].argsort(dim=-1)[..., :number]
    kept = torch.ones_like(attention[..., 1:]).scatter_(-1, order, 0.0)
    return torch.cat([attention[..., :1], attention[..., 1:] * kept], dim=-1)
