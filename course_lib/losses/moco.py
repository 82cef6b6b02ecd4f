"""MoCo's loss: InfoNCE against a queue of keys from earlier batches.

He et al. 2020, arXiv:1911.05722, equation 1.
"""

import torch
from torch import Tensor

from course_lib.losses.info_nce import against
from course_lib.losses.inputs import check_pair, check_rows, check_temperature, refuse_nan, unit_rows
from course_lib.losses.ranks import mean_over_ranks


def moco(query: Tensor, key: Tensor, queue: Tensor, temperature: float = 0.07) -> Tensor:
    """InfoNCE of each query against its own key and the queue's old keys.

    query, key: (B, D), any scale, row i of both from the same image. queue: (K, D) keys of earlier batches,
    any scale. Key and queue are constants: no gradient reaches the network that made them. Use the queue as
    it was *before* this batch; with this batch's keys in it, each positive is also a negative and the loss
    cannot fall below ln 2.

    Returns a float32 scalar, ln(K + 1) when nothing is learned. Raises ValueError if shapes or sizes differ,
    if temperature <= 0, and (NotFiniteError, on the CPU) if there is NaN in the features.
    """
    check_pair("moco", "query", query, "key", key)
    check_rows("moco", "queue", queue)
    if queue.shape[1] != query.shape[1]:
        raise ValueError(f"moco: query has {query.shape[1]} features but queue has {queue.shape[1]}.")
    check_temperature("moco", temperature)
    with torch.autocast(query.device.type, enabled=False):
        q, k = unit_rows(query), unit_rows(key.detach())
        loss = mean_over_ranks(against(q, k, unit_rows(queue.detach()), temperature))
    return refuse_nan("moco", loss, query=query, key=key, queue=queue)
