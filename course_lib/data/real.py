"""Real datasets through torchvision's own classes: where each lies, how it is opened, how it is fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Opened:
    """One official split: pictures of one size as an array, or of many sizes through `picture(index)`."""

    classes: list[str]
    count: int
    images: np.ndarray | None = None  # (N, C, H, W) uint8, C = 1 or 3
    labels: np.ndarray | None = None  # (N,), with images
    picture: Callable[[int], tuple[Image.Image, int]] | None = None


@dataclass(frozen=True)
class RealSet:
    """A dataset that torchvision can read.

    splits: the course's split -> the official one; a split that is missing here is held out of train.
    folders: where torchvision unpacks it, below the data root. megabytes: what a download brings.
    """

    description: str
    splits: dict[str, str]
    folders: tuple[str, ...]
    megabytes: int
    open: Callable[[Path, str, bool, int], Opened]

    def find(self, root: Path) -> Path | None:
        """The folder it lies in, None when it is not there."""
        return next((root / folder for folder in self.folders if (root / folder).is_dir()), None)


def _cifar10(root: Path, split: str, download: bool, size: int) -> Opened:
    from torchvision.datasets import CIFAR10

    data = CIFAR10(root, train=split == "train", download=download)
    images = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))
    return Opened(list(data.classes), len(images), images, np.asarray(data.targets))


def _stl10(root: Path, split: str, download: bool, size: int) -> Opened:
    from torchvision.datasets import STL10

    data = STL10(root, split=split, download=download)
    return Opened(list(data.classes), len(data.data), data.data, np.asarray(data.labels).astype(np.int64))


def _imagenette(root: Path, split: str, download: bool, size: int) -> Opened:
    from torchvision.datasets import Imagenette

    wanted = "160px" if size <= 160 else "320px"  # the copy whose shorter side reaches `size`
    folders = {"160px": "imagenette2-160", "320px": "imagenette2-320", "full": "imagenette2"}
    there = [copy for copy, folder in folders.items() if (root / folder / "train").is_dir()]
    copy = next((c for c in (wanted, "320px", "full", "160px") if c in there), wanted)
    data = Imagenette(root, split=split, size=copy, download=download and copy not in there)
    return Opened([names[0] for names in data.classes], len(data), picture=data.__getitem__)


def _flowers(root: Path, split: str, download: bool, size: int) -> Opened:
    from torchvision.datasets import Flowers102

    data = Flowers102(root, split=split, download=download)
    names = list(getattr(data, "classes", [])) or [f"flower {i}" for i in range(1, 103)]  # older torchvision
    return Opened(names, len(data), picture=data.__getitem__)


def _pets(root: Path, split: str, download: bool, size: int) -> Opened:
    from torchvision.datasets import OxfordIIITPet

    data = OxfordIIITPet(root, split=split, target_types="category", download=download)
    return Opened(list(data.classes), len(data), picture=data.__getitem__)


REAL: dict[str, RealSet] = {
    "cifar-10": RealSet(
        "60,000 photos of 10 things, 32 px",
        {"train": "train", "test": "test"}, ("cifar-10-batches-py",), 170, _cifar10,
    ),
    "stl-10": RealSet(
        "13,000 photos of 10 things and 100,000 without labels, 96 px",
        {"train": "train", "test": "test", "unlabeled": "unlabeled"}, ("stl10_binary",), 2640, _stl10,
    ),
    "imagenette": RealSet(
        "13,394 photos of 10 ImageNet classes",
        {"train": "train", "test": "val"}, ("imagenette2-160", "imagenette2-320", "imagenette2"), 99,
        _imagenette,
    ),
    "flowers": RealSet(
        "Oxford Flowers-102: 8,189 photos of 102 kinds",
        {"train": "train", "val": "val", "test": "test"}, ("flowers-102",), 345, _flowers,
    ),
    "pets": RealSet(
        "Oxford-IIIT Pet: 7,349 photos of 37 breeds",
        {"train": "trainval", "test": "test"}, ("oxford-iiit-pet",), 811, _pets,
    ),
}  # fmt: skip


def open_real(name: str, root: Path, split: str, download: bool, size: int) -> Opened:
    """Open an official split of a set in REAL.

    Raises FileNotFoundError, in one sentence, when it is not there, damaged, or cannot be downloaded.
    """
    real = REAL[name]
    what, place = f'data.load("{name}")', root / real.folders[0]
    if not download and real.find(root) is None:
        raise FileNotFoundError(f"{what}: not on this machine. {how_to_get(name, root)}")
    try:
        if download:
            root.mkdir(parents=True, exist_ok=True)
        return real.open(root, real.splits[split], download, size)
    except (OSError, RuntimeError, HTTPException, EOFError, KeyError) as error:
        reason = _first_line(error)
        if download:
            raise FileNotFoundError(
                f"{what}: the download failed ({reason}). Check the network and the space in {root}, put "
                f'torchvision\'s unpacked folder at {place}, or use data.load("world").'
            ) from None
        raise FileNotFoundError(
            f"{what}: the files in {real.find(root)} are incomplete or damaged ({reason}). Delete that "
            f'folder and use data.load("{name}", download=True).'
        ) from None


def how_to_get(name: str, root: Path) -> str:
    """One sentence: how a set that is missing gets here."""
    real = REAL[name]
    return (
        f'data.load("{name}", download=True) fetches it ({real.megabytes:,} MB), or put torchvision\'s '
        f'unpacked folder at {root / real.folders[0]}, or use data.load("world").'
    )


def _first_line(error: Any) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
