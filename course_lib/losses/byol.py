"""BYOL's loss: predict the direction in which the teacher sees the other view.

Grill et al. 2020, arXiv:2006.07733, equation 2.
"""

import torch
from torch import Tensor

from course_lib.losses.inputs import check_pair, cosine_to_constant, refuse_nan
from course_lib.losses.ranks import mean_over_ranks


def byol(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean over the batch of 2 - 2 cos(prediction, target), the squared distance of the two unit vectors.

    prediction, target: (B, D), any scale, row i of both from the same image. The target is a constant: no
    gradient reaches the network that made it.

    Returns a float32 scalar between 0 and 4: 2 when prediction and target have nothing to do with each other,
    0 when all predictions are right, which is also what a network reaches that gives every image the same
    features. Raises ValueError if the shapes differ and (NotFiniteError, on the CPU) if there is NaN in the
    features; TypeError if the features are not float.
    """
    check_pair("byol", "prediction", prediction, "target", target)
    with torch.autocast(prediction.device.type, enabled=False):
        loss = mean_over_ranks(2 - 2 * cosine_to_constant(prediction, target).mean())
    return refuse_nan("byol", loss, prediction=prediction, target=target)
