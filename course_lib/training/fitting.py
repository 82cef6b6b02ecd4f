"""`fit`: train a method for some minutes or steps, watch its health, stop and go on at will."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

from course_lib.training import checkpoint
from course_lib.training.batches import Batches, images_and_labels, mix
from course_lib.training.choice import Choice, choose
from course_lib.training.profiles import Profile, choose_profile
from course_lib.training.run import Run
from course_lib.training.shared_batch_norm import share_batch_norm


def fit(
    method,
    data,
    profile: str | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    resume: str | Path | bool | None = None,
    *,
    batch_size: int | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    probe: tuple | None = None,
    show: bool = True,
    precision: str = "auto",
    channels_last: bool | None = None,
    accelerator: str = "auto",
    devices: int | str = 1,
    strategy="auto",
    compile: bool | str | None = None,
) -> Run:
    """Train `method` on `data` and return what happened; the method keeps the trained weights.

    method: a `Method` (views, loss, after_step). data: an ImageSet, or a uint8 tensor (N, 3, H, W).
    minutes: wall-clock time, the measurement at the start included. A few steps on a copy of the method tell
    how many steps fit, so that the cosine schedule ends on time; if the machine slows later, the schedule is
    walked in larger strides. steps: an exact number instead. Neither: what the profile says ("quick": 1
    minute, "full": 200 epochs; None: COURSE_PROFILE, else "quick"). batch_size: images per step over all
    devices (default: the profile's). seed: order of images and all draws. resume: True or "last" (the last
    checkpoint in `folder`), or a checkpoint's path: goes on with the stored schedule, and gives the same
    result as a run that was never interrupted (bitwise on a CPU with the same number of threads). folder:
    where checkpoints go (default: the user's cache). Ctrl-C stops after the current step, keeps that state
    and returns a run with status "interrupted". probe: (train set, test set), for k-NN accuracy before and
    after; before, the encoder is a random one. show: a progress line in a terminal, a live learning curve in
    a notebook; False for silence. precision: "float32", "bf16", or "auto" to measure which is faster here;
    channels_last likewise with None. accelerator, devices, strategy: handed to Lightning's Trainer, for
    example devices=4, strategy="ddp" in a script. Several devices must agree before they start, so they
    take steps or epochs, never minutes, and "auto" then means what the hardware supports; BatchNorm takes
    its statistics over all of them, unless the method says `shares_batch_norm = False`. strategy="fsdp" also
    divides weights, gradients and moments among them (see `training.sharding`). compile: the method's loss
    under torch.compile; True, or the name of a backend such as "aot_eager". None: with the full profile on
    CUDA, else not. Compiling comes with the first steps and takes minutes. The number of threads stays
    as PyTorch chose it; `torch.set_num_threads` changes it.

    Raises ValueError for data smaller than a batch, contradicting arguments and damaged checkpoints,
    FileNotFoundError when there is nothing to resume, FloatingPointError when the loss becomes NaN or
    infinite: the sentence names step and learning rate, and the method is put back to its last good state.
    """
    from course_lib.training.loop import train  # here, because it imports Lightning

    began = time.monotonic()
    chosen = _choose_profile(profile, minutes, steps)
    images, labels = images_and_labels(data)
    size = batch_size or getattr(method, "batch_size", None) or chosen.batch_size
    device, several = _device(accelerator), devices not in (1, "1")
    method.trainer = None  # of an earlier fit
    path = Path(folder) if folder else checkpoint.run_folder(method, images, size, seed)

    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(mix(seed, 1))  # steps seed themselves; this one is for a method's own set-up
        if resume:
            source = checkpoint.find(resume, path)
            state = checkpoint.read(source)
            plan, until = state[checkpoint.KEY]["plan"], None
            _same_run(plan, type(method).__name__, len(images), batch_size, steps, strategy, source)
            path, choice = source.parent, Choice(plan["precision"], plan["channels_last"])
            start = state["global_step"]
        else:
            source, start = None, 0
            method.seed, method.total_steps = seed, 100
            allowed = None if steps else minutes or chosen.minutes
            if several and allowed is not None:
                raise ValueError(
                    f"fit: devices={devices} with minutes={allowed}; several devices share a set number "
                    'of steps: give steps=, or profile="full".'
                )
            sample = Batches(images, labels, size, 3, seed)
            timed = allowed is not None
            choice = choose(method, sample, device, precision, channels_last, timed=timed, shared=several)
            until = None if allowed is None else began + 60 * allowed
            plan = {
                "method": type(method).__name__,
                # a profile without epochs has minutes, so the last term is not reached
                "steps": steps or _steps_until(until, choice) or chosen.epochs * (len(images) // size),  # type: ignore[operator]
                "batch_size": size,
                "seed": seed,
                "images": len(images),
                "precision": choice.precision,
                "channels_last": choice.channels_last,
                "sharded": strategy == "fsdp",
                "compile": _backend(compile, chosen, device, strategy),
            }
        method.seed, method.total_steps = plan["seed"], plan["steps"]
        if choice.channels_last:
            method.to(memory_format=torch.channels_last)
        if several and getattr(method, "shares_batch_norm", True):
            share_batch_norm(method)
        path, sentence = checkpoint.writable_folder(path, chosen=bool(folder or resume))
        accuracies = {} if probe is None else {"start": _neighbours(method, probe)}
        run = train(
            method,
            Batches(images, labels, plan["batch_size"], plan["steps"], plan["seed"], start),
            plan,
            path / checkpoint.NAME,
            source,
            until,
            choice,
            show,
            notes=[sentence] if sentence else [],
            trainer={"accelerator": accelerator, "devices": devices, "strategy": strategy},
        )
        if probe is not None:
            run.probe.update(accuracies, end=_neighbours(method, probe))
    return run


def _choose_profile(profile: str | None, minutes: float | None, steps: int | None) -> Profile:
    """The profile, once minutes and steps make sense."""
    if minutes is not None and steps is not None:
        raise ValueError(f"fit: minutes={minutes} and steps={steps} were both given; give one of them.")
    if minutes is not None and not minutes > 0:
        raise ValueError(f"fit: minutes={minutes} was given; train for more than 0 minutes.")
    if steps is not None and (steps != int(steps) or steps < 1):
        raise ValueError(f"fit: steps={steps} was given; train for a whole number of steps, 1 or more.")
    return choose_profile(profile)


def _backend(compile: bool | str | None, chosen: Profile, device: torch.device, strategy) -> str:
    """The backend of torch.compile; "" for none."""
    if compile and strategy == "fsdp":
        raise ValueError(f'fit: compile={compile!r} with strategy="fsdp"; leave one of them out.')
    if compile is None:
        compile = chosen.name == "full" and device.type == "cuda" and strategy != "fsdp"
    return compile if isinstance(compile, str) else "inductor" if compile else ""


def _device(accelerator: str) -> torch.device:
    """The device on which Lightning will train, for the measurement before."""
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return torch.device("cuda")
    if accelerator in ("auto", "gpu", "mps") and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _steps_until(until: float | None, choice: Choice) -> int | None:
    """How many steps fit before the clock shows `until`; 3 % are kept for the panel, the curve and saving."""
    if until is None:
        return None
    return max(1, int(0.97 * (until - time.monotonic()) / choice.seconds_per_step))


def _same_run(plan: dict, name: str, images: int, batch_size, steps, strategy, source: Path) -> None:
    """Raises ValueError when the arguments do not belong to the run that the checkpoint interrupted."""
    given = {"method": name, "images": images, "batch_size": batch_size, "steps": steps}
    for key, value in given.items():
        if value is not None and value != plan[key]:
            raise ValueError(
                f"fit: resume={source} is a run with {key}={plan[key]}, but {key}={value} was given; "
                "resume with the same, or start a new run with resume=None."
            )
    sharded = plan.get("sharded", False)  # a checkpoint from before there was fsdp does not say
    if sharded != (strategy == "fsdp"):
        raise ValueError(
            f'fit: {source} is a run {"with" if sharded else "without"} strategy="fsdp", '
            "which keeps its moments in another order; resume with the same strategy."
        )


def _neighbours(method, probe) -> float:
    """k-NN accuracy in [0, 1] on at most 5,000 training and 2,000 test images, evenly spaced."""
    from course_lib.evaluate import accuracy, embed, knn

    features, labels = [], []
    for part, limit in zip(probe, (5000, 2000), strict=True):
        rows = np.unique(np.linspace(0, len(part.labels) - 1, min(limit, len(part.labels))).astype(int))
        features.append(embed(method, torch.as_tensor(part.images[rows])))
        labels.append(torch.as_tensor(part.labels)[rows])
    guesses = knn(features[0], labels[0], features[1], k=min(20, len(labels[0])))
    return accuracy(guesses, labels[1])
