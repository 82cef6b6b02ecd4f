"""float32 or bf16, plain or channels-last: measured on this machine with this method, not guessed.

On a processor with AMX bf16 and channels-last together pay several times over for convolutions; on one
without, bf16 is emulated and slower than float32. A few real steps on a copy of the method decide.
"""

from __future__ import annotations

import copy
import math
import statistics
import time
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from course_lib.losses import NotFiniteError

PRECISIONS = ("auto", "float32", "bf16")


@dataclass(frozen=True)
class Choice:
    """How the steps are computed, and how long one took when measured (nan when nothing was measured)."""

    precision: str
    channels_last: bool
    seconds_per_step: float = float("nan")
    speedup: float = float("nan")

    def __str__(self) -> str:
        words = self.precision + (", channels-last" if self.channels_last else "")
        if self.speedup == self.speedup and self.speedup > 1.005:
            words += f" ({self.speedup:.1f} x float32)"
        return words


def choose(
    method,
    batches,
    device: torch.device,
    precision: str = "auto",
    channels_last: bool | None = None,
    timed: bool = True,
    shared: bool = False,
) -> Choice:
    """Measure the allowed settings on a deep copy of `method` and return the fastest.

    batches: a `Batches`; its first steps are used. precision: "auto", "float32" or "bf16"; channels_last:
    None to measure, True or False to force. One warm-up step and two timed ones for each setting; a setting
    whose steps are much slower than the best, or whose loss is not finite, is dropped. Nothing of `method`
    changes. timed: False when the time of a step is not needed: a single possible setting is not measured.
    shared: several processes choose for one run and must agree, so nothing is measured: the last setting,
    which is what the hardware supports, is taken.
    """
    if precision not in PRECISIONS:
        raise ValueError(f'fit: precision="{precision}" was given; choose "auto", "float32" or "bf16".')
    if channels_last is not None:
        layouts = [channels_last]
    else:  # one convolution, as in a ViT, gains nothing from the other layout
        layouts = [False, True] if _convolutions(method) > 1 else [False]
    settings = [("float32", layout) for layout in layouts] if precision != "bf16" else []
    if precision == "bf16" or (precision == "auto" and has_fast_bf16(device)):
        settings += [("bf16", layout) for layout in layouts[-1:]]
    if shared or (len(settings) == 1 and not timed):
        return Choice(*settings[-1])
    before = copy.deepcopy(method.state_dict())
    seconds: dict[tuple[str, bool], float] = {}
    for setting in settings:
        seconds[setting] = _time_steps(
            method, batches, device, *setting, limit=min(seconds.values(), default=None)
        )
    method.load_state_dict(before)  # a hook that refers to the original would have changed it
    best = min(seconds, key=seconds.__getitem__)
    baseline = seconds.get(("float32", layouts[0]), seconds[best])
    return Choice(*best, seconds[best], baseline / seconds[best] if baseline < math.inf else math.nan)


def _convolutions(method) -> int:
    return sum(isinstance(module, nn.Conv2d) for module in method.modules())


def has_fast_bf16(device: torch.device) -> bool:
    """Whether bf16 matrix products run in hardware there."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")  # not public; absent means no
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def autocast(precision: str, device: torch.device):
    """The context in which a step of that precision runs."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def _time_steps(method, batches, device, precision: str, channels_last: bool, limit: float | None) -> float:
    """Median seconds of two training steps after one to warm up, on a copy; of one when beyond 3 x limit."""
    try:
        trial = copy.deepcopy(method)
    except Exception:  # it holds something that cannot be copied; its weights are put back by `choose`
        trial = method
    trial = trial.to(device).train()
    if channels_last:
        trial = trial.to(memory_format=torch.channels_last)
    optimizer = _optimizer(trial)
    times: list[float] = []
    batch: Any = None
    for step in range(3):
        start = time.perf_counter()
        batch = batches.take(batches.indices(step)) if step < batches.steps else batch
        batch = tuple(part.to(device) for part in batch) if isinstance(batch, tuple) else batch.to(device)
        with warnings.catch_warnings(), autocast(precision, device):
            warnings.filterwarnings("ignore", ".*self.log.*")
            try:
                loss = trial.training_step(batch, step)
            except NotFiniteError:
                return math.inf
        loss = loss["loss"] if isinstance(loss, dict) else loss
        if not torch.isfinite(loss):
            return math.inf
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if hasattr(trial, "after_step"):
            trial.after_step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
        if limit is not None and times[-1] > 3 * limit:
            break
    return statistics.median(times[1:] or times)


def _optimizer(method) -> torch.optim.Optimizer:
    """The first optimizer in whatever form `configure_optimizers` gives it."""
    given = method.configure_optimizers()
    while not isinstance(given, torch.optim.Optimizer):
        given = given["optimizer"] if isinstance(given, dict) else given[0]
    return given
