"""Several processes share a step: the strategies are Lightning's own, the joint batch is the same."""

import pytest
import torch

from course_lib.training import checkpoint

from .stand_ins import Queue, pictures
from .test_fit import quick


class Plain(Queue):
    """A mean over images and no draws: the average of two halves' gradients is the whole batch's."""

    def training_step(self, batch, index):
        features = self.encoder.net[0](
            torch.nn.functional.adaptive_avg_pool2d(batch.float() / 255, 2).flatten(1)
        )
        return features.pow(2).mean() + 0 * sum(p.sum() for p in self.parameters())

    def after_step(self):
        pass


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path):
    alone, shared, kept = Plain(), Plain(), Plain()
    quick(alone, pictures(20), batch_size=4, folder=tmp_path / "one")
    run = quick(
        shared, pictures(20), batch_size=4, folder=tmp_path / "two",
        accelerator="cpu", devices=2, strategy="ddp_fork",
    )  # fmt: skip
    checkpoint.restore(kept, run.checkpoint)
    assert run.steps == 6
    for name, value in alone.state_dict().items():
        assert torch.allclose(kept.state_dict()[name], value, atol=1e-6), name
        assert torch.allclose(shared.state_dict()[name], value, atol=1e-6), name
