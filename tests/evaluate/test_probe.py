"""The linear probe: its optimum, its choice of penalty, and that the test set has no say."""

import math

import numpy as np
import pytest
import torch

from course_lib.evaluate import hold_out, linear_probe
from course_lib.evaluate.softmax import predict, softmax_regression


def blobs(n, classes=3, width=6, spread=1.0, seed=0):
    """Gaussian classes around random centres, all from one seed."""
    centres = torch.randn(classes, width, generator=torch.Generator().manual_seed(99)) * 2
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    return centres[labels] + spread * torch.randn(n, width, generator=generator), labels


@pytest.mark.parametrize("penalty", [1.0, 0.05, 1e-4])
def test_the_fit_is_the_optimum_of_the_stated_objective(penalty):
    features, labels = blobs(60, spread=3)
    found = softmax_regression(features - features.mean(dim=0), labels, 3, penalty).requires_grad_()
    scores = (features - features.mean(dim=0)).double() @ found[:-1] + found[-1]
    objective = torch.nn.functional.cross_entropy(scores, labels) + penalty / 2 * found[:-1].pow(2).sum()
    objective.backward()
    assert found.grad.abs().max() < 1e-3


@pytest.mark.parametrize("penalty", [0.5, 0.01, 1e-4])
def test_equals_scikit_learn_on_almost_collinear_features(penalty):
    from sklearn.linear_model import LogisticRegression

    features, labels = blobs(200, spread=2)
    features = torch.cat([features, features + 0.05 * torch.randn(200, 6)], dim=1)
    features = (features - features.mean(dim=0)) / features.std(dim=0)
    witness = LogisticRegression(C=1 / (penalty * 200), max_iter=10_000, tol=1e-8)
    witness.fit(features.double().numpy(), labels.numpy())
    warm = softmax_regression(features, labels, 3, 10 * penalty)
    for start in (None, warm):
        found = softmax_regression(features, labels, 3, penalty, start)
        assert (predict(found, features).numpy() == witness.predict(features.numpy())).mean() > 0.99
        expected = torch.from_numpy(witness.predict_proba(features.double().numpy()))
        probabilities = (features.double() @ found[:-1] + found[-1]).softmax(dim=1)
        assert (probabilities - expected).abs().max() < 0.02


def test_separated_classes_are_told_apart_whatever_the_scale_of_a_column():
    train, labels = blobs(300, spread=0.3)
    test, truth = blobs(90, spread=0.3, seed=1)
    scale = torch.tensor([1e-4, 1, 1e4, 1, 1, 1])
    result = linear_probe(train * scale, labels, test * scale, truth)
    assert result.accuracy == 1
    assert (result.n, result.n_validation, result.n_test) == (300, 60, 90)
    assert torch.equal(result.predictions, truth)


def test_noise_columns_call_for_a_strong_penalty_and_it_pays():
    train, labels = blobs(400, classes=2, width=2, spread=3)
    test, truth = blobs(1000, classes=2, width=2, spread=3, seed=1)
    noise = torch.randn(1400, 200, generator=torch.Generator().manual_seed(5))
    train, test = torch.cat([train, noise[:400]], 1), torch.cat([test, noise[400:]], 1)
    chosen = linear_probe(train, labels, test, truth)
    weak = linear_probe(train, labels, test, truth, penalties=(1e-5,))
    assert chosen.penalty >= 0.1
    assert chosen.accuracy > weak.accuracy + 0.02


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
