"""Mutual neighbours and CKA against loops, closed forms and chance."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.evaluate import cka, mutual_knn
from course_lib.evaluate.similarity import cknna, cycle_knn


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def mutual_by_hand(a, b, k):
    def nearest(x):
        x = x.double().numpy()
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        return [
            set(sorted(set(range(len(x))) - {i}, key=lambda j, i=i: -(x[i] @ x[j]))[:k])
            for i in range(len(x))
        ]

    return np.mean([len(p & q) / k for p, q in zip(nearest(a), nearest(b), strict=True)])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 11))
def test_mutual_knn_equals_the_loop(seed, k):
    a = draw(12, 4, seed=seed)
    b = a[:, :3] + 0.5 * draw(12, 3, seed=seed + 1)
    assert mutual_knn(a, b, k, chunk=5) == pytest.approx(mutual_by_hand(a, b, k))


def test_two_of_ten_shared_neighbours_are_a_fifth():
    """On a circle, image i's 10 nearest are those beside it; b keeps only the nearest on either side."""
    angle = torch.arange(40) * 2 * torch.pi / 40
    a = torch.stack([angle.cos(), angle.sin()], dim=1)
    order = torch.arange(40)
    moved = torch.where(order % 2 == 0, order, (order + 20) % 40)  # odd images go to the other side
    assert mutual_knn(a, a[moved], k=10) == pytest.approx(mutual_by_hand(a, a[moved], 10))
    assert mutual_knn(a, a, k=10) == 1


def test_unrelated_spaces_share_what_chance_gives():
    n, k = 1024, 10
    scores = [mutual_knn(draw(n, 16, seed=s), draw(n, 16, seed=100 + s), k) for s in range(5)]
    deviation = np.sqrt(k / (n - 1) / (n * k))  # of one score, shared neighbours counted as independent
    assert np.mean(scores) == pytest.approx(k / (n - 1), abs=3 * deviation)


def test_an_image_is_not_its_own_neighbour():
    a, b = torch.eye(6), torch.eye(6).flip(0) + 0.01 * draw(6, 6)
    assert mutual_knn(a, b, k=1) < 1


def test_cka_equals_the_definition_with_a_centring_matrix():
    a, b = draw(20, 5), draw(20, 7, seed=1) + 3
    centre = np.eye(20) - 1 / 20
    first, second = (centre @ (x.double().numpy() @ x.double().numpy().T) @ centre for x in (a, b))
    expected = np.sum(first * second) / np.linalg.norm(first) / np.linalg.norm(second)
    assert cka(a, b) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("unbiased", [False, True])
def test_rotation_scale_and_shift_change_nothing_another_axis_scaling_does(unbiased):
    a = draw(30, 6)
    rotation = torch.linalg.qr(draw(6, 6, seed=2))[0]
    assert cka(a, 3 * a @ rotation + 5, unbiased) == pytest.approx(1, abs=1e-5)
    assert cka(a, a * torch.tensor([9.0, 1, 1, 1, 1, 1]), unbiased) < 0.95
    assert cka(a, draw(30, 6, seed=3), unbiased) == pytest.approx(cka(draw(30, 6, seed=3), a, unbiased))


def test_with_more_features_than_images_only_the_unbiased_form_sees_that_nothing_is_shared():
    pairs = [(draw(40, 500, seed=s), draw(40, 500, seed=50 + s)) for s in range(10)]
    assert np.mean([cka(a, b) for a, b in pairs]) > 0.9
    assert abs(np.mean([cka(a, b, unbiased=True) for a, b in pairs])) < 0.03


def test_unbiased_hsic_equals_the_sum_over_distinct_images():
    """The average over ordered quadruples of different images (the U-statistic), written as a loop."""
    from itertools import permutations

    from course_lib.evaluate.similarity import _unbiased_hsic

    a, b = draw(6, 2).double(), draw(6, 3, seed=1).double()
    first, second = a @ a.T, b @ b.T
    terms = [
        first[i, j] * (second[i, j] + second[q, r] - 2 * second[i, q])
        for i, j, q, r in permutations(range(6), 4)
    ]
    assert _unbiased_hsic(a, b).item() == pytest.approx(torch.stack(terms).mean().item())


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: mutual_knn(draw(5, 2), draw(4, 2)), "5 rows but b has 4"),
        (lambda: mutual_knn(draw(5, 2), draw(5, 2), k=5), "between 1 and 4"),
        (lambda: cka(draw(3, 2), draw(3, 2), unbiased=True), "at least 4"),
        (lambda: cka(torch.ones(5, 2), draw(5, 2)), "rows of a are equal"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def nearest_by_hand(x, k):
    x = x.double().numpy()
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    others = [sorted(set(range(len(x))) - {i}, key=lambda j, i=i: -(x[i] @ x[j])) for i in range(len(x))]
    return [row[:k] for row in others]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 11))
def test_cycle_knn_walks_to_b_and_back_to_a(seed, k):
    a = draw(12, 4, seed=seed)
    b = a[:, :3] + 0.5 * draw(12, 3, seed=seed + 1)
    in_a, in_b = nearest_by_hand(a, k), nearest_by_hand(b, k)
    returned = [any(i in in_a[j] for j in in_b[i]) for i in range(12)]
    assert cycle_knn(a, b, k, chunk=5) == pytest.approx(np.mean(returned))


def test_an_image_that_nobody_is_near_does_not_come_back():
    """Three images on a line and one apart: with k = 1 only the two that choose each other return."""
    angle = torch.tensor([0.0, 0.1, 0.3, 1.5])  # 0 and 1 choose each other, 2 chooses 1, 3 chooses 2
    a = torch.stack([angle.cos(), angle.sin()], dim=1)
    assert cycle_knn(a, a, k=1) == 0.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_cknna_equals_the_sum_over_pairs_near_in_both(seed, k):
    a = draw(9, 4, seed=seed)
    b = a[:, :3] + 0.5 * draw(9, 3, seed=seed + 1)
    kernels = []
    for x in (a, b):
        x = x.double().numpy()
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        centre = np.eye(9) - 1 / 9
        kernels.append(centre @ (x @ x.T) @ centre)
    near = nearest_by_hand(a, k), nearest_by_hand(b, k)

    def total(p, q):
        pairs = [(i, j) for i in range(9) for j in range(9) if j in near[p][i] and j in near[q][i]]
        return sum(kernels[p][pair] * kernels[q][pair] for pair in pairs)

    assert cknna(a, b, k) == pytest.approx(total(0, 1) / np.sqrt(total(0, 0) * total(1, 1)))
    assert cknna(a, b, k) == pytest.approx(cknna(b, a, k))


def test_with_all_images_as_neighbours_cknna_is_cka_without_the_diagonal():
    a, b = draw(15, 4), draw(15, 6, seed=1)
    kernels = []
    for x in (a, b):
        x = torch.nn.functional.normalize(x.double(), dim=1)
        x = x - x.mean(dim=0)
        kernels.append((x @ x.T).fill_diagonal_(0))
    expected = (kernels[0] * kernels[1]).sum() / (kernels[0].norm() * kernels[1].norm())
    assert cknna(a, b, k=14) == pytest.approx(expected.item())
    assert cknna(a, 3 * a, k=5) == pytest.approx(1)


@pytest.mark.parametrize("score", [cycle_knn, cknna])
def test_sentences_of_the_other_neighbour_scores(score):
    with pytest.raises(ValueError, match="5 rows but b has 4"):
        score(draw(5, 2), draw(4, 2))
    with pytest.raises(ValueError, match="between 1 and 4"):
        score(draw(5, 2), draw(5, 2), k=5)


def test_equal_rows_have_no_centred_kernel():
    with pytest.raises(ValueError, match="nothing to compare"):
        cknna(torch.ones(5, 2), draw(5, 2), k=2)
