"""Methods small enough to train in a blink, with everything that makes resuming hard."""

import math
import os
import subprocess
import sys
from pathlib import Path

import torch
from lightning.pytorch import LightningModule
from torch import nn


def run_as_script(module: str, *arguments, timeout=300) -> str:
    """`python -m MODULE ARGUMENTS`, which may start a second process of itself; returns what they print.

    A script of its own, because forking this process would break torch's threads, which other tests started.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


class Encoder(nn.Module):
    """Images -> mean over 2 x 2 cells -> linear -> batch norm -> dropout (which draws globally)."""

    width = 6

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 6), nn.BatchNorm1d(6), nn.Dropout(0.2))

    def forward(self, images):
        return self.net(nn.functional.adaptive_avg_pool2d(images, 2).flatten(1))


class Queue(LightningModule):
    """A method with a queue, noise from the global generator, momentum and a cosine schedule."""

    def __init__(self, learning_rate=0.05, after=None):
        super().__init__()
        torch.manual_seed(7)
        self.encoder = Encoder()
        self.learning_rate, self.total_steps, self.seed = learning_rate, None, 0
        self.after = after  # called with (self, step) at the start of every training step
        self.register_buffer("queue", torch.zeros(8, 6))
        self.lines_seen = []

    def training_step(self, batch, index):
        if self.after is not None:
            self.after(self, self.global_step)
        images = batch[0] if isinstance(batch, (tuple, list)) else batch
        self.lines_seen.append(images[:, 0, 0, 0].tolist())
        views = images.float() / 255 + 0.1 * torch.rand(images.shape)
        self.features = self.encoder(views)
        return (self.features - self.queue.mean(dim=0) - 1).pow(2).mean()

    def after_step(self):
        self.queue = torch.cat([self.features.detach()[:3], self.queue[:-3]])

    def on_train_batch_end(self, outputs, batch, index):
        self.after_step()

    def embed(self, images, batch_size=512):
        was = self.training
        with torch.no_grad():
            features = self.eval().encoder(images.float() / 255)
        self.train(was)
        return features

    def stuck_values(self, batch_size):
        return {"ln B": math.log(batch_size)}

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.learning_rate, momentum=0.9)
        cosine = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * min(1, step / self.total_steps)))
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cosine, "interval": "step"}}


def pictures(n=20, size=4, seed=0):
    """Random images (n, 3, size, size) uint8 whose first pixel is their number."""
    images = torch.randint(
        0, 256, (n, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )
    images[:, 0, 0, 0] = torch.arange(n, dtype=torch.uint8)
    return images


def same_state(a, b):
    """Whether two modules hold bitwise equal weights and buffers."""
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
