"""SimSiam: two views, one network, a predictor and a stop-gradient; neither negatives nor a teacher.

Chen & He 2021, arXiv:2011.10566, Algorithm 1 and section 3.
"""

from collections.abc import Callable

from torch import Tensor, nn

from course_lib.data import default_views
from course_lib.losses.simsiam import simsiam
from course_lib.methods.base import Method
from course_lib.models import mlp


class SimSiam(Method):
    """Each view: encoder -> projector -> z -> predictor -> p; p of one view has to hit z of the other one.

    No gradient flows through the z that has to be hit. The projector ends in a BatchNorm without scale and
    shift; the predictor is a bottleneck, a quarter as wide as z.

    The two collapses of section 4, with the loss at -1, the best there is:
    - stop_gradient=False: both sides move towards each other;
    - predictor=False: the symmetrised loss then has half the gradient that it has without stop-gradient, so
      the stop-gradient stops nothing.
    The last BatchNorm forces a spread of 1 on every feature, so that at first a collapsed run puts all images
    on one line: look at the effective rank of `project(images)`. With last_norm=False they end at one point
    and the standard deviation says it too.

    loss_function(p1, z2, p2, z1) can be your own. views: images -> [view 1, view 2] (default:
    `data.default_views`). hidden_size: of the projector (default: projection_size).

    Different from the paper: projection_size 256 (2,048), for short runs; AdamW for SGD; the predictor's
    learning rate falls with all others (the paper keeps it constant).
    """

    def __init__(
        self,
        encoder: nn.Module,
        predictor: bool = True,
        stop_gradient: bool = True,
        last_norm: bool = True,
        projection_size: int = 256,
        hidden_size: int | None = None,
        loss_function: Callable[..., Tensor] = simsiam,
        views: Callable[..., list[Tensor]] | None = None,
        **options,
    ):
        super().__init__(encoder, **options)
        if projection_size < 4:
            raise ValueError(
                f"SimSiam: projection_size is {projection_size}; give at least 4: a quarter goes through the "
                "predictor."
            )
        self.views = default_views if views is None else views
        hidden = hidden_size or projection_size
        self.projector = mlp(self.width, hidden, projection_size, layers=3, last_norm=last_norm)
        self.predictor = (
            mlp(projection_size, projection_size // 4, projection_size) if predictor else nn.Identity()
        )
        self.stop_gradient = stop_gradient
        self.loss_function = loss_function

    def project(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) in [0, 1] -> z (B, projection_size)."""
        return self.projector(self.encoder(images))

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: two batches (B, 3, H, W), row i of both from the same image. Returns a scalar, -1 to 1."""
        z1, z2 = self.project(views[0]), self.project(views[1])  # each (B, projection_size)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        loss = self.loss_function(p1, z2, p2, z1)
        if self.stop_gradient:
            return loss
        # The loss lets no gradient into its z. Seen from the other side it does, and it is the same number,
        # which is taken off again.
        other_side = self.loss_function(z2, p1, z1, p2)
        return loss + other_side - other_side.detach()

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """Predictions have nothing to do with what they should hit.

        The value of a collapsed run, -1, is not here: a run that learns well falls towards it too.
        """
        return {"cos = 0": 0.0}
