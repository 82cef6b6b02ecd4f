"""What a shipped encoder is good for: planted copies and leaks of the world are found by its features."""

import numpy as np
import pytest

from course_lib import checkpoints, evaluate
from course_lib.data import curation
from course_lib.world import WorldConfig, WorldDataset

THRESHOLD = 0.99  # benchmarks/curation.py chose it on worlds of another seed


@pytest.fixture(scope="module")
def planted():
    config = WorldConfig(seed=3, duplicates=0.2, leaks=0.2, leak_pool=400)
    pool, test = WorldDataset(config, "train", 400), WorldDataset(config, "test", 200)
    encoder = checkpoints.load("simclr_resnet")
    return pool, test, *(evaluate.embed(encoder, one).numpy() for one in (pool, test))


def test_copies_in_other_light_are_found_and_little_else(planted):
    pool, _, features, _ = planted
    copies = np.array([pool.world.copy_of(index) is not None for index in range(len(pool))])
    dropped = np.ones(len(pool), bool)
    dropped[curation.deduplicate(features, THRESHOLD)] = False
    assert (dropped & copies).sum() / copies.sum() > 0.85
    assert (dropped & copies).sum() / dropped.sum() > 0.9


def test_what_the_test_set_shows_is_taken_out(planted):
    pool, test, features, shown = planted
    found = [test.world.copy_of(index) for index in range(len(test))]
    leaked = {one.source for one in found if one is not None and one.split == "train"}
    kept = set(curation.remove_leaks(features, shown, THRESHOLD).tolist())
    assert len(leaked - kept) / len(leaked) > 0.85
    copies_of_leaked = {i for i in range(len(pool)) if (c := pool.world.copy_of(i)) and c.source in leaked}
    innocent = set(range(len(pool))) - leaked - copies_of_leaked
    assert len(innocent & kept) / len(innocent) > 0.9
