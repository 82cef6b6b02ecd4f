"""NEPA: read an image patch by patch and predict the embedding of the next patch; nothing else.

Xu et al. 2025, "Next-Embedding Prediction Makes Strong Vision Learners", arXiv:2512.16922.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.losses.byol import byol
from course_lib.methods.base import Method
from course_lib.methods.causal import encode_before
from course_lib.methods.masking import check_maskable
from course_lib.methods.supervised import light_augmentation
from course_lib.models import VisionTransformer


class NextEmbedding(Method):
    """image -> patches row by row -> encoder that looks only backwards -> the next patch's embedding.

    The target z of a patch is what the encoder's own first layer makes of it: no pixels are painted, and
    there is no decoder, no head, no teacher and no second view. Every parameter belongs to the encoder. The
    prediction for a patch is the output of the token before it, and its loss -cos(prediction, z).

    stop_gradient=False is the collapse: the first layer then moves towards the predictions too, gives every
    patch the same direction, and the loss falls to -1. With the stop-gradient it learns as the input only.
    z is without its position: which place comes next is known, and would be an easy part of the target.
    augment: (images, generator) -> [view] (default: a crop of 40 to 100 % of the area and a flip).

    Features come from `encoder(images)`, where every token sees all; an encoder with pool="mean" keeps what
    was learned, since CLS sees no patch in training and is asked for nothing.
    Different from the paper: its transformer has rotary positions, LayerScale, QK-norm and SwiGLU; learned
    positions and plain blocks here. The first patch is not predicted, as in the paper.
    Raises TypeError for an encoder without patches, ValueError for one whose patches overlap (conv_stem) and,
    in `loss`, for images of a single patch.
    """

    encoder: VisionTransformer

    def __init__(
        self,
        encoder: VisionTransformer,
        stop_gradient: bool = True,
        augment: Callable[..., list[Tensor]] = light_augmentation,
        weight_decay: float = 0.05,
        **options,
    ):
        check_maskable("NextEmbedding", encoder)
        super().__init__(encoder, weight_decay=weight_decay, **options)
        self.stop_gradient, self.views = stop_gradient, augment

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [view (B, 3, H, W)]. Mean of -cos over patches 1 to N - 1 of all images, -1 to 1."""
        (view,) = views
        embeddings = self.encoder.patch_embeddings(view)  # (B, N, width)
        if embeddings.shape[1] < 2:
            raise ValueError(
                "NextEmbedding: an image is a single patch; use smaller patches, so that one can be next."
            )
        nothing = torch.zeros(1, dtype=torch.long, device=view.device)  # seen both ways
        prediction = encode_before(self.encoder, view, nothing)[:, 1:].flatten(0, 1)  # (B * (N - 1), width)
        target = embeddings[:, 1:].flatten(0, 1)
        loss = byol(prediction, target) / 2 - 1  # byol is 2 - 2 cos, and lets no gradient into its target
        if self.stop_gradient:
            return loss
        other_side = byol(target, prediction) / 2  # the target's gradient; its value is taken off again
        return loss + other_side - other_side.detach()

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """Predictions have nothing to do with the patches that come.

        The value of a collapsed run, -1, is not here: a run that learns well falls towards it too.
        """
        return {"cos = 0": 0.0}
