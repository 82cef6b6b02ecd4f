"""Encoders, views and trainers small enough to count by hand."""

import warnings

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from course_lib.models import Encoder, resnet


class Pixels(Encoder):
    """Mean colour -> linear. No BatchNorm, so each image's features depend on that image alone."""

    def __init__(self, width=6):
        super().__init__(width)
        self.layer = nn.Linear(3, width)

    def forward(self, images):
        return self.layer(self.standardise(images).mean(dim=(2, 3)))


class Constant(Encoder):
    """Has learned nothing: the same features for every image."""

    def __init__(self, width=6):
        super().__init__(width)
        self.features = nn.Parameter(torch.randn(width))

    def forward(self, images):
        return self.features.expand(len(images), -1)


def tiny_resnet():
    return resnet((4, 8), (1, 1))


def noisy_views(images, generator=None):
    """Two views that differ by noise; the draws come from the generator."""
    images = images.float() / 255 if images.dtype == torch.uint8 else images
    noise = [torch.rand(images.shape, generator=generator) for _ in range(2)]
    return [0.7 * images + 0.3 * n for n in noise]


def pictures(number=24, side=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (number, 3, side, side), dtype=torch.uint8, generator=generator)


def quiet_trainer(steps, **options):
    options = {"logger": False, "enable_checkpointing": False, **options}
    return Trainer(
        max_steps=steps, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False,
        num_sanity_val_steps=0, **options,
    )  # fmt: skip


def train(method, steps, batch_size=8, images=None, resume=None, **options):
    """Batches in a fixed order, as many as one epoch holds."""
    images = pictures() if images is None else images
    loader = torch.utils.data.DataLoader(images, batch_size=batch_size)
    trainer = quiet_trainer(steps, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(method, loader, ckpt_path=resume)
    return trainer


def assert_same_state(a, b, skip=()):
    ours, theirs = a.state_dict(), b.state_dict()
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        if name not in skip:
            assert torch.equal(value, theirs[name]), name


def assert_resumed_equals_whole(make, folder, steps=6, images=None, spoil=None):
    """Train `make()` whole, and again from a checkpoint two steps before the end: equal weights, bit for bit.

    The checkpoint is written by a callback, which Lightning calls before the method's own on_train_batch_end:
    what a method does there would be a step behind. spoil(method): changes more that the checkpoint must
    bring back. Returns the method of the uninterrupted run and the resumed one.
    """
    whole, half, rest = runs = [make() for _ in range(3)]
    for method in runs:
        method.total_steps = steps
    images = pictures(8) if images is None else images
    train(whole, steps, images=images)
    saved = steps - 2
    saver = ModelCheckpoint(dirpath=folder, filename="{step}", every_n_train_steps=saved, save_top_k=-1)
    train(half, saved + 1, images=images, callbacks=[saver], enable_checkpointing=True)
    with torch.no_grad():
        for value in rest.state_dict().values():  # whatever it starts with, the checkpoint brings back
            if value.is_floating_point():
                value.add_(1)
    if spoil:
        spoil(rest)
    train(rest, steps, images=images, resume=folder / f"step={saved}.ckpt")
    assert_same_state(whole, rest)
    return whole, rest
