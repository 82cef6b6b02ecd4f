"""Nearest rows and neighbours, against scikit-learn and by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from course_lib.viz.arrays.neighbours import nearest_neighbours, nearest_rows


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


@settings(max_examples=25, deadline=None)
@given(n=st.integers(3, 30), m=st.integers(1, 5), seed=st.integers(0, 99))
def test_neighbours_are_sklearns(n, m, seed):
    random = np.random.default_rng(seed)
    table, queries = random.normal(size=(n, 4)), random.normal(size=(m, 4)) * 5
    k = int(random.integers(1, n + 1))
    rows, cosines = nearest_neighbours(queries, table, k)
    distances, expected = (
        NearestNeighbors(metric="cosine", algorithm="brute").fit(table).kneighbors(queries, k)
    )
    assert rows.tolist() == expected.tolist()
    np.testing.assert_allclose(cosines, 1 - distances, atol=1e-5)


def test_a_picture_can_be_kept_from_finding_itself():
    table = torch.eye(3)[[0, 0, 1, 2]] * torch.tensor([[1.0], [2], [1], [1]])
    assert nearest_neighbours(table, table, 2)[0][:2].tolist() == [[0, 1], [0, 1]]  # equal ones in order
    rows, cosines = nearest_neighbours(table, table, 2, itself=range(4))
    assert rows[:2].tolist() == [[1, 2], [0, 2]]
    assert cosines[:2].tolist() == [[1, 0], [1, 0]]
    assert nearest_neighbours(table[:2], table, 1, itself=[-1, 1])[0].tolist() == [[0], [0]]
    for k in (0, 4):
        with pytest.raises(ValueError, match=f"k={k}; there are 3 other rows"):
            nearest_neighbours(table, table, k, itself=range(4))
    with pytest.raises(ValueError, match="itself is"):
        nearest_neighbours(table, table, 1, itself=[0, 1, 2, 4])
    with pytest.raises(ValueError, match="columns"):
        nearest_neighbours(table[:, :2], table, 1)
