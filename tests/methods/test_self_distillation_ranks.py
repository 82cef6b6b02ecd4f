"""Two processes with different images: one centre, one SwAV queue, and the loss of one process."""

import pytest
import torch
from processes import on_ranks

from course_lib.methods.dino import DINO
from course_lib.methods.swav import SwAV

from .crops import crops
from .small import Pixels, pictures

RANKS, BATCH = 2, 4


def make(kind):
    torch.manual_seed(0)
    if kind is DINO:
        return DINO(Pixels(), prototypes=6, hidden_size=8, bottleneck=4, views=crops)
    return SwAV(Pixels(), prototypes=6, projection_size=4, queue_size=8, views=crops)


def steps(method, views):
    """Two steps on different views; BatchNorm in eval mode, since its statistics are each rank's own."""
    for module in method.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.eval()
    values = []
    for step in range(2):
        values.append(method.loss([view ** (1 + step) for view in views]).detach())
        method.after_step()
    return values, method.state_dict()


def joint_views():
    return crops(pictures(RANKS * BATCH), generator=torch.Generator().manual_seed(0))


def one_rank(rank):
    mine = [view[rank * BATCH : (rank + 1) * BATCH] for view in joint_views()]
    return {kind.__name__: steps(make(kind), mine) for kind in (DINO, SwAV)}


@pytest.mark.slow
def test_two_ranks_equal_one_process(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    for kind, state in ((DINO, "center.value"), (SwAV, "queue")):
        values, expected = steps(make(kind), joint_views())
        assert expected[state].abs().sum() > 0
        for result in results:
            ours, theirs = result[kind.__name__]
            assert torch.allclose(torch.stack(ours), torch.stack(values), rtol=1e-5)
            assert torch.allclose(theirs[state], expected[state], atol=1e-6)
        assert torch.equal(results[0][kind.__name__][1][state], results[1][kind.__name__][1][state])
