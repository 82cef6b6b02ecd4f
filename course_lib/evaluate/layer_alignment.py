"""Is a mutual k-NN score more than chance, and more than the luck of having picked the best layers?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from course_lib.evaluate.checks import as_features
from course_lib.evaluate.nearest import check_others, nearest_others

# one byte per pair of images and layer of b; 1,024 images and 40 layers need 42 MB
_LARGEST = 2 * 10**9


@dataclass(frozen=True)
class LayerAlignment:
    """The best mutual k-NN score over layer pairs beside what chance and the choice of layers explain.

    score: of the best pair. layers: (index in a, index in b). chance: k / (N - 1). p: how often a shuffled
    pairing of the images reaches `score` at these layers; corrected_p: how often its best pair of layers
    does. selected_chance: mean over shuffles of the best pair's score. calibrated: 0 where score equals
    selected_chance, 1 for identical neighbours. scores: all layer pairs (layers of a, layers of b).
    """

    score: float
    layers: tuple[int, int]
    chance: float
    selected_chance: float
    p: float
    corrected_p: float
    calibrated: float
    scores: np.ndarray
    images: int
    k: int
    rounds: int

    def __str__(self) -> str:
        pairs = self.scores.size
        text = (
            f"mutual {self.k}-NN on {self.images} images: {self.score:.4f} at layers {self.layers[0]} and "
            f"{self.layers[1]}, {self.score / self.chance:.2f} x the chance level {self.chance:.4f} "
            f"(p = {self.p:.3g}, {self.rounds} shuffles)."
        )
        if pairs > 1:
            text += (
                f" The best of {pairs} layer pairs of shuffled images reaches {self.selected_chance:.4f} on "
                f"average: corrected p = {self.corrected_p:.3g}, calibrated score {self.calibrated:.4f}."
            )
        return text


def chance_level(images: int, k: int = 10) -> float:
    """Expected mutual k-NN score of two unrelated spaces: k / (N - 1).

    A neighbour in a is one of the k neighbours among the N - 1 other images in b with this probability.
    Raises ValueError for k not in 1..N-1.
    """
    check_others(k, images, "chance_level")
    return k / (images - 1)


def clip_outliers(features, quantile: float = 0.95, exact: bool = False) -> torch.Tensor:
    """Features (N, D) with every value limited to +-q, so that a few huge activations decide no neighbour.

    q is the `quantile` of |values|: taken per image and averaged over the images, or over the whole table
    with exact=True (as in the code released with Huh et al. 2024, arXiv:2405.07987). Raises ValueError for
    NaN and a quantile outside (0, 1].
    """
    features = as_features(features, "clip_outliers: features")
    if not 0 < quantile <= 1:
        raise ValueError(
            f"clip_outliers: quantile={quantile} was given; it lies in (0, 1], for example 0.95."
        )
    sizes = features.abs()
    # NumPy: torch.quantile refuses more than 16 million values
    limit = np.quantile(sizes.cpu().numpy(), quantile, axis=None if exact else 1).mean()
    return features.clamp(-float(limit), float(limit))


def layer_alignment(
    a, b, k: int = 10, rounds: int = 200, seed: int = 0, clip: float | None = None
) -> LayerAlignment:
    """Mutual k-NN over all pairs of layers with its chance level, corrected for the choice of layers.

    a, b: a table (N, D) or a list of tables, one per layer (widths may differ); row i of every table from
    the same image (or its text). The score of Huh et al. (2024, arXiv:2405.07987) is the maximum over layer
    pairs, and a maximum of noise lies above chance; so `rounds` times the images of b are shuffled (the same
    shuffle for all layers) and the maximum is taken again. p-values are (1 + shuffles that reach the score)
    / (1 + rounds) (Phipson & Smyth 2010), so none is smaller than 1 / (1 + rounds). clip: quantile for
    `clip_outliers`, None for none. Raises ValueError for tables of different lengths, NaN, k not in 1..N-1,
    rounds < 1, and tables too large for the test (the sentence says what fits).
    """
    layers_a, layers_b = _layers(a, "a", clip), _layers(b, "b", clip)
    images = len(layers_a[0])
    for name, layers in (("a", layers_a), ("b", layers_b)):
        for index, layer in enumerate(layers):
            if len(layer) != images:
                raise ValueError(
                    f"layer_alignment: layer {index} of {name} has {len(layer)} rows but layer 0 of a has "
                    f"{images}; row i of all layers is the same image."
                )
    chance = chance_level(images, k)
    if rounds < 1:
        raise ValueError(f"layer_alignment: rounds={rounds} was given; give at least 1, usually 200 or more.")
    need = images**2 * len(layers_b)
    if need > _LARGEST:
        raise ValueError(
            f"layer_alignment: {images} images and {len(layers_b)} layers of b need {need:,} bytes; with so "
            f"many layers take at most {int((_LARGEST / len(layers_b)) ** 0.5)} images."
        )
    tables_a, tables_b = (
        [nearest_others(layer, k)[0].cpu().numpy() for layer in layers] for layers in (layers_a, layers_b)
    )
    near_a = np.stack(tables_a)  # (layers of a, N, k)
    is_near_b = _adjacency(tables_b)  # (N * N, layers of b)
    scores = _shared(near_a, is_near_b, np.arange(images))
    random = np.random.default_rng(seed)
    shuffled = np.stack([_shared(near_a, is_near_b, random.permutation(images)) for _ in range(rounds)])
    best = int(scores.argmax())
    by_luck = shuffled.reshape(rounds, -1)
    largest, score = by_luck.max(axis=1), scores.flat[best]
    selected_chance = float(largest.mean()) / (images * k)
    final = float(score) / (images * k)
    room = 1 - selected_chance  # 0 only for k = N - 1: then all spaces agree and nothing can be said
    return LayerAlignment(
        score=final,
        layers=divmod(best, len(layers_b)),
        chance=chance,
        selected_chance=selected_chance,
        p=(1 + int((by_luck[:, best] >= score).sum())) / (1 + rounds),
        corrected_p=(1 + int((largest >= score).sum())) / (1 + rounds),
        calibrated=(final - selected_chance) / room if room > 0 else 0.0,
        scores=scores / (images * k),
        images=images,
        k=k,
        rounds=rounds,
    )


def _layers(values, name: str, clip: float | None) -> list[torch.Tensor]:
    tables = list(values) if isinstance(values, Sequence) else [values]
    if not tables:
        raise ValueError(f"layer_alignment: {name} holds no layer; give a table (N, D) or a list of them.")
    layers = [as_features(table, f"layer_alignment: {name}, layer {i}") for i, table in enumerate(tables)]
    return layers if clip is None else [clip_outliers(layer, clip) for layer in layers]


def _adjacency(near: list[np.ndarray]) -> np.ndarray:
    """1 at row i * N + j, column l where j is a neighbour of i at layer l: (N * N, layers), one byte each."""
    images = len(near[0])
    table = np.zeros((images * images, len(near)), dtype=np.uint8)
    for layer, neighbours in enumerate(near):
        table[(np.arange(images)[:, None] * images + neighbours).ravel(), layer] = 1
    return table


def _shared(near_a: np.ndarray, is_near_b: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Shared neighbours (layers of a, layers of b) when image i of a is paired with order[i] of b."""
    pairs = order[:, None] * len(order) + order[near_a]  # (layers of a, N, k): a's pairs in b's numbering
    return np.stack([is_near_b.take(layer.ravel(), axis=0).sum(axis=0, dtype=np.int64) for layer in pairs])
