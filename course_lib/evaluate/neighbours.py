"""k-nearest neighbours on frozen features: the evaluation without a single trained weight."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_lib.evaluate.checks import as_features, as_labels, same_width


def knn(
    train_features,
    train_labels,
    test_features,
    k: int = 20,
    temperature: float = 0.07,
    chunk: int = 1024,
) -> torch.Tensor:
    """Label of each test row by a weighted vote of its k nearest training rows (int64 (M,)).

    Cosine similarity s; each neighbour votes exp(s / temperature) for its class; float32 throughout
    (Wu et al. 2018, arXiv:1805.01978, section 3.4; the protocol and temperature of DINO, arXiv:2104.14294).
    train_features (N, D), train_labels (N,) whole numbers >= 0, test_features (M, D), any scale.
    chunk: test rows compared at a time, so that memory stays at chunk x N numbers.
    Raises ValueError when k is not in 1..N, temperature is not above 0, chunk is below 1, lengths or widths
    differ, features hold NaN, or labels are negative.
    """
    train = as_features(train_features, "knn: train_features")
    test = as_features(test_features, "knn: test_features").to(train.device)
    labels = as_labels(train_labels, "knn: train_labels", len(train), "train_features").to(train.device)
    same_width(train, "knn: train_features", test, "test_features")
    if not 1 <= k <= len(train):
        raise ValueError(
            f"knn: k={k} but there are {len(train)} training rows; choose k between 1 and {len(train)}."
        )
    if not temperature > 0:
        raise ValueError(f"knn: temperature={temperature} was given; it must be above 0 (DINO uses 0.07).")
    if chunk < 1:
        raise ValueError(f"knn: chunk={chunk} was given; compare 1 or more test rows at a time.")
    train = F.normalize(train, dim=1)
    classes = int(labels.max()) + 1
    predictions = []
    for rows in F.normalize(test, dim=1).split(chunk):
        similarity, neighbours = (rows @ train.T).topk(k, dim=1)  # both (chunk, k)
        # the largest weight is set to 1: the ranking of classes is the same and exp cannot overflow
        weights = ((similarity - similarity[:, :1]) / temperature).exp()
        votes = weights.new_zeros(len(rows), classes).scatter_add_(1, labels[neighbours], weights)
        predictions.append(votes.argmax(dim=1))
    return torch.cat(predictions).cpu()


def accuracy(predictions, labels) -> float:
    """Share of equal entries, in [0, 1]. Raises ValueError when the lengths differ or are 0."""
    predictions, labels = torch.as_tensor(predictions), torch.as_tensor(labels)
    if predictions.shape != labels.shape or predictions.ndim != 1 or len(labels) == 0:
        raise ValueError(
            f"accuracy: {tuple(predictions.shape)} predictions for {tuple(labels.shape)} labels; "
            "give two equal lengths."
        )
    return (predictions.cpu() == labels.cpu()).float().mean().item()


def any_label_accuracy(predictions, present) -> float:
    """Share of predictions (N,) that name something that is there; present: (N, classes) bool.

    The measure of re-assessed labels (Beyer et al. 2020, arXiv:2006.07159, section 3.2); images in which
    nothing is there are left out. Raises ValueError when the lengths differ or are 0, a prediction is no
    class, or nothing is there in any image.
    """
    predictions, present = torch.as_tensor(predictions), torch.as_tensor(present, dtype=torch.bool)
    if predictions.ndim != 1 or present.ndim != 2 or not len(present) or len(predictions) != len(present):
        raise ValueError(
            f"any_label_accuracy: {tuple(predictions.shape)} predictions for {tuple(present.shape)} labels; "
            "give (N,) and (N, classes), N at least 1."
        )
    if predictions.is_floating_point() or predictions.min() < 0 or predictions.max() >= present.shape[1]:
        raise ValueError(f"any_label_accuracy: predictions must be classes, 0..{present.shape[1] - 1}.")
    counted = present.any(dim=1)
    if not counted.any():
        raise ValueError("any_label_accuracy: present is False everywhere; no image has a right answer.")
    right = present[torch.arange(len(present)), predictions.cpu()][counted]
    return right.float().mean().item()
