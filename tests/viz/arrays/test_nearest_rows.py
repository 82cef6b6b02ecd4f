"""Nearest rows, against scikit-learn and by hand."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from course_lib.viz.arrays.neighbours import nearest_rows


def test_by_hand():
    line = torch.tensor([[0.0, 1.0], [3.0, 1.0], [4.0, 1.0], [9.0, 1.0]])
    near, distance = nearest_rows(line, 2, "distance")
    assert near.tolist() == [[1, 2], [2, 0], [1, 0], [2, 1]]
    assert distance.tolist() == [[3, 4], [1, 3], [1, 4], [5, 6]]
    angles = torch.tensor([[1.0, 0.0], [5.0, 5.0], [0.0, 2.0]])
    near, similarity = nearest_rows(angles, 1)
    assert near[0].item() == near[2].item() == 1
    torch.testing.assert_close(similarity[0, 0], torch.tensor(0.5**0.5))


@pytest.mark.parametrize(("measure", "metric"), [("cosine", "cosine"), ("distance", "euclidean")])
def test_against_scikit_learn(measure, metric):
    rows = torch.randn(150, 7, generator=torch.Generator().manual_seed(0)) + 100 * (measure == "distance")
    near, values = nearest_rows(rows, 5, measure, chunk=64)
    expected, places = NearestNeighbors(n_neighbors=6, metric=metric).fit(rows.double()).kneighbors()
    assert np.array_equal(near, places[:, :5])
    expected = 1 - expected if measure == "cosine" else expected
    np.testing.assert_allclose(values, expected[:, :5], atol=1e-4)


def test_a_twin_is_a_neighbour_and_nobody_its_own():
    near, values = nearest_rows(torch.tensor([[1.0, 2.0], [1.0, 2.0], [5.0, 0.0]]), 1, "distance")
    assert near[:2, 0].tolist() == [1, 0]
    assert values[:2, 0].tolist() == [0, 0]


def test_bad_input_is_answered_in_a_sentence():
    with pytest.raises(ValueError, match="k is 3 for 3 rows; give 1 to 2"):
        nearest_rows(torch.rand(3, 2), 3)
    with pytest.raises(ValueError, match="finite numbers"):
        nearest_rows(torch.tensor([[1.0], [float("nan")]]), 1)
    with pytest.raises(ValueError, match="choose of cosine, distance"):
        nearest_rows(torch.rand(3, 2), 1, "l1")
