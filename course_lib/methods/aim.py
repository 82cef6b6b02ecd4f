"""AIM: read an image patch by patch, as a language model reads words, and paint the next patch each time.

El-Nouby et al. 2024, arXiv:2401.08541, section 4.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.data.draws import integers
from course_lib.losses.masked_pixels import masked_pixels
from course_lib.methods.base import Method
from course_lib.methods.causal import encode_before
from course_lib.methods.masking import check_maskable
from course_lib.methods.supervised import light_augmentation
from course_lib.models import VisionTransformer, mlp


class AIM(Method):
    """image -> patches row by row -> encoder that looks only backwards -> MLP -> pixels of the next patch.

    Nothing is hidden by replacing it: the attention mask hides what comes later, and one pass gives a
    prediction before every patch. A prefix of random length sees itself both ways and is not predicted, so
    that the encoder also learns the attention it has afterwards: features come from `encoder(images)`, where
    every token sees all. CLS and registers stand at the front and belong to the prefix (`encode_before`).
    CLS is asked for nothing; an encoder with pool="mean" keeps what was learned.

    prefix: prefixes of 1 to N - 1 patches, each length equally likely, new for each image. False: always 1,
    plain causal attention (worse features in the paper's ablation).
    normalize: predict each patch at mean 0 and standard deviation 1. head_layers, head_width: of the MLP
    (default width: 4 times the encoder's). augment: (images, generator) -> [view] (default: a crop of 40 to
    100 % of the area and a flip). loss_function(prediction, images, mask, patch_size, normalize): your own.

    Different from the paper: its head is 12 residual MLP blocks, its positions are fixed, its encoder has no
    CLS and no biases, AdamW's second beta is 0.95. The mean is over all predicted patches of the batch, so
    that an image with a longer prefix counts less.
    Raises TypeError for an encoder without patches, ValueError for one whose patches overlap (conv_stem) and,
    in `views`, for images of a single patch.
    """

    encoder: VisionTransformer

    def __init__(
        self,
        encoder: VisionTransformer,
        prefix: bool = True,
        normalize: bool = True,
        head_layers: int = 3,
        head_width: int | None = None,
        augment: Callable[..., list[Tensor]] = light_augmentation,
        loss_function: Callable[..., Tensor] = masked_pixels,
        weight_decay: float = 0.05,
        **options,
    ):
        check_maskable("AIM", encoder)
        super().__init__(encoder, weight_decay=weight_decay, **options)
        self.prefix, self.normalize = prefix, normalize
        self.augment, self.loss_function = augment, loss_function
        self.numbers = 3 * encoder.patch_size**2  # per patch
        width = 4 * self.width if head_width is None else head_width
        self.head = mlp(self.width, width, self.numbers, head_layers, norm=False)

    def views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[view (B, 3, H, W), seen (B,) int64]: the image, and how many patches its prefix has."""
        (view,) = self.augment(images, generator=generator)
        rows, columns = self.encoder.grid(*view.shape[2:])
        if rows * columns < 2:
            raise ValueError("AIM: an image is a single patch; use smaller patches, so that one can be next.")
        longest = torch.full((len(view),), rows * columns - 1)
        seen = 1 + integers(longest, generator) if self.prefix else torch.ones_like(longest)
        return [view, seen.to(view.device)]

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [view, seen], as `views` gives them. Squared error of all patches after the prefix."""
        view, seen = views
        prediction = self.predict(view, seen)
        after = torch.arange(prediction.shape[1], device=seen.device) >= seen[:, None]  # (B, N)
        return self.loss_function(prediction, view, after, self.encoder.patch_size, self.normalize)

    def predict(self, view: Tensor, seen: Tensor) -> Tensor:
        """Pixels of each patch, told by the patches before it: (B, N, patch_size * patch_size * 3).

        Only entries from `seen` on are predictions; those of the prefix may have seen their patch.
        """
        return self.head(encode_before(self.encoder, view, seen))

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """Each patch painted in its mean colour: the part of its variance that is left, which is all.

        Less if the images have patches of one colour, which count 0. Without normalize it depends on them.
        """
        return {"(P-1)/P": (self.numbers - 1) / self.numbers} if self.normalize else {}
