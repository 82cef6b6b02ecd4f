"""Fashion-MNIST from Debian's package. CI installs dataset-fashion-mnist; elsewhere it may be missing."""

import gzip
import os

import numpy as np
import pytest
import torch

from course_lib import data
from course_lib.data import fashion

needs_package = pytest.mark.skipif(
    not fashion.DEBIAN.is_dir() and not os.environ.get("CI"),
    reason="package dataset-fashion-mnist not installed",
)
NAMES = list(fashion.SHA256)


@needs_package
def test_splits_of_the_debian_copy():
    train, val, test = (data.load("fashion-mnist", split) for split in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (54_000, 6_000, 10_000)
    assert train.images.shape[1:] == (3, 28, 28)
    assert torch.equal(train.images[:50, 0], train.images[:50, 2])  # grey, three times
    assert torch.bincount(torch.cat([train.labels, val.labels])).tolist() == [6000] * 10
    assert torch.bincount(test.labels).tolist() == [1000] * 10
    assert train.classes[9] == "Ankle boot"
    both = torch.cat([train.images[:, 0], val.images[:, 0]]).double() / 255
    assert both.mean().item() == pytest.approx(0.2860, abs=1e-4)  # the published mean and deviation
    assert both.std().item() == pytest.approx(0.3530, abs=1e-4)


@needs_package
def test_train_and_val_are_torchvisions_training_set(tmp_path):
    """torchvision reads the same content, unzipped into its own folder; so do we."""
    from torchvision.datasets import FashionMNIST

    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in NAMES:
        (raw / name).write_bytes(gzip.decompress((fashion.DEBIAN / f"{name}.gz").read_bytes()))
    theirs = FashionMNIST(tmp_path / "data", train=True, download=False)
    assert fashion.find(tmp_path / "data") == raw
    for split, rows in (
        ("train", data.loading.training_rows(60_000)),
        ("val", data.loading.validation_rows(60_000)),
    ):
        ours = data.load("fashion-mnist", split)
        assert torch.equal(ours.images[:, 1], theirs.data[rows])
        assert torch.equal(ours.labels, theirs.targets[rows])


@needs_package
def test_size_and_length():
    small = data.load("fashion-mnist", "test", size=14, length=100)
    large = data.load("fashion-mnist", "test", length=500)
    assert small.images.shape == (100, 3, 14, 14)
    contained = {image.numpy().tobytes() for image in large.images}
    part = data.load("fashion-mnist", "test", length=100)
    assert all(image.numpy().tobytes() in contained for image in part.images)
    expected = torch.nn.functional.interpolate(part.images.float(), (14, 14), mode="bilinear", antialias=True)
    assert (small.images.float() - expected).abs().max() <= 0.5


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A tiny set in the same format, known by its content; the images are gzipped, the labels are not."""
    import hashlib

    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "nowhere")
    for name in NAMES:
        count = 20 if name.startswith("train") else 10
        array = np.arange(count, dtype=np.uint8) % 10
        if "images" in name:
            array = np.broadcast_to(array[:, None, None] * 20, (count, 28, 28)).astype(np.uint8)
        monkeypatch.setitem(fashion.SHA256, name, hashlib.sha256(idx(array)).hexdigest())
        if "images" in name:
            # another time in the header gives another MD5 of the file: Debian's trap
            (raw / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=12345))
        else:
            (raw / name).write_bytes(idx(array))
    return raw


def test_content_counts_not_the_gzip_header(toy):
    test = data.load("fashion-mnist", "test")
    assert test.labels.tolist() == list(range(10))
    assert test.images[:, 0, 5, 5].tolist() == [20 * k for k in range(10)]


@pytest.mark.parametrize("damage", ["cut", "foreign", "not gzip"])
def test_damaged_files_are_named(toy, damage):
    path = toy / "t10k-images-idx3-ubyte.gz"
    content = path.read_bytes()
    foreign = gzip.compress(idx(np.zeros((10, 28, 28), np.uint8)))
    path.write_bytes({"cut": content[:-30], "foreign": foreign, "not gzip": b"<html>"}[damage])
    with pytest.raises(
        ValueError, match=r"t10k-images-idx3-ubyte.gz (cannot be read|is damaged).*delete it and get"
    ):
        data.load("fashion-mnist", "test")


def test_missing_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "nowhere")
    with pytest.raises(
        FileNotFoundError, match=r"not on this machine.*dataset-fashion-mnist.*download=True"
    ) as caught:
        data.load("fashion-mnist")
    assert str(tmp_path / "data" / "FashionMNIST" / "raw") in str(caught.value)


def test_a_failed_download_is_a_sentence(monkeypatch, tmp_path):
    import torchvision

    def fail(*_, **__):
        raise OSError("<urlopen error no network>")

    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "nowhere")
    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", fail)
    with pytest.raises(FileNotFoundError, match=r"the download failed \(<urlopen error no network>\)"):
        data.load("fashion-mnist", download=True)
