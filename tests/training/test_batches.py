"""Batches by index: what is seen when is a pure function of (seed, step)."""

import numpy as np
import pytest
import torch

from course_lib.data import ImageSet
from course_lib.training.batches import Batches, images_and_labels, mix

from .stand_ins import pictures


def numbers(batches):
    return [batch[:, 0, 0, 0].tolist() for batch in batches]


def test_each_epoch_shows_every_image_once_less_the_last_partial_batch():
    seen = numbers(Batches(pictures(22), None, 5, steps=12))
    epochs = [[n for batch in seen[first : first + 4] for n in batch] for first in (0, 4, 8)]
    for epoch in epochs:
        assert len(set(epoch)) == 20
    assert epochs[0] != epochs[1] != epochs[2]


def test_starting_late_continues_the_same_order():
    whole = numbers(Batches(pictures(), None, 6, steps=11, seed=3))
    assert numbers(Batches(pictures(), None, 6, steps=11, seed=3, start=5)) == whole[5:]
    assert numbers(Batches(pictures(), None, 6, steps=11, seed=4)) != whole


def test_a_memory_map_gives_what_a_tensor_gives(tmp_path):
    np.save(tmp_path / "images.npy", pictures().numpy())
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert numbers(Batches(mapped, None, 6, 7)) == numbers(Batches(pictures(), None, 6, 7))


def test_labels_travel_with_their_images():
    for images, labels in Batches(pictures(), torch.arange(20) * 10, 4, 8):
        assert (images[:, 0, 0, 0] * 10 == labels).all()


def test_ranks_share_a_batch_without_overlap(monkeypatch):
    whole = numbers(Batches(pictures(), None, 6, 4))
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    parts = []
    for rank in (0, 1):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        parts.append(numbers(Batches(pictures(), None, 6, 4)))
    for joint, first, second in zip(whole, *parts, strict=True):
        assert sorted(first + second) == sorted(joint)
        assert len(first) == len(second) == 3
    with pytest.raises(ValueError, match="batch_size=5 for 2 devices; give a multiple of 2"):
        next(iter(Batches(pictures(), None, 5, 4)))


def test_data_of_the_wrong_kind_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="20 images but batch_size=21"):
        Batches(pictures(), None, 21, 1)
    with pytest.raises(TypeError, match="data is a str"):
        images_and_labels("world")
    with pytest.raises(ValueError, match="images at rest are uint8"):
        images_and_labels(torch.rand(4, 3, 8, 8))
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
        images_and_labels(torch.zeros(4, 1, 8, 8, dtype=torch.uint8))


def test_sets_bring_their_labels_and_tensors_none():
    images, labels = images_and_labels(ImageSet(pictures(), [0] * 20, ["a"]))
    assert labels.tolist() == [0] * 20
    assert images.shape == (20, 3, 4, 4)
    assert images_and_labels(pictures())[1] is None


def test_mixed_seeds_differ_and_are_repeatable():
    seeds = {mix(a, b) for a in range(30) for b in range(30)}
    assert len(seeds) == 900
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert mix(1, 2) == mix(1, 2) != mix(2, 1)
