"""MoCo v3: the momentum teacher stays, the queue goes; the batch itself holds the negatives.

Chen, Xie & He 2021, arXiv:2104.02057, Algorithm 1 and section 4.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.data import default_views
from course_lib.losses import info_nce
from course_lib.methods.base import Method
from course_lib.methods.schedule import half_cosine
from course_lib.methods.teacher import momentum_update, teacher_of
from course_lib.models import VisionTransformer, mlp


class MoCoV3(Method):
    """One view: encoder -> projector -> predictor -> query; the other: teacher -> key; and the reverse.

    What changed since v2: a predictor as in BYOL, both directions, and the keys of this batch (of all ranks)
    in place of a queue, since batches have become large. The teacher's momentum rises from `momentum` to 1
    along half a cosine.

    freeze_patches: a transformer's patch embedding stays at its random start, which the paper found to keep
    training stable (section 4.2); a ResNet has none. projection_size: of query and key. hidden_size: of
    projector and predictor (default: 2 * encoder.width). temperature: the paper takes 0.2 for ViT, 1.0 for
    ResNet-50. loss_function(query, key, temperature=...) can be your own; keys come without gradient.
    views: images -> [view 1, view 2] (default: `data.default_views`).

    Different from the paper: projection_size 128 (256), hidden_size (4,096), weight decay 1e-4 (0.1 for ViT),
    for short runs; the encoder's positions are learned, the paper's are fixed. With a ResNet the paper has
    LARS for AdamW, temperature 1, a projector of two layers, and no BatchNorm at the predictor's end.
    """

    momentum_update: Callable[..., None]

    def __init__(
        self,
        encoder: nn.Module,
        momentum: float = 0.99,
        temperature: float = 0.2,
        projection_size: int = 128,
        hidden_size: int | None = None,
        freeze_patches: bool = True,
        loss_function: Callable[..., Tensor] = info_nce,
        momentum_update: Callable[..., None] = momentum_update,
        views: Callable[..., list[Tensor]] | None = None,
        **options,
    ):
        super().__init__(encoder, **options)
        if not 0 <= momentum <= 1:
            raise ValueError(f"MoCoV3: momentum is {momentum}; it must lie in [0, 1], for example 0.99.")
        self.views = default_views if views is None else views
        hidden = hidden_size or 2 * self.width
        self.projector = mlp(self.width, hidden, projection_size, layers=3, last_norm=True)
        self.predictor = mlp(projection_size, hidden, projection_size, last_norm=True)
        self.teacher = teacher_of(self.student)
        if freeze_patches and isinstance(encoder, VisionTransformer):
            encoder.patches.requires_grad_(False)
        self.momentum, self.temperature = momentum, temperature
        self.loss_function, self.momentum_update = loss_function, momentum_update

    @property
    def student(self) -> nn.Module:
        """Encoder and projector as one module; what the teacher is a slow copy of."""
        return nn.Sequential(self.encoder, self.projector)

    def project(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) in [0, 1] -> z (B, projection_size)."""
        return self.projector(self.encoder(images))

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: two batches (B, 3, H, W), row i of both from the same image. Returns a scalar."""
        query1, query2 = (self.predictor(self.project(view)) for view in views)  # each (B, projection_size)
        with torch.no_grad():
            key1, key2 = (self.teacher(view) for view in views)
        total = self.contrast(query1, key2) + self.contrast(query2, key1)
        return 2 * self.temperature * total  # so that the size of the gradient does not follow 1 / T

    def contrast(self, query: Tensor, key: Tensor) -> Tensor:
        """InfoNCE of queries (B, D) against the keys (B, D) of all images of the batch."""
        return self.loss_function(query, key, temperature=self.temperature)

    def after_step(self) -> None:
        """The teacher follows the student, slower and slower."""
        self.momentum_update(self.teacher, self.student, half_cosine(self.momentum, 1.0, self.progress))

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """In both directions every key of the batch looks like the own one."""
        return {"4T ln B": 4 * self.temperature * math.log(batch_size)}
