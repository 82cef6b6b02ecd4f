"""BEiT: hide blocks of patches and name the visual word of each hidden one, as BERT does with text.

Bao et al. 2022, arXiv:2106.08254, equation 1 and Algorithm 1.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.losses.ranks import mean_over_ranks
from course_lib.methods.base import Method
from course_lib.methods.block_masks import block_masks
from course_lib.methods.masking import check_maskable, pick
from course_lib.methods.supervised import light_augmentation
from course_lib.models import VisionTransformer
from course_lib.models.patches import trunc_normal


class BEiT(Method):
    """image -> patches, blocks of them replaced by a mask token -> encoder -> linear -> which visual word?

    The answer is one of V words and not a colour: cross-entropy can say "this or that" where a squared error
    paints the mean of both. Only hidden patches count.

    tokenizer: says which word a patch is. A callable with `.vocabulary` that turns images (B, 3, H, W) in
    [0, 1] into (B, N) int64, N patches of the encoder's size; `PatchCodebook.of(images, patch_size)` makes
    one. It sees the whole image and is frozen. mask_ratio: part of the patches that is hidden, exactly
    round(N * mask_ratio) of each image. augment: (images, generator) -> [view] (default: a crop of 40 to
    100 % of the area and a flip; the paper also changes colours).

    Different from the paper: its tokenizer is a trained autoencoder (DALL-E's dVAE, 8,192 words), which sees
    more than one patch at a time and was fitted to 250 million images; k-means on patches gives words that
    say less about what is shown. Blocks are those of `block_masks`: at least 4 patches and not 16. Crops are
    milder (from 8 % of the area), positions learned (relative ones), no LayerScale, no stochastic depth.
    Raises TypeError or ValueError for an encoder whose patches cannot be hidden, TypeError for a tokenizer
    without `.vocabulary`, ValueError for a mask_ratio not in (0, 1) or tokens that do not fit the patches.
    """

    encoder: VisionTransformer

    def __init__(
        self,
        encoder: VisionTransformer,
        tokenizer: Callable[[Tensor], Tensor],
        mask_ratio: float = 0.4,
        augment: Callable[..., list[Tensor]] = light_augmentation,
        weight_decay: float = 0.05,
        **options,
    ):
        check_maskable("BEiT", encoder)
        super().__init__(encoder, weight_decay=weight_decay, **options)
        if not callable(tokenizer) or not hasattr(tokenizer, "vocabulary"):
            raise TypeError(
                f"BEiT: tokenizer is a {type(tokenizer).__name__} without .vocabulary; give "
                "PatchCodebook.of(images, encoder.patch_size)."
            )
        if not 0 < mask_ratio < 1:
            raise ValueError(f"BEiT: mask_ratio is {mask_ratio}; give a part above 0 and below 1, like 0.4.")
        self.mask_ratio, self.augment = mask_ratio, augment
        self.tokenizer = tokenizer
        if isinstance(tokenizer, nn.Module):
            tokenizer.requires_grad_(False).eval()
        self.vocabulary: int = tokenizer.vocabulary
        self.mask_token = trunc_normal(self.width)
        self.head = nn.Linear(self.width, self.vocabulary)

    def train(self, mode: bool = True) -> "BEiT":
        """The tokenizer stays in eval mode."""
        super().train(mode)
        if isinstance(self.tokenizer, nn.Module):
            self.tokenizer.eval()
        return self

    def views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[view (B, 3, H, W), hidden (B, M) int64]: the image, and the places of its hidden patches."""
        (view,) = self.augment(images, generator=generator)
        grid = self.encoder.grid(*view.shape[2:])
        mask = block_masks(grid, torch.full((len(view),), self.mask_ratio), generator)  # (B, N)
        return [view, mask.nonzero()[:, 1].view(len(view), -1).to(view.device)]

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [view, hidden], as `views` gives them. Mean cross-entropy over hidden patches, a scalar."""
        view, hidden = views
        with torch.no_grad():
            words = self.tokenizer(view)  # (B, N)
        rows, columns = self.encoder.grid(*view.shape[2:])
        if words.shape != (len(view), rows * columns):
            raise ValueError(
                f"BEiT: tokenizer gave {tuple(words.shape)} tokens; {len(view)} images of {rows} x {columns} "
                f"patches need ({len(view)}, {rows * columns})."
            )
        mask = torch.zeros_like(words, dtype=torch.bool).scatter(1, hidden, True)
        encoded = self.encoder.run(self.encoder.tokens(view, mask, self.mask_token))
        scores = self.head(pick(encoded[:, self.encoder.prefix :], hidden)).float()  # (B, M, V)
        return mean_over_ranks(F.cross_entropy(scores.flatten(0, 1), words.gather(1, hidden).flatten()))

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """ln V: all words equally likely. H(words): each as likely as it is among all patches."""
        values = {"ln V": math.log(self.vocabulary)}
        if hasattr(self.tokenizer, "entropy"):
            values["H(words)"] = self.tokenizer.entropy
        return values
