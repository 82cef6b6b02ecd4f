"""SwAV: assign crops to prototypes so that all prototypes are used, and predict one crop's from another's.

Caron et al. 2020, arXiv:2006.09882, Algorithm 1 and section 3.2.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.losses.inputs import check_temperature
from course_lib.losses.ranks import gather_rows, rank, world_size
from course_lib.losses.swav import swav
from course_lib.methods.base import Method
from course_lib.methods.moco import enqueue
from course_lib.methods.self_distillation import encode_crops
from course_lib.models import mlp


class SwAV(Method):
    """crops -> encoder -> projector -> unit embeddings -> cosines with K unit prototypes -> swapped codes.

    No teacher and no negatives: what keeps all images from one prototype is the code, which shares the
    prototypes out equally over the batch.
    After every step the prototypes are put back to length 1. With a queue, codes are computed for this
    batch together with earlier images. It holds their *embeddings*, scored anew with today's prototypes, and
    is used only once it is full. Embeddings enter after the optimiser's step.

    prototypes K: the paper takes 3000; fewer than images in batch and queue, or some stay empty.
    projection_size, hidden_size (default: encoder.width): of the projector; the paper's are 128 and 2048.
    assign: which crops get codes, the large ones. queue_size: images in the queue over all ranks, 0 for none.
    frozen_steps: the prototypes stay as they are for so many steps (the paper: one epoch).
    loss_function(scores, assign, temperature, epsilon, iterations, queue) can be your own.
    views: images -> list of crops, large ones first (default: `data.MultiCrop()`).

    Different from the paper: 128 prototypes (3,000), projection_size 64 (128), prototypes not frozen at
    first, large crops of 40 to 100 % (14 to 100 %) and four small ones of 5 to 40 % (six of 5 to 14 %), for
    short runs; a queue counts as soon as it is
    full (the paper: from epoch 15); AdamW for LARS.
    """

    queue: Tensor
    queue_count: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        prototypes: int = 128,
        projection_size: int = 64,
        hidden_size: int | None = None,
        assign: Sequence[int] = (0, 1),
        temperature: float = 0.1,
        epsilon: float = 0.05,
        iterations: int = 3,
        queue_size: int = 0,
        frozen_steps: int = 0,
        loss_function: Callable[..., Tensor] = swav,
        views: Callable[..., list[Tensor]] | None = None,
        **options,
    ):
        super().__init__(encoder, **options)
        check_temperature("SwAV", temperature)
        check_temperature("SwAV", epsilon, "epsilon")
        if prototypes < 1 or queue_size < 0:
            raise ValueError(
                f"SwAV: prototypes={prototypes}, queue_size={queue_size}; give at least 1 and at least 0."
            )
        if views is None:
            from course_lib.data import MultiCrop

            views = MultiCrop()
        self.views, self.assign, self.loss_function = views, tuple(assign), loss_function
        self.temperature, self.epsilon, self.iterations = temperature, epsilon, iterations
        self.frozen_steps = frozen_steps
        self.projector = mlp(self.width, hidden_size or self.width, projection_size)
        self.prototypes = nn.Linear(projection_size, prototypes, bias=False)
        self.register_buffer("queue", torch.zeros(len(self.assign), queue_size, projection_size))
        self.register_buffer("queue_count", torch.tensor(0))  # images that have ever entered
        self._new: list[Tensor] = []  # embeddings of the batches since the last optimiser step
        self.normalize_prototypes()

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: crops (B, 3, h, w), row i of all from the same image. Returns a scalar."""
        features = encode_crops(self.encoder, views)  # (V, B, width)
        z = F.normalize(self.projector(features.flatten(0, 1)).float(), dim=1)  # (V * B, D)
        with torch.autocast(z.device.type, enabled=False):  # codes divide scores by 0.05: bf16 is too coarse
            scores = self.prototypes(z).unflatten(0, (len(views), -1))  # (V, B, K)
            queue = self.queue_scores()
        if self._batches_in_step == 0:
            self._new.clear()
        if self.training and self.queue.shape[1]:
            assigned = z.detach().unflatten(0, (len(views), -1))[list(self.assign)]
            self._new.append(assigned.transpose(0, 1))  # (B, assigned crops, D)
        return self.loss_function(
            list(scores), self.assign, self.temperature, self.epsilon, self.iterations, queue
        )

    @torch.no_grad()
    def queue_scores(self) -> list[Tensor] | None:
        """Today's scores (L, K) of this rank's share of the queue per assigned crop; None until full."""
        if not self.queue.shape[1] or int(self.queue_count) < self.queue.shape[1]:
            return None
        return [self.prototypes(crop[rank() :: world_size()]) for crop in self.queue]

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """At the start the prototypes get no gradient, so the optimiser leaves them alone."""
        if self.global_step < self.frozen_steps:
            self.prototypes.weight.grad = None

    @torch.no_grad()
    def normalize_prototypes(self) -> None:
        """Put the prototypes back to length 1."""
        self.prototypes.weight.copy_(F.normalize(self.prototypes.weight, dim=1))

    def after_step(self) -> None:
        """Prototypes of length 1 again; this step's embeddings, of all ranks, replace the queue's oldest."""
        self.normalize_prototypes()
        for embeddings in self._new:
            everyone = gather_rows(embeddings)  # (W * B, assigned crops, D)
            pointer = int(self.queue_count) % self.queue.shape[1]
            parts = [enqueue(q, pointer, everyone[:, place])[0] for place, q in enumerate(self.queue)]
            self.queue = torch.stack(parts)
            self.queue_count += len(everyone)
        self._new.clear()

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All K prototypes equally likely."""
        return {"ln K": math.log(self.prototypes.out_features)}
