"""The labelling simulation against scikit-learn, loops and closed forms."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.metrics import cohen_kappa_score

from course_lib.viz import labelling


def pictures(seed, count=6, size=16):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, size, size)).astype(np.uint8)


def test_one_edge_fills_one_cell_and_one_direction():
    images = np.zeros((2, 3, 16, 16), np.uint8)
    images[0, :, 0:4, 2:] = (
        200  # brightness changes to the right inside the first of 4 x 4 cells, and below it
    )
    images[1, :, :, 10:] = 200  # one vertical edge from top to bottom, in the third column of cells
    features = labelling.gradient_histograms(images, cells=4, directions=4).reshape(2, 4, 4, 4)
    assert np.flatnonzero(features[1].sum((0, 2))).tolist() == [2]
    assert np.flatnonzero(features[1].sum((0, 1))).tolist() == [0]  # the gradient points along the x axis
    np.testing.assert_allclose(features[1, :, 2, 0], 0.5, rtol=1e-5)  # four equal cells, squares sum to 1
    assert features[0, 0, 0, 0] > 0
    lying = labelling.gradient_histograms(images[1:].swapaxes(2, 3), cells=4, directions=4).reshape(4, 4, 4)
    assert np.flatnonzero(lying.sum((0, 1))).tolist() == [2]  # a quarter turn is half of the directions


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_turning_the_picture_turns_the_cells(seed):
    images, cells, directions = pictures(seed, 2), 4, 4
    before = labelling.gradient_histograms(images, cells, directions).reshape(2, cells, cells, directions)
    turned = labelling.gradient_histograms(np.rot90(images, axes=(2, 3)), cells, directions)
    turned = turned.reshape(2, cells, cells, directions)
    expected = np.rot90(before, axes=(1, 2))
    np.testing.assert_allclose((turned**2).sum((1, 2, 3)), 1, rtol=1e-4)
    np.testing.assert_allclose((turned**2).sum(3), (expected**2).sum(3), rtol=1e-3)


def test_contrast_does_not_change_the_description():
    images = pictures(3) // 2
    a, b = (labelling.gradient_histograms(one, 4) for one in (images, images * 2))
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 16, 16), (2, 1, 16, 16), (2, 3, 15, 16)])
def test_pictures_that_do_not_fit_are_named(shape):
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\) is needed"):
        labelling.gradient_histograms(np.zeros(shape, np.uint8), 4)


def problem(seed, rows=40, width=6, classes=3):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, rows)
    y[:classes] = np.arange(classes)
    return generator.normal(size=(rows, width)) + y[:, None] * 0.4, y


@pytest.mark.parametrize("rows", [40, 5])  # more rows than features, and fewer
def test_ridge_is_scikit_learns_ridge_on_one_hot_labels(rows):
    x, y = problem(1, rows)
    mine = labelling.Ridge(x).fit(y, 3, penalties=[0.3])
    scale = ((x - x.mean(0)) ** 2).sum() / x.shape[1]
    theirs = SklearnRidge(alpha=0.3 * scale).fit(x, np.eye(3)[y])
    np.testing.assert_allclose(x @ mine.weights + mine.offset, theirs.predict(x), atol=1e-7)


def test_ridge_chooses_the_penalty_that_leave_one_out_would():
    x, y = problem(2)
    penalties = [1e-4, 1e-2, 1.0, 100.0]
    scale = ((x - x.mean(0)) ** 2).sum() / x.shape[1]

    def left_out(penalty):
        right = 0
        for row in range(len(x)):
            others = np.arange(len(x)) != row
            model = SklearnRidge(alpha=penalty * scale).fit(x[others], np.eye(3)[y[others]])
            right += model.predict(x[row : row + 1]).argmax() == y[row]
        return right

    scores = [left_out(penalty) for penalty in penalties]
    best = max(penalty for penalty, score in zip(penalties, scores, strict=True) if score == max(scores))
    assert len(set(scores)) > 1, "the example must be able to tell penalties apart"
    assert labelling.Ridge(x).fit(y, 3, penalties).penalty == best


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1), st.integers(2, 9))
def test_exactly_the_stated_share_of_labels_is_wrong(seed, rate, classes):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, 200)
    before = truth.copy()
    noisy = labelling.wrong_labels(truth, rate, classes, generator)
    assert (noisy != truth).sum() == round(rate * 200)
    assert noisy.min() >= 0
    assert noisy.max() < classes
    np.testing.assert_array_equal(truth, before)


def test_every_wrong_class_is_as_likely_as_every_other():
    noisy = labelling.wrong_labels(np.full(30_000, 2), 1.0, 4, np.random.default_rng(0))
    counts = np.bincount(noisy, minlength=4)
    assert counts[2] == 0
    assert abs(counts[[0, 1, 3]] / 10_000 - 1).max() < 0.05


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_is_a_share(rate):
    with pytest.raises(ValueError, match="from 0 to 1"):
        labelling.wrong_labels(np.zeros(3, int), rate, 2, np.random.default_rng(0))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 0.9))
def test_kappa_is_scikit_learns(seed, share):
    generator = np.random.default_rng(seed)
    first = generator.integers(0, 5, 60)
    second = np.where(generator.random(60) < share, first, generator.integers(0, 5, 60))
    assert labelling.cohen_kappa(first, second, 5) == pytest.approx(
        cohen_kappa_score(first, second), abs=1e-12
    )


def test_kappa_by_hand():
    # 50 pictures: 20 both yes, 15 both no, 5 and 10 apart. Observed 0.7, chance 0.5 * 0.6 + 0.5 * 0.4
    first = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    second = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert labelling.cohen_kappa(first, second, 2) == pytest.approx(0.4)
    assert np.isnan(labelling.cohen_kappa(np.zeros(4, int), np.zeros(4, int), 2))


def test_majority_counts_votes_and_breaks_ties_both_ways():
    generator = np.random.default_rng(0)
    answers = generator.integers(0, 3, (5, 200))
    voted = labelling.majority(answers, 3, generator)
    for column, winner in zip(answers.T, voted, strict=True):
        votes = Counter(column.tolist())
        assert votes[int(winner)] == max(votes.values())
    tie = np.tile([[0], [1]], 100)
    assert 20 < labelling.majority(tie, 2, np.random.default_rng(1)).sum() < 80


def test_independent_keeps_everyones_mistakes_but_not_together():
    generator = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 100)
    shared = labelling.wrong_labels(truth, 0.3, 3, generator)
    answers = np.stack([shared, shared, shared])  # three people with the very same mistakes
    apart = labelling.independent(answers, truth, generator)
    for label in range(3):
        for person in range(3):
            kept = Counter(apart[person, truth == label].tolist())
            assert kept == Counter(answers[person, truth == label].tolist())
    vote = [(labelling.majority(one, 3, generator) == truth).mean() for one in (answers, apart)]
    assert vote[0] == pytest.approx(0.7)
    assert vote[1] > 0.75
    assert np.array_equal(answers[0], shared)


def test_annotators_learn_from_different_examples_and_repeat():
    x, y = problem(5, 300)
    people = labelling.annotators(x, y, 3, examples=20, count=3, seed=1)
    again = labelling.annotators(x, y, 3, examples=20, count=3, seed=1)
    answers = [person.predict(x) for person in people]
    assert not np.array_equal(answers[0], answers[1])
    for person, repeated in zip(people, again, strict=True):
        np.testing.assert_array_equal(person.predict(x), repeated.predict(x))
        assert len(person.left) == 20


def test_windows_show_the_pixels_around_the_object():
    rows, columns = np.mgrid[:12, :12]
    image = np.stack([rows, columns, 0 * rows]).astype(np.uint8)
    images = np.stack([image, image])
    whole = labelling.windows(images, np.full((2, 2), 0.5), np.ones(2), side=12)
    np.testing.assert_array_equal(whole, images)
    # centre x = 0.75, y = 0.5, a third of the picture wide: rows 4 to 7, columns 7 to 10
    part = labelling.windows(images[:1], np.array([[0.75, 0.5]]), np.array([1 / 3]), side=4)[0]
    assert part[0, :, 0].tolist() == [4, 5, 6, 7]
    assert part[1, 0].tolist() == [7, 8, 9, 10]
    beyond = labelling.windows(images[:1], np.array([[1.0, 0.5]]), np.array([1 / 3]), side=4)[0]
    assert beyond[1, 0].tolist() == [10, 11, 11, 11]
