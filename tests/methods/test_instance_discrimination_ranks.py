"""Two processes with different images: the loss and gradient of one process, and one bank on both."""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

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


def one_rank(rank, port, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=RANKS)
    torch.save(step(SEEN[rank * BATCH : (rank + 1) * BATCH], RANKS), f"{folder}/{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_ranks_equal_one_process_and_keep_the_same_bank(tmp_path, free_port):
    mp.spawn(one_rank, args=(free_port, str(tmp_path)), nprocs=RANKS)
    results = [torch.load(tmp_path / f"{rank}.pt") for rank in range(RANKS)]
    expected = step(SEEN)
    for result in results:
        assert torch.allclose(result["value"], expected["value"], rtol=1e-5)
        assert torch.allclose(result["gradient"], expected["gradient"], atol=1e-6)
        assert torch.allclose(result["bank"], expected["bank"], atol=1e-6)
    assert torch.equal(results[0]["bank"], results[1]["bank"])
