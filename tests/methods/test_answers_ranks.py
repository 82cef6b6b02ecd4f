"""Two processes with different images: methods that answer a question report the joint batch's loss."""

import pytest
import torch
import torch.distributed as dist
from processes import on_ranks

from course_lib.methods.fixmatch import FixMatch
from course_lib.methods.rotation import Rotation
from course_lib.methods.supervised import Supervised

from .pretext_pictures import Thumbnail, as_one_view
from .small import pictures

RANKS, BATCH = 2, 4
LABELS = torch.arange(RANKS * BATCH) % 3
KINDS = {  # method, and what `loss` is given for the joint batch
    "rotation": (
        lambda: Rotation(Thumbnail(), augment=as_one_view),
        lambda method: (method.views(pictures(RANKS * BATCH)),),
    ),
    "supervised": (
        lambda: Supervised(Thumbnail(), 3, views=as_one_view),
        lambda method: (method.views(pictures(RANKS * BATCH)), LABELS),
    ),
    "fixmatch": (
        lambda: FixMatch(
            Thumbnail(),
            3,
            (pictures(6), LABELS[:6]),
            0.465,
            labelled_batch=8,
            weak=as_one_view,
            strong=as_one_view,
        ),
        lambda method: (
            method.make_views(pictures(RANKS * BATCH, seed=1), torch.Generator().manual_seed(0)),
        ),
    ),
}


def step(name, part):
    """Loss and gradient of the encoder for a half (0 or 1) of the joint batch, or None for all of it."""
    make, given = KINDS[name]
    torch.manual_seed(0)
    method = make()
    arguments = given(method)
    if part is not None:
        mine = lambda rows: rows.chunk(RANKS)[part]  # noqa: E731
        arguments = [[mine(x) for x in a] if isinstance(a, list) else mine(a) for a in arguments]
    value = method.loss(*arguments)
    value.backward()
    return value.detach().clone(), method.encoder.layer.weight.grad


def one_rank(rank):
    results = {}
    for name in KINDS:
        value, gradient = step(name, rank)
        dist.all_reduce(gradient)
        results[name] = (value, gradient / RANKS)
    return results


@pytest.mark.slow
def test_two_ranks_equal_one_process_on_the_joint_batch(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    for name in KINDS:
        halves = [step(name, part)[0] for part in range(RANKS)]
        assert (halves[0] - halves[1]).abs() > 1e-3, f"{name}: the ranks' own losses must differ"
        value, gradient = step(name, None)
        for result in results:
            assert torch.allclose(result[name][0], value, rtol=1e-5), name
            assert torch.allclose(result[name][1], gradient, atol=1e-6), name
