"""Two processes with different images: the loss and gradient of one process, and one bank on both."""

import pytest
import torch
import torch.distributed as dist
from processes import on_ranks

from course_lib.methods.instance_discrimination import InstanceDiscrimination

from .pretext_pictures import as_one_view
from .small import Pixels, pictures

RANKS, BATCH = 2, 4
# both ranks see picture 2; the fourth of rank 0 is a copy within its own batch
SEEN = pictures(12)[torch.tensor([0, 1, 2, 1, 2, 5, 6, 7])]


def step(images, world=1):
    """Loss, gradient of the weights averaged over ranks, and the bank after the step."""
    torch.manual_seed(0)
    method = InstanceDiscrimination(Pixels(), pictures(12), 5, proximal_weight=0.2, augment=as_one_view)
    value = method.loss(method.views(images))
    value.backward()
    gradient = method.projector[0].weight.grad
    if world > 1:
        dist.all_reduce(gradient)
    method.after_step()
    return {"value": value.detach(), "gradient": gradient / world, "bank": method.bank}


def one_rank(rank):
    return step(SEEN[rank * BATCH : (rank + 1) * BATCH], RANKS)


@pytest.mark.slow
def test_two_ranks_equal_one_process_and_keep_the_same_bank(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    expected = step(SEEN)
    for result in results:
        assert torch.allclose(result["value"], expected["value"], rtol=1e-5)
        assert torch.allclose(result["gradient"], expected["gradient"], atol=1e-6)
        assert torch.allclose(result["bank"], expected["bank"], atol=1e-6)
    assert torch.equal(results[0]["bank"], results[1]["bank"])
