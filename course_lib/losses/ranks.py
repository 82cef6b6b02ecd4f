"""A batch that is spread over several processes: what a loss needs so that it sees the joint batch.

In data-parallel training each rank averages its gradient with the others. A loss gives the gradient of one
process on the joint batch if (1) it compares its own rows with the rows of *all* ranks, (2) the gather passes
gradients back to the rank a row came from, and (3) it is a mean over its own rows. Without (2), as in a plain
all_gather, each row is pushed only as an anchor and never as somebody else's candidate.

All ranks must hold batches of the same size. Without torch.distributed every function here is the identity.
"""

import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Number of processes that train together; 1 if torch.distributed is not running."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def gather_rows(rows: Tensor) -> Tensor:
    """The rows of all ranks in rank order, (B, ...) -> (W * B, ...); gradients flow back to their rank."""
    if world_size() == 1:
        return rows
    from torch.distributed import _functional_collectives as collectives

    rows = rows.contiguous()
    if rows.requires_grad:
        return collectives.all_gather_tensor_autograd(rows, 0, _everyone())
    return collectives.all_gather_tensor(rows, 0, _everyone())


def mean_over_ranks(loss: Tensor) -> Tensor:
    """The value averaged over ranks; the gradient stays this rank's: training averages gradients itself."""
    if world_size() == 1:
        return loss
    from torch.distributed import _functional_collectives as collectives

    joint = collectives.all_reduce(loss.detach(), "sum", _everyone()) / world_size()
    return loss + (joint - loss.detach())


def _everyone() -> dist.ProcessGroup:
    group = dist.group.WORLD
    assert group is not None  # world_size() has looked already
    return group
