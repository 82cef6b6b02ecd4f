"""Barlow Twins: make the cross-correlation matrix of two views' features the identity.

Zbontar et al. 2021, arXiv:2103.03230, Algorithm 1.
"""

from collections.abc import Callable

from torch import Tensor, nn

from course_lib.data import default_views
from course_lib.losses.barlow_twins import barlow_twins
from course_lib.losses.inputs import check_weights
from course_lib.methods.base import Method
from course_lib.models import mlp


class BarlowTwins(Method):
    """image -> two views -> encoder -> projector -> z; features agree across views and not with each other.

    Collapse is ruled out by the loss itself: a constant feature correlates with nothing, and equal features
    are redundant. So both views go through one network, with gradient, and no predictor is needed.
    redundancy_weight=0 asks for agreement only: all features may then say the same.

    projection_size D: features of z; the paper's grow better up to 16,384, the most it tries. hidden_size: of
    the three-layer projector (default: projection_size). loss_function(z1, z2, redundancy_weight) can be your
    own.
    views: images -> [view 1, view 2] (default: `data.default_views`; the paper's are
    `data.asymmetric_views`).

    Different from the paper: projection_size 256 (8,192), for short runs; AdamW for LARS.
    """

    def __init__(
        self,
        encoder: nn.Module,
        projection_size: int = 256,
        hidden_size: int | None = None,
        redundancy_weight: float = 0.0051,
        loss_function: Callable[..., Tensor] = barlow_twins,
        views: Callable[..., list[Tensor]] | None = None,
        **options,
    ):
        super().__init__(encoder, **options)
        check_weights("BarlowTwins", redundancy_weight=redundancy_weight)
        self.views = default_views if views is None else views
        # the last layer's bias, which the paper leaves out, changes no correlation and gets no gradient
        self.projector = mlp(self.width, hidden_size or projection_size, projection_size, layers=3)
        self.projection_size, self.redundancy_weight = projection_size, redundancy_weight
        self.loss_function = loss_function

    def project(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) in [0, 1] -> z (B, projection_size)."""
        return self.projector(self.encoder(images))

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: two batches (B, 3, H, W), row i of both from the same image. Returns a scalar."""
        z1, z2 = self.project(views[0]), self.project(views[1])  # each (B, projection_size)
        return self.loss_function(z1, z2, self.redundancy_weight)

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """No feature of one view correlates with any of the other, as when all are constant."""
        return {"D": float(self.projection_size)}
