"""Few labels: the draws, the intervals, and that all encoders see the same labels."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.evaluate import accuracy, balanced_draw, few_labels, knn, linear_probe, t_interval

from .test_probe import blobs


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(0, 1000))
def test_a_draw_is_balanced_repeatable_and_nested(per_class, seed):
    labels = torch.tensor([2, 0, 1] * 7)
    drawn = balanced_draw(labels, per_class, seed)
    assert torch.bincount(labels[drawn]).tolist() == [per_class] * 3
    assert torch.equal(drawn, balanced_draw(labels, per_class, seed))
    assert set(drawn.tolist()) < set(balanced_draw(labels, per_class + 1, seed).tolist())


def test_seeds_draw_differently():
    labels = torch.arange(300) % 3
    assert balanced_draw(labels, 5, 0).tolist() != balanced_draw(labels, 5, 1).tolist()


def test_t_interval_against_scipy_and_its_edges():
    from scipy import stats

    values = [0.61, 0.64, 0.58, 0.70, 0.66]
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    found = t_interval(values)
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), low, high))
    assert t_interval([0.5, 0.5, 0.5]).low == 0.5
    assert math.isnan(t_interval([0.4]).low)
    assert str(t_interval([0.4])) == "40.0 % (one run)"
    assert str(t_interval([0.4, 0.4])) == "40.0 % [40.0, 40.0]"
    with pytest.raises(ValueError, match="no values"):
        t_interval([])
    with pytest.raises(ValueError, match="confidence=95"):
        t_interval([1, 2], 95)


@pytest.mark.parametrize("classifier", ["linear", "knn"])
def test_each_row_is_the_mean_over_draws(classifier):
    train, labels = blobs(120, spread=2)
    test, truth = blobs(60, spread=2, seed=1)
    table = few_labels(train, labels, test, truth, (1, 4), seeds=(3, 8, 9), classifier=classifier)
    assert table.labels_per_class.tolist() == [1, 4]
    assert "encoder" not in table.columns
    for per_class, mean, low, high in table[["labels_per_class", "mean", "low", "high"]].itertuples(
        index=False
    ):
        scores = []
        for seed in (3, 8, 9):
            few = balanced_draw(labels, int(per_class), seed)
            if classifier == "knn":
                guess = knn(train[few], labels[few], test, k=int(per_class))
                scores.append(accuracy(guess, truth))
            else:
                grid = (1.0, 0.1, 0.01, 1e-3)
                scores.append(
                    linear_probe(train[few], labels[few], test, truth, seed=seed, penalties=grid).accuracy
                )
        expected = t_interval(scores)
        assert (mean, low, high) == pytest.approx((expected.mean, expected.low, expected.high))


def test_two_encoders_with_equal_features_get_equal_rows():
    train, labels = blobs(90, spread=2)
    test, truth = blobs(30, spread=2, seed=1)
    table = few_labels(
        {"a": train, "b": train.clone()}, labels, {"b": test, "a": test}, truth, (1, 3), range(2)
    )
    a, b = (table[table.encoder == name].drop(columns="encoder").reset_index(drop=True) for name in "ab")
    assert a.equals(b)


def test_bad_input_is_a_sentence():
    train, labels = blobs(9)
    with pytest.raises(ValueError, match="per_class=4 but class 0 has 3 examples"):
        few_labels(train, labels, train, labels, (4,))
    with pytest.raises(ValueError, match="no seeds"):
        few_labels(train, labels, train, labels, (1,), seeds=())
    with pytest.raises(ValueError, match="use the same names"):
        few_labels({"a": train}, labels, {"b": train}, labels)
    with pytest.raises(ValueError, match='choose "linear" or "knn"'):
        few_labels(train, labels, train, labels, (1,), classifier="svm")
    with pytest.raises(ValueError, match="per_class=0"):
        balanced_draw(labels, 0, 0)
