"""NT-Xent: in a batch of 2B views, each view has to find the other view of its image.

Chen et al. 2020 (SimCLR), arXiv:2002.05709, equation 1 and Algorithm 1.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.losses.fast import can_be_fast
from course_lib.losses.inputs import check_pair, check_temperature, refuse_nan, unit_rows
from course_lib.losses.nt_xent_fast import FastNTXent
from course_lib.losses.ranks import gather_rows, mean_over_ranks, rank, world_size


def nt_xent(z1: Tensor, z2: Tensor, temperature: float = 0.5) -> Tensor:
    """Cross-entropy of each of the 2B rows against the 2B - 1 others; the other view is the right answer.

    z1, z2: (B, D), the projections of two views of the same B images, any scale. Under torch.distributed the
    other rows are those of all ranks, and value and gradient are those of one process on the joint batch.

    Returns a float32 scalar: ln(2B - 1) when nothing is learned (all rows equal), and
    ln(1 + (2B - 2) e^(-1/T)) when all pairs are perfect and orthogonal to each other.

    Raises ValueError if the shapes differ, if the batch has one image, if temperature <= 0, and
    (NotFiniteError, on the CPU) if there is NaN in the features; TypeError if the features are not float.
    """
    check_pair("nt_xent", "z1", z1, "z2", z2)
    check_temperature("nt_xent", temperature)
    if len(z1) * world_size() < 2:
        raise ValueError("nt_xent: a batch of one has no negatives; give at least 2 images.")
    with torch.autocast(z1.device.type, enabled=False):
        z = unit_rows(torch.cat([z1, z2]))  # (2B, D)
        if can_be_fast(temperature) and world_size() == 1:
            loss = FastNTXent.apply(z, temperature)  # the same numbers, sooner: benchmarks/results/losses.md
        else:
            loss = reference(z, temperature)
    return refuse_nan("nt_xent", loss, z1=z1, z2=z2)


def reference(z: Tensor, temperature: float) -> Tensor:
    """NT-Xent of unit rows z (2B, D), views stacked, as one reads it in the paper. `nt_xent` must equal it.

    -log(e^p / (e^p + sum e^n)) = softplus(logsumexp(n) - p), with p the positive and n the 2B - 2 negatives.
    """
    batch = len(z) // 2
    everyone = gather_rows(z)  # (W * 2B, D), W ranks
    similarity = z @ everyone.T / temperature  # (2B, W * 2B)
    own = torch.arange(2 * batch, device=z.device)
    not_negative = (
        torch.stack([own, own.roll(batch)], dim=1) + rank() * 2 * batch
    )  # self and partner, (2B, 2)
    negatives = torch.logsumexp(similarity.scatter(1, not_negative, float("-inf")), dim=1)  # (2B,)
    positive = (z * z.roll(batch, dims=0)).sum(dim=1) / temperature  # (2B,)
    return mean_over_ranks(F.softplus(negatives - positive).mean())
