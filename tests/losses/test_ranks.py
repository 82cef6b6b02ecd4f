"""Two processes with different data must equal one process on the joint batch, in value and in gradient."""

import pytest
import torch
import torch.distributed as dist
from processes import on_ranks

from course_lib.losses import info_nce, moco, nt_xent

RANKS, BATCH, SIZE = 2, 5, 4
LOSSES = {
    "nt_xent": lambda a, b, queue: nt_xent(a, b, 0.2),
    "nt_xent cold": lambda a, b, queue: nt_xent(a, b, 0.01),
    "info_nce": lambda a, b, queue: info_nce(a, b, temperature=0.2),
    "info_nce with negatives": lambda a, b, queue: info_nce(a, b, queue, 0.2),
    "moco": lambda a, b, queue: moco(a, b, queue, 0.2),
}
COMPILED = ("nt_xent", "info_nce")


def data():
    generator = torch.Generator().manual_seed(0)
    shapes = [(RANKS * BATCH, 6), (RANKS * BATCH, 6), (7, SIZE), (SIZE, 6)]
    return [torch.randn(*shape, generator=generator) for shape in shapes]


def value_and_gradient(loss, x1, x2, queue, weight):
    """The gradient of a shared weight, which is what data-parallel training averages."""
    weight = weight.clone().requires_grad_()
    value = loss(x1 @ weight.T, x2 @ weight.T, queue)
    value.backward()
    return value.detach(), weight.grad


def one_rank(rank):
    x1, x2, queue, weight = data()
    mine = slice(rank * BATCH, (rank + 1) * BATCH)
    results = {}
    for name, loss in LOSSES.items():
        value, gradient = value_and_gradient(loss, x1[mine], x2[mine], queue, weight)
        dist.all_reduce(gradient)
        results[name] = (value.clone(), gradient / RANKS)
        if name not in COMPILED:
            continue
        torch._dynamo.reset()
        compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
        value, gradient = value_and_gradient(compiled, x1[mine], x2[mine], queue, weight)
        dist.all_reduce(gradient)
        results[f"{name}, compiled"] = (value.clone(), gradient / RANKS)
    try:
        nt_xent(x1[:1], x2[:1], 0.2)  # one image here, but two in the joint batch
        results["batch of one per rank"] = True
    except ValueError:
        results["batch of one per rank"] = False
    return results


@pytest.mark.slow
def test_two_ranks_equal_one_process_on_the_joint_batch(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    for name, loss in LOSSES.items():
        value, gradient = value_and_gradient(loss, *data())
        for rank in range(RANKS):
            for suffix in ("", ", compiled") if name in COMPILED else ("",):
                ours, theirs = results[rank][name + suffix]
                assert torch.allclose(ours, value, rtol=1e-5, atol=1e-6), (name, suffix)
                assert (theirs - gradient).abs().max() <= 1e-4 * gradient.abs().max(), (name, suffix)
    assert all(result["batch of one per rank"] for result in results)
