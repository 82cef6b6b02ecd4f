"""SwAV: from one crop of an image, predict to which prototypes another crop of it was assigned.

Caron et al. 2020, arXiv:2006.09882, equations 1 and 2, and section 3.2 for more than two crops.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.losses.inputs import check_temperature, refuse_nan
from course_lib.losses.ranks import mean_over_ranks
from course_lib.losses.scores import check_scores
from course_lib.losses.sinkhorn import sinkhorn


def swav(
    scores: Sequence[Tensor],
    assign: Sequence[int] = (0, 1),
    temperature: float = 0.1,
    epsilon: float = 0.05,
    iterations: int = 3,
    queue: Sequence[Tensor] | None = None,
) -> Tensor:
    """Cross-entropy between the code of each assigned crop and the softmax of every other crop.

    scores: list of (B, K), one per crop, row i of all from the same image: cosines with K prototypes.
    assign: which crops get codes (the large ones); each code is predicted from all other crops, averaged over
    these and then over `assign`. Codes come from `sinkhorn` and get no gradient. queue: for each assigned
    crop the scores (L, K) of earlier images, which share its prototypes out but are not predicted themselves:
    needed when a batch has fewer images than there are prototypes.

    Returns a float32 scalar, ln K when nothing is learned. Under torch.distributed the codes are those of one
    process on the joint batch; a queue is then this rank's part of it.

    Raises ValueError if shapes differ, if there are fewer than two crops, if `assign` names a crop twice or
    one that is not there, if temperature or epsilon <= 0, and (NotFiniteError, on the CPU) if there is NaN in
    the scores; TypeError if they are not float.
    """
    scores, assign = list(scores), [int(crop) for crop in assign]
    check_crops(scores, assign, queue)
    check_temperature("swav", temperature)
    with torch.autocast(scores[0].device.type, enabled=False):
        codes = {}
        for place, crop in enumerate(assign):
            earlier = [] if queue is None else [queue[place].float()]
            rows = torch.cat([scores[crop].float(), *earlier]).detach()  # (B + L, K)
            codes[crop] = sinkhorn(rows, epsilon, iterations)[: len(scores[crop])]
        loss = scores[0].new_zeros((), dtype=torch.float32)
        for crop, own in enumerate(scores):
            others = [codes[other] for other in assign if other != crop]
            if others:  # all codes that this crop has to predict, in one (B, K)
                target = torch.stack(others).sum(dim=0) if len(others) > 1 else others[0]
                log_prediction = (own.float() / temperature).log_softmax(dim=1)
                loss = loss - (target * log_prediction).sum(dim=1).mean()
        loss = mean_over_ranks(loss / (len(assign) * (len(scores) - 1)))
    return refuse_nan("swav", loss, **{f"scores[{crop}]": rows for crop, rows in enumerate(scores)})


def check_crops(scores: list[Tensor], assign: list[int], queue: Sequence[Tensor] | None) -> None:
    """Raise unless all crops are (B, K), `assign` picks different ones of them and each has its queue."""
    if len(scores) < 2:
        raise ValueError(f"swav: scores has {len(scores)} crop; one has to be predicted from another.")
    for crop, rows in enumerate(scores):
        check_scores("swav", f"scores[{crop}]", rows, "(B, K)")
        if rows.shape != scores[0].shape:
            raise ValueError(
                f"swav: scores[0] is {tuple(scores[0].shape)} but scores[{crop}] is {tuple(rows.shape)}; "
                "all crops must come from the same images and prototypes."
            )
    if not assign or len(set(assign)) < len(assign) or min(assign) < 0 or max(assign) >= len(scores):
        raise ValueError(f"swav: assign is {tuple(assign)}; name different ones of 0 to {len(scores) - 1}.")
    if queue is None:
        return
    if len(queue) != len(assign):
        raise ValueError(f"swav: queue has {len(queue)} parts; give one for each of {len(assign)} in assign.")
    for place, rows in enumerate(queue):
        check_scores("swav", f"queue[{place}]", rows, "(L, K)")
        if rows.shape[1] != scores[0].shape[1]:
            raise ValueError(
                f"swav: queue[{place}] has {rows.shape[1]} prototypes but scores has {scores[0].shape[1]}."
            )
