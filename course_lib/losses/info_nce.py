"""InfoNCE: pick the positive out of a line-up of negatives.

van den Oord et al. 2018, arXiv:1807.03748, equation 4, with cosine similarity over a temperature as score.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.losses.fast import FastInBatch, FastLogSumExp, can_be_fast
from course_lib.losses.inputs import check_pair, check_rows, check_temperature, refuse_nan, unit_rows
from course_lib.losses.ranks import gather_rows, mean_over_ranks, rank, world_size


def info_nce(
    query: Tensor, positive: Tensor, negatives: Tensor | None = None, temperature: float = 0.1
) -> Tensor:
    """Mean over queries of -log softmax(cosine / temperature) at the query's own positive.

    query, positive: (B, D), any scale, row i of both from the same image. negatives: (K, D), shared by all
    queries; without them, the positives of the other images in the batch are the negatives (one direction of
    CLIP's loss). Under torch.distributed "the batch" is that of all ranks; explicit negatives stay local.

    Returns a float32 scalar: ln B (in-batch) or ln(K + 1) when nothing is learned. It bounds the mutual
    information from below: I(query; positive) >= ln(number of candidates) - loss.

    Raises ValueError if the shapes differ, if a batch of one leaves no negative, if temperature <= 0, and
    (NotFiniteError, on the CPU) if there is NaN in the features; TypeError if the features are not float.
    """
    check_pair("info_nce", "query", query, "positive", positive)
    check_temperature("info_nce", temperature)
    with torch.autocast(query.device.type, enabled=False):
        q, p = unit_rows(query), unit_rows(positive)
        if negatives is None:
            loss = in_batch(q, p, temperature)
        else:
            check_rows("info_nce", "negatives", negatives)
            if negatives.shape[1] != query.shape[1]:
                raise ValueError(
                    f"info_nce: query has {query.shape[1]} features but negatives has {negatives.shape[1]}."
                )
            loss = against(q, p, unit_rows(negatives), temperature)
        loss = mean_over_ranks(loss)
    inputs = {"query": query, "positive": positive}
    return refuse_nan("info_nce", loss, **inputs, **({} if negatives is None else {"negatives": negatives}))


def in_batch(q: Tensor, p: Tensor, temperature: float) -> Tensor:
    """q, p: (B, D) unit rows. The candidates of every query are all rows of p, its own the right answer."""
    if len(q) * world_size() < 2:
        raise ValueError(
            "info_nce: a batch of one has no negatives; give at least 2 images or pass negatives=(K, D)."
        )
    if can_be_fast(temperature) and world_size() == 1:
        return FastInBatch.apply(q, p, temperature)
    own = torch.arange(len(q), device=q.device) + rank() * len(q)
    return F.cross_entropy(q @ gather_rows(p).T / temperature, own)


def against(q: Tensor, p: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """q, p: (B, D), negatives: (K, D), unit rows. Each query chooses between its own p and all negatives.

    -log(e^p / (e^p + sum e^n)) = softplus(logsumexp(n) - p): no (B, K + 1) matrix has to be glued together,
    and a loss far below float32's 1e-7 is still told from zero.
    """
    positive = (q * p).sum(dim=1) / temperature  # (B,)
    if can_be_fast(temperature):
        negative = FastLogSumExp.apply(q, negatives, temperature)  # (B,)
    else:
        negative = torch.logsumexp(q @ negatives.T / temperature, dim=1)
    return F.softplus(negative - positive).mean()
