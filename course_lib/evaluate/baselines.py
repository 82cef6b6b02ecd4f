"""What an encoder must beat: the same encoder before training.

The other baseline, the same encoder trained with all labels for the same time, needs training:
`course_lib.training.supervised`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from course_lib.evaluate.features import embed
from course_lib.evaluate.intervals import Interval, t_interval
from course_lib.evaluate.neighbours import accuracy, knn
from course_lib.evaluate.probe import linear_probe


def evaluate(encoder, train, test, classifier: str = "linear", batch_size: int = 512) -> float:
    """Test accuracy in [0, 1] of a classifier on frozen features of `encoder` (an encoder or a method).

    train, test: ImageSets (`.images`, `.labels`). classifier: "linear" (`linear_probe`) or "knn" (k = 20).
    Raises ValueError for another classifier and as those two do.
    """
    if classifier not in ("linear", "knn"):
        raise ValueError(f'evaluate: classifier="{classifier}" was given; choose "linear" or "knn".')
    train_features, test_features = embed(encoder, train, batch_size), embed(encoder, test, batch_size)
    if classifier == "linear":
        return linear_probe(train_features, train.labels, test_features, test.labels).accuracy
    return accuracy(knn(train_features, train.labels, test_features), torch.as_tensor(test.labels))


def random_encoder(
    encoder_factory: Callable[[], torch.nn.Module], train, test, seeds=range(3), classifier: str = "linear"
) -> Interval:
    """Accuracy of the untrained encoder, mean and 95 % interval over initialisations.

    encoder_factory: called without arguments, gives a new encoder; its weights are drawn under
    `torch.manual_seed(seed)`, and the global generator is put back afterwards. A random convolutional network
    is far above chance, so chance is not the number to beat.
    """
    scores = []
    for seed in seeds:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder = encoder_factory()
        scores.append(evaluate(encoder, train, test, classifier))
    return t_interval(scores)
