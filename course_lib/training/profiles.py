"""Profiles: how long a training cell takes and on what, and how fast this machine is."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Profile:
    """Defaults of `fit`: minutes of training, or epochs where minutes is None; images per step."""

    name: str
    minutes: float | None
    epochs: int | None
    batch_size: int
    about: str


PROFILES = {
    "quick": Profile("quick", 1.0, None, 128, "laptop CPU, embedded world, about a minute per training cell"),
    "full": Profile("full", None, 200, 512, "GPU, real data, 200 epochs as in published small-data tables"),
}


def choose_profile(name: str | None = None) -> Profile:
    """The profile called `name`; without a name, the one in COURSE_PROFILE, else "quick".

    Raises ValueError for a name that is neither "quick" nor "full".
    """
    source = "profile"
    if name is None:
        name, source = os.environ.get("COURSE_PROFILE") or "quick", "COURSE_PROFILE"
    if name not in PROFILES:
        raise ValueError(
            f'{source}="{name}" was given; choose "quick" (CPU, minutes) or "full" (GPU, real data).'
        )
    return PROFILES[name]


@dataclass(frozen=True)
class Machine:
    """What `calibrate` measured: device in words, and its speed where the reference machine has 1."""

    device: str
    speed: float
    threads: int

    def minutes(self, reference_minutes: float) -> float:
        """Expected minutes here for work that takes `reference_minutes` on the reference machine."""
        return reference_minutes / self.speed


REFERENCE_RATE = (
    30.0  # forward and backward passes a second of `_workload` on the reference: 2 cores with AMX
)


def calibrate(seconds: float = 0.5, device: str | None = None) -> Machine:
    """Measure this machine for about `seconds`: training passes of a small net, best of five slices.

    The best slice counts, so that another program's burst does not make the machine look slow. The first
    pass, which loads kernels, is not counted. Raises ValueError for seconds <= 0.
    """
    if not seconds > 0:
        raise ValueError(f"calibrate: seconds={seconds} was given; give a time above 0, like 0.5.")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    work = _workload(device)
    work()
    best = 0.0
    for _ in range(5):
        passes, start, spent = 0, time.perf_counter(), 0.0
        while spent < seconds / 5:
            work()
            passes += 1
            spent = time.perf_counter() - start
        best = max(best, passes / spent)
    name = (
        torch.cuda.get_device_name()
        if device.startswith("cuda")
        else f"CPU, {torch.get_num_threads()} threads"
    )
    return Machine(name, best / REFERENCE_RATE, torch.get_num_threads())


def _workload(device: str):
    """A function that runs one forward and backward pass of a fixed 3-layer net on 64 images of 48 px."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(64, 3, 48, 48, generator=generator).to(device, memory_format=torch.channels_last)
    sizes = ((24, 3, 3, 3), (48, 24, 3, 3), (96, 48, 3, 3))
    weights = [torch.randn(size, generator=generator).mul(0.1).to(device).requires_grad_() for size in sizes]

    def work() -> None:
        x = images
        for weight in weights:
            x = F.relu(F.conv2d(x, weight, stride=2, padding=1))
        torch.autograd.grad(x.mean(), weights)
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    return work
