"""Mutual k-NN beside chance, shuffles and the luck of having chosen the best layers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.evaluate.layer_alignment import chance_level, clip_outliers, layer_alignment
from course_lib.evaluate.similarity import mutual_knn


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def related(images=60, seed=0, noise=0.5):
    a = draw(images, 6, seed=seed)
    return a, a + noise * draw(images, 6, seed=seed + 1)


def test_all_layer_pairs_have_the_score_of_mutual_knn():
    layers_a = [draw(50, 3, seed=1), draw(50, 8, seed=2)]
    layers_b = [
        layers_a[0] + 0.3 * draw(50, 3, seed=3),
        draw(50, 5, seed=4),
        layers_a[1] + draw(50, 8, seed=5),
    ]
    result = layer_alignment(layers_a, layers_b, k=5, rounds=3)
    expected = [[mutual_knn(a, b, k=5) for b in layers_b] for a in layers_a]
    np.testing.assert_allclose(result.scores, expected)
    assert result.score == result.scores.max()
    assert result.scores[result.layers] == result.score


def test_a_shuffle_moves_images_with_their_neighbours():
    """Chance, p and the selected chance equal those of shuffling the rows of b and measuring anew."""
    a, b = related()
    layers_b = [b, draw(60, 4, seed=9)]
    result = layer_alignment(a, layers_b, k=5, rounds=20, seed=3)
    random = np.random.default_rng(3)
    orders = [torch.from_numpy(random.permutation(60)) for _ in range(20)]
    again = np.array([[mutual_knn(a, layer[order], k=5) for layer in layers_b] for order in orders])
    assert result.selected_chance == pytest.approx(again.max(axis=1).mean())
    best = again[:, result.layers[1]]
    assert result.p == (1 + (best >= result.score).sum()) / 21
    assert result.corrected_p == (1 + (again.max(axis=1) >= result.score).sum()) / 21


def test_noise_stays_at_chance_and_its_best_layers_lie_above():
    """T14: 1,024 images, k = 10. Every pair of layers is a draw at 10 / 1023; the maximum of 30 is not."""
    noise_a = [draw(1024, 16, seed=s) for s in range(5)]
    noise_b = [draw(1024, 16, seed=100 + s) for s in range(6)]
    result = layer_alignment(noise_a, noise_b, k=10, rounds=20)
    deviation = np.sqrt(10 / 1023 / (1024 * 10))  # of one score, shared neighbours counted as independent
    assert result.chance == pytest.approx(10 / 1023)
    assert result.scores.mean() == pytest.approx(10 / 1023, abs=3 * deviation)
    assert result.score > result.chance + 1.5 * deviation
    assert result.selected_chance > result.chance + 1.5 * deviation
    assert result.corrected_p > 0.05
    assert abs(result.calibrated) < 0.002
    assert "best of 30 layer pairs of shuffled images reaches" in str(result)
    assert f"chance level {10 / 1023:.4f}" in str(result)


def test_corrected_p_of_noise_is_uniform_where_the_uncorrected_one_is_not():
    """60 experiments without any relation, 12 layer pairs: one in twenty may look significant, no more."""
    results = [
        layer_alignment(
            [draw(40, 4, seed=1000 * s + i) for i in range(3)],
            [draw(40, 4, seed=1000 * s + 500 + i) for i in range(4)],
            k=4,
            rounds=39,
            seed=s,
        )
        for s in range(60)
    ]
    corrected = np.array([r.corrected_p for r in results])
    naive = np.array([r.p for r in results])
    assert np.mean(corrected <= 0.05) < 0.15
    assert np.mean(naive <= 0.05) > 0.2
    assert 0.35 < corrected.mean() < 0.65


def test_what_is_shared_is_seen_and_the_smallest_p_is_one_over_rounds_plus_one():
    a, b = related(200, noise=0.3)
    result = layer_alignment(a, [draw(200, 6, seed=7), b], k=10, rounds=99)
    assert result.layers == (0, 1)
    assert result.p == result.corrected_p == 0.01
    assert 0.2 < result.calibrated < result.score
    identical = layer_alignment(a, 3 * a, k=10, rounds=9)
    assert identical.score == identical.calibrated == 1
    assert "layer pairs" not in str(identical)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 10), st.floats(0, 1))
def test_who_is_like_a_friend_of_a_is_like_a(seed, k, noise):
    """score(A, C) >= score(A, B) + score(B, C) - 1: neighbours lost on the way add up at most."""
    a = draw(14, 4, seed=seed)
    b = a + noise * draw(14, 4, seed=seed + 1)
    c = b + noise * draw(14, 4, seed=seed + 2)
    assert mutual_knn(a, c, k) >= mutual_knn(a, b, k) + mutual_knn(b, c, k) - 1 - 1e-12


def test_two_of_ten_neighbours_shared_is_a_fifth():
    """As on the slide. Two rings of 100; b is the ring in another order: i -> 11 i leaves which neighbours?

    Nearest 10 of i in a: i +- 1..5. In b they are the images whose multiple of m is within 5 steps; m is
    chosen so that exactly one step of 1..5, and its negative, stays within reach.
    """
    size = 101  # prime, so that every multiplier is a permutation
    steps = range(1, 6)
    reach = {m: sum(min(s * m % size, -s * m % size) <= 5 for s in steps) for m in range(2, size)}
    multiplier = next(m for m, kept in reach.items() if kept == 1)
    turn = 2 * torch.pi * torch.arange(size) / size
    ring = torch.stack([turn.cos(), turn.sin()], dim=1)
    other = ring[torch.arange(size) * multiplier % size]
    assert mutual_knn(ring, other, k=10) == pytest.approx(0.2)
    assert layer_alignment(ring, other, k=10, rounds=1).score == pytest.approx(0.2)


def test_clipping_limits_values_to_the_quantile_of_their_sizes():
    features = torch.tensor([[1.0, -2.0, 3.0, -4.0], [10.0, 20.0, 30.0, -40.0]])
    per_image = (np.quantile([1, 2, 3, 4], 0.5) + np.quantile([10, 20, 30, 40], 0.5)) / 2  # 13.75
    clipped = clip_outliers(features, 0.5)
    np.testing.assert_allclose(clipped[1], [10, per_image, per_image, -per_image])
    np.testing.assert_allclose(clipped[0], features[0])
    whole = np.quantile([1, 2, 3, 4, 10, 20, 30, 40], 0.5)
    assert clip_outliers(features, 0.5, exact=True).abs().max() == pytest.approx(whole)
    assert torch.equal(clip_outliers(features, 1.0, exact=True), features)


def test_one_huge_coordinate_hides_what_is_shared_until_it_is_clipped():
    a, b = related(150, noise=0.3)
    a[:, 0] = 40 * draw(150, seed=5)  # in a alone
    plain, clipped = layer_alignment(a, b, rounds=9), layer_alignment(a, b, rounds=9, clip=0.7)
    assert clipped.score > 1.3 * plain.score
    assert clipped.score == mutual_knn(clip_outliers(a, 0.7), clip_outliers(b, 0.7))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: layer_alignment([], draw(9, 2)), "a holds no layer"),
        (lambda: layer_alignment(draw(9, 2), [draw(9, 2), draw(8, 2)], k=3), "layer 1 of b has 8 rows"),
        (lambda: layer_alignment(draw(9, 2), draw(9, 2), k=9), "between 1 and 8"),
        (lambda: layer_alignment(draw(9, 2), draw(9, 2), k=3, rounds=0), "at least 1"),
        (lambda: layer_alignment(draw(9, 2) / 0, draw(9, 2), k=3), "NaN"),
        (lambda: layer_alignment(torch.ones(50000, 1), torch.ones(50000, 1)), "take at most 44721 images"),
        (lambda: clip_outliers(draw(3, 3), 0), "quantile=0 was given"),
        (lambda: chance_level(10, 10), "between 1 and 9"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
