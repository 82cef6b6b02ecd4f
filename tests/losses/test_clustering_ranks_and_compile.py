"""One graph under torch.compile; two processes with different data equal one on the joint batch."""

import pytest
import torch
import torch.distributed as dist
from processes import on_ranks

from course_lib.losses.dino import dino
from course_lib.losses.gram import gram
from course_lib.losses.ibot import ibot
from course_lib.losses.koleo import koleo
from course_lib.losses.sinkhorn import sinkhorn
from course_lib.losses.swav import swav

RANKS, BATCH, K = 2, 5, 4
MASK = torch.rand(RANKS * BATCH, 3, generator=torch.Generator().manual_seed(1)) < 0.5

# images (3, B, K): three views or patches; others: constants of the same shape; mask (B, 3); queue (L, K)
LOSSES = {
    "swav": lambda x, y, mask, queue: swav(list(x)),
    "swav with queue": lambda x, y, mask, queue: swav(list(x), queue=[queue, queue.flip(1)]),
    "dino": lambda x, y, mask, queue: dino(x, y[:2], queue[0]),
    "ibot": lambda x, y, mask, queue: ibot(x.transpose(0, 1), y.transpose(0, 1), mask, queue[0]),
    "gram": lambda x, y, mask, queue: gram(x.transpose(0, 1), y.transpose(0, 1)),
    "koleo": lambda x, y, mask, queue: koleo(x[0]),
}


def data():
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, RANKS * BATCH, 6), (3, RANKS * BATCH, K), (8, K), (K, 6)]
    return [0.5 * torch.randn(*shape, generator=generator) for shape in shapes]


def value_and_gradient(loss, x, y, mask, queue, weight):
    """The gradient of a shared weight, which is what data-parallel training averages."""
    weight = weight.clone().requires_grad_()
    value = loss(x @ weight.T, y, mask, queue)
    value.backward()
    return value.detach(), weight.grad


@pytest.mark.parametrize("name", LOSSES)
def test_no_graph_breaks_and_the_same_value_and_gradient(name):
    x, y, queue, weight = data()
    torch._dynamo.reset()
    report = torch._dynamo.explain(LOSSES[name])((x @ weight.T).requires_grad_(), y, MASK, queue)
    assert report.graph_break_count == 0, report.break_reasons
    assert report.graph_count == 1
    torch._dynamo.reset()
    compiled = torch.compile(LOSSES[name], fullgraph=True, backend="aot_eager")
    eager = value_and_gradient(LOSSES[name], x, y, MASK, queue, weight)
    traced = value_and_gradient(compiled, x, y, MASK, queue, weight)
    assert torch.allclose(eager[0], traced[0], rtol=1e-5)
    assert torch.allclose(eager[1], traced[1], atol=1e-6)


def one_rank(rank):
    x, y, queue, weight = data()
    mine = slice(rank * BATCH, (rank + 1) * BATCH)
    results = {}
    for name, loss in LOSSES.items():
        torch._dynamo.reset()
        compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
        own_queue = queue.chunk(RANKS)[rank] if "queue" in name else queue
        for suffix, function in (("", loss), (", compiled", compiled)):
            parts = (x[:, mine], y[:, mine], MASK[mine], own_queue)
            value, gradient = value_and_gradient(function, *parts, weight)
            dist.all_reduce(gradient)
            results[name + suffix] = (value.clone(), gradient / RANKS)
    results["codes"] = sinkhorn(y[0][mine])
    uneven = [y[0][:3], y[0][3:]][rank]
    results["codes of uneven batches"] = sinkhorn(uneven)
    return results


@pytest.mark.slow
def test_two_ranks_equal_one_process_on_the_joint_batch(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    x, y, queue, weight = data()
    for name, loss in LOSSES.items():
        value, gradient = value_and_gradient(loss, x, y, MASK, queue, weight)
        for rank in range(RANKS):
            for suffix in ("", ", compiled"):
                ours, theirs = results[rank][name + suffix]
                assert torch.allclose(ours, value, rtol=1e-5, atol=1e-6), (name, suffix)
                assert (theirs - gradient).abs().max() <= 1e-4 * gradient.abs().max(), (name, suffix)
    for name in ("codes", "codes of uneven batches"):
        codes = torch.cat([result[name] for result in results])
        assert torch.allclose(codes, sinkhorn(y[0]), atol=1e-6), name
