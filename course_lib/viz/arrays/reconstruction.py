"""What a masked autoencoder paints, as the panels of its paper's figures.

He et al. 2022, arXiv:2111.06377, figures 2 to 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from course_lib.losses.masked_pixels import standardise_patches
from course_lib.losses.patches import patchify, unpatchify
from course_lib.models.running import in_eval_mode
from course_lib.viz.arrays.foreign import check_images

if TYPE_CHECKING:
    from course_lib.methods import MAE

GREY = 0.5  # of a removed patch


@dataclass(frozen=True)
class Panels:
    """Five pictures of each image. original, masked (removed patches grey), reconstruction (what the
    decoder says of every patch, the visible ones too), pasted (visible patches as they are, the others
    painted): (B, 3, H, W) in [0, 1]. mask (B, rows, columns) bool, True = removed.
    """

    original: Tensor
    masked: Tensor
    reconstruction: Tensor
    pasted: Tensor
    mask: Tensor


def reconstruction_panels(
    method: MAE,
    images: Tensor,
    mask_ratio: float | None = None,
    kept: Tensor | None = None,
    seed: int = 0,
) -> Panels:
    """Remove patches and let the method paint them: eval mode, no gradient, on the method's device.

    method: `methods.MAE`. images: uint8 or float (B, 3, H, W) in [0, 1]. mask_ratio: part of the patches
    that is removed, default as in training; which ones is drawn from `seed`. kept: instead of both, the
    patches that stay, (B, K) or (K,) for all images, row by row from 0.

    With `normalize` the decoder says nothing about a patch's brightness and contrast. Those of the *true*
    patch are put back, so the picture shows more than the model knows: a prediction of zeros is already a
    mosaic of mean colours. The same goes for the reconstruction of visible patches: no loss ever asked for
    them.

    Raises TypeError for another method, ValueError for images that do not divide into patches, for both
    kept and mask_ratio, and for kept out of range, twice the same or empty.
    """
    from course_lib.data import as_float
    from course_lib.methods import MAE

    if not isinstance(method, MAE):
        raise TypeError(
            f"reconstruction_panels: method is {type(method).__name__}; give a methods.MAE, "
            "which has the decoder."
        )
    device = next(method.parameters()).device
    images = as_float(torch.as_tensor(images)).to(device)
    check_images(method, images)
    size, grid = method.encoder.patch_size, method.encoder.grid(*images.shape[2:])
    patches = grid[0] * grid[1]
    if kept is not None and mask_ratio is not None:
        raise ValueError("reconstruction_panels: kept says which patches stay; leave out mask_ratio.")
    if kept is None:
        ratio = method.mask_ratio if mask_ratio is None else mask_ratio
        kept = method.masking(len(images), patches, ratio, torch.Generator().manual_seed(seed))
    kept = _checked(kept, len(images), patches).to(device)
    with torch.no_grad(), in_eval_mode(method):
        painted = method.predict(images, kept).float()  # (B, N, numbers per patch)
    true = patchify(images, size)
    if method.normalize:
        _, mean, std = standardise_patches(true)
        painted = painted * std + mean
    mask = torch.ones(len(images), patches, dtype=torch.bool, device=device).scatter_(1, kept, False)
    hidden = mask[:, :, None]

    def picture(rows: Tensor) -> Tensor:
        return unpatchify(rows, size, grid).clamp(0, 1)

    return Panels(
        original=images.clamp(0, 1),
        masked=picture(torch.where(hidden, GREY, true)),
        reconstruction=picture(painted),
        pasted=picture(torch.where(hidden, painted, true)),
        mask=mask.unflatten(1, grid),
    )


def _checked(kept: Tensor, batch: int, patches: int) -> Tensor:
    """kept as (B, K) int64. Raises ValueError unless it names each patch at most once."""
    kept = torch.as_tensor(kept)
    kept = kept.expand(batch, -1) if kept.ndim == 1 else kept
    whole = not kept.is_floating_point() and kept.dtype != torch.bool
    if kept.ndim != 2 or len(kept) != batch or not kept.shape[1] or not whole:
        raise ValueError(
            f"reconstruction_panels: kept is {kept.dtype} {tuple(kept.shape)}; give the numbers of the "
            f"patches that stay, ({batch}, K)."
        )
    if kept.min() < 0 or kept.max() >= patches or (kept.sort(dim=1).values.diff(dim=1) == 0).any():
        raise ValueError(
            f"reconstruction_panels: kept must name each patch at most once, from 0 to {patches - 1}; it "
            f"goes from {int(kept.min())} to {int(kept.max())}."
        )
    return kept.long()
