"""load(): names, splits, real sets in the files torchvision expects, made small."""

import hashlib
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from course_lib import data
from course_lib.data import loading, real


@given(st.integers(2, 3000))
def test_held_out_rows_are_a_tenth_and_disjoint(count):
    val, train = loading.validation_rows(count), loading.training_rows(count)
    assert len(val) == max(1, round(count / 10))
    assert sorted([*val, *train]) == list(range(count))


def test_held_out_rows_are_the_same_forever():
    """A checkpoint's validation score means nothing when the split moves under it."""
    assert loading.validation_rows(50).tolist() == [2, 10, 11, 28, 41]
    assert (
        hashlib.sha256(loading.validation_rows(60_000).astype("<i8").tobytes()).hexdigest()[:12]
        == "e0aca1a0f5fb"
    )


def test_world():
    train = data.load("world", length=24, size=32)
    val = data.load("world", "val", length=24, size=32)
    assert train.images.shape == (24, 3, 32, 32)
    assert len(train.classes) >= 16
    assert not {i.numpy().tobytes() for i in train.images} & {i.numpy().tobytes() for i in val.images}
    train.images[0] = 0  # a student may: the cache on disk stays as it is
    assert data.load("world", length=24, size=32).images[0].max() > 0


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("cifr10", ValueError, "unknown dataset. Did you mean 'cifar-10'"),
        ("World", ValueError, "Did you mean 'world'"),
        ("qqqq", ValueError, "unknown dataset. Known are world, fashion-mnist, cifar-10"),
        ("no/such/folder", FileNotFoundError, "there is no such folder"),
    ],
)
def test_unknown_names(name, error, sentence):
    with pytest.raises(error, match=sentence):
        data.load(name)


@pytest.mark.parametrize("name", list(real.REAL))
def test_a_set_that_is_not_there_says_how_to_get_it(name, own_folders):
    for split in ("train", "val", "test"):
        with pytest.raises(FileNotFoundError) as caught:
            data.load(name, split)
        sentence = str(caught.value)
        assert sentence.startswith(
            f'data.load("{name}"): not on this machine. data.load("{name}", download=True)'
        )
        assert str(own_folders / "data") in sentence
        assert 'data.load("world")' in sentence
        assert "\n" not in sentence
        assert caught.value.__cause__ is None
    assert not (own_folders / "data").exists()  # nothing is written by asking


@pytest.mark.parametrize("name", list(real.REAL))
def test_a_damaged_set_is_a_sentence(name, own_folders):
    (own_folders / "data" / real.REAL[name].folders[0]).mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="incomplete or damaged") as caught:
        data.load(name)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("name", list(real.REAL))
def test_a_failed_download_is_a_sentence(name, monkeypatch):
    import urllib.request

    def fail(*_, **__):
        raise OSError("<urlopen error [Errno -3] no network>")

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    with pytest.raises(
        FileNotFoundError, match=r"the download failed \(.*no network.*Check the network"
    ) as caught:
        data.load(name, download=True)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size": 0}, "size is 0; a whole number of at least 1"),
        ({"size": 32.0}, "size is 32.0"),
        ({"length": -5}, "length is -5"),
        ({"split": "unlabeled"}, "it has no split 'unlabeled'"),
    ],
)
@pytest.mark.parametrize("name", ["world", "fashion-mnist", "cifar-10"])
def test_bad_arguments(name, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        data.load(name, **arguments)


@pytest.fixture
def cifar(own_folders, monkeypatch):
    """Six small pickles in CIFAR-10's format; only their checksums are told to torchvision anew."""
    from torchvision.datasets import CIFAR10

    folder = own_folders / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)

    def write(name, content):
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    def batch(first):
        images = np.zeros((10, 3, 32, 32), np.uint8)
        images[:, 0] = first + np.arange(10)[:, None, None]
        images[:, 2, 0] = 200  # blue top row
        return {"data": images.reshape(10, -1), "labels": list(range(10))}

    monkeypatch.setattr(CIFAR10, "train_list", [write(f"data_batch_{k}", batch(10 * k)) for k in range(1, 6)])
    monkeypatch.setattr(CIFAR10, "test_list", [write("test_batch", batch(100))])
    name, md5 = write("batches.meta", {"label_names": list("abcdefghij")})
    monkeypatch.setattr(CIFAR10, "meta", {"filename": name, "key": "label_names", "md5": md5})
    return folder


def test_cifar10(cifar):
    train, val, test = (data.load("cifar-10", split) for split in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (45, 5, 10)
    assert train.classes == list("abcdefghij")
    assert test.images[:, 0, 9, 9].tolist() == list(range(100, 110))
    assert (test.images[:, 2, 0] == 200).all()
    assert (test.images[:, 2, 1:] == 0).all()  # rows are rows, columns columns
    reds = torch.cat([train.images, val.images])[:, 0, 5, 5]
    labels = torch.cat([train.labels, val.labels])
    assert reds.sort().values.tolist() == list(range(10, 60))
    assert torch.equal(reds % 10, labels.to(torch.uint8))
    assert data.load("cifar-10", "test", size=16).images.shape == (10, 3, 16, 16)
    with pytest.raises(ValueError, match="length is 46; it has 45 images"):
        data.load("cifar-10", length=46)


def test_cifar10_with_a_damaged_file(cifar):
    (cifar / "data_batch_3").write_bytes(b"cut")
    with pytest.raises(FileNotFoundError, match=r"incomplete or damaged .*Delete that folder"):
        data.load("cifar-10")


def test_stl10(own_folders, monkeypatch):
    from torchvision.datasets import STL10

    folder = own_folders / "data" / "stl10_binary"
    folder.mkdir(parents=True)
    lists = {"train_list": ("train_X.bin", "train_y.bin"), "test_list": ("test_X.bin", "test_y.bin")}
    (folder / "class_names.txt").write_text("\n".join("abcdefghij"))
    entries = {key: [] for key in lists}
    for key, (images, labels) in lists.items():
        pixels = np.zeros((10, 3, 96, 96), np.uint8)
        pixels[:, 1, :, 3] = (
            9 + np.arange(10)[:, None]
        )  # a green stripe in column 3; files hold columns first
        (folder / images).write_bytes(pixels.transpose(0, 1, 3, 2).tobytes())
        (folder / labels).write_bytes(np.arange(1, 11, dtype=np.uint8).tobytes())  # the files count from 1
        for name in (images, labels):
            entries[key].append([name, hashlib.md5((folder / name).read_bytes()).hexdigest()])
    (folder / "unlabeled_X.bin").write_bytes(np.full((4, 3, 96, 96), 7, np.uint8).tobytes())
    md5 = hashlib.md5((folder / "unlabeled_X.bin").read_bytes()).hexdigest()
    entries["train_list"].append(["unlabeled_X.bin", md5])
    for key, value in entries.items():
        monkeypatch.setattr(STL10, key, value)

    test = data.load("stl-10", "test")
    assert test.labels.tolist() == list(range(10))
    assert test.images[:, 1, 50, 3].tolist() == list(range(9, 19))
    assert (len(data.load("stl-10")), len(data.load("stl-10", "val"))) == (9, 1)
    unlabeled = data.load("stl-10", "unlabeled")
    assert unlabeled.labels.tolist() == [-1] * 4
    assert (unlabeled.images == 7).all()


def photo(path, value, size=(40, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path, quality=100)


def test_imagenette(own_folders):
    wnids = ["n01440764", "n02102040", "n02979186", "n03000684", "n03028079"]
    wnids += ["n03394916", "n03417042", "n03425413", "n03445777", "n03888257"]
    for split, count in (("train", 2), ("val", 1)):
        for label, wnid in enumerate(wnids):
            for number in range(count):
                photo(own_folders / "data" / "imagenette2-160" / split / wnid / f"{number}.JPEG", 20 * label)
    train, val, test = (data.load("imagenette", split, size=16) for split in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (18, 2, 10)
    assert test.classes[0] == "tench"
    assert test.labels.tolist() == list(range(10))
    assert test.images[:, 0, 8, 8].tolist() == [20 * k for k in range(10)]
    assert torch.cat([train.labels, val.labels]).bincount().tolist() == [2] * 10


def test_flowers(own_folders, monkeypatch):
    from scipy.io import savemat
    from torchvision.datasets import Flowers102

    folder = own_folders / "data" / "flowers-102"
    for number in range(1, 10):
        photo(folder / "jpg" / f"image_{number:05d}.jpg", 25 * number)
    savemat(folder / "imagelabels.mat", {"labels": np.arange(1, 10)[None]})
    savemat(folder / "setid.mat", {"trnid": [[1, 2, 3]], "valid": [[4, 5]], "tstid": [[6, 7, 8, 9]]})
    files = {
        key: (name, hashlib.md5((folder / name).read_bytes()).hexdigest() if name.endswith("mat") else "")
        for key, (name, _) in Flowers102._file_dict.items()
    }
    monkeypatch.setattr(Flowers102, "_file_dict", files)
    train, val, test = (data.load("flowers", split, size=8) for split in ("train", "val", "test"))
    assert [s.labels.tolist() for s in (train, val, test)] == [[0, 1, 2], [3, 4], [5, 6, 7, 8]]
    assert test.images[:, 0, 4, 4].tolist() == [150, 175, 200, 225]
    assert len(test.classes) == 102


def test_pets(own_folders):
    folder = own_folders / "data" / "oxford-iiit-pet"
    (folder / "annotations").mkdir(parents=True)
    for split, count in (("trainval", 10), ("test", 2)):
        lines = []
        for number in range(count):
            breed = ("Abyssinian", "shiba_inu")[number % 2]
            photo(folder / "images" / f"{breed}_{split}{number}.jpg", 10 * number, size=(20, 50))
            lines.append(f"{breed}_{split}{number} {number % 2 + 1} 1 1")
        (folder / "annotations" / f"{split}.txt").write_text("\n".join(lines))
    train, val, test = (data.load("pets", split, size=8) for split in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (9, 1, 2)
    assert train.classes == ["Abyssinian", "Shiba Inu"]
    assert test.labels.tolist() == [0, 1]
    assert test.images[:, 0, 4, 4].tolist() == [0, 10]


def test_available_says_what_is_here(cifar, own_folders):
    rows = {row.name: row for row in data.available()}
    assert list(rows) == list(loading.NAMES)
    assert rows["cifar-10"].found == cifar
    assert rows["pets"].found is None
    assert 'data.load("pets", download=True)' in rows["pets"].how
    assert str(own_folders / "data" / "oxford-iiit-pet") in rows["pets"].how
    assert rows["world"].found is not None
    assert data.available(own_folders / "elsewhere")[2].found is None


def test_root_folder(monkeypatch, tmp_path):
    assert data.data_root() == tmp_path / "data"
    assert data.data_root(tmp_path / "x") == tmp_path / "x"
    monkeypatch.delenv("COURSE_DATA")
    assert data.data_root().parts[-2:] == ("ssl-course", "data")
