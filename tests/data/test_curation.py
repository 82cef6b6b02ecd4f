"""Curation on features whose copies, leaks and concepts are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data.curation import (
    balance,
    copy_groups,
    deduplicate,
    default_levels,
    even_shares,
    remove_leaks,
    retrieve_by_cluster,
    retrieve_by_sample,
)
from course_lib.data.curation_pipeline import COLUMNS, Source, curate


def rows(n, width=32, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width))


def near(features, noise=0.05, seed=1):
    """The same directions, hardly moved, at another scale."""
    return 3 * (features + noise * rows(*features.shape, seed=seed))


def test_planted_copies_are_found_and_the_first_of_each_stays():
    originals = rows(60)
    pool = np.concatenate([originals, near(originals[:10]), near(originals[5:10], seed=2)])
    groups = copy_groups(pool)
    assert groups[:60].tolist() == list(range(60))
    assert groups[60:].tolist() == [*range(10), *range(5, 10)]
    assert deduplicate(pool).tolist() == list(range(60))


def test_a_chain_of_pairs_becomes_one_group():
    features = on_the_circle(0, 40, 80, 200)
    assert copy_groups(features, threshold=0.7).tolist() == [0, 0, 0, 1]  # 0 and 80 degrees: cosine 0.17
    assert copy_groups(features, threshold=0.8).tolist() == [0, 1, 2, 3]


def test_with_few_neighbours_every_copy_still_finds_its_group():
    pool = np.concatenate([near(rows(1), seed=s) for s in range(12)] + [rows(20, seed=50)])
    assert len(deduplicate(pool, neighbours=2)) <= 20 + 4  # each is tied to two others at least
    assert len(deduplicate(pool, neighbours=11)) == 21


def on_the_circle(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_an_image_near_a_test_image_leaves_with_all_its_copies():
    pool, evaluation = on_the_circle(120, 40, 80, 200), on_the_circle(0)
    kept = remove_leaks(pool, evaluation, threshold=np.cos(np.deg2rad(41)))
    assert kept.tolist() == [3]  # 40 is near the test image, 80 near 40, 120 near 80
    assert remove_leaks(pool, evaluation, threshold=np.cos(np.deg2rad(39))).tolist() == [0, 1, 2, 3]
    apart = on_the_circle(120, 40, 200)
    assert remove_leaks(apart, evaluation, threshold=np.cos(np.deg2rad(41))).tolist() == [0, 2]


def test_retrieval_by_sample_is_the_union_of_nearest():
    pool, queries = rows(50), rows(4, seed=2)
    unit = pool / np.linalg.norm(pool, axis=1, keepdims=True)
    expected = set()
    for query in queries:
        expected |= set(np.argsort(-(unit @ query))[:3].tolist())
    assert retrieve_by_sample(queries, pool, per_query=3).tolist() == sorted(expected)


def concepts(counts, seed=0, width=16):
    """Well separated groups, and the group of each row."""
    centres = 10 * rows(len(counts), width, seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    return centres[labels] + rows(len(labels), width, seed + 1), labels


def test_retrieval_by_cluster_brings_the_concepts_of_the_queries():
    pool, labels = concepts([100, 100, 100, 100])
    queries = near(pool[:6], noise=0.1)
    found = retrieve_by_cluster(queries, pool, clusters=4, per_cluster=30)
    assert set(labels[found]) == {0}
    assert len(found) == 30
    assert len(retrieve_by_cluster(queries, pool, 4, 30, cap=7)) == 7
    assert len(retrieve_by_cluster(queries[:3], pool, 4, 30, at_least=3)) == 0


def test_a_query_lies_in_the_cluster_of_the_nearest_mean_not_of_the_largest_product():
    """Sixty equal images have a mean of length 1; images spread over a cone have one of length 1/2."""
    eye = np.eye(10)
    cone = np.concatenate([eye[1] / 2 + sign * np.sqrt(0.75) * eye[2:] for sign in (1, -1)])
    pool = np.concatenate([np.repeat(eye[:1], 60, axis=0), cone])
    angle = np.deg2rad(55)
    query = np.cos(angle) * eye[:1] + np.sin(angle) * eye[1:2]
    means = np.stack([eye[0], cone.mean(0)])
    assert (query @ means.T).argmax() == 0
    assert np.linalg.norm(query - means, axis=1).argmin() == 1
    found = retrieve_by_cluster(np.repeat(query, 5, axis=0), pool, clusters=2, per_cluster=100)
    assert found.tolist() == list(range(60, 76))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=12).filter(sum), st.data())
def test_shares_add_up_and_nobody_is_poorer_unless_he_gave_all(sizes, data):
    target = data.draw(st.integers(1, sum(sizes)))
    shares = even_shares(np.array(sizes), target, np.random.default_rng(0))
    assert shares.sum() == target
    assert (shares <= sizes).all()
    for share, size in zip(shares, sizes, strict=True):
        assert share == size or share >= shares.max() - 1


def test_balancing_lifts_the_tail():
    features, labels = concepts([600, 200, 60, 30])
    even = balance(features, 100, levels=(24, 4))
    assert len(np.unique(even)) == 100
    assert np.bincount(labels[even]).tolist() == [25, 25, 25, 25]
    one_level = np.bincount(labels[balance(features, 100, levels=(24,))])
    assert one_level[0] > 30  # the head owns many of the 24 clusters
    assert len(balance(features, len(features), levels=(24, 4))) == len(features)


def test_balancing_without_a_word_about_levels_lifts_the_tail_of_many_concepts():
    features, labels = concepts([600, 300, 200, 100, 60, 30, 20, 20, 10, 10, 10, 10])
    drawn = np.bincount(labels[balance(features, 120)], minlength=12)
    assert drawn[0] < 0.75 * 120 * 600 / len(labels)
    assert drawn[6:].sum() > 2 * 120 * 80 / len(labels)


@pytest.mark.parametrize(
    ("images", "levels"),
    [(1, (1,)), (60, (10,)), (240, (40, 12)), (6000, (1000, 300, 90, 27)), (10**9, (2000, 600, 180, 54, 16))],
)
def test_levels_by_default(images, levels):
    assert default_levels(images) == levels
    if images < 1000:
        assert len(balance(rows(images), 1)) == 1


def test_the_table_has_six_columns_and_adds_up():
    pool, labels = concepts([80, 80, 80, 80])
    pool = np.concatenate([near(pool[:20], noise=0.01), pool])  # the originals come second and leave
    labels = np.concatenate([labels[:20], labels])
    big, small = near(pool[100:130], seed=3), near(pool[200:206], seed=4)
    clusters = (("clusters", 4), ("per_cluster", 60), ("cap", 12))
    sources = [
        Source("classification", "big", big, "as is"),
        Source("classification", "sampled", big, "sample", (("per_query", 4),)),
        Source("classification", "again", big, "sample", (("per_query", 4),)),
        Source("fine-grained", "small", small, "cluster", clusters),
    ]
    test_set = near(pool[50:52], noise=0.001, seed=5)
    result = curate(sources, pool, test_set, self_threshold=0.9999, leak_threshold=0.9999)
    table = result.table
    assert tuple(table.columns) == COLUMNS
    assert table["final"].iloc[:-1].sum() == table["final"].iloc[-1]
    assert table["final"].iloc[0] == 30
    assert table["retrieved"].iloc[1] == table["retrieved"].iloc[2] == table["final"].iloc[1]
    assert table["final"].iloc[2] == 0  # the same images again
    assert table["final"].iloc[3] == 12 < table["retrieved"].iloc[3]
    chosen = np.concatenate(list(result.per_source.values()))
    assert sorted(chosen.tolist()) == result.pool.tolist()
    assert set(result.pool.tolist()) <= set(result.kept.tolist())
    assert set(labels[result.per_source["sampled"]]) == {1}
    assert set(labels[result.per_source["small"]]) == {2}
    assert {50, 51}.isdisjoint(result.kept.tolist())
    assert set(range(20, 40)).isdisjoint(result.kept.tolist())


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: deduplicate(np.ones(3)), r"give \(N, D\)"),
        (lambda: deduplicate(np.full((3, 2), np.nan)), "NaN"),
        (lambda: remove_leaks(rows(3, 4), rows(3, 5)), r"\(N, 4\)"),
        (lambda: retrieve_by_sample(rows(3), rows(3), 4), "per_query=4"),
        (lambda: retrieve_by_cluster(rows(3), rows(3), 9, 1), "9 clusters of 3"),
        (lambda: balance(rows(9), 10), "target=10"),
        (lambda: balance(rows(9), 5, levels=(3, 3)), "must fall"),
        (lambda: curate([Source("a", "b", rows(2), "magic")], rows(9)), 'retrieval="magic"'),
        (lambda: curate([Source("a", "b", rows(2))] * 2, rows(9)), "not all different"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
