"""The baseline with labels: the same encoder, the same minutes, but every image labelled."""

from __future__ import annotations

from collections.abc import Callable

import torch

from course_lib.training.fitting import fit
from course_lib.training.run import Run


def supervised(
    encoder_factory: Callable[[], torch.nn.Module],
    train,
    minutes: float | None = None,
    steps: int | None = None,
    *,
    seed: int = 0,
    learning_rate: float = 3e-3,
    **options,
) -> Run:
    """Train a fresh encoder with a linear classifier on all labels of `train`, through the same `fit`.

    encoder_factory: called without arguments, gives a new encoder; its weights are drawn under `seed`.
    train: an ImageSet whose labels are all known. Time, steps and options as in `fit`. The result's
    `.method.predict(images)` is the classifier, `.method` can be probed like any other method.
    Raises ValueError when the set has no class names, or labels of -1.
    """
    from course_lib.methods import Supervised

    classes = getattr(train, "classes", None)
    if not classes:
        raise ValueError(
            "supervised: train has no .classes; give an ImageSet with labels, as load(...) returns."
        )
    if int((torch.as_tensor(train.labels) < 0).sum()):
        raise ValueError(
            "supervised: train has images without a label (-1); leave them out with train.subset(...)."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        method = Supervised(encoder_factory(), list(classes), learning_rate=learning_rate)
    return fit(method, train, minutes=minutes, steps=steps, seed=seed, **options)
