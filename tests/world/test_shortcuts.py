"""Nothing cheap gives the kind away: not the mean colour, not one pixel, not the background."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from course_lib.world import KINDS, World, WorldDataset

CHANCE = 1 / len(KINDS)


@pytest.fixture(scope="module")
def data():
    train, test = (WorldDataset(None, split, 1500) for split in ("train", "test"))
    as_float = [np.asarray(part.images, np.float32) / 255 for part in (train, test)]
    return as_float[0], train.labels, as_float[1], test.labels


def accuracy(train, labels, test, answers):
    scale = StandardScaler().fit(train)
    model = LogisticRegression(max_iter=300).fit(scale.transform(train), labels)
    return model.score(scale.transform(test), answers)


def test_the_mean_colour_says_almost_nothing(data):
    train, labels, test, answers = data
    assert accuracy(train.mean((2, 3)), labels, test.mean((2, 3)), answers) < 2 * CHANCE


def test_a_colour_histogram_says_little(data):
    train, labels, test, answers = data

    def histogram(images):
        bins = (images * 3.999).astype(int)
        codes = bins[:, 0] * 16 + bins[:, 1] * 4 + bins[:, 2]
        return np.stack([np.bincount(code.ravel(), minlength=64) for code in codes])

    assert accuracy(histogram(train), labels, histogram(test), answers) < 5 * CHANCE


def test_one_pixel_says_nothing(data):
    train, labels, test, answers = data
    for row, column in ((24, 24), (4, 24), (44, 8), (34, 40)):
        assert accuracy(train[:, :, row, column], labels, test[:, :, row, column], answers) < 2 * CHANCE


def test_the_background_says_nothing():
    tables = {"sky": {}, "ground": {}}
    world = World()
    for index in range(1800):
        scene = world.scene(index)
        for name, table in tables.items():
            table.setdefault(getattr(scene, name), np.zeros(len(KINDS)))[world.label(scene)] += 1
    for table in tables.values():
        counts = np.array(list(table.values()))
        expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
        assert ((counts - expected) ** 2 / expected).sum() < 128  # 99.9 % point with 85 degrees of freedom
