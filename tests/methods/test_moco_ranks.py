"""MoCo on two processes with different images: one queue, one order, images exchanged before the teacher."""

import pytest
import torch
from processes import on_ranks

from course_lib.methods import MoCo

from .small import Pixels, noisy_views, pictures

RANKS, BATCH = 2, 4


def make(shuffle):
    torch.manual_seed(0)
    return MoCo(Pixels(), queue_size=12, projection_size=5, views=noisy_views, shuffle=shuffle)


def one_rank(rank):
    images = pictures(RANKS * BATCH).float() / 255
    mine = images[rank * BATCH : (rank + 1) * BATCH]
    results = {}
    for shuffle in (False, True):
        method = make(shuffle)
        torch.manual_seed(
            7
        )  # outside Lightning the order comes from the global generator: the same everywhere
        passed = []
        method.teacher.register_forward_pre_hook(lambda _, args, seen=passed: seen.append(args[0].clone()))
        value = method.loss([mine, mine]).detach()
        method.after_step()
        keys = method.keys(mine)
        results[shuffle] = {
            "value": value.clone(), "queue": method.queue.clone(), "pointer": int(method.queue_pointer),
            "keys": keys.clone(), "passed": passed[0],
        }  # fmt: skip
    return results


@pytest.mark.slow
def test_two_ranks_share_one_queue_and_give_each_image_its_own_key(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    images = pictures(RANKS * BATCH).float() / 255
    for shuffle in (False, True):
        joint = make(shuffle=False)
        value = joint.loss([images, images]).detach()
        joint.after_step()
        for rank, result in enumerate(result[shuffle] for result in results):
            assert result["pointer"] == RANKS * BATCH
            assert torch.allclose(result["queue"], joint.queue, atol=1e-6)
            assert torch.allclose(result["value"], value, rtol=1e-5)
            own = joint.keys(images)[rank * BATCH : (rank + 1) * BATCH]
            assert torch.allclose(result["keys"], own, atol=1e-6)
    passed = torch.cat([result[True]["passed"] for result in results])
    assert not torch.equal(passed, images)  # exchanged between the ranks,
    assert torch.equal(passed.flatten(1).sum(1).sort()[0], images.flatten(1).sum(1).sort()[0])  # none lost
