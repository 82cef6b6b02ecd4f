"""BYOL: predict what a slow copy of yourself sees in the other view; nothing pushes images apart.

Grill et al. 2020, arXiv:2006.07733, section 3 and Algorithm 1.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.data import default_views
from course_lib.losses.byol import byol
from course_lib.methods.base import Method
from course_lib.methods.schedule import half_cosine
from course_lib.methods.teacher import momentum_update, teacher_of
from course_lib.models import mlp


class BYOL(Method):
    """Each view: encoder -> projector -> predictor; target: the teacher's projection of the other view.

    The teacher is a slow copy of encoder and projector (it has no predictor) and gets no gradient. Both
    directions are summed. After each step the teacher follows, with a momentum that rises from `momentum` to
    1 along half a cosine over `total_steps`.

    Why do not all images end at one point? Take a part away and see:
    - stop_gradient=False: the targets come from the student and learn too, so both sides meet where it is
      easiest. The teacher is not used;
    - predictor=False: the student itself has to equal the teacher. How soon it collapses is up to the
      teacher: within 100 steps with momentum=0, while a teacher at 0.99 holds it for a long time;
    - momentum=0: the teacher is the student of the step before, and the predictor alone holds it, as in
      SimSiam; momentum=1: the teacher stays random, and the student learns to predict random features.
    A collapsed run has a loss of 0, the best there is: look at the spread of `project(images)`, not at the
    loss, and not at the encoder's features, which BatchNorm in the projector keeps apart for longer.

    loss_function(prediction, target) and momentum_update(teacher, student, momentum) can be your own.
    views: images -> [view 1, view 2] (default: `data.default_views`; the paper's: `data.asymmetric_views`).
    hidden_size: of projector and predictor (default: 2 * encoder.width, as in the paper). The learning rate
    is for short training (benchmarks/learning_rates.py).

    Different from the paper: momentum from 0.99 (0.996) and projection_size 128 (256), for short runs; AdamW
    for LARS; one policy for both views.
    """

    momentum_update: Callable[..., None]

    def __init__(
        self,
        encoder: nn.Module,
        momentum: float = 0.99,
        predictor: bool = True,
        stop_gradient: bool = True,
        projection_size: int = 128,
        hidden_size: int | None = None,
        loss_function: Callable[..., Tensor] = byol,
        momentum_update: Callable[..., None] = momentum_update,
        views: Callable[..., list[Tensor]] | None = None,
        learning_rate: float = 6e-3,
        **options,
    ):
        super().__init__(encoder, learning_rate=learning_rate, **options)
        if not 0 <= momentum <= 1:
            raise ValueError(f"BYOL: momentum is {momentum}; it must lie in [0, 1], for example 0.99.")
        self.views = default_views if views is None else views
        hidden = hidden_size or 2 * self.width
        self.projector = mlp(self.width, hidden, projection_size)
        self.predictor = mlp(projection_size, hidden, projection_size) if predictor else nn.Identity()
        self.teacher = teacher_of(self.student)
        self.momentum, self.stop_gradient = momentum, stop_gradient
        self.loss_function, self.momentum_update = loss_function, momentum_update

    @property
    def student(self) -> nn.Module:
        """Encoder and projector as one module; what the teacher is a slow copy of."""
        return nn.Sequential(self.encoder, self.projector)

    def project(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) in [0, 1] -> z (B, projection_size)."""
        return self.projector(self.encoder(images))

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: two batches (B, 3, H, W), row i of both from the same image. Returns a scalar, 0 to 8."""
        z1, z2 = self.project(views[0]), self.project(views[1])  # each (B, projection_size)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        if self.stop_gradient:
            with torch.no_grad():
                t1, t2 = self.teacher(views[0]), self.teacher(views[1])
            return self.loss_function(p1, t2) + self.loss_function(p2, t1)
        loss = self.loss_function(p1, z2) + self.loss_function(p2, z1)
        # The loss lets no gradient into its second argument. Seen from the other side it does, and it is
        # the same number, which is taken off again.
        other_side = self.loss_function(z2, p1) + self.loss_function(z1, p2)
        return loss + other_side - other_side.detach()

    def after_step(self) -> None:
        """The teacher follows the student, slower and slower."""
        momentum = half_cosine(self.momentum, 1.0, self.progress)
        self.momentum_update(self.teacher, self.student, momentum)

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """Both directions at 2: predictions have nothing to do with their targets.

        The value of a collapsed run, 0, is not here: a run that learns well falls towards it too.
        """
        return {"cos = 0": 4.0}
