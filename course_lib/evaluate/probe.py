"""Linear probe: how much of the labels lies open in frozen features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from course_lib.evaluate.checks import as_features, as_labels, known_labels, same_width, several_classes
from course_lib.evaluate.softmax import predict, softmax_regression

if TYPE_CHECKING:
    import pandas

PENALTIES = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5)
PENALTY_WITHOUT_VALIDATION = 0.01  # used when no class has a label to spare for choosing


@dataclass(frozen=True)
class ProbeResult:
    """What `linear_probe` found.

    accuracy on the test set in [0, 1]; the chosen penalty; table with one row per tried penalty and its
    validation accuracy (empty when nothing could be held out); n training rows, n_validation of them held
    out for the choice, n_test; predictions (M,) int64.
    """

    accuracy: float
    penalty: float
    table: pandas.DataFrame = field(repr=False)
    n: int
    n_validation: int
    n_test: int
    predictions: torch.Tensor = field(repr=False)


def hold_out(labels, fraction: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Indices (kept, held out) with about `fraction` of each class held out, drawn from the seed.

    A class with two or more labels gives at least one and keeps at least one; a single label is kept.
    Raises ValueError for no labels.
    """
    labels = np.asarray(labels)
    if not len(labels):
        raise ValueError("hold_out: labels is empty; there is nothing to hold out.")
    rng = np.random.default_rng(seed)
    kept, out = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        out.append(members[:count])
        kept.append(members[count:])
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(out))


def linear_probe(
    train_features,
    train_labels,
    test_features,
    test_labels,
    validation: float = 0.2,
    penalties=PENALTIES,
    seed: int = 0,
) -> ProbeResult:
    """Multinomial logistic regression on frozen features, its penalty chosen without the test set.

    train_features (N, D), train_labels (N,), test_features (M, D), test_labels (M,). Columns are standardised
    with the training mean and deviation. For each penalty p the classifier minimises
    mean cross-entropy + p/2 |W|^2 on the kept part of the training rows; the penalty with the best accuracy
    on the held-out `validation` share of them (the larger penalty on a tie) is fitted again on all N rows and
    tested once. Raises ValueError for NaN in features, lengths or widths that differ, negative labels, a test
    class that training never showed, a single class, a penalty <= 0 and a validation share outside (0, 1).
    """
    train = as_features(train_features, "linear_probe: train_features")
    test = as_features(test_features, "linear_probe: test_features").to(train.device)
    labels = as_labels(train_labels, "linear_probe: train_labels", len(train), "train_features").to(
        train.device
    )
    truth = as_labels(test_labels, "linear_probe: test_labels", len(test), "test_features").to(train.device)
    same_width(train, "linear_probe: train_features", test, "test_features")
    several_classes(labels, "linear_probe: train_labels")
    known_labels(truth, labels)
    if not 0 < validation < 1:
        raise ValueError(
            f"linear_probe: validation={validation} was given; hold out a share between 0 and 1, like 0.2."
        )
    penalties = sorted({float(penalty) for penalty in penalties}, reverse=True)
    if not penalties or penalties[-1] <= 0:
        raise ValueError(
            "linear_probe: penalties must be one or more numbers above 0, for example (1.0, 0.1, 0.01)."
        )
    import pandas

    known, y = labels.unique(return_inverse=True)  # classes 0..C-1, whatever the labels are
    classes = len(known)
    kept, out = (torch.from_numpy(part) for part in hold_out(y.cpu(), validation, seed))
    scores: list[float] = []
    if len(out):
        weights = None
        scale = _standardise(train[kept])
        x, held_out = scale(train[kept]), scale(train[out])
        for penalty in penalties:  # from strong to weak: each solution is the start of the next
            weights = softmax_regression(x, y[kept], classes, penalty, weights)
            scores.append((predict(weights, held_out) == y[out]).float().mean().item())
        chosen = penalties[int(np.argmax(scores))]
    else:
        chosen = penalties[0] if len(penalties) == 1 else PENALTY_WITHOUT_VALIDATION
    scale = _standardise(train)
    weights = softmax_regression(scale(train), y, classes, chosen)
    predictions = known[predict(weights, scale(test))].cpu()
    return ProbeResult(
        accuracy=(predictions == truth.cpu()).double().mean().item(),
        penalty=chosen,
        table=pandas.DataFrame({"penalty": penalties[: len(scores)], "validation_accuracy": scores}),
        n=len(train),
        n_validation=len(out),
        n_test=len(test),
        predictions=predictions,
    )


def _standardise(x: torch.Tensor):
    """The map to columns of mean 0 and deviation 1 as seen in x; a constant column becomes 0."""
    mean, deviation = x.double().mean(dim=0), x.double().std(dim=0, correction=0)
    constant = deviation <= 1e-6 * mean.abs()
    factor = torch.where(constant, 0.0, 1 / torch.where(constant, 1.0, deviation))
    return lambda rows: ((rows - mean) * factor).float()
