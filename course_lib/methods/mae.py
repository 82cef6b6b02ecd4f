"""MAE: remove three quarters of the patches, encode the rest, paint what is missing.

He et al. 2022, arXiv:2111.06377.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.losses.masked_pixels import masked_pixels, standardise_patches
from course_lib.losses.patches import patchify, unpatchify
from course_lib.methods.base import Method
from course_lib.methods.masking import check_maskable, encode_visible, random_masking, removed
from course_lib.methods.supervised import light_augmentation
from course_lib.models import MaskedDecoder, VisionTransformer


class MAE(Method):
    """image -> patches + positions -> a random quarter -> encoder -> decoder sees mask tokens -> pixels.

    The encoder never sees a mask token: it works on a quarter of the tokens, which is what makes MAE fast,
    and on whole images afterwards. CLS and registers always stay. The decoder (`MaskedDecoder`) gets all
    tokens back in order, adds fixed sine-cosine positions of its own and is thrown away after training.

    mask_ratio: part of the patches that is removed; exactly int(N * (1 - mask_ratio)) of N stay.
    normalize: predict each patch at mean 0 and standard deviation 1 (better features, the paper's table 1d).
    decoder_width, decoder_depth, decoder_heads: see `MaskedDecoder`.
    augment: (images, generator) -> [view] (default: a crop of 40 to 100 % of the area and a flip; the paper's
    crops start at 20 %). masking(batch, patches, mask_ratio, generator) -> kept and
    loss_function(prediction, images, mask, patch_size, normalize) can be your own. learning_rate: for short
    training (benchmarks/learning_rates.py).

    Different from the paper: the encoder's positions are learned, the paper's are fixed; a decoder of 2
    blocks of width 96 (8 of 512), for short runs; AdamW's second beta is 0.999 (0.95).
    Raises TypeError for an encoder without patches, ValueError for one whose patches overlap (conv_stem) and
    for a mask_ratio that leaves or removes no patch.
    """

    encoder: VisionTransformer

    def __init__(
        self,
        encoder: VisionTransformer,
        mask_ratio: float = 0.75,
        normalize: bool = True,
        decoder_width: int = 96,
        decoder_depth: int = 2,
        decoder_heads: int = 3,
        augment: Callable[..., list[Tensor]] = light_augmentation,
        masking: Callable[..., Tensor] = random_masking,
        loss_function: Callable[..., Tensor] = masked_pixels,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.05,
        **options,
    ):
        check_maskable("MAE", encoder)
        super().__init__(encoder, learning_rate=learning_rate, weight_decay=weight_decay, **options)
        if not 0 < mask_ratio < 1:
            raise ValueError(
                f"MAE: mask_ratio is {mask_ratio}; give a part above 0 and below 1, such as 0.75."
            )
        self.mask_ratio, self.normalize = mask_ratio, normalize
        self.augment, self.masking, self.loss_function = augment, masking, loss_function
        self.numbers = 3 * encoder.patch_size**2  # per patch
        self.decoder = MaskedDecoder(self.width, self.numbers, decoder_width, decoder_depth, decoder_heads)

    def views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[view (B, 3, H, W), kept (B, K) int64]: the image, and which of its patches the encoder may see."""
        (view,) = self.augment(images, generator=generator)
        rows, columns = self.encoder.grid(*view.shape[2:])
        return [view, self.masking(len(view), rows * columns, self.mask_ratio, generator).to(view.device)]

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [view, kept], as `views` gives them. Returns a scalar; only removed patches count."""
        view, kept = views
        prediction = self.predict(view, kept)
        mask = removed(kept, prediction.shape[1])
        return self.loss_function(prediction, view, mask, self.encoder.patch_size, self.normalize)

    def predict(self, view: Tensor, kept: Tensor) -> Tensor:
        """The decoder's pixels for every patch, (B, N, patch_size * patch_size * 3)."""
        encoded = encode_visible(self.encoder, view, kept)  # (B, prefix + K, width)
        return self.decoder(encoded, kept, self.encoder.grid(*view.shape[2:]))

    @torch.no_grad()
    def reconstruct(
        self, images: Tensor, mask_ratio: float | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """What the method paints: (images (B, 3, H, W) in [0, 1], mask (B, N) with 1 = removed), for figures.

        images: uint8 or float in [0, 1]. Visible patches are shown as they are, since nothing asks the
        decoder to paint them. With `normalize` a prediction has no brightness or contrast; those of the
        *true* patch are put back, so such a figure shows more than the model knows. mask_ratio: default as in
        training.
        """
        from course_lib.data import as_float

        images = as_float(images).to(next(self.parameters()).device)
        size, grid = self.encoder.patch_size, self.encoder.grid(*images.shape[2:])
        ratio = self.mask_ratio if mask_ratio is None else mask_ratio
        kept = self.masking(len(images), grid[0] * grid[1], ratio, generator).to(images.device)
        painted, true = self.predict(images, kept).float(), patchify(images, size)
        if self.normalize:
            _, mean, std = standardise_patches(true)
            painted = painted * std + mean
        mask = removed(kept, painted.shape[1])
        shown = torch.where(mask[:, :, None] > 0, painted, true)
        return unpatchify(shown, size, grid).clamp(0, 1), mask

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """Each removed patch painted in its mean colour: the part of its variance that is left, which is all.

        Less if the images have patches of one colour, which count 0. Without normalize it depends on them.
        """
        return {"(P-1)/P": (self.numbers - 1) / self.numbers} if self.normalize else {}
