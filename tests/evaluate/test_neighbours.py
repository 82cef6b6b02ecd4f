"""k-NN against a loop written from the definition and against scikit-learn."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.evaluate import accuracy, knn


def vote_by_hand(train, labels, test, k, temperature):
    """Each of the k most similar training rows votes exp(cosine / temperature) for its class."""
    answers = []
    for row in test.double().numpy():
        similar = []
        for other, label in zip(train.double().numpy(), labels.tolist(), strict=True):
            similar.append((float(row @ other / np.linalg.norm(row) / np.linalg.norm(other)), label))
        votes = {}
        for cosine, label in sorted(similar, reverse=True)[:k]:
            votes[label] = votes.get(label, 0.0) + math.exp(cosine / temperature)
        answers.append(max(votes, key=votes.get))
    return torch.tensor(answers)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.sampled_from([0.05, 0.07, 0.5, 5.0]))
def test_equals_the_loop(seed, k, temperature):
    generator = torch.Generator().manual_seed(seed)
    train, test = torch.randn(30, 5, generator=generator), torch.randn(9, 5, generator=generator)
    labels = torch.randint(0, 4, (30,), generator=generator)
    expected = vote_by_hand(train, labels, test, k, temperature)
    assert torch.equal(knn(train, labels, test, k, temperature, chunk=4), expected)


def test_one_neighbour_is_scikit_learn_on_the_unit_sphere():
    from sklearn.neighbors import KNeighborsClassifier

    generator = torch.Generator().manual_seed(3)
    train, test = torch.randn(200, 8, generator=generator), torch.randn(50, 8, generator=generator)
    labels = torch.randint(0, 5, (200,), generator=generator)
    witness = (
        KNeighborsClassifier(1, metric="cosine").fit(train.numpy(), labels.numpy()).predict(test.numpy())
    )
    assert knn(train, labels, test, k=1).tolist() == witness.tolist()


def test_the_temperature_decides_between_one_close_and_many_far_neighbours():
    train = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    labels = torch.tensor([0, 1, 1, 1])
    query = torch.tensor([[1.0, 0.0]])
    assert knn(train, labels, query, k=4, temperature=0.07).item() == 0
    assert knn(train, labels, query, k=4, temperature=10).item() == 1


def test_scale_does_not_matter_and_a_tiny_temperature_does_not_overflow():
    generator = torch.Generator().manual_seed(0)
    train, labels = torch.randn(40, 6, generator=generator), torch.arange(40) % 3
    expected = knn(train, labels, train, k=1)
    assert torch.equal(knn(train * 1e3, labels, train * 1e-3, k=10, temperature=1e-3), expected)
    assert torch.equal(expected, labels)


def test_half_precision_and_arrays_are_taken():
    train = torch.eye(4)
    answer = knn(train.to(torch.bfloat16), np.array([3, 2, 1, 0]), train.numpy(), k=1)
    assert answer.tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"k": 7}, "k=7 but there are 6 training rows"),
        ({"k": 0}, "choose k between 1 and 6"),
        ({"temperature": 0.0}, "temperature=0.0 was given; it must be above 0"),
        ({"train_labels": torch.arange(5)}, "5,.* for 6 rows"),
        ({"train_labels": torch.tensor([0, 1, 2, -1, 0, 1])}, "1 labels are negative"),
        ({"train_labels": torch.rand(6)}, "whole numbers"),
        ({"test_features": torch.ones(2, 4)}, "3 columns but test_features has 4"),
        ({"test_features": torch.full((2, 3), math.nan)}, "test_features: 2 of 2 rows hold NaN"),
        ({"train_features": [[1.0]]}, "list was given"),
    ],
)
def test_bad_input_is_a_sentence(change, sentence):
    arguments = {
        "train_features": torch.rand(6, 3),
        "train_labels": torch.arange(6),
        "test_features": torch.rand(2, 3),
        "k": 2,
    }
    with pytest.raises((ValueError, TypeError), match=sentence):
        knn(**{**arguments, **change})


def test_accuracy_counts_equal_entries():
    assert accuracy(torch.tensor([1, 2, 3, 4]), np.array([1, 2, 0, 0])) == 0.5
    with pytest.raises(ValueError, match="equal lengths"):
        accuracy(torch.tensor([1]), torch.tensor([1, 2]))
