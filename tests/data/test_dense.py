"""Labels of every pixel agree with the scene; the two further test sets are what they say."""

import numpy as np
import pytest
import torch

from course_lib.data import load, load_dense, recollected, relabelled
from course_lib.world import World, WorldConfig


@pytest.fixture(scope="module")
def dense():
    return load_dense("val", 30)


def test_images_are_those_of_load(dense):
    assert np.array_equal(dense.images.numpy(), load("world", "val", length=30).images[:30])
    assert len(dense) == 30


def test_each_pixel_has_the_kind_and_the_depth_of_the_object_that_is_seen_there(dense):
    world = World(split="val")
    for index in range(30):
        scene = world.scene(index)
        for thing, mask in zip(scene.objects, dense.masks[index], strict=True):
            kinds = dense.segmentation[index][mask].unique().tolist()
            assert kinds in ([], [1 + world.config.kinds.index(thing.kind)])
            assert torch.allclose(dense.depth[index][mask], torch.tensor(thing.depth, dtype=torch.float32))
        background = ~dense.masks[index].any(dim=0)
        assert (dense.segmentation[index][background] == 0).all()
    assert dense.classes[0] == "background"


def test_relabelled_names_every_visible_kind_and_keeps_the_ordinary_label():
    images, present = relabelled(40)
    assert present.shape == (40, len(images.classes))
    assert present[torch.arange(40), torch.as_tensor(images.labels)].all()  # the main one is nearest: visible
    assert present.sum(dim=1).max() > 1
    world = World(split="test")
    for index in range(40):
        allowed = {world.config.kinds.index(thing.kind) for thing in world.scene(index).objects}
        assert set(present[index].nonzero()[:, 0].tolist()) <= allowed


def test_recollected_is_the_same_recipe_with_other_scenes():
    again, ordinary = recollected(36), load("world", "test", length=36)
    assert not np.array_equal(again.images, ordinary.images[:36])
    assert np.bincount(again.labels, minlength=18).tolist() == [2] * 18
    assert again.classes == ordinary.classes
    assert not np.array_equal(recollected(36, harder=0.5).images, again.images)
    small = recollected(3, WorldConfig(size=32))
    assert small.images.shape == (3, 3, 32, 32)


def test_sentences():
    with pytest.raises(ValueError, match="length is 0"):
        load_dense("val", 0)
    with pytest.raises(ValueError, match="harder is 2"):
        recollected(3, harder=2)
