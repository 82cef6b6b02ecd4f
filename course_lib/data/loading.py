"""`load(name, split)`: every dataset of the course as an ImageSet, from this machine's disk."""

from __future__ import annotations

import difflib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_lib.data import fashion, folder
from course_lib.data.imageset import ImageSet
from course_lib.data.prepare import prepared, prepared_folder, resize_batch
from course_lib.data.real import REAL, Opened, how_to_get, open_real

VALIDATION = 0.1  # part of train that is held out where a dataset has no validation split of its own
PREPARED_SIZE = 128  # pixels; what pictures of different sizes are brought to unless `size` says otherwise
SPLITS = ("train", "val", "test", "unlabeled")
WORLD_LENGTHS = {"train": 20_000, "val": 4_000, "test": 4_000}
NAMES = ("world", "fashion-mnist", *REAL)


@dataclass(frozen=True)
class DatasetStatus:
    """One row of `course data`: where a dataset lies (None = not on this machine) and how to get it."""

    name: str
    description: str
    found: Path | None
    how: str


def data_root(root: str | Path | None = None) -> Path:
    """The folder of the datasets: `root`, else the variable COURSE_DATA, else `data` in the user's cache."""
    root = root or os.environ.get("COURSE_DATA")
    if not root:
        from platformdirs import user_cache_dir

        root = Path(user_cache_dir("ssl-course")) / "data"
    return Path(root).expanduser()


def load(
    name: str | Path,
    split: str = "train",
    *,
    size: int | None = None,
    length: int | None = None,
    root: str | Path | None = None,
    download: bool = False,
) -> ImageSet:
    """Load a dataset as an ImageSet.

    name: "world" (drawn here, 48 px), "fashion-mnist" (28 px, its grey repeated in three channels),
        "cifar-10" (32 px), "stl-10" (96 px), "imagenette", "flowers", "pets", or the path of an image folder
        with one sub-folder per class (or none: labels are -1), or with train/, val/ and test/ above them.
    split: "train", "val", "test"; for stl-10 also "unlabeled". Where a dataset has no validation split, "val"
        is a tenth of its training images, always the same ones, and "train" is the rest: the two never share
        an image. (Imagenette's official "val" is our "test".)
    size: side of the images in pixels. None keeps the size of a set whose images are all alike and resizes
        the others, after a cut to the central square, to 128; those are prepared once, with a progress bar,
        and then memory-mapped from the course's cache folder (variable COURSE_CACHE).
    length: number of images: scenes to draw for the world (20,000, 4,000 and 4,000 when None), otherwise a
        fixed random choice, the smaller one contained in the larger.
    root: folder with the datasets (default: the variable COURSE_DATA, else the user's cache folder).
    download: True fetches a missing real set through torchvision. Nothing is ever downloaded otherwise.

    Raises ValueError for an unknown name or split, a bad size or length or damaged files, FileNotFoundError
    for a set that is not on this machine; the sentence says how to get it.
    """
    what = f'data.load("{name}")'
    if split not in SPLITS:
        raise ValueError(f"{what}: split is {split!r}; one of {', '.join(map(repr, SPLITS))} is needed.")
    for argument, value in (("size", size), ("length", length)):
        if value is not None and (not isinstance(value, int) or value < 1):
            raise ValueError(f"{what}: {argument} is {value!r}; a whole number of at least 1 is needed.")
    if name == "world":
        return _world(split, size, length)
    if name == "fashion-mnist":
        return _finish(_fashion(data_root(root), split, download), "fashion-mnist", split, size, length)
    if name in REAL:
        place, official = data_root(root), REAL[str(name)].splits
        if split not in official and split != "val":
            raise ValueError(f"{what}: it has no split {split!r}; {_or(['val', *official])} is needed.")
        source = "train" if split not in official else split
        opened = open_real(str(name), place, source, download, size or PREPARED_SIZE)
        key = f"{place.resolve()} {source}"
        return _finish(opened, str(name), split, size, length, held_out="val" not in official, key=key)
    return _folder(name, split, size, length)


def _world(split: str, size: int | None, length: int | None) -> ImageSet:
    if split == "unlabeled":
        raise ValueError(
            'data.load("world"): it has no split \'unlabeled\'; "train", "val" or "test" is needed.'
        )
    from course_lib.world import WorldConfig, WorldDataset

    config = WorldConfig() if size is None else WorldConfig(size=size)
    world = WorldDataset(config, split=split, length=length or WORLD_LENGTHS[split])
    return ImageSet(world.images, world.labels, world.classes, "world", split)


def _fashion(root: Path, split: str, download: bool) -> Opened:
    if split == "unlabeled":
        raise ValueError(
            'data.load("fashion-mnist"): it has no split \'unlabeled\'; "train", "val" or "test" is needed.'
        )
    found = fashion.find(root)
    if found is None and download:
        fashion.fetch(root)
        found = fashion.find(root)
    if found is None:
        raise FileNotFoundError(f'data.load("fashion-mnist"): not on this machine. {_how_fashion(root)}')
    images, labels = fashion.read(found, "t10k" if split == "test" else "train")
    return Opened(fashion.CLASSES, len(images), images[:, None], labels.astype(np.int64))


def _how_fashion(root: Path) -> str:
    return (
        "On Debian and Ubuntu `sudo apt-get install dataset-fashion-mnist` brings it, "
        f'data.load("fashion-mnist", download=True) fetches it (31 MB), or put its four files in '
        f'{root / "FashionMNIST" / "raw"}, or use data.load("world").'
    )


def _folder(name: str | Path, split: str, size: int | None, length: int | None) -> ImageSet:
    path = Path(name).expanduser()
    if not path.is_dir():
        if isinstance(name, Path) or os.sep in name or name.startswith((".", "~")):
            raise FileNotFoundError(f'data.load("{name}"): there is no such folder.')
        close = difflib.get_close_matches(name.lower(), NAMES, n=2, cutoff=0.4)
        guess = f" Did you mean {_or(close)}?" if close else ""
        raise ValueError(
            f'data.load("{name}"): unknown dataset.{guess} Known are {", ".join(NAMES)}, or the path of an '
            "image folder."
        )
    if split == "unlabeled":
        raise ValueError(
            f"data.load(\"{name}\"): an image folder has no split 'unlabeled'; without class folders "
            "every split has labels -1."
        )
    train = folder.split_folder(path, "train")
    own = folder.split_folder(path, split) if train else None
    if split == "test" and own is None:
        raise FileNotFoundError(
            f'data.load("{name}"): no test images; put train/ and test/ folders into it, or use split="val".'
        )
    source = own or train or path
    found = folder.listing(source)
    held_out = split in ("train", "val") and (train is None or folder.split_folder(path, "val") is None)
    opened = Opened(found.classes, len(found.paths), picture=found.picture)
    return _finish(opened, path.resolve().name, split, size, length, held_out, key=found.fingerprint())


def _finish(
    opened: Opened,
    name: str,
    split: str,
    size: int | None,
    length: int | None,
    held_out: bool = True,
    key: str = "",
) -> ImageSet:
    """Hold out, choose, resize and wrap an official split."""
    what = f'data.load("{name}", "{split}")'
    rows = np.arange(opened.count)
    if held_out and split in ("train", "val"):
        rows = validation_rows(opened.count) if split == "val" else training_rows(opened.count)
    if not len(rows):
        raise ValueError(f"{what}: no image is left for this split; the folder holds {opened.count}.")
    if length is not None and length > len(rows):
        raise ValueError(f"{what}: length is {length:,}; it has {len(rows):,} images.")
    # RandomState, unlike Generator, promises the same numbers in every version of NumPy
    chosen = None if length is None else np.sort(np.random.RandomState(1).permutation(len(rows))[:length])

    if opened.images is None or opened.labels is None:
        picture = opened.picture
        assert picture is not None, "an Opened split holds images and labels, or says how to get a picture"
        side = size or PREPARED_SIZE
        stamp = hashlib.sha256(f"{key} {split} {len(rows)}".encode()).hexdigest()[:16]
        path = prepared_folder() / f"{name}-{split}-{side}-{stamp}.npy"
        images, labels = prepared(lambda i: picture(int(rows[i])), len(rows), side, path, what)
        whole = ImageSet(images, labels, opened.classes, name, split)
        return whole if chosen is None else whole.subset(chosen)

    rows = rows if chosen is None else rows[chosen]
    images = opened.images if len(rows) == opened.count else opened.images[rows]
    if size is not None and images.shape[2:] != (size, size):
        images = resize_batch(images, size)
    if images.shape[1] == 1:
        images = np.repeat(images, 3, axis=1)
    return ImageSet(images, opened.labels[rows], opened.classes, name, split)


def validation_rows(count: int) -> np.ndarray:
    """Which of `count` training images are held out: a fixed tenth (at least one of two), sorted."""
    held_out = max(1, round(count * VALIDATION)) if count > 1 else 0
    return np.sort(np.random.RandomState(0).permutation(count)[:held_out])


def training_rows(count: int) -> np.ndarray:
    """The rows that `validation_rows` leaves, sorted."""
    return np.setdiff1d(np.arange(count), validation_rows(count))


def available(root: str | Path | None = None) -> list[DatasetStatus]:
    """What `course data` lists: every dataset, whether it is on this machine, and how to get it."""
    place = data_root(root)
    here = Path(__file__).resolve().parents[1] / "world"
    rows = [
        DatasetStatus("world", "the course's own drawn world, complete ground truth", here, "always here"),
        DatasetStatus(
            "fashion-mnist",
            "70,000 grey pictures of 10 kinds of clothes, 28 px",
            fashion.find(place),
            _how_fashion(place),
        ),
    ]
    rows += [
        DatasetStatus(n, real.description, real.find(place), how_to_get(n, place)) for n, real in REAL.items()
    ]
    return rows


def _or(names: list[str]) -> str:
    quoted = [repr(name) for name in dict.fromkeys(names)]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]
