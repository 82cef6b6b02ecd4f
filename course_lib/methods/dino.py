"""DINO: a student that sees small crops learns to say what its own slow copy says about large ones.

Caron et al. 2021, arXiv:2104.14294, Algorithm 1.
"""

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.losses.dino import dino
from course_lib.losses.inputs import check_temperature
from course_lib.methods.base import Method
from course_lib.methods.schedule import half_cosine
from course_lib.methods.self_distillation import Center, count_global_crops, encode_crops, warm_up
from course_lib.methods.teacher import momentum_update, teacher_of
from course_lib.models import prototype_head


class DINO(Method):
    """all crops -> encoder -> head -> student scores; large crops -> teacher -> its scores, without gradient.

    Nothing is labelled and nothing is a negative. Two things keep the teacher from saying the same of every
    image: its scores are centred (without: one prototype wins always, loss 0) and its softmax is sharper than
    the student's (without: all prototypes are equally likely, loss ln K). `centering=False` and
    `sharpening=False` show the two collapses.
    Order: the loss uses the centre before this batch; after the optimiser's step teacher and centre follow.

    prototypes K, hidden_size, bottleneck, prototype_length: of `models.prototype_head`.
    momentum: of the teacher, a half cosine from here to final_momentum over the run. The paper starts at
    0.996; the default is for runs of some hundred steps, where that teacher would hardly leave its start.
    teacher_temperature: reached in a straight line from warmup_teacher_temperature (default: the same) over
    the first temperature_warmup of the run. frozen_steps: the prototypes stay as they are for so many steps
    (the paper: one epoch). global_crops: how many views are large (default: what `views` says, else 2).
    loss_function(student, teacher, center, student_temperature, teacher_temperature) can be your own.
    views: images -> list of crops, large ones first (default: `data.MultiCrop()`).

    Different from the paper: 1,024 prototypes (65,536), hidden_size 256 (2,048), bottleneck 64 (256),
    momentum from 0.99 (0.996), prototypes not frozen at first and of length 8 (0.58), so that they turn more
    slowly, a teacher temperature of 0.04 throughout (rising to 0.07), four small crops (up to ten), for short
    runs; a constant weight decay of 1e-4 (0.04 rising to 0.4); gradients are not clipped
    (at length 3); no stochastic depth (0.1); all crops in one style (`MultiCrop(policy="dino")` has the
    paper's). `embed` is the student's; the paper evaluates the teacher, `papers_encoder`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        prototypes: int = 1024,
        hidden_size: int = 256,
        bottleneck: int = 64,
        prototype_length: float | None = None,
        momentum: float = 0.99,
        final_momentum: float = 1.0,
        student_temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        warmup_teacher_temperature: float | None = None,
        temperature_warmup: float = 0.3,
        center_momentum: float = 0.9,
        centering: bool = True,
        sharpening: bool = True,
        frozen_steps: int = 0,
        global_crops: int | None = None,
        loss_function: Callable[..., Tensor] = dino,
        momentum_update: Callable[..., None] = momentum_update,
        views: Callable[..., list[Tensor]] | None = None,
        **options,
    ):
        super().__init__(encoder, **options)
        name = type(self).__name__
        check_temperature(name, student_temperature, "student_temperature")
        check_temperature(name, teacher_temperature, "teacher_temperature")
        if warmup_teacher_temperature is not None:
            check_temperature(name, warmup_teacher_temperature, "warmup_teacher_temperature")
        if not 0 <= momentum <= final_momentum <= 1:
            raise ValueError(
                f"DINO: momentum={momentum}, final_momentum={final_momentum}; both lie in [0, 1], rising."
            )
        if views is None:
            from course_lib.data import MultiCrop

            views = MultiCrop()
        self.views, self.global_crops = views, count_global_crops(views, global_crops)
        sizes = {"hidden": hidden_size, "bottleneck": bottleneck, "prototypes": prototypes}
        self.new_head = functools.partial(prototype_head, self.width, length=prototype_length, **sizes)
        self.head = self.new_head()
        self.teacher = teacher_of(self.student)
        self.center = Center(prototypes, center_momentum)
        self.momentum, self.final_momentum = momentum, final_momentum
        self.student_temperature, self.last_teacher_temperature = student_temperature, teacher_temperature
        self.first_teacher_temperature = warmup_teacher_temperature or teacher_temperature
        self.temperature_warmup, self.frozen_steps = temperature_warmup, frozen_steps
        self.centering, self.sharpening = centering, sharpening
        self.loss_function, self.momentum_update = loss_function, momentum_update

    @property
    def student(self) -> nn.Sequential:
        """Encoder and head as one module, the part that learns; what the teacher is a slow copy of."""
        return nn.Sequential(self.encoder, self.head)

    @property
    def papers_encoder(self) -> nn.Module:
        """The teacher's."""
        return self.teacher[0]

    @property
    def teacher_temperature(self) -> float:
        """Now: it warms up with the run's progress. Without sharpening it is the student's."""
        if not self.sharpening:
            return self.student_temperature
        first, last = self.first_teacher_temperature, self.last_teacher_temperature
        return warm_up(first, last, self.temperature_warmup, self.progress)

    @property
    def teacher_momentum(self) -> float:
        """Now: it rises with the run's progress."""
        return half_cosine(self.momentum, self.final_momentum, self.progress)

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: crops (B, 3, h, w), the large ones first, row i of all from the same image -> a scalar."""
        student = self.head(encode_crops(self.encoder, views))  # (V, B, K)
        with torch.no_grad():
            encoder, head = self.teacher
            teacher = head(encode_crops(encoder, views[: self.global_crops]))  # (global_crops, B, K)
        self.center.collect(teacher, first=self._batches_in_step == 0)
        return self.loss_function(
            student, teacher, self.center.value, self.student_temperature, self.teacher_temperature
        )

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """At the start the prototypes get no gradient, so the optimiser leaves them alone."""
        if self.global_step < self.frozen_steps:
            self.head.prototypes.grad = None

    def after_step(self) -> None:
        """Teacher and centre follow."""
        self.momentum_update(self.teacher, self.student, self.teacher_momentum)
        if self.centering:
            self.center.move()

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All K prototypes equally likely: also where a run without sharpening ends."""
        return {"ln K": math.log(len(self.head.prototypes))}
