"""The linear probe: its optimum, its choice of penalty, and that the test set has no say."""

import math

import numpy as np
import pytest
import torch

from course_lib.evaluate import hold_out, linear_probe
from course_lib.evaluate.probe import _logistic


def blobs(n, classes=3, width=6, spread=1.0, seed=0):
    """Gaussian classes around random centres, all from one seed."""
    centres = torch.randn(classes, width, generator=torch.Generator().manual_seed(99)) * 2
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    return centres[labels] + spread * torch.randn(n, width, generator=generator), labels


def test_the_fit_is_the_optimum_of_the_stated_objective():
    features, labels = blobs(60, spread=3)
    x, y, penalty = features.numpy().astype(np.float64), labels.numpy(), 0.05
    model = _logistic(x, y, penalty)
    weights = torch.tensor(model.coef_, requires_grad=True)
    bias = torch.tensor(model.intercept_, requires_grad=True)
    scores = torch.tensor(x) @ weights.T + bias
    objective = torch.nn.functional.cross_entropy(scores, labels) + penalty / 2 * weights.pow(2).sum()
    objective.backward()
    assert weights.grad.abs().max() < 1e-3
    assert bias.grad.abs().max() < 1e-3


def test_separated_classes_are_told_apart_whatever_the_scale_of_a_column():
    train, labels = blobs(300, spread=0.3)
    test, truth = blobs(90, spread=0.3, seed=1)
    scale = torch.tensor([1e-4, 1, 1e4, 1, 1, 1])
    result = linear_probe(train * scale, labels, test * scale, truth)
    assert result.accuracy == 1
    assert (result.n, result.n_validation, result.n_test) == (300, 60, 90)
    assert torch.equal(result.predictions, truth)


def test_noise_columns_call_for_a_stronger_penalty_than_clean_ones():
    train, labels = blobs(60, classes=2, width=2, spread=2.5)
    test, truth = blobs(600, classes=2, width=2, spread=2.5, seed=1)
    noise = torch.randn(660, 300, generator=torch.Generator().manual_seed(5))
    noisy = linear_probe(torch.cat([train, noise[:60]], 1), labels, torch.cat([test, noise[60:]], 1), truth)
    weak = linear_probe(
        torch.cat([train, noise[:60]], 1), labels, torch.cat([test, noise[60:]], 1), truth, penalties=(1e-5,)
    )
    assert noisy.penalty > 1e-4
    assert noisy.accuracy >= weak.accuracy


def test_the_penalty_is_the_best_of_the_table_and_ties_go_to_the_stronger():
    train, labels = blobs(150, spread=2)
    result = linear_probe(train, labels, *blobs(30, spread=2, seed=1), penalties=(1e-4, 1.0, 0.01))
    table = result.table
    assert table.penalty.tolist() == [1.0, 0.01, 1e-4]
    best = table[table.validation_accuracy == table.validation_accuracy.max()].penalty.max()
    assert result.penalty == best


def test_the_choice_cannot_see_the_test_set():
    train, labels = blobs(120, spread=2)
    test, truth = blobs(60, spread=2, seed=1)
    honest = linear_probe(train, labels, test, truth)
    poisoned = linear_probe(train, labels, 100 * torch.randn(60, 6), truth.roll(1))
    assert honest.penalty == poisoned.penalty
    assert honest.table.equals(poisoned.table)


def test_a_constant_column_and_other_label_numbers_do_no_harm():
    train, labels = blobs(90, spread=0.3)
    test, truth = blobs(30, spread=0.3, seed=1)
    constant = torch.full((1, 1), 7.0)
    result = linear_probe(
        torch.cat([train, constant.expand(90, 1)], 1),
        10 * labels + 5,
        torch.cat([test, constant.expand(30, 1) + 3], 1),
        10 * truth + 5,
    )
    assert result.accuracy == 1
    assert set(result.predictions.tolist()) == {5, 15, 25}


def test_hold_out_takes_its_share_of_every_class_and_keeps_one():
    labels = np.array([0] * 50 + [1] * 10 + [2] * 2 + [3])
    kept, out = hold_out(labels, 0.2, seed=4)
    assert sorted([*kept, *out]) == list(range(63))
    assert np.bincount(labels[out], minlength=4).tolist() == [10, 2, 1, 0]
    assert hold_out(labels, 0.2, seed=4)[1].tolist() == out.tolist()
    assert hold_out(labels, 0.2, seed=5)[1].tolist() != out.tolist()


def test_one_label_per_class_still_gives_a_classifier():
    train, labels = blobs(3, spread=0.1)
    result = linear_probe(train, labels, *blobs(30, spread=0.1, seed=1))
    assert result.accuracy == 1
    assert len(result.table) == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"train_labels": torch.zeros(20, dtype=torch.long)}, "only class 0 occurs"),
        ({"train_labels": torch.arange(19) % 2}, "19,.* for 20 rows"),
        ({"train_labels": -(torch.arange(20) % 2)}, "10 labels are negative"),
        ({"test_labels": torch.tensor([0, 1, 2, 3, 1])}, "class 2 and 1 others do not occur in train_labels"),
        ({"train_features": torch.full((20, 4), math.nan)}, "20 of 20 rows hold NaN"),
        ({"test_features": torch.rand(5, 3)}, "4 columns but test_features has 3"),
        ({"validation": 1.0}, "validation=1.0"),
        ({"penalties": ()}, "penalties must be"),
        ({"penalties": (0.1, 0)}, "above 0"),
    ],
)
def test_bad_input_is_a_sentence(change, sentence):
    arguments = {
        "train_features": torch.rand(20, 4),
        "train_labels": torch.arange(20) % 2,
        "test_features": torch.rand(5, 4),
        "test_labels": torch.arange(5) % 2,
    }
    with pytest.raises(ValueError, match=sentence):
        linear_probe(**{**arguments, **change})
