"""Scenes: the same everywhere, separate splits, stated distributions, planted copies exactly as reported."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from course_lib.world import COLORS, KINDS, World, WorldConfig
from course_lib.world.sampler import long_tail

# Digests of the first pictures of four worlds. They change only together with render.RENDERER.
DIGESTS = {
    "default": ({}, "0480a76098ec70ec"),
    "boards": (
        {"style": "mixed", "words": True, "charts": True, "size": 96},
        "4047a705b4bc30fb",
    ),
    "no horizon": (
        {"horizon": False, "size": 32, "style": "mixed", "distribution": "long_tail"},
        "782169c47ebffb12",
    ),
    "crowded": (
        {"min_objects": 5, "max_objects": 8, "nuisance": 1.0, "size": 64, "duplicates": 0.3},
        "2ca9f8fa9d224d43",
    ),
}


def digest(config: dict, number: int = 24) -> str:
    world = World(WorldConfig(**config))
    whole = hashlib.blake2b(digest_size=8)
    for index in range(number):
        scene = world.scene(index)
        whole.update(world.image(scene).tobytes())
        whole.update(repr([(t.kind, t.color, t.position, t.size, t.depth) for t in scene.objects]).encode())
    return whole.hexdigest()


@pytest.mark.parametrize("name", DIGESTS)
def test_the_same_bytes_for_ever(name):
    config, expected = DIGESTS[name]
    assert digest(config) == expected


def test_the_same_bytes_in_another_process_with_another_hash_seed(root):
    code = (
        "import hashlib; from course_lib.world import World; w = World(); "
        "print(hashlib.sha1(b''.join(w.image(w.scene(i)).tobytes() for i in range(20))).hexdigest())"
    )
    here = hashlib.sha1(b"".join(World().image(World().scene(i)).tobytes() for i in range(20))).hexdigest()
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        run = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == here


def test_a_scene_does_not_depend_on_what_was_asked_before():
    world = World()
    later = world.scene(17)
    assert [World().scene(i) for i in (3, 17, 5)][1] == later == world.scene(np.int64(17))


def test_splits_never_share_a_scene():
    pictures: dict[bytes, tuple] = {}
    for split in ("train", "val", "test"):
        world = World(WorldConfig(size=32), split)
        for index in range(300):
            assert pictures.setdefault(world.image(world.scene(index)).tobytes(), (split, index)) == (
                split,
                index,
            )


def test_seeds_give_other_worlds():
    assert World(WorldConfig(seed=1)).scene(0).objects != World(WorldConfig(seed=2)).scene(0).objects


def test_one_switch_changes_one_thing():
    """Style, noise level and size leave the objects where they are."""
    plain = World().scene(5)
    for change in ({"style": "sketch"}, {"style": "textured"}, {"size": 96}):
        assert World(WorldConfig(**change)).scene(5).objects == plain.objects


def test_balanced_kinds_are_exactly_balanced():
    world = World()
    labels = Counter(world.label(world.scene(i)) for i in range(5 * len(KINDS)))
    assert labels == dict.fromkeys(range(len(KINDS)), 5)
    assert [world.scene(i).label for i in range(18)] != [world.scene(i).label for i in range(18, 36)]


def test_the_long_tail_follows_its_law():
    config = WorldConfig(distribution="long_tail", imbalance=50.0)
    law = np.array([50.0 ** (-k / 17) for k in range(18)])
    law /= law.sum()
    np.testing.assert_allclose(long_tail(18, 50.0), law, atol=2e-5)
    world = World(config)
    number = 4000
    counts = np.bincount([world.label(world.scene(i)) for i in range(number)], minlength=18)
    # Pearson's chi-square; 40.8 is the 99.9 % point with 17 degrees of freedom
    assert ((counts - number * law) ** 2 / (number * law)).sum() < 40.8


def test_colour_and_accent_are_independent_of_kind():
    world = World()
    table = np.zeros((len(KINDS), len(COLORS)))
    for index in range(3600):
        thing = world.scene(index).objects[0]
        table[KINDS.index(thing.kind), list(COLORS).index(thing.color)] += 1
        assert thing.accent != thing.color
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    assert ((table - expected) ** 2 / expected).sum() < 173.0  # 99.9 % point with 119 degrees of freedom


@pytest.mark.parametrize("split", ["train", "test"])
def test_planted_copies_are_exactly_those_reported(split):
    config = WorldConfig(size=32, duplicates=0.25, leaks=0.2, leak_pool=50)
    clean = WorldConfig(size=32)
    world, train = World(config, split), World(config, "train")
    pictures: dict[bytes, set[int]] = {}
    forms = Counter()
    number = 600
    for index in range(number):
        scene, copy = world.scene(index), world.copy_of(index)
        assert scene.copy == copy
        picture = world.image(scene)
        if copy is None:
            forms["original"] += 1
            assert picture.tobytes() not in pictures, "an unreported copy"
            assert scene.objects == World(clean, split).scene(index).objects
        else:
            home = train if copy.split == "train" else world
            source = home.scene(copy.source)
            assert source.copy is None, "the source is always an original"
            assert copy.split == split or split != "train"
            assert copy.split != split or copy.source < index
            assert copy.split == split or copy.source < 50
            same = (home.image(source) == picture).all()
            assert same == (copy.form == "exact")
            assert scene.objects == source.objects
            assert (scene.index, scene.split) == (index, split)
            forms[copy.form, "leak" if copy.split != split else "duplicate"] += 1
        pictures.setdefault(picture.tobytes(), set()).add(index)
    leaks = forms["exact", "leak"] + forms["near", "leak"]
    assert leaks == 0 if split == "train" else 80 < leaks < 240
    copied = number - forms["original"]
    expected = 0.25 if split == "train" else 1 - 0.75 * 0.8
    assert abs(copied / number - expected) < 0.07
    assert abs(forms["exact", "duplicate"] / max(1, copied - leaks) - 0.5) < 0.15


def test_without_copies_there_are_none():
    assert all(World(split="val").copy_of(i) is None for i in range(100))


def test_bounds_of_a_scene():
    for config in (
        WorldConfig(min_objects=2, max_objects=6),
        WorldConfig(horizon=False),
        WorldConfig(words=True),
    ):
        world = World(config)
        for index in range(200):
            scene = world.scene(index)
            assert config.min_objects <= len(scene.objects) <= config.max_objects
            assert (scene.horizon is None) == (not config.horizon) == (scene.ground is None)
            assert bool(scene.words) == config.words
            sizes, depths = ([getattr(t, name) for t in scene.objects] for name in ("size", "depth"))
            assert all(size <= 0.6 * sizes[0] for size in sizes[1:]), "the main object is clearly the largest"
            assert depths == sorted(depths)
            assert depths[0] >= 1.0


def test_only_ball_and_blossom_have_no_way_up():
    from course_lib.world.vocabulary import has_way_up

    assert {kind for kind in KINDS if not has_way_up(kind)} == {"ball", "blossom"}
    with pytest.raises(ValueError, match="kind 'dog'"):
        has_way_up("dog")
    turns: dict[bool, set[int]] = {True: set(), False: set()}
    for index in range(1500):
        thing = World().scene(index).objects[0]
        turns[has_way_up(thing.kind)].add(min(thing.turn, 256 - thing.turn))
    assert max(turns[True]) <= 9 < 100 < max(turns[False])
