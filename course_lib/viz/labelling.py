"""The labelling simulation behind the introduction: a cheap learner, wrong labels, annotators, votes.

NumPy only, fast enough to move a slider. Annotators are learners too: each is shown a few labelled pictures
of the object and then labels the rest, so its mistakes come from what it has seen, not from an assumed table.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

PENALTIES = 10.0 ** np.arange(-4, 3)  # of the ridge classifier, relative to the mean variance of a feature


def gradient_histograms(images: np.ndarray, cells: int = 6, directions: int = 8) -> np.ndarray:
    """Describe pictures by where their edges run, without any learning (after Dalal & Triggs 2005).

    images: (N, 3, H, W) uint8, H and W multiples of ``cells``. Returns (N, cells * cells * directions)
    float32: in each cell, the gradient length summed per direction (0 to 180 degrees), every picture scaled
    to length 1 and rooted. Raises ValueError for another shape.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] % cells or images.shape[3] % cells:
        raise ValueError(f"images is {images.shape}; (N, 3, H, W) is needed, H and W multiples of {cells}.")
    count, _, height, width = images.shape
    features: np.ndarray = np.empty((count, cells, cells, directions), np.float32)
    for start in range(0, count, 512):
        grey = images[start : start + 512].astype(np.float32).mean(1)  # (B, H, W)
        down, right = np.gradient(grey, axis=(1, 2))
        length = np.hypot(down, right)
        direction = np.floor(np.arctan2(down, right) / np.pi * directions).astype(int) % directions
        for which in range(directions):
            part = np.where(direction == which, length, 0)
            part = part.reshape(len(part), cells, height // cells, cells, width // cells)
            features[start : start + 512, :, :, which] = part.sum((2, 4))
    features = features.reshape(count, -1)
    return np.sqrt(features / np.maximum(features.sum(1, keepdims=True), 1e-6))


class Ridge:
    """A linear classifier in closed form: least squares to one-hot labels, penalty chosen by leave-one-out.

    Ridge(x).fit(y, classes).predict(others), with x (N, D), y (N,) whole numbers below ``classes``. The
    decomposition of x is kept, so that ``fit`` with other labels of the same pictures costs almost nothing.
    """

    def __init__(self, x: np.ndarray):
        self.mean = x.mean(0)
        centred = (x - self.mean).astype(np.float64)
        squares, self.axes = np.linalg.eigh(centred.T @ centred)  # (D,), (D, D)
        kept = squares > 1e-9 * max(squares.max(), 1e-30)
        self.squares, self.axes = squares[kept], self.axes[:, kept]  # (R,), (D, R)
        self.left = centred @ self.axes / np.sqrt(self.squares)  # (N, R), orthonormal columns
        self.scale = squares.sum() / x.shape[1]

    def fit(self, y: np.ndarray, classes: int, penalties: Iterable[float] = PENALTIES) -> Ridge:
        """Fit on all rows. The penalty is the one whose leave-one-out guesses agree most often with y."""
        targets = np.eye(classes)[y]
        centre = targets.mean(0)
        projected = self.left.T @ (targets - centre)  # (R, classes)
        best = -1.0
        for penalty in penalties:
            shrink = self.squares / (self.squares + penalty * self.scale)  # (R,)
            leverage = (self.left**2) @ shrink + 1 / len(y)  # how much a row pulls its own guess, (N,)
            residual = targets - centre - self.left @ (shrink[:, None] * projected)
            without = targets - residual / np.maximum(1 - leverage, 1e-6)[:, None]
            agreement = float((without.argmax(1) == y).mean())
            if agreement >= best:  # on a tie the stronger penalty
                best, self.penalty = agreement, float(penalty)
        factor = np.sqrt(self.squares) / (self.squares + self.penalty * self.scale)
        self.weights = self.axes @ (factor[:, None] * projected)  # (D, classes)
        self.offset = centre - self.mean @ self.weights
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The class with the highest score for each row of x (M, D): (M,)."""
        return (x @ self.weights + self.offset).argmax(1)


def wrong_labels(labels: np.ndarray, rate: float, classes: int, generator: np.random.Generator) -> np.ndarray:
    """A copy of ``labels`` of which a share ``rate`` is replaced by another class, any of them.

    Raises ValueError for a rate outside 0 to 1.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate is {rate}; it is a share of the labels, from 0 to 1.")
    noisy = np.array(labels)
    chosen = generator.choice(len(noisy), round(rate * len(noisy)), replace=False)
    noisy[chosen] = (noisy[chosen] + generator.integers(1, classes, len(chosen))) % classes
    return noisy


def cohen_kappa(first: np.ndarray, second: np.ndarray, classes: int) -> float:
    """Agreement beyond chance (Cohen 1960): (observed - expected) / (1 - expected); 1 equal, 0 chance.

    expected: how often two people agree who give each class as often as these two but look at nothing.
    Returns nan if both gave one and the same class throughout.
    """
    table = np.zeros((classes, classes))
    np.add.at(table, (np.asarray(first), np.asarray(second)), 1 / len(first))
    observed, expected = np.trace(table), float(table.sum(1) @ table.sum(0))
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")


def majority(answers: np.ndarray, classes: int, generator: np.random.Generator) -> np.ndarray:
    """The most frequent answer for each picture, a tie broken at random. answers: (A, N) -> (N,)."""
    answers = np.asarray(answers)
    votes = np.zeros((answers.shape[1], classes))
    np.add.at(votes, (np.arange(answers.shape[1])[None], answers), 1.0)  # (N, classes)
    return (votes + 0.5 * generator.random(votes.shape)).argmax(1)


def annotators(
    x: np.ndarray, y: np.ndarray, classes: int, examples: int, count: int, seed: int = 0
) -> list[Ridge]:
    """``count`` annotators, each trained on its own ``examples`` labelled pictures drawn from (x, y)."""
    draws = [np.random.default_rng([seed, one]).permutation(len(x))[:examples] for one in range(count)]
    return [Ridge(x[rows]).fit(y[rows], classes) for rows in draws]


def independent(answers: np.ndarray, truth: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The same annotators with their answers shuffled among pictures of one class: (A, N) -> (A, N).

    Everyone keeps the same mistakes in the same numbers, but no two make them on the same picture more often
    than chance. What is lost between this and the real votes is the price of shared mistakes.
    """
    shuffled = np.array(answers)
    for label in np.unique(truth):
        members = np.flatnonzero(truth == label)
        for row in shuffled:
            row[members] = row[generator.permutation(members)]
    return shuffled


def windows(images: np.ndarray, positions: np.ndarray, sizes: np.ndarray, side: int = 24) -> np.ndarray:
    """What an annotator looks at: the square around the object, brought to ``side`` pixels.

    images: (N, 3, H, W) uint8; positions: (N, 2) centres (x, y) and sizes: (N,) sides, as fractions of the
    picture. Returns (N, 3, side, side) uint8, nearest pixels, the border repeated beyond the edge.
    """
    _, _, height, width = images.shape
    steps = (np.arange(side) + 0.5) / side - 0.5  # (side,)
    columns = (positions[:, :1] + sizes[:, None] * steps) * width
    rows = (positions[:, 1:] + sizes[:, None] * steps) * height
    rows = np.clip(np.floor(rows).astype(int), 0, height - 1)  # (N, side)
    columns = np.clip(np.floor(columns).astype(int), 0, width - 1)
    picture = np.arange(len(images))[:, None, None]
    return images.transpose(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None, :]].transpose(0, 3, 1, 2)
