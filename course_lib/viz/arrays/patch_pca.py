"""Patches coloured by their principal components, the objects of a group of images in the same colours.

Oquab et al. 2024 (DINOv2), arXiv:2304.07193, section 7.5 and figures 1 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NOTHING = 1e-10  # share of the variance below which a component is rounding error


@dataclass(frozen=True)
class PatchPCA:
    """colors (B, rows, columns, 3) in [0, 1], background black. foreground (B, rows, columns) bool.

    first (B, rows, columns): each patch on the first component of all patches, in standard deviations, so
    that another threshold needs no new analysis. explained (3,): what part of the coloured patches'
    variance each colour shows. components (3, D): the directions behind red, green and blue.
    """

    colors: Tensor
    foreground: Tensor
    first: Tensor
    explained: Tensor
    components: Tensor


def patch_pca(
    tokens: Tensor,
    grid: tuple[int, int],
    foreground: bool = True,
    threshold: float = 0.0,
    flip: bool = False,
) -> PatchPCA:
    """Two principal component analyses of a group of images: what is foreground, then its colours.

    tokens (B, N, D): `patch_tokens(...).tokens` of images of the same kind, N = rows * columns = grid.
    1. The first component over all patches of the group. Those above `threshold` (in standard deviations; the
       paper's 0 is the mean) are foreground. foreground=False: all patches are coloured.
    2. Three components over the foreground patches alone, each moved to [0, 1]: red, green, blue.

    A component's sign is arbitrary, so it is fixed by what it says about the patches, not by how it was
    computed: the first one so that patches on the images' borders score lower than those inside, on the
    mean (objects are seldom cut off); the others, and the first if that does not decide, so that the sum of
    the cubed scores is above 0: few patches far up, many a little below. Turned or mirrored features, or
    images in another order, give the same picture. flip: the other sign of the first component, where the
    border rule is wrong: foreground and background change places.

    Raises ValueError for shapes that do not fit, NaN, equal patches, and if no patch lies above the
    threshold.
    """
    rows, columns = grid
    if tokens.ndim != 3 or tokens.shape[1] != rows * columns or tokens.shape[2] < 3 or not len(tokens):
        raise ValueError(
            f"patch_pca: tokens {tuple(tokens.shape)} in a grid of {rows} x {columns}; give "
            f"(B, {rows * columns}, D) with D of 3 or more."
        )
    patches = tokens.detach().double().flatten(0, 1)  # (B * N, D)
    if not torch.isfinite(patches).all():
        raise ValueError("patch_pca: tokens hold NaN or infinity; the encoder diverged.")
    scores, _, components = _three_components(patches)
    if not scores[:, 0].any():
        raise ValueError(
            "patch_pca: all patches have the same features, so nothing tells them apart (collapse)."
        )
    inner = torch.zeros(rows, columns, dtype=torch.bool, device=tokens.device)
    inner[1:-1, 1:-1] = True
    sign = _border_sign(scores[:, 0], inner.flatten().repeat(len(tokens))) * (-1.0 if flip else 1.0)
    first = sign * scores[:, 0] / scores[:, 0].std(correction=0)
    chosen = first > threshold if foreground else torch.ones_like(first, dtype=torch.bool)
    if not chosen.any():
        raise ValueError(
            f"patch_pca: no patch lies above threshold={threshold}; the first component reaches from "
            f"{first.min():.2f} to {first.max():.2f} standard deviations."
        )
    scores, explained, components = _three_components(patches[chosen])
    signs = torch.stack([_cube_sign(scores[:, i]) for i in range(3)])
    if not foreground:
        signs[0] = sign  # this is the first component over all patches again
    scores, components = scores * signs, components * signs[:, None]
    low, high = scores.amin(dim=0), scores.amax(dim=0)
    colors = patches.new_zeros(len(patches), 3)
    colors[chosen] = torch.where(high > low, (scores - low) / (high - low).clamp(min=1e-300), 0.0)
    shape = (len(tokens), rows, columns)
    return PatchPCA(
        colors.view(*shape, 3).float(),
        chosen.view(shape),
        first.view(shape).float(),
        explained.float(),
        components.float(),
    )


def _three_components(patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(n, D) -> scores (n, 3), shares of variance (3,), components (3, D); rounding error becomes 0."""
    centred = patches - patches.mean(dim=0)
    left, singular, right = torch.linalg.svd(centred, full_matrices=False)
    variance = singular.square()
    # features that are equal but for the rounding of their mean have no variance
    total = (
        variance.sum() if variance.sum() > NOTHING**2 * patches.square().sum() else variance.new_tensor(0.0)
    )
    share = torch.where(variance > NOTHING * total, variance / total.clamp(min=1e-300), 0.0) * (total > 0)
    scores = left[:, :3] * singular[:3] * (share[:3] > 0)
    missing = max(0, 3 - len(singular))  # fewer patches than components
    scores = torch.nn.functional.pad(scores, (0, missing))
    components = torch.nn.functional.pad(right[:3] * (share[:3] > 0)[:, None], (0, 0, 0, missing))
    return scores, torch.nn.functional.pad(share[:3], (0, missing)), components


def _border_sign(scores: Tensor, inner: Tensor) -> Tensor:
    """The sign that puts the border below the inside, by their means; `_cube_sign` if they are equal."""
    if not inner.any():
        return _cube_sign(scores)
    difference = scores[inner].mean() - scores[~inner].mean()
    return difference.sign() if difference.abs() > 1e-9 * scores.abs().max() else _cube_sign(scores)


def _cube_sign(scores: Tensor) -> Tensor:
    """The sign that makes the sum of cubes positive; 1 for scores that are symmetric."""
    cubes = scores.pow(3)
    return cubes.sum().sign() if cubes.sum().abs() > 1e-9 * cubes.abs().sum() else scores.new_tensor(1.0)
