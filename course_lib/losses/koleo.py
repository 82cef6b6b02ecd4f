"""KoLeo: push every image away from its nearest neighbour, so that features spread over the sphere.

Sablayrolles et al. 2019, arXiv:1806.03198, equation 2; in DINOv2: Oquab et al. 2024, arXiv:2304.07193.
"""

import torch
from torch import Tensor

from course_lib.losses.inputs import check_rows, refuse_nan, unit_rows
from course_lib.losses.ranks import gather_rows, mean_over_ranks, rank, world_size

EPSILON = 1e-8  # keeps the logarithm of an exact duplicate finite


def koleo(features: Tensor) -> Tensor:
    """-mean over rows of ln(distance to the nearest other row), rows normalised inside.

    features: (B, D), any scale, one row per image: never two views of one image, which are meant to be near.
    Under torch.distributed the neighbours are the rows of all ranks.

    Returns a float32 scalar: -ln(2)/2 if all rows are orthogonal, ln(1e8) = 18.4 if all are equal. The nearer
    two rows, the harder the push (1 / distance), but an exact duplicate gets none: there is no direction in
    which to push it. Raises ValueError for a batch of one or another shape, and (NotFiniteError, on the CPU)
    if there is NaN in the features; TypeError if they are not float.
    """
    check_rows("koleo", "features", features)
    if len(features) * world_size() < 2:
        raise ValueError("koleo: a batch of one has no neighbours; give at least 2 images.")
    with torch.autocast(features.device.type, enabled=False):
        x = unit_rows(features)  # (B, D)
        everyone = gather_rows(x)  # (W * B, D), W ranks
        with torch.no_grad():
            cosine = x @ everyone.T
            cosine.diagonal(offset=rank() * len(x)).fill_(-2)  # nobody is their own neighbour
            nearest = cosine.argmax(dim=1)  # (B,)
        distance = torch.linalg.vector_norm(x - everyone[nearest], dim=1)
        loss = mean_over_ranks(-(distance + EPSILON).log().mean())
    return refuse_nan("koleo", loss, features=features)
