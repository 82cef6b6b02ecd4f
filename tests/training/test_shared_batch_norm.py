"""Several devices train as one: BatchNorm over the joint batch, and whole methods through `fit`."""

import os
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from course_lib import fit, methods
from course_lib.data import as_float
from course_lib.methods.base import sgd
from course_lib.models import VisionTransformer, group_batch_norm, resnet
from course_lib.training.shared_batch_norm import SharedBatchNorm2d, share_batch_norm

from .stand_ins import pictures, run_as_script

RANKS = 2


def layers(momentum=0.1):
    """(layer, its input) with and without weights, for vectors and for maps."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    found = []
    for layer, shape in ((nn.BatchNorm1d(3, affine=False), (8, 3)), (nn.BatchNorm2d(3), (8, 3, 2, 5))):
        layer.momentum = momentum
        for parameter in layer.parameters():
            nn.init.normal_(parameter)
        found.append((layer, 100 + torch.randn(shape, generator=generator)))  # far from 0: digits count
    return found


def output_and_gradients(layer, x, weights):
    x = x.clone().requires_grad_()
    y = layer(x)
    (y * weights).mean().backward()
    return y.detach(), x.grad, [p.grad for p in layer.parameters()], dict(layer.named_buffers())


def one_rank(rank, port, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=RANKS)
    found = []
    for momentum in (0.1, None):
        for layer, x in layers(momentum):
            half = slice(rank * 4, rank * 4 + 4)
            found.append(output_and_gradients(share_batch_norm(layer), x[half], x.cos()[half]))
    torch.save(found, f"{folder}/{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_ranks_equal_one_process_on_the_joint_batch(tmp_path, free_port):
    mp.spawn(one_rank, args=(free_port, str(tmp_path)), nprocs=RANKS)
    ranks = [torch.load(tmp_path / f"{rank}.pt") for rank in range(RANKS)]
    everything = [pair for momentum in (0.1, None) for pair in layers(momentum)]
    for index, (layer, x) in enumerate(everything):
        y, gradient, weights, buffers = output_and_gradients(layer, x, x.cos())
        torch.testing.assert_close(torch.cat([one[index][0] for one in ranks]), y, rtol=1e-4, atol=1e-4)
        halves = torch.cat([one[index][1] for one in ranks]) / RANKS  # as training averages gradients
        torch.testing.assert_close(halves, gradient, rtol=1e-3, atol=1e-6)
        for place, expected in enumerate(weights):
            mean = sum(one[index][2][place] for one in ranks) / RANKS
            torch.testing.assert_close(mean, expected, rtol=1e-3, atol=1e-5)
        for name, expected in buffers.items():
            for one in ranks:
                torch.testing.assert_close(one[index][3][name], expected, rtol=1e-5, atol=1e-5)


def test_alone_and_in_eval_mode_it_is_an_ordinary_batch_norm_with_the_same_names():
    encoder, same = resnet((4, 8), (1, 1)), resnet((4, 8), (1, 1))
    same.load_state_dict(share_batch_norm(encoder).state_dict())
    assert any(isinstance(module, SharedBatchNorm2d) for module in encoder.modules())
    images = torch.rand(4, 3, 16, 16)
    for mode in (True, False):
        assert torch.equal(encoder.train(mode)(images), same.train(mode)(images))


def test_batch_norm_in_groups_is_left_alone():
    encoder = group_batch_norm(resnet((4, 8), (1, 1)), 2)
    kinds = [type(module) for module in encoder.modules()]
    assert [type(module) for module in share_batch_norm(encoder).modules()] == kinds
    assert not methods.MoCo.shares_batch_norm


def same_views(images, generator=None):
    """Two views without a draw, so that one process and two see the same."""
    images = as_float(images)
    return [images, 0.8 * images.flip(3)]


def same_mask(batch, patches, mask_ratio, generator=None):
    return torch.arange(patches)[None, ::2].expand(batch, -1)


def everyone():
    """Every method whose draws can be taken out, with BatchNorm wherever it has one by default."""
    options = {"optimizer": sgd, "learning_rate": 0.02}
    views = options | {"views": same_views}

    def small():
        return resnet((4, 8), (1, 1))

    def vit():
        return VisionTransformer(12, 4, width=12, depth=1, heads=2)

    crops = views | {"prototypes": 8}
    return {
        "simclr": lambda: methods.SimCLR(small(), **views),
        "moco_v3": lambda: methods.MoCoV3(vit(), **views),
        "byol": lambda: methods.BYOL(small(), **views),
        "simsiam": lambda: methods.SimSiam(small(), **views),
        "barlow_twins": lambda: methods.BarlowTwins(small(), **views),
        "vicreg": lambda: methods.VICReg(small(), **views),
        "swav": lambda: methods.SwAV(small(), **crops),
        "dino": lambda: methods.DINO(small(), global_crops=2, **crops),
        "mae": lambda: methods.MAE(
            vit(), augment=lambda x, generator: same_views(x)[:1], masking=same_mask, **options
        ),
    }


def trained(name, folder, **devices):
    torch.manual_seed(0)
    method = everyone()[name]()
    fit(
        method, pictures(24, size=12), steps=3, batch_size=8, show=False, precision="float32",
        channels_last=False, folder=Path(folder) / name, **devices,
    )  # fmt: skip
    return method.state_dict()


def two_processes(strategy: str, folder: str) -> None:
    """Train every method on two processes; Lightning starts this script a second time."""
    for name in everyone():
        state = trained(name, folder, accelerator="cpu", devices=2, strategy=strategy)
        torch.save(state, f"{folder}/{name}-{os.environ.get('LOCAL_RANK', 0)}.pt")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_each_method_takes_the_same_steps_on_two_devices_as_on_one(tmp_path, strategy):
    run_as_script("tests.training.test_shared_batch_norm", strategy, tmp_path, timeout=500)
    for name in everyone():
        alone = trained(name, tmp_path / "alone")
        for rank in range(RANKS):
            together = torch.load(tmp_path / f"{name}-{rank}.pt")
            for key, value in alone.items():
                torch.testing.assert_close(
                    together[key], value, rtol=1e-3, atol=1e-4, msg=lambda m, n=name, k=key: f"{n} {k}: {m}"
                )


if __name__ == "__main__":
    two_processes(*sys.argv[1:])
