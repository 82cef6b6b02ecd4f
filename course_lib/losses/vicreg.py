"""VICReg: views agree (invariance), features keep a spread (variance) and say different things (covariance).

Bardes et al. 2022, arXiv:2105.04906, equations 1 to 6, with the normalisation of the authors' code: the
invariance is a mean over features as well, and the hinge of each view counts half. The default weights belong
to these conventions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.losses.inputs import check_pair, check_rows, check_weights, refuse_nan
from course_lib.losses.ranks import gather_rows, mean_over_ranks, world_size

EPSILON = 1e-4  # inside the square root of the standard deviation, so that its slope at 0 is finite


def vicreg(
    z1: Tensor,
    z2: Tensor,
    invariance_weight: float = 25.0,
    variance_weight: float = 25.0,
    covariance_weight: float = 1.0,
) -> Tensor:
    """Weighted sum of three terms: views agree, features spread, features differ from each other.

    invariance_weight * invariance(z1, z2) + variance_weight * (variance(z1) + variance(z2)) / 2
    + covariance_weight * (covariance(z1) + covariance(z2)).

    z1, z2: (B, D), the projections of two views of the same B images; their scale matters. Under
    torch.distributed variance and covariance are those of the joint batch, and value and gradient are those
    of one process on it.

    Returns a float32 scalar: 0.99 * variance_weight when all images get the same features (24.75), 0 when the
    views agree and the features are uncorrelated with standard deviation 1 or more. Raises ValueError if the
    shapes differ, if the batch has one image, and if a weight is negative; NotFiniteError (on the CPU) if
    there is NaN in the features; TypeError if the features are not float.
    """
    check_pair("vicreg", "z1", z1, "z2", z2)
    check_weights(
        "vicreg",
        invariance_weight=invariance_weight,
        variance_weight=variance_weight,
        covariance_weight=covariance_weight,
    )
    with torch.autocast(z1.device.type, enabled=False):
        loss = invariance_weight * invariance(z1, z2)
        for z in (z1, z2):
            matrix = covariance_matrix(z)  # one matrix for both terms: they read different parts of it
            loss = loss + variance_weight * hinge(matrix) / 2 + covariance_weight * redundancy(matrix)
    return refuse_nan("vicreg", loss, z1=z1, z2=z2)


def invariance(z1: Tensor, z2: Tensor) -> Tensor:
    """Mean squared difference of two views (B, D), over images and features: 0 when the views agree."""
    check_pair("invariance", "z1", z1, "z2", z2)
    with torch.autocast(z1.device.type, enabled=False):
        return mean_over_ranks(F.mse_loss(z1.float(), z2.float()))


def variance(z: Tensor) -> Tensor:
    """Mean over the features of z (B, D) of max(0, 1 - standard deviation over the batch): equation 1.

    0 when every feature has standard deviation 1 or more, 0.99 when all rows are equal.
    """
    with torch.autocast(z.device.type, enabled=False):
        return hinge(covariance_matrix(z))


def covariance(z: Tensor) -> Tensor:
    """Sum of the squared covariances of different features of z (B, D), over D: equations 3 and 4.

    0 when no two features vary together, D - 1 when all D are the same feature of variance 1.
    """
    with torch.autocast(z.device.type, enabled=False):
        return redundancy(covariance_matrix(z))


def covariance_matrix(z: Tensor) -> Tensor:
    """(B, D) -> (D, D), unbiased, over the batch of all ranks: variances on the diagonal."""
    check_rows("vicreg", "z", z)
    if len(z) * world_size() < 2:
        raise ValueError("vicreg: one image has no variance; give a batch of at least 2.")
    rows = gather_rows(z.float())
    centred = rows - rows.mean(dim=0)
    return centred.T @ centred / (len(rows) - 1)


def hinge(matrix: Tensor) -> Tensor:
    """How far the standard deviations on the diagonal of (D, D) fall short of 1, on average."""
    return F.relu(1 - (matrix.diagonal() + EPSILON).sqrt()).mean()


def redundancy(matrix: Tensor) -> Tensor:
    """Sum of the squares off the diagonal of (D, D), over D."""
    return matrix.square().fill_diagonal_(0).sum() / len(matrix)
