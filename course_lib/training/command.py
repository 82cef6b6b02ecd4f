"""`course train`: one method on one dataset from the command line, reported beside the random encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from course_lib.training.papers import in_words
from course_lib.training.recipe import RECIPES, build, encoder_for, full_options

# what the probe reads, by family of encoder; it standardises each feature
FEATURES = {
    "resnet": "the standardised pooled map",
    "vit": "the standardised CLS",
    "vit_mean": "the standardised mean patch",
}


def train(
    method: str,
    data: str = "world",
    profile: str | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    resume: str | None = None,
    folder: Path | None = None,
    family: str | None = None,
    teacher: torch.nn.Module | None = None,
    **options,
) -> str:
    """Train, then probe the trained and the random encoder on the test split; returns the report.

    method: a name of METHODS. data: a name for `load`, or an image folder. family: one of FAMILIES
    (default: the method's usual one). profile: "full" also means the paper's options (`full_options`), which
    the report names. teacher: the finished encoder that distillation learns from; the new one has half the
    channels of the usual one. The rest: see `fit`.
    Raises ValueError for a family the method cannot use, and a teacher that is missing or not asked for.
    """
    from course_lib.data import load
    from course_lib.evaluate import evaluate
    from course_lib.training.fitting import fit
    from course_lib.training.profiles import choose_profile

    chosen = choose_profile(profile)
    if method in RECIPES:
        family = family or RECIPES[method].families[0]
        if family not in RECIPES[method].families:
            possible = " or ".join(RECIPES[method].families)
            raise ValueError(f'train: {method} cannot use family="{family}"; choose {possible}.')
        if RECIPES[method].from_teacher != (teacher is not None):
            needs = "needs a teacher=, a finished encoder" if teacher is None else "learns from no teacher"
            raise ValueError(f"train: {method} {needs}; only distillation has one.")
    train_set, test_set = load(data, "train"), load(data, "test")
    size = train_set.images.shape[-1]
    given: dict[str, Any] = {} if teacher is None else {"teacher": teacher}
    of_paper: dict[str, Any] = {}
    if chosen.name == "full":
        of_paper = full_options(method, len(train_set), options.get("batch_size") or chosen.batch_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = encoder_for(size, chosen.name, family or "resnet", half=teacher is not None)
        learner = build(method, encoder, train_set, **given, **of_paper)
    before = evaluate(learner, train_set, test_set)
    run = fit(learner, train_set, chosen.name, minutes, steps, resume, seed=seed, folder=folder, **options)
    after = evaluate(learner, train_set, test_set)
    feature = FEATURES[family or "resnet"]
    lines = [
        f"{method} ({family}) on {train_set.name}: {run.status}, {run.steps} steps in "
        f"{run.seconds / 60:.1f} minutes, {run.images_per_second:,.0f} images/s",
        f"linear probe on {feature}, {len(test_set):,} test images: random encoder "
        f"{100 * before:.1f} %, trained {100 * after:.1f} % ({100 * (after - before):+.1f} points)",
        f"checkpoint: {run.checkpoint}",
    ]
    if learner.papers_encoder is not learner.encoder:
        slow = evaluate(learner.papers_encoder, train_set, test_set)
        lines.insert(2, f"its slow copy, which the paper evaluates: {100 * slow:.1f} %")
    if teacher is not None:
        lines.insert(1, f"student of {_size(learner.encoder)}, teacher of {_size(teacher)}")
    if chosen.name == "full":
        lines.insert(1, f"full profile: {in_words(of_paper)}")
    return "\n".join(lines + run.warnings)


def _size(encoder: torch.nn.Module) -> str:
    return f"{sum(weights.numel() for weights in encoder.parameters()):,} parameters"
