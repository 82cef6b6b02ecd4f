"""strategy="fsdp": shares on each device, a whole method in the end, nothing changed by a checkpoint."""

import os
import shutil
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from course_lib import data, fit, methods
from course_lib.models import VisionTransformer
from course_lib.models.attention import Block
from course_lib.training import checkpoint, recipe
from course_lib.training.watch import Watch

from .stand_ins import pictures, run_as_script


class Recorded(methods.MAE):
    """MAE without a draw; it notes how much of it this process holds, and keeps the state before step 2."""

    held: ClassVar[list[float]] = []  # of the class: what learns under fsdp is a copy
    sharded = False

    def __init__(self, folder: Path):
        torch.manual_seed(0)
        vit = VisionTransformer(12, 4, width=12, depth=2, heads=2)
        super().__init__(vit, 0.5, augment=self.one_view, masking=self.every_other)
        self.folder = folder

    @staticmethod
    def one_view(images, generator=None):
        return [data.as_float(images)]

    @staticmethod
    def every_other(batch, patches, mask_ratio, generator=None):
        return torch.arange(patches)[None, ::2].expand(batch, -1)

    def on_train_batch_start(self, batch, batch_index):
        block = list(self.encoder.blocks[0].parameters())
        held = [p.to_local() if isinstance(p, DTensor) else p for p in block]
        self.held.append(sum(p.numel() for p in held) / sum(p.numel() for p in block))
        blocks = [module for module in self.modules() if isinstance(module, Block)]
        # each gathered by itself; a method in a single piece would also be held by halves
        Recorded.sharded |= all(isinstance(block, FSDPModule) for block in blocks)
        last, half = self.folder / "last.ckpt", self.folder / "half.ckpt"
        if self.global_step == 2 and self.trainer.is_global_zero and last.is_file():
            shutil.copy(last, half)


class Poisoned(Recorded):
    """Its last step leaves NaN in the share of one process only."""

    done = 0

    def after_step(self):
        self.done += 1
        if self.done == 4 and self.trainer.global_rank == 1:
            self.encoder.blocks[0].mlp[0].weight.to_local().fill_(float("nan"))


def run(folder, kind=Recorded, **options):
    method = kind(folder)
    several = {"accelerator": "cpu", "devices": 2, "strategy": "fsdp"}
    plain = {"steps": 4, "batch_size": 8, "precision": "float32", "channels_last": False, "show": False}
    outcome = fit(method, pictures(24, size=12), folder=folder, **(several | plain | options))
    return method, outcome


def two_processes(folder: str) -> None:
    """Whole, resumed and in bf16; what each process ends with is written to a file."""
    Watch.every, Watch.share = 0.0, 1e9  # a checkpoint before every step, the first one included
    place, found = Path(folder), {}
    whole, outcome = run(place / "whole")
    found |= {"whole": whole.state_dict(), "held": Recorded.held, "sharded": Recorded.sharded}
    found |= {"status": outcome.status, "steps": outcome.steps}
    resumed, _ = run(place / "resumed", resume=place / "whole" / "half.ckpt")
    found["resumed"] = resumed.state_dict()
    half, outcome = run(place / "bf16", precision="bf16")
    found |= {"bf16": half.state_dict(), "loss": outcome.history["loss"].tolist()}
    run(place / "poisoned", Poisoned)
    found["last_good"] = checkpoint.read(place / "poisoned" / "last.ckpt")["global_step"]
    torch.save(found, place / f"{os.environ.get('LOCAL_RANK', 0)}.pt")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sharded")
    run_as_script("tests.training.test_sharding", folder)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in (0, 1)]


@pytest.mark.slow
def test_each_process_holds_about_half_and_the_method_comes_back_whole(ranks):
    for one in ranks:
        assert one["sharded"]
        assert (one["status"], one["steps"]) == ("finished", 4)
        assert all(0.4 < share < 0.6 for share in one["held"])
        assert not any(isinstance(value, DTensor) for value in one["whole"].values())
        for name, value in ranks[0]["whole"].items():
            assert torch.equal(one["whole"][name], value), name


@pytest.mark.slow
def test_it_equals_one_device_although_checkpoints_were_written_from_the_first_step_on(ranks, tmp_path):
    alone, _ = run(tmp_path, strategy="auto", devices=1)
    # AdamW: one step too many would move all weights; a gradient of rounding alone moves some either way
    off = [(ranks[0]["whole"][name] - value).abs().flatten() for name, value in alone.state_dict().items()]
    assert (torch.cat(off) > 1e-5).float().mean() < 0.02


@pytest.mark.slow
def test_a_resumed_run_equals_the_uninterrupted_one(ranks):
    for one in ranks:
        for name, value in one["whole"].items():
            assert torch.equal(one["resumed"][name], value), name


@pytest.mark.slow
def test_nan_in_one_share_keeps_every_process_from_saving(ranks):
    assert [one["last_good"] for one in ranks] == [3, 3]


@pytest.mark.slow
def test_bf16_trains_float32_weights(ranks):
    assert all(value.dtype == torch.float32 for value in ranks[0]["bf16"].values())
    assert ranks[0]["loss"][-1] < ranks[0]["loss"][0]
    difference = max(
        (value - ranks[0]["whole"][name]).abs().max()
        for name, value in ranks[0]["bf16"].items()
        if value.numel()
    )
    assert 0 < difference < 0.03  # AdamW moves a weight by at most about the rate, 3e-3, a step


@pytest.mark.parametrize("devices", [1, "auto"])  # on a CPU "auto" is one
def test_one_device_is_refused_in_a_sentence(tmp_path, devices):
    with pytest.raises(ValueError, match="nothing to share; give devices=2"):
        run(tmp_path, devices=devices)


def test_a_run_in_copies_is_not_resumed_in_shares(tmp_path):
    run(tmp_path, strategy="auto", devices=1)
    with pytest.raises(ValueError, match=r'without strategy="fsdp".* resume with the same strategy'):
        run(tmp_path, resume=tmp_path / "last.ckpt")


def test_devices_that_are_not_there_are_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"fit: .*devices"):
        run(tmp_path, devices=0)


def every_recipe(strategy: str, folder: str) -> None:
    """Two steps of everything that `course train` knows, on two processes."""
    train = data.load("world", "train", length=1000)
    for name, one in recipe.RECIPES.items():
        torch.manual_seed(0)
        teacher = {"teacher": recipe.encoder_for(48, "quick")} if one.from_teacher else {}
        method = recipe.build(name, recipe.encoder_for(48, "quick", one.families[0]), train, **teacher)
        fit(
            method, train, steps=2, batch_size=16, show=False, precision="float32", channels_last=False,
            folder=Path(folder) / strategy / name, accelerator="cpu", devices=2, strategy=strategy,
        )  # fmt: skip
        if os.environ.get("LOCAL_RANK", "0") == "0":
            torch.save(method.state_dict(), f"{folder}/{strategy}-{name}.pt")


@pytest.mark.slow
def test_every_recipe_goes_the_same_way_in_shares_as_in_copies(tmp_path):
    for strategy in ("ddp", "fsdp"):
        run_as_script("tests.training.test_sharding", strategy, tmp_path, timeout=500)
    for name in recipe.RECIPES:
        copies, shares = (torch.load(tmp_path / f"{strategy}-{name}.pt") for strategy in ("ddp", "fsdp"))
        for key, value in copies.items():
            torch.testing.assert_close(shares[key], value, rtol=1e-4, atol=1e-6, msg=f"{name} {key}")


@pytest.mark.slow
def test_the_command_trains_on_two_devices_and_reports_once(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (320, 1, 1, 3), np.uint8)
    for number, colour in enumerate(colours):
        folder = tmp_path / "pictures" / ("train" if number < 280 else "test") / f"kind{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.broadcast_to(colour, (16, 16, 3)).copy()).save(folder / f"{number}.png")
    command = ["course_lib.cli", "train", "simclr", "--steps", 2, "--devices", 2, "--strategy", "fsdp"]
    printed = run_as_script(*command, "--data", tmp_path / "pictures", "--out", tmp_path / "run")
    assert printed.count("finished, 2 steps") == 1


if __name__ == "__main__":
    every_recipe(*sys.argv[1:]) if len(sys.argv) > 2 else two_processes(sys.argv[1])
