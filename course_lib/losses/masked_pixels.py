"""Masked autoencoding: paint the patches that were removed.

He et al. 2022, arXiv:2111.06377, section 3 ("Reconstruction target").
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.losses.inputs import refuse_nan
from course_lib.losses.patches import patchify
from course_lib.losses.ranks import mean_over_ranks

EPSILON = 1e-6  # added to a patch's variance, so that a patch of one colour becomes zeros


def masked_pixels(
    prediction: Tensor, images: Tensor, mask: Tensor, patch_size: int, normalize: bool = True
) -> Tensor:
    """Mean squared error of the predicted pixels, per patch, averaged over the removed patches only.

    prediction: (B, N, patch_size * patch_size * 3), in the order of `patchify`. images: (B, 3, H, W), the
    targets, which get no gradient. mask: (B, N), 1 or True = removed. normalize: every patch of the target is
    moved to mean 0 and divided by its standard deviation (unbiased variance + 1e-6), so that the error counts
    structure and not brightness. The mean is over all removed patches of the joint batch of all ranks; images
    and ranks need not have lost equally many.

    Returns a float32 scalar. With normalize and a prediction of zeros it is (P - 1) / P, P numbers per patch
    (0.994792 for 8 x 8 x 3), whichever patches were removed; patches of one colour count 0.

    Raises ValueError if the shapes do not fit or, on the CPU, if no patch is removed; TypeError for integer
    images or predictions; NotFiniteError (on the CPU) if there is NaN in the prediction or the images.
    """
    _check(prediction, images, mask)
    with torch.autocast(prediction.device.type, enabled=False):
        target = patchify(images.detach().float(), patch_size)  # (B, N, P)
        if prediction.shape != target.shape:
            raise ValueError(
                f"masked_pixels: prediction is {tuple(prediction.shape)}; images of {tuple(images.shape)} in "
                f"patches of {patch_size} pixels need {tuple(target.shape)}."
            )
        if mask.shape != target.shape[:2]:
            one_each = tuple(target.shape[:2])
            raise ValueError(
                f"masked_pixels: mask is {tuple(mask.shape)}; one number per patch is {one_each}."
            )
        if normalize:
            target = standardise_patches(target)[0]
        errors = F.mse_loss(prediction.float(), target, reduction="none").mean(dim=2)  # (B, N)
        loss = mean_over_removed(errors, mask)
    return refuse_nan("masked_pixels", loss, prediction=prediction.flatten(1), images=images.flatten(1))


def mean_over_removed(errors: Tensor, mask: Tensor) -> Tensor:
    """Mean of errors (B, N) where mask (B, N) is 1, over the joint batch of all ranks; a float32 scalar.

    Raises ValueError (on the CPU) if mask is 0 everywhere.
    """
    mask = mask.float()
    removed = mean_over_ranks(mask.sum())  # per rank: ranks may have lost different numbers of patches
    if not torch.compiler.is_compiling() and mask.device.type == "cpu" and removed == 0:
        raise ValueError("masked_pixels: mask is 0 everywhere; 1 marks a removed patch, give at least one.")
    return mean_over_ranks((errors * mask).sum() / removed)


def standardise_patches(patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each patch minus its mean, over its standard deviation: (B, N, P) -> the same, mean, std (B, N, 1).

    `standardised * std + mean` is the patch again. Targets get no gradient, so none of the three carries one.
    """
    patches = patches.detach()
    mean = patches.mean(dim=2, keepdim=True)
    centred = patches - mean
    # unbiased, over P - 1; written out because torch.var takes several times as long on rows this short, and
    # without a second tensor of all pixels: new memory costs more here than the arithmetic
    length = torch.linalg.vector_norm(centred, dim=2, keepdim=True)
    std = (length.square() / (patches.shape[2] - 1) + EPSILON).sqrt()
    return centred.div_(std), mean, std


def _check(prediction: Tensor, images: Tensor, mask: Tensor) -> None:
    for name, value in (("prediction", prediction), ("images", images), ("mask", mask)):
        if not isinstance(value, Tensor):
            raise TypeError(f"masked_pixels: {name} is a {type(value).__name__}; give a tensor.")
        if name != "mask" and not value.is_floating_point():
            raise TypeError(f"masked_pixels: {name} is {value.dtype}; give floats, images in [0, 1].")
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"masked_pixels: images has shape {tuple(images.shape)}; give (B, 3, H, W).")
