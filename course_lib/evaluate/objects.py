"""Does a head look at the object? Attention, cut to the patches that hold most of it, against masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class JaccardScores:
    """What `attention_jaccard` found, each value in [0, 1].

    per_head (H,): mean overlap of each head with the objects. best_head: for each object the best head, mean
    over the objects of an image, then over images. per_image (N,): that before the last mean. n: images.
    """

    per_head: Tensor
    best_head: float
    per_image: Tensor
    n: int


def mass_mask(attention: Tensor, mass: float = 0.6) -> Tensor:
    """The smallest set of patches that holds `mass` of the attention: (..., N) >= 0 -> (..., N) bool.

    Attention is divided by its sum first, so what CLS and registers took does not count (Caron et al. 2021,
    arXiv:2104.14294, section 4.2.2 and its figure with 60 %). Ties are broken by position.
    Raises ValueError for a mass outside (0, 1], negative entries and rows without any attention.
    """
    if not 0 < mass <= 1:
        raise ValueError(f"mass_mask: mass={mass} was given; choose a share above 0 and at most 1, like 0.6.")
    total = attention.double().sum(dim=-1, keepdim=True)
    if attention.min() < 0 or not (total > 0).all():
        raise ValueError("mass_mask: attention has negative entries or a row of zeros; give softmax rows.")
    share, order = (attention.double() / total).sort(dim=-1, descending=True, stable=True)
    before = share.cumsum(dim=-1) - share  # what the patches in front of this one already hold
    chosen = before < mass - 1e-6  # in float32 0.4 is not exactly 0.4
    return torch.zeros_like(chosen).scatter_(-1, order, chosen)


def attention_jaccard(
    attention: Tensor, masks: Sequence[Tensor] | Tensor, patch_size: int, mass: float = 0.6
) -> JaccardScores:
    """Overlap (intersection over union, in pixels) of each head's `mass_mask` with the true objects.

    attention (N, H, h, w): how much CLS takes from each patch, per head. masks: per image the visible parts
    of its objects, (K, h * patch_size, w * patch_size) bool; empty masks are left out, and so are images
    without any. The protocol of DINO (arXiv:2104.14294, section 4.2.2; per mask the best head, as its first
    author describes it in the code's discussion 54), with exact masks instead of Pascal VOC's.
    Raises ValueError when shapes do not fit or no image has an object.
    """
    if attention.ndim != 4:
        raise ValueError(f"attention_jaccard: attention is {tuple(attention.shape)}; give (N, heads, h, w).")
    if len(masks) != len(attention):
        raise ValueError(
            f"attention_jaccard: {len(attention)} images but {len(masks)} sets of masks; give one per image."
        )
    size = (attention.shape[2] * patch_size, attention.shape[3] * patch_size)
    looked_at = mass_mask(attention.flatten(2), mass).unflatten(2, attention.shape[2:])
    looked_at = looked_at.repeat_interleave(patch_size, 2).repeat_interleave(patch_size, 3)
    per_head, best = [], []
    for seen, objects in zip(looked_at, masks, strict=True):
        objects = torch.as_tensor(objects).to(seen.device, torch.bool)
        if objects.ndim != 3 or tuple(objects.shape[1:]) != size:
            raise ValueError(
                f"attention_jaccard: masks of shape {tuple(objects.shape)}; with {attention.shape[2]} x "
                f"{attention.shape[3]} patches of {patch_size} pixels they must be (K, {size[0]}, {size[1]})."
            )
        objects = objects[objects.flatten(1).any(dim=1)].flatten(1).double()  # (K, pixels)
        if not len(objects):
            continue
        pixels = seen.flatten(1).double()  # (H, pixels)
        both = pixels @ objects.T  # (H, K)
        overlap = both / (pixels.sum(1)[:, None] + objects.sum(1)[None] - both)
        per_head.append(overlap.mean(dim=1))
        best.append(overlap.amax(dim=0).mean())
    if not best:
        raise ValueError("attention_jaccard: no image has a visible object; there is nothing to compare.")
    heads, images = torch.stack(per_head).mean(dim=0), torch.stack(best)
    return JaccardScores(heads.float().cpu(), images.mean().item(), images.float().cpu(), len(images))
