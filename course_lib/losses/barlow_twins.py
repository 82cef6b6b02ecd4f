"""Barlow Twins: each feature agrees with itself across two views and with no other feature.

Zbontar et al. 2021, arXiv:2103.03230, equations 1 and 2 and Algorithm 1.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.losses.fast import DistanceToIdentity
from course_lib.losses.inputs import check_pair, check_weights, refuse_nan
from course_lib.losses.ranks import gather_rows, world_size

EPSILON = 1e-8  # added to the variance: a standard deviation far below 1e-4 counts as 0


def barlow_twins(z1: Tensor, z2: Tensor, redundancy_weight: float = 0.0051) -> Tensor:
    """sum_i (1 - C_ii)^2 + redundancy_weight * sum_{i != j} C_ij^2, C the cross-correlation of the features.

    z1, z2: (B, D), the projections of two views of the same B images; scale and offset of a feature change
    nothing. C_ij is the correlation over the batch of feature i of z1 with feature j of z2, with the batch's
    own mean and variance (1/B). Under torch.distributed the batch is that of all ranks, and value and
    gradient are those of one process on the joint batch.

    A feature that is the same for all images correlates with nothing: its row or column of C is 0 and it
    costs 1, because EPSILON is added to every variance before anything is divided by it.

    Returns a float32 scalar: D when all images get the same features, 0 when the two views agree and the
    features are uncorrelated. Raises ValueError if the shapes differ, if the batch has one image, and if
    redundancy_weight is negative; NotFiniteError (on the CPU) if there is NaN in the features; TypeError if
    the features are not float.
    """
    check_pair("barlow_twins", "z1", z1, "z2", z2)
    check_weights("barlow_twins", redundancy_weight=redundancy_weight)
    if len(z1) * world_size() < 2:
        raise ValueError("barlow_twins: one image has no correlation; give a batch of at least 2.")
    with torch.autocast(z1.device.type, enabled=False):
        x1, x2 = standardised(gather_rows(z1.float())), standardised(gather_rows(z2.float()))  # (W * B, D)
        correlation = x1.T @ x2 / len(x1)  # (D, D)
        loss = distance_to_identity(correlation, redundancy_weight)
    return refuse_nan("barlow_twins", loss, z1=z1, z2=z2)


def distance_to_identity(matrix: Tensor, weight: float) -> Tensor:
    """sum_i (1 - M_ii)^2 + weight * sum_{i != j} M_ij^2 of (D, D)."""
    if not torch.compiler.is_compiling():
        return DistanceToIdentity.apply(matrix, weight)
    off_diagonal = matrix.square().fill_diagonal_(0).sum()
    return (1 - matrix.diagonal()).square().sum() + weight * off_diagonal


def standardised(z: Tensor) -> Tensor:
    """(N, D) -> (N, D): each feature minus its mean over the batch, over its standard deviation (1/N)."""
    # The mean of N equal numbers is rounded, so that a constant 100 would keep a spread far above EPSILON.
    # As differences from the first row equal numbers are exactly 0.
    if may_be_constant(z):
        z = z - z[:1].detach()
    return F.batch_norm(z, None, None, training=True, eps=EPSILON)


def may_be_constant(z: Tensor) -> bool:
    """False if no feature of (N, D) can be the same in all rows, as first and last row differ everywhere.

    On a GPU this would wait for the device and compiled it would break the graph: there always True.
    """
    looked_at = not torch.compiler.is_compiling() and z.device.type == "cpu"
    return not looked_at or bool((z[0] == z[-1]).any())
