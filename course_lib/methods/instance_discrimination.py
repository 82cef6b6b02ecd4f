"""Instance discrimination: each image has to be told from all others of the data set, by one view of it.

Wu et al. 2018, arXiv:1805.01978, sections 3.1 to 3.3.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data.fingerprints import fingerprints
from course_lib.losses.byol import byol
from course_lib.losses.inputs import check_temperature
from course_lib.losses.instance_discrimination import instance_discrimination
from course_lib.losses.moco import moco
from course_lib.losses.ranks import gather_rows
from course_lib.methods.base import Method
from course_lib.methods.fixmatch import strong_views
from course_lib.models import mlp


class InstanceDiscrimination(Method):
    """one view -> encoder -> linear -> z; softmax over a memory bank with one unit row for every image.

    The row of an image is its z of an epoch ago, so the classes need no weights of their own. After the
    optimiser's step the rows of this step's images move: row <- unit(momentum * row + (1 - momentum) * z).
    Before its image has been seen a row is random, so in the first epoch nothing sensible is learned and the
    loss rises above ln N: this method needs many epochs.

    images: those that `fit` will be given, an ImageSet or uint8 (N, 3, H, W). A batch does not say which
    images it holds, and a batch's labels are classes, not images. So the method knows an image by its pixels:
    a 64-bit fingerprint of each is kept, and the image's row in the bank is the place of its fingerprint
    among the sorted ones. That works with and without labels and in any order; an image that was not given
    here is refused, not taken for another; copies of one picture share one row. Bank and fingerprints are
    part of the state_dict.
    momentum: of the bank, in [0, 1]. proximal_weight: of |z - own row|^2, which makes for smaller steps from
    epoch to epoch (section 3.3). negatives: compare with so many drawn rows instead of the whole bank, when N
    is too large for it (the paper takes noise-contrastive estimation there).
    loss_function(features, bank, own, temperature) can be your own.
    augment: (images, generator) -> [view] (default: SimCLR's crop and colours).
    """

    bank: Tensor
    known: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        images,
        projection_size: int = 128,
        temperature: float = 0.07,
        momentum: float = 0.5,
        proximal_weight: float = 0.0,
        negatives: int | None = None,
        loss_function: Callable[..., Tensor] = instance_discrimination,
        augment: Callable[..., list[Tensor]] = strong_views,
        **options,
    ):
        super().__init__(encoder, **options)
        check_temperature("InstanceDiscrimination", temperature)
        if not 0 <= momentum <= 1 or proximal_weight < 0 or (negatives is not None and negatives < 1):
            raise ValueError(
                f"InstanceDiscrimination: momentum={momentum}, proximal_weight={proximal_weight}, negatives="
                f"{negatives}; the momentum lies in [0, 1], the weight is at least 0, negatives at least 1."
            )
        images = getattr(images, "images", images)
        known = [fingerprints(torch.as_tensor(images[i : i + 1024])) for i in range(0, len(images), 1024)]
        self.register_buffer("known", torch.cat(known).unique() if known else torch.empty(0))  # sorted
        if len(self.known) < 2:
            raise ValueError(
                f"InstanceDiscrimination: images has {len(self.known)} different images; give at least 2."
            )
        self.register_buffer("bank", F.normalize(torch.randn(len(self.known), projection_size), dim=1))
        self.projector = mlp(self.width, self.width, projection_size, layers=1)
        self.temperature, self.momentum, self.augment = temperature, momentum, augment
        self.proximal_weight, self.negatives, self.loss_function = proximal_weight, negatives, loss_function
        self._seen: list[tuple[Tensor, Tensor]] = []  # (rows, z) of the batches since the last optimiser step

    def views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[view (B, 3, H, W), own (B,) int64]: own is the row of each image in the bank.

        Raises ValueError for an image that is not in the set, TypeError for images that are not uint8.
        """
        (view,) = self.augment(images, generator=generator)
        return [view, self.rows(images)]

    def rows(self, images: Tensor) -> Tensor:
        """Which row of the bank belongs to each of images (B, 3, H, W) uint8: (B,) int64."""
        wanted = fingerprints(images)
        rows = torch.searchsorted(self.known, wanted).clamp_max(len(self.known) - 1)
        strangers = int((self.known[rows] != wanted).sum())
        if strangers:
            raise ValueError(
                f"InstanceDiscrimination: {strangers} of {len(images)} images are none of the "
                f"{len(self.known):,} it was made with; give it the images that fit is given."
            )
        return rows

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [view, own], as `views` gives them. Returns a scalar."""
        view, own = views
        z = self.project(view)  # (B, projection_size)
        if self._batches_in_step == 0:
            self._seen.clear()
        if self.training:
            self._seen.append((own, F.normalize(z.detach().float(), dim=1)))
        if self.negatives is None:
            loss = self.loss_function(z, self.bank, own, self.temperature)
        else:
            shape, generator = (self.negatives,), self.step_generator(shared=True)
            others = torch.randint(len(self.bank), shape, generator=generator).to(own.device)
            loss = moco(z, self.bank[own], self.bank[others], self.temperature)
        if self.proximal_weight:
            loss = loss + self.proximal_weight * byol(z, self.bank[own])
        return loss

    def project(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) in [0, 1] -> z (B, projection_size)."""
        return self.projector(self.encoder(images))

    def after_step(self) -> None:
        """The rows of the images of this step, on all ranks, move towards what was seen of them."""
        for own, z in self._seen:
            remember(self.bank, gather_rows(own), gather_rows(z), self.momentum)
        self._seen.clear()

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All rows of the bank look alike."""
        if self.negatives is None:
            return {"ln N": math.log(len(self.bank))}
        return {"ln(m+1)": math.log(self.negatives + 1)}


@torch.no_grad()
def remember(bank: Tensor, rows: Tensor, features: Tensor, momentum: float) -> None:
    """bank[rows] <- unit(momentum * bank[rows] + (1 - momentum) * features), in place.

    bank: (N, D), unit rows. rows: (B,) int64. features: (B, D), unit rows. A row that occurs several times
    moves once, towards the mean of its features: copies of a picture share a row.
    """
    different, place, counts = rows.unique(return_inverse=True, return_counts=True)
    sums = torch.zeros(len(different), bank.shape[1], device=bank.device).index_add(0, place, features)
    moved = momentum * bank[different] + (1 - momentum) * sums / counts[:, None]
    bank.index_copy_(0, different, F.normalize(moved, dim=1))
