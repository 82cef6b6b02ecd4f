"""SimCLR: two views of one image should be each other's nearest neighbours.

Chen et al. 2020, arXiv:2002.05709, Algorithm 1; the deeper head is SimCLR v2's, arXiv:2006.10029.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.data import default_views
from course_lib.losses import nt_xent
from course_lib.losses.inputs import check_temperature
from course_lib.methods.base import Method
from course_lib.methods.chunks import in_chunks
from course_lib.models import mlp


class SimCLR(Method):
    """image -> two views -> encoder -> h -> projector -> z; NT-Xent between the z of the two views.

    What is kept is the encoder: h remembers what the views differ in, z learns to forget it.

    projection_size: features of z. hidden_size: of the projector (default: encoder.width).
    projector_layers: 2 is v1's head, 3 is v2's. loss_function: called as (z1, z2, temperature).
    views: images -> [view 1, view 2] (default: `data.default_views`). chunk: views that are computed at
    a time, when a batch does not fit into memory: see `in_chunks`. Further options: see `Method`.

    Different from the paper: temperature 0.2 lies between its best ones, 0.5 for CIFAR-10 in 1,000 epochs and
    0.1 for ImageNet; AdamW for LARS.
    """

    def __init__(
        self,
        encoder: nn.Module,
        projection_size: int = 128,
        hidden_size: int | None = None,
        projector_layers: int = 2,
        temperature: float = 0.2,
        loss_function: Callable[..., Tensor] = nt_xent,
        views: Callable[..., list[Tensor]] | None = None,
        learning_rate: float = 6e-3,
        chunk: int | None = None,
        **options,
    ):
        super().__init__(encoder, learning_rate=learning_rate, **options)
        check_temperature("SimCLR", temperature)
        self.views = default_views if views is None else views
        self.projector = mlp(self.width, hidden_size or self.width, projection_size, projector_layers)
        self.temperature = temperature
        self.loss_function = loss_function
        self.chunk = chunk

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: two batches (B, 3, H, W), row i of both from the same image. Returns a scalar."""
        z1, z2 = in_chunks(self.project, torch.cat(views), self.chunk).chunk(2)  # each (B, projection_size)
        return self.loss_function(z1, z2, self.temperature)

    def project(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) in [0, 1] -> z (B, projection_size)."""
        return self.projector(self.encoder(images))

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All z equal: every one of the 2B - 1 other views looks like the partner."""
        return {"ln(2B-1)": math.log(2 * batch_size - 1)}
