"""Accuracy against the number of labels: what pretraining is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from course_lib.evaluate.checks import as_features, as_labels
from course_lib.evaluate.intervals import t_interval
from course_lib.evaluate.neighbours import accuracy, knn
from course_lib.evaluate.probe import linear_probe

if TYPE_CHECKING:
    import pandas


def balanced_draw(labels, per_class: int, seed: int = 0) -> torch.Tensor:
    """Indices of `per_class` random examples of every class (int64, sorted), a function of labels and seed.

    A larger draw with the same seed contains the smaller one, so a curve over label counts is nested.
    Raises ValueError when a class has fewer examples, per_class < 1, or there are no labels.
    """
    labels = np.asarray(torch.as_tensor(labels))
    if not len(labels):
        raise ValueError("balanced_draw: labels is empty; there is nothing to draw from.")
    if per_class < 1:
        raise ValueError(
            f"balanced_draw: per_class={per_class} was given; draw 1 or more labels of each class."
        )
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < per_class:
            raise ValueError(
                f"balanced_draw: per_class={per_class} but class {label} has {len(members)} examples; "
                f"ask for at most {len(members)}."
            )
        chosen.append(np.random.default_rng([seed, int(label)]).permutation(members)[:per_class])
    return torch.from_numpy(np.sort(np.concatenate(chosen)))


def few_labels(
    train_features,
    train_labels,
    test_features,
    test_labels,
    labels_per_class=(1, 2, 5, 10, 20, 50, 100),
    seeds=range(5),
    classifier: str = "linear",
    confidence: float = 0.95,
) -> pandas.DataFrame:
    """Test accuracy of a classifier trained on a few labels per class, with an interval over draws.

    train_features (N, D) and test_features (M, D) of one encoder, or two dicts {name: features} with the same
    names to compare encoders: every encoder then sees the same drawn labels. classifier: "linear" (the linear
    probe; its penalty is chosen within the drawn labels) or "knn" (k = labels_per_class, at most 20).
    One row per encoder and label count: encoder, labels_per_class, mean, low, high (accuracies in [0, 1],
    Student's t interval of the mean over seeds), seeds. Raises ValueError as `linear_probe` does, when a
    class has fewer examples than asked for, when the dicts differ, and for no seeds.
    """
    import pandas

    trains = dict(train_features) if isinstance(train_features, Mapping) else {"": train_features}
    tests = dict(test_features) if isinstance(test_features, Mapping) else {"": test_features}
    if set(trains) != set(tests):
        raise ValueError(
            f"few_labels: train_features has {sorted(trains)} but test_features has {sorted(tests)}; "
            "use the same names."
        )
    if classifier not in ("linear", "knn"):
        raise ValueError(f'few_labels: classifier="{classifier}" was given; choose "linear" or "knn".')
    seeds = list(seeds)
    if not seeds:
        raise ValueError("few_labels: no seeds were given; use for example seeds=range(5).")
    rows = []
    for name, train in trains.items():
        train = as_features(train, f"few_labels: train_features {name}".rstrip())
        labels = as_labels(train_labels, "few_labels: train_labels", len(train), "train_features")
        for per_class in labels_per_class:
            scores = []
            for seed in seeds:
                drawn = balanced_draw(labels, per_class, seed)
                few, its_labels = train[drawn], labels[drawn]
                if classifier == "linear":
                    result = linear_probe(
                        few, its_labels, tests[name], test_labels, seed=seed, penalties=_COARSE
                    )
                    scores.append(result.accuracy)
                else:
                    guess = knn(few, its_labels, tests[name], k=min(20, per_class))
                    scores.append(accuracy(guess, test_labels))
            interval = t_interval(scores, confidence)
            rows.append((name, per_class, interval.mean, interval.low, interval.high, len(seeds)))
    columns = ["encoder", "labels_per_class", "mean", "low", "high", "seeds"]
    table = pandas.DataFrame(rows, columns=columns)
    return table if isinstance(train_features, Mapping) else table.drop(columns="encoder")


_COARSE = (1.0, 0.1, 0.01, 1e-3)
