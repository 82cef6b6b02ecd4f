"""MaskFeat: predict the edges, not the pixels, of the patches that are hidden.

Wei et al. 2022, arXiv:2112.09133.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.data.hog import hog
from course_lib.losses.masked_pixels import mean_over_removed
from course_lib.losses.patches import patchify
from course_lib.methods.base import Method
from course_lib.methods.masking import check_maskable, encode_masked, random_masking, removed
from course_lib.methods.supervised import light_augmentation
from course_lib.models import VisionTransformer
from course_lib.models.patches import trunc_normal


class MaskFeat(Method):
    """image -> patches, some replaced by a mask token -> encoder -> linear -> HOG of the hidden patches.

    Unlike MAE the encoder sees the mask tokens and there is no decoder. A histogram of oriented gradients
    (`data.hog`) keeps where the edges run and drops brightness and contrast: a target as simple as pixels,
    and a better one in the paper.

    mask_ratio: part of the patches that is hidden. cell, bins: of the histograms (default cell: half a patch;
    paper: 8 pixels, 9 bins, patches of 16). augment: (images, generator) -> [view] (default: a crop of 40 to
    100 % of the area and a flip). Different from the paper: patches are hidden one by one and not in blocks,
    crops are milder (from 50 %), gradients are not clipped (at length 0.02).
    Raises TypeError or ValueError for an encoder whose patches cannot be hidden, ValueError for a mask_ratio
    not in (0, 1) or a cell that does not divide the patch.
    """

    encoder: VisionTransformer

    def __init__(
        self,
        encoder: VisionTransformer,
        mask_ratio: float = 0.4,
        cell: int | None = None,
        bins: int = 9,
        augment: Callable[..., list[Tensor]] = light_augmentation,
        weight_decay: float = 0.05,
        **options,
    ):
        check_maskable("MaskFeat", encoder)
        super().__init__(encoder, weight_decay=weight_decay, **options)
        cell = max(1, encoder.patch_size // 2) if cell is None else cell
        if not 0 < mask_ratio < 1 or cell < 1 or encoder.patch_size % cell or bins < 1:
            raise ValueError(
                f"MaskFeat: mask_ratio={mask_ratio}, cell={cell}, bins={bins}; mask_ratio must lie between 0 "
                f"and 1, cell divide the patch of {encoder.patch_size} pixels, bins be at least 1."
            )
        self.mask_ratio, self.cell, self.bins, self.augment = mask_ratio, cell, bins, augment
        self.mask_token = trunc_normal(1, 1, self.width)
        self.head = nn.Linear(self.width, 3 * bins * (encoder.patch_size // cell) ** 2)

    def views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[view (B, 3, H, W), kept (B, K) int64]: the image, and which of its patches are not hidden."""
        (view,) = self.augment(images, generator=generator)
        rows, columns = self.encoder.grid(*view.shape[2:])
        return [view, random_masking(len(view), rows * columns, self.mask_ratio, generator).to(view.device)]

    def target(self, view: Tensor) -> Tensor:
        """Histograms of each patch, (B, N, cells * 3 * bins), cells row by row."""
        return patchify(hog(view, self.cell, self.bins), self.encoder.patch_size // self.cell)

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [view, kept], as `views` gives them. Mean squared error over hidden patches, a scalar."""
        view, kept = views
        target = self.target(view)
        mask = removed(kept, target.shape[1])
        encoded = encode_masked(self.encoder, view, mask, self.mask_token)
        prediction = self.head(encoded[:, self.encoder.prefix :]).float()
        return mean_over_removed((prediction - target).square().mean(dim=2), mask)

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """Zeros predicted for every patch: each histogram has length 1, so 1 / bins (less for flat cells)."""
        return {"1/bins": 1 / self.bins}
