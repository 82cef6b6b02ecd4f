# ruff: noqa: C408, E501
"""Switches: defaults, bad values, keys."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from course_lib.world import KINDS, World, WorldConfig

BAD = {
    "size": [0, 50, 48.0, "48", True],
    "seed": [-1, 1.5, 2**63, None],
    "min_objects": [0, 9, 2.0, 5],
    "max_objects": [0, 9],
    "kinds": [(), ("dog",), ("cat", "cat"), "cat"],
    "distribution": ["uniform"],
    "imbalance": [0.5, "100"],
    "horizon": [1, "yes"],
    "style": ["oil"],
    "words": [1],
    "charts": [None],
    "nuisance": [-0.1, 1.1, "0.5", float("nan")],
    "duplicates": [-0.1, 2],
    "leaks": [1.5],
    "leak_pool": [0, 2.5],
    "near_copies": [-1],
    "clip_frames": [1, 65, 8.0],
    "motion": [-0.1, 0.9],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_value_is_named_in_a_sentence(name, value):
    with pytest.raises(ValueError, match=rf"^WorldConfig: {name} is .*; it must be .*\.$"):
        WorldConfig(**{name: value})


def test_every_field_is_tried():
    assert set(BAD) == {field.name for field in fields(WorldConfig)}


def test_small_pictures_have_no_room_for_a_word_and_a_chart():
    with pytest.raises(ValueError, match="48 or more"):
        WorldConfig(size=32, words=True, charts=True)


def test_it_is_frozen_and_its_key_depends_on_every_field():
    config = WorldConfig()
    with pytest.raises(FrozenInstanceError):
        config.size = 64
    other = dict(
        size=64, seed=1, min_objects=2, max_objects=5, kinds=KINDS[:3], distribution="long_tail", imbalance=10.0,
        horizon=False, style="mixed", words=True, charts=True, nuisance=0.1, duplicates=0.1, leaks=0.1, leak_pool=9,
        near_copies=0.1, clip_frames=9, motion=0.1,
    )  # fmt: skip
    assert set(other) == {field.name for field in fields(WorldConfig)}
    keys = [replace(config, **{name: value}).key() for name, value in other.items()]
    assert len({config.key(), *keys}) == len(other) + 1
    assert WorldConfig(kinds=["cat"]) == WorldConfig(kinds=("cat",))


def test_world_refuses_what_is_not_a_config_a_split_or_an_index():
    with pytest.raises(TypeError, match="give a WorldConfig"):
        World({"size": 48})
    with pytest.raises(ValueError, match="train, val, test"):
        World(split="validation")
    for index in (-1, 1.0, True, "3"):
        with pytest.raises(ValueError, match="index is"):
            World().scene(index)
