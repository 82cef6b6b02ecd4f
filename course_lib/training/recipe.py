"""`course train`: one method on one dataset from the command line, reported beside the random encoder."""

from __future__ import annotations

from pathlib import Path

import torch

METHODS = ("simclr", "simclr_v2", "moco_v1", "moco", "supervised")


def build(name: str, encoder: torch.nn.Module, classes: list[str]):
    """The method called `name` on `encoder`. Raises ValueError for a name that is not in METHODS."""
    from course_lib.methods import MoCo, SimCLR, Supervised

    makers = {
        "simclr": lambda: SimCLR(encoder),
        "simclr_v2": lambda: SimCLR(encoder, projector_layers=3),
        "moco_v1": lambda: MoCo(encoder, version=1),
        "moco": lambda: MoCo(encoder),
        "supervised": lambda: Supervised(encoder, classes),
    }
    if name not in makers:
        raise ValueError(f'train: method is "{name}"; choose one of {", ".join(METHODS)}.')
    return makers[name]()


def encoder_for(size: int, profile: str) -> torch.nn.Module:
    """A new encoder for images of `size` pixels: small for "quick", a ResNet-18 for "full"."""
    from course_lib.models import resnet

    stem = "small" if size <= 32 else "stride2" if size <= 96 else "imagenet"
    if profile == "quick":
        return resnet(stem="stride2" if stem == "small" else stem)
    return resnet((64, 128, 256, 512), (2, 2, 2, 2), stem)


def train(
    method: str,
    data: str = "world",
    profile: str | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    resume: str | None = None,
    folder: Path | None = None,
    **options,
) -> str:
    """Train, then probe the trained and the random encoder on the test split; returns the report.

    method: a name of METHODS. data: a name for `load`, or an image folder. The rest: see `fit`.
    """
    from course_lib.data import load
    from course_lib.evaluate import evaluate
    from course_lib.training.fitting import fit
    from course_lib.training.profiles import choose_profile

    chosen = choose_profile(profile)
    train_set, test_set = load(data, "train"), load(data, "test")
    size = train_set.images.shape[-1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        learner = build(method, encoder_for(size, chosen.name), train_set.classes)
    before = evaluate(learner, train_set, test_set)
    run = fit(learner, train_set, chosen.name, minutes, steps, resume, seed=seed, folder=folder, **options)
    after = evaluate(learner, train_set, test_set)
    lines = [
        f"{method} on {train_set.name}: {run.status}, {run.steps} steps in {run.seconds / 60:.1f} minutes, "
        f"{run.images_per_second:,.0f} images/s",
        f"linear probe, {len(test_set):,} test images: random encoder {100 * before:.1f} %, "
        f"trained {100 * after:.1f} % ({100 * (after - before):+.1f} points)",
        f"checkpoint: {run.checkpoint}",
    ]
    return "\n".join(lines + run.warnings)
