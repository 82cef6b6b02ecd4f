"""Two processes with different data must equal one process on the joint batch, in value and in gradient."""

import pytest
import torch
import torch.distributed as dist
from processes import on_ranks

from course_lib.losses.barlow_twins import barlow_twins
from course_lib.losses.byol import byol
from course_lib.losses.simsiam import simsiam
from course_lib.losses.vicreg import covariance, invariance, variance, vicreg

RANKS, BATCH, SIZE = 2, 5, 4
LOSSES = {
    "byol": byol,
    "simsiam": lambda a, b: simsiam(a, b, 2 * b - a, a),
    "barlow_twins": lambda a, b: barlow_twins(a, b, 0.3),
    "vicreg": vicreg,
    "invariance": invariance,
    "variance": lambda a, b: variance(a),
    "covariance": lambda a, b: covariance(b),
}
COMPILED = ("byol", "simsiam", "barlow_twins", "vicreg")


def data():
    """The ranks' images differ in brightness, so that their own mean and spread are not the joint ones."""
    generator = torch.Generator().manual_seed(0)
    x1, x2 = (torch.randn(RANKS * BATCH, 6, generator=generator) for _ in range(2))
    brightness = torch.arange(RANKS).repeat_interleave(BATCH)[:, None]
    weight = 0.3 * torch.randn(SIZE, 6, generator=generator)
    return x1 + brightness, x1 + 0.5 * x2 + 2 * brightness, weight


def value_and_gradient(loss, x1, x2, weight):
    """The gradient of a shared weight, which is what data-parallel training averages."""
    weight = weight.clone().requires_grad_()
    value = loss(x1 @ weight.T, x2 @ weight.T)
    value.backward()
    return value.detach(), weight.grad


def one_rank(rank):
    x1, x2, weight = data()
    mine = slice(rank * BATCH, (rank + 1) * BATCH)
    results = {}
    for name, loss in LOSSES.items():
        forms = {"": loss}
        if name in COMPILED:
            torch._dynamo.reset()
            forms[", compiled"] = torch.compile(loss, fullgraph=True, backend="aot_eager")
        for suffix, form in forms.items():
            value, gradient = value_and_gradient(form, x1[mine], x2[mine], weight)
            dist.all_reduce(gradient)
            results[name + suffix] = (value.clone(), gradient / RANKS)
    # one image here, but two in the joint batch
    one = slice(rank, rank + 1)
    results["batch of one per rank"] = [loss(x1[one], x2[one]).clone() for loss in (barlow_twins, vicreg)]
    return results


@pytest.mark.slow
def test_two_ranks_equal_one_process_on_the_joint_batch(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    x1, x2, weight = data()
    for name, loss in LOSSES.items():
        value, gradient = value_and_gradient(loss, x1, x2, weight)
        for result in results:
            for suffix in ("", ", compiled") if name in COMPILED else ("",):
                ours, theirs = result[name + suffix]
                assert torch.allclose(ours, value, rtol=1e-5, atol=1e-6), (name, suffix)
                assert (theirs - gradient).abs().max() <= 1e-4 * gradient.abs().max(), (name, suffix)
    for number, loss in enumerate((barlow_twins, vicreg)):
        joint = loss(x1[:RANKS], x2[:RANKS])
        assert all(torch.allclose(r["batch of one per rank"][number], joint, rtol=1e-4) for r in results)


def test_the_test_would_see_statistics_of_one_rank():
    x1, x2, weight = data()
    for name in ("barlow_twins", "vicreg", "variance", "covariance"):
        joint, _ = value_and_gradient(LOSSES[name], x1, x2, weight)
        halves = [value_and_gradient(LOSSES[name], x1[s], x2[s], weight)[0] for s in (slice(5), slice(5, 10))]
        assert abs(sum(halves) / 2 - joint) > 0.02 * joint, name
