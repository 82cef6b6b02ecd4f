"""Several processes share a step: the strategies are Lightning's own, the joint batch is the same."""

import os
import sys

import pytest
import torch

from course_lib.training import checkpoint

from .stand_ins import Queue, pictures, run_as_script
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


def two_processes(folder: str) -> None:
    """What a user's script does; Lightning starts it a second time for the second process."""
    method = Plain()
    quick(
        method, pictures(20), batch_size=4, folder=folder, accelerator="cpu", devices=2, strategy="ddp",
    )  # fmt: skip
    torch.save(method.state_dict(), f"{folder}/rank{os.environ.get('LOCAL_RANK', 0)}.pt")


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path):
    alone, kept, folder = Plain(), Plain(), tmp_path / "two"
    quick(alone, pictures(20), batch_size=4, folder=tmp_path / "one")
    folder.mkdir()
    run_as_script("tests.training.test_devices", folder)
    checkpoint.restore(kept, folder / checkpoint.NAME)
    assert checkpoint.read(folder / checkpoint.NAME)["global_step"] == 6
    ranks = [torch.load(folder / f"rank{rank}.pt") for rank in (0, 1)]
    for name, value in alone.state_dict().items():
        assert torch.allclose(kept.state_dict()[name], value, atol=1e-6), name
        for rank in ranks:
            assert torch.allclose(rank[name], value, atol=1e-6), name


def test_several_devices_take_steps_not_minutes(tmp_path):
    with pytest.raises(ValueError, match="devices=2 with minutes=1"):
        quick(Plain(), pictures(20), batch_size=4, steps=None, minutes=1, devices=2, folder=tmp_path)


if __name__ == "__main__":
    two_processes(sys.argv[1])
