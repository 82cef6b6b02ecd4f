"""VICReg: views agree, every feature keeps a spread, and no two features say the same.

Bardes et al. 2022, arXiv:2105.04906, section 4 and Algorithm 1.
"""

from collections.abc import Callable

from torch import Tensor, nn

from course_lib.data import default_views
from course_lib.losses.inputs import check_weights
from course_lib.losses.vicreg import EPSILON, vicreg
from course_lib.methods.base import Method
from course_lib.models import mlp


class VICReg(Method):
    """image -> two views -> encoder -> projector -> z; a weighted sum of three terms of the two z.

    Each weight rules out one failure, and 0 shows it:
    - variance_weight=0: all images end at one point;
    - covariance_weight=0: the features keep a spread but repeat each other;
    - invariance_weight=0: nothing ties the views of an image together.

    projection_size: features of z. hidden_size: of the three-layer projector (default: projection_size).
    loss_function(z1, z2, invariance_weight, variance_weight, covariance_weight) can be your own.
    views: images -> [view 1, view 2] (default: `data.default_views`). The learning rate is for short training
    (benchmarks/learning_rates.py).

    Different from the paper: projection_size 256 (8,192), for short runs; AdamW for LARS.
    """

    def __init__(
        self,
        encoder: nn.Module,
        projection_size: int = 256,
        hidden_size: int | None = None,
        invariance_weight: float = 25.0,
        variance_weight: float = 25.0,
        covariance_weight: float = 1.0,
        loss_function: Callable[..., Tensor] = vicreg,
        views: Callable[..., list[Tensor]] | None = None,
        learning_rate: float = 3e-3,
        **options,
    ):
        super().__init__(encoder, learning_rate=learning_rate, **options)
        check_weights(
            "VICReg",
            invariance_weight=invariance_weight,
            variance_weight=variance_weight,
            covariance_weight=covariance_weight,
        )
        self.views = default_views if views is None else views
        # the last layer's bias, which the paper leaves out, moves both views alike and gets no gradient
        self.projector = mlp(self.width, hidden_size or projection_size, projection_size, layers=3)
        self.weights = (invariance_weight, variance_weight, covariance_weight)
        self.loss_function = loss_function

    def project(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) in [0, 1] -> z (B, projection_size)."""
        return self.projector(self.encoder(images))

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: two batches (B, 3, H, W), row i of both from the same image. Returns a scalar."""
        z1, z2 = self.project(views[0]), self.project(views[1])  # each (B, projection_size)
        return self.loss_function(z1, z2, *self.weights)

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All z equal: only the variance term is left, 24.75 with the paper's weights.

        With variance_weight=0 that is the best loss there is and no sign of a failure.
        """
        _, variance_weight, _ = self.weights
        return {"0.99 mu": variance_weight * (1 - EPSILON**0.5)} if variance_weight else {}
