"""MoCo: a query has to find its key among thousands of keys from earlier batches.

He et al. 2020 (v1), arXiv:1911.05722, Algorithm 1; Chen et al. 2020 (v2), arXiv:2003.04297.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.losses import moco
from course_lib.losses.ranks import gather_rows, rank
from course_lib.methods.base import Method
from course_lib.methods.teacher import momentum_update, teacher_of
from course_lib.models import group_batch_norm, mlp


@torch.no_grad()
def enqueue(queue: Tensor, pointer: int, keys: Tensor) -> tuple[Tensor, int]:
    """Write keys (B, D) over the oldest rows of queue (K, D), from row `pointer` on and around the end.

    Returns the new queue and the new pointer; the queue that was given stays as it was. B need not divide K;
    of more than K keys the last K stay. Raises ValueError if the sizes D differ.
    """
    if keys.ndim != 2 or keys.shape[1] != queue.shape[1]:
        raise ValueError(f"enqueue: keys is {tuple(keys.shape)} but queue is {tuple(queue.shape)}.")
    size = len(queue)
    rows = torch.arange(pointer, pointer + len(keys), device=queue.device) % size
    queue = queue.clone()
    queue[rows[-size:]] = keys[-size:].to(queue.dtype)
    return queue, (pointer + len(keys)) % size


class MoCo(Method):
    """view 1 -> encoder -> head -> query; view 2 -> teacher -> key; the queue's old keys are the negatives.

    The teacher is a slow copy of encoder and head that gets no gradient, so that old keys stay comparable.
    Order, as in Algorithm 1: logits use the queue *before* this batch; after the optimiser's step the teacher
    follows and this batch's keys replace the oldest ones. Queue and pointer are part of the state_dict.

    version: 1 (linear head, temperature 0.07, views "moco_v1") or 2 (two layers, 0.2, "moco_v2").
    momentum: of the teacher, in [0, 1]. queue_size K: of the queue over all ranks.
    loss_function(query, key, queue, temperature), momentum_update(teacher, student, momentum) in place and
    enqueue(queue, pointer, keys) -> (queue, pointer) can be your own.
    batch_norm_groups G: BatchNorm statistics per B / G images, as on G devices. shuffle: permute the images
    before the teacher and undo it after, so that query and key of an image do not share a group's statistics,
    which would give the answer away. batch_norm_groups > 1 with shuffle=False is that leak. The groups are
    put into the encoder you pass; in eval mode they make no difference.

    Different from the paper: momentum 0.99 (0.999) and queue_size 4,096 (65,536), both for short runs and few
    images; AdamW and a cosine for SGD.
    """

    queue: Tensor
    queue_pointer: Tensor
    shares_batch_norm = False  # each device is a group of its own, and shuffling is there because of it
    enqueue: Callable[..., tuple[Tensor, int]]

    def __init__(
        self,
        encoder: nn.Module,
        version: int = 2,
        queue_size: int = 4096,
        momentum: float = 0.99,
        temperature: float | None = None,
        projection_size: int = 128,
        loss_function: Callable[..., Tensor] = moco,
        momentum_update: Callable[..., None] = momentum_update,
        enqueue: Callable[..., tuple[Tensor, int]] = enqueue,
        batch_norm_groups: int = 1,
        shuffle: bool = True,
        views: Callable[..., list[Tensor]] | None = None,
        **options,
    ):
        super().__init__(encoder, **options)
        if version not in (1, 2) or queue_size < 1 or not 0 <= momentum <= 1:
            raise ValueError(
                f"MoCo: version={version}, queue_size={queue_size}, momentum={momentum}; version is 1 or 2, "
                "queue_size at least 1, momentum in [0, 1]."
            )
        if views is None:
            from course_lib.data import TwoViews

            views = TwoViews(f"moco_v{version}")
        self.views = views
        self.head = mlp(self.width, self.width, projection_size, layers=version, norm=False)
        group_batch_norm(encoder, batch_norm_groups)
        self.teacher = teacher_of(self.student)
        self.temperature = temperature if temperature is not None else {1: 0.07, 2: 0.2}[version]
        self.momentum, self.shuffle = momentum, shuffle
        self.loss_function, self.momentum_update, self.enqueue = loss_function, momentum_update, enqueue
        self.register_buffer("queue", F.normalize(torch.randn(queue_size, projection_size), dim=1))
        self.register_buffer("queue_pointer", torch.tensor(0))
        self._new_keys: list[Tensor] = []  # of the batches since the last optimiser step

    @property
    def student(self) -> nn.Module:
        """Encoder and head as one module, the part that learns; what the teacher is a slow copy of."""
        return nn.Sequential(self.encoder, self.head)

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: two batches (B, 3, H, W), row i of both from the same image. Returns a scalar."""
        query = self.head(self.encoder(views[0]))  # (B, D)
        key = self.keys(views[1])  # (B, D), unit rows, no gradient
        if self._batches_in_step == 0:
            self._new_keys.clear()
        if self.training:
            self._new_keys.append(key)
        return self.loss_function(query, key, self.queue, self.temperature)

    @torch.no_grad()
    def keys(self, images: Tensor) -> Tensor:
        """The teacher's unit rows (B, D) for images (B, 3, H, W); shuffled on the way if `shuffle` is on.

        Over several ranks images are exchanged as well, since every device's BatchNorm is a group of its own.
        """
        if not self.shuffle:
            return F.normalize(self.teacher(images).float(), dim=1)
        everyone, batch = gather_rows(images), len(images)  # (W * B, 3, H, W)
        order = torch.randperm(len(everyone), generator=self.step_generator(shared=True)).to(images.device)
        mine = slice(rank() * batch, (rank() + 1) * batch)
        key = gather_rows(F.normalize(self.teacher(everyone[order[mine]]).float(), dim=1))  # shuffled
        return key[order.argsort()[mine]]

    def after_step(self) -> None:
        """The teacher follows the student, then this step's keys replace the oldest in the queue."""
        self.momentum_update(self.teacher, self.student, self.momentum)
        for key in self._new_keys:
            self.queue, pointer = self.enqueue(self.queue, int(self.queue_pointer), gather_rows(key))
            self.queue_pointer.fill_(pointer)
        self._new_keys.clear()

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """The own key looks like the K old ones."""
        return {"ln(K+1)": math.log(len(self.queue) + 1)}


__all__ = ["MoCo", "enqueue", "momentum_update"]
