"""SimSiam's loss: each view predicts the other one's projection, which is held still.

Chen & He 2021, arXiv:2011.10566, equations 1 to 4 and Algorithm 1.
"""

import torch
from torch import Tensor

from course_lib.losses.inputs import check_pair, cosine_to_constant, refuse_nan
from course_lib.losses.ranks import mean_over_ranks


def simsiam(p1: Tensor, z2: Tensor, p2: Tensor, z1: Tensor) -> Tensor:
    """Mean over the batch of -(cos(p1, z2) + cos(p2, z1)) / 2.

    p1, p2: (B, D), what the predictor makes of views 1 and 2. z2, z1: (B, D), the projections that they have
    to hit. All of any scale, row i of all four from the same image. z1 and z2 are constants here: no gradient
    reaches the network through them.

    Returns a float32 scalar between -1 and 1: 0 when predictions and projections have nothing to do with each
    other, -1 when all predictions are right, which is also what a network reaches that gives every image the
    same features. Raises ValueError if the shapes differ and (NotFiniteError, on the CPU) if there is NaN in
    the features; TypeError if the features are not float.
    """
    check_pair("simsiam", "p1", p1, "z2", z2)
    check_pair("simsiam", "p2", p2, "z1", z1)
    check_pair("simsiam", "p1", p1, "p2", p2)
    with torch.autocast(p1.device.type, enabled=False):
        cosines = cosine_to_constant(p1, z2) + cosine_to_constant(p2, z1)  # (B,)
        loss = mean_over_ranks(-cosines.mean() / 2)
    return refuse_nan("simsiam", loss, p1=p1, z2=z2, p2=p2, z1=z1)
