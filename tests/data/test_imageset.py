import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data import ImageSet, as_float


def make(count=10, classes=("cat", "dog")):
    images = torch.arange(count * 3 * 4 * 5).remainder(256).to(torch.uint8).view(count, 3, 4, 5)
    return ImageSet(images, torch.arange(count) % len(classes), classes, "toy", "val")


def test_items_and_length():
    toy = make()
    image, label = toy[3]
    assert len(toy) == 10
    assert image.shape == (3, 4, 5)
    assert image.dtype == torch.uint8
    assert label == 1
    assert isinstance(label, int)
    assert toy.labels.dtype == torch.int64
    with pytest.raises(IndexError):
        toy[10]
    assert repr(toy) == "ImageSet('toy', 'val': 10 images of 4 x 5 px, 2 classes)"


@pytest.mark.parametrize(
    "indices",
    [[1, 3, 5], torch.tensor([1, 3, 5]), np.array([1, 3, 5]), slice(1, 6, 2), torch.arange(10) % 6 == 1],
)
def test_subset_takes_images_with_their_labels(indices):
    toy = make(classes=tuple("abcdefghij"))
    part = toy.subset(indices)
    expected = [1, 7] if isinstance(indices, torch.Tensor) and indices.dtype == torch.bool else [1, 3, 5]
    assert part.labels.tolist() == expected
    assert torch.equal(part.images, toy.images[expected])
    assert (part.classes, part.name, part.split) == (toy.classes, "toy", "val")


@given(st.integers(0, 30), st.integers(1, 12))
def test_batches_are_the_set_in_order(count, batch_size):
    toy = ImageSet(torch.zeros(count, 3, 2, 2, dtype=torch.uint8), torch.zeros(count).long(), ["a"])
    toy.images[:, 0, 0, 0] = torch.arange(count)
    sizes = [len(labels) for _, labels in toy.batches(batch_size)]
    seen = torch.cat([torch.empty(0, 3, 2, 2)] + [images for images, _ in toy.batches(batch_size)])
    assert seen[:, 0, 0, 0].tolist() == list(range(count))
    assert all(size == batch_size for size in sizes[:-1])


def test_a_read_only_map_is_not_copied_and_survives_a_write(tmp_path):
    file = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (6, 3, 4, 4))
    file[:] = np.arange(6)[:, None, None, None]
    file.flush()
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    wrapped = ImageSet(mapped, np.zeros(6, np.int64), ["a"])
    assert wrapped.images[:, 0, 0, 0].tolist() == list(range(6))
    wrapped.images[2] = 77  # on the map itself this would kill the process
    assert mapped[2].max() == 2
    sliced = ImageSet(mapped[3:], np.zeros(3, np.int64), ["a"])
    assert sliced.images[:, 0, 0, 0].tolist() == [3, 4, 5]


GOOD = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("images", "labels", "error", "sentence"),
    [
        (GOOD.float(), [0] * 4, TypeError, r"images is torch.float32; uint8"),
        (GOOD[0], [0] * 4, ValueError, r"images is \(3, 8, 8\); \(N, 3, H, W\) is needed"),
        (GOOD.permute(0, 2, 3, 1), [0] * 4, ValueError, r"use images.permute\(0, 3, 1, 2\)"),
        (GOOD, [0] * 5, ValueError, r"labels is \(5,\) for 4 images; \(4,\) is needed"),
        (GOOD, [0, 1, 2, 1], ValueError, r"labels run from 0 to 2 but there are 2 classes; 0 to 1 is needed"),
        (GOOD, [0, -2, 1, 1], ValueError, r"labels run from -2 to 1"),
        (GOOD, [0.0, 1.0, 0.5, 1.0], TypeError, r"labels is torch.float64; integers"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(images, labels, error, sentence):
    with pytest.raises(error, match=sentence):
        ImageSet(images, labels, ["a", "b"])


def test_no_label_is_minus_one():
    assert ImageSet(GOOD, [-1] * 4, []).labels.tolist() == [-1] * 4


def test_batch_size_below_one():
    with pytest.raises(ValueError, match="batch_size is 0; at least 1"):
        next(make().batches(0))


def test_as_float():
    assert as_float(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx([0, 0.2, 1])
    half = torch.tensor([0.25], dtype=torch.bfloat16)
    assert as_float(half).dtype == torch.float32
    with pytest.raises(TypeError, match=r"as_float: images is torch.int64; uint8 or a float type"):
        as_float(torch.tensor([1]))


def test_the_fingerprint_changes_with_every_pixel_label_and_class_name():
    images = torch.zeros(3, 3, 4, 4, dtype=torch.uint8)
    one = ImageSet(images, [0, 1, -1], ["a", "b"])
    assert one.fingerprint() == ImageSet(images.clone(), [0, 1, -1], ["a", "b"], "other name").fingerprint()
    other = images.clone()
    other[2, 2, 3, 3] = 1
    changed = [
        ImageSet(other, [0, 1, -1], ["a", "b"]),
        ImageSet(images, [0, 1, 1], ["a", "b"]),
        ImageSet(images, [0, 1, -1], ["a", "c"]),
        ImageSet(images.reshape(3, 3, 2, 8), [0, 1, -1], ["a", "b"]),
    ]
    assert len({one.fingerprint(), *(each.fingerprint() for each in changed)}) == 5
