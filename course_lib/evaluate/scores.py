"""All the figures that compare one frozen encoder with another, taken in the same way each time."""

from __future__ import annotations

import torch
from torch import nn

from course_lib.data import DenseSet, ImageSet
from course_lib.evaluate.dense import patch_features, segmentation_probe
from course_lib.evaluate.features import embed, floats, in_batches
from course_lib.evaluate.labels import few_labels
from course_lib.evaluate.neighbours import accuracy, knn
from course_lib.evaluate.objects import JaccardScores, attention_jaccard
from course_lib.evaluate.probe import linear_probe

PENALTIES = (1.0, 0.1, 0.01, 1e-3)  # the best on a fifth of the training images is taken


def frozen_scores(
    encoder: nn.Module,
    train: ImageSet,
    test: ImageSet,
    dense: DenseSet | None = None,
    dense_test: DenseSet | None = None,
    labels_per_class: int = 10,
    seed: int = 0,
) -> dict[str, float]:
    """Scores of an encoder as it is, in per cent; nothing is chosen on `test`.

    linear: linear probe on standardised features, its penalty chosen on a fifth of `train`. knn: k = 20,
    cosine, temperature 0.07. few: linear probe on `labels_per_class` labels a class, mean of 3 draws from
    seed on. With dense sets also miou: linear segmentation of the last map; and, for a transformer, jaccard:
    see `cls_jaccard`, best head per object.
    """
    features = [embed(encoder, images) for images in (train, test)]
    labels = train.labels, test.labels
    found = {
        "linear": linear_probe(features[0], labels[0], features[1], labels[1], penalties=PENALTIES).accuracy,
        "knn": accuracy(knn(features[0], labels[0], features[1], k=20), labels[1]),
        "few": few_labels(
            features[0], labels[0], features[1], labels[1], (labels_per_class,), seeds=range(seed, seed + 3)
        )["mean"].iloc[0],
    }
    if dense is not None and dense_test is not None:
        maps = [patch_features(encoder, one.images) for one in (dense, dense_test)]
        found["miou"] = segmentation_probe(
            maps[0], dense.segmentation, maps[1], dense_test.segmentation, len(dense.classes), PENALTIES[1:]
        ).score
        if hasattr(encoder, "attention_rows"):
            found["jaccard"] = cls_jaccard(encoder, dense_test).best_head
    return {name: round(100 * float(value), 2) for name, value in found.items()}


def cls_jaccard(encoder, dense: DenseSet, layer: int = -1, mass: float = 0.6) -> JaccardScores:
    """How well CLS's attention in a layer covers the visible objects, per head: see `attention_jaccard`.

    encoder: a VisionTransformer; it runs in eval mode, every module's mode is put back. Raises TypeError for
    an encoder without attention and a set without masks.
    """
    if not hasattr(encoder, "attention_rows"):
        raise TypeError(
            f"cls_jaccard: {type(encoder).__name__} has no attention_rows; give a VisionTransformer."
        )
    if not hasattr(dense, "masks"):
        raise TypeError(
            f"cls_jaccard: dense is a {type(dense).__name__} without masks; give data.load_dense(...)."
        )

    def one_batch(part: torch.Tensor) -> torch.Tensor:
        pictures = floats(encoder, part)
        rows = encoder.attention_rows(pictures, 0, layer)[0][:, :, encoder.prefix :]  # (B, heads, patches)
        return rows.unflatten(2, encoder.grid(*pictures.shape[2:]))

    maps = in_batches(encoder, dense.images, one_batch, 512)
    return attention_jaccard(maps, dense.masks, encoder.patch_size, mass)
