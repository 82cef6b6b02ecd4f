"""Sinkhorn-Knopp: soft assignments of images to prototypes in which every prototype gets its share.

Cuturi 2013, arXiv:1306.0895; as codes: Caron et al. 2020 (SwAV), arXiv:2006.09882, equations 3 to 5.
"""

import torch
from torch import Tensor

from course_lib.losses.inputs import check_temperature, refuse_nan
from course_lib.losses.ranks import gather_rows
from course_lib.losses.scores import check_scores


@torch.no_grad()
def sinkhorn(scores: Tensor, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    """Codes from scores: exp(scores / epsilon), its columns and rows divided by their sums in turn.

    scores: (B, K), row i the similarity of image i to each of K prototypes. epsilon: the smaller, the harder
    the codes; a large one makes them uniform. Each iteration gives every prototype (column) the same total,
    then every image (row) a total of 1; after a few, column sums are near B / K and row sums are 1.

    Returns codes (B, K), float32, without gradient: 1 / K everywhere if all rows are equal. Any scale of the
    scores is finite. Under torch.distributed a column's sum runs over all ranks, which may hold different
    numbers of rows, and the codes are those of one process on the joint batch.

    Raises ValueError for another shape, epsilon <= 0 or iterations < 1, and (NotFiniteError, on the CPU) if
    there is NaN in the scores; TypeError if the scores are not float.
    """
    check_scores("sinkhorn", "scores", scores, "(B, K)")
    check_temperature("sinkhorn", epsilon, "epsilon")
    if iterations < 1:
        raise ValueError(f"sinkhorn: iterations is {iterations}; at least 1 is needed, SwAV takes 3.")
    with torch.autocast(scores.device.type, enabled=False):
        logits = scores.float() / epsilon
        # The first iteration in logarithms: exp(scores / epsilon) overflows from a score of 4.5 on.
        mine = logits.logsumexp(dim=0, keepdim=True)  # (1, K), of this rank's rows
        codes = (logits - gather_rows(mine).logsumexp(dim=0)).softmax(dim=1)
        # From here on every row and every column holds a number of at least 1 / (B K), so no sum is ever 0.
        for _ in range(iterations - 1):
            codes /= gather_rows(codes.sum(dim=0, keepdim=True)).sum(dim=0)
            codes /= codes.sum(dim=1, keepdim=True)
    refuse_nan("sinkhorn", codes.sum(), scores=scores)
    return codes
