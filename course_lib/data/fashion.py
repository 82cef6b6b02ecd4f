"""Fashion-MNIST, read from torchvision's folder or from Debian's package dataset-fashion-mnist.

Debian's .gz files hold the same pictures, but their gzip headers lack name and time, so that their MD5 is not
the one torchvision knows. What is verified here is therefore the content, after decompression.
"""

from __future__ import annotations

import gzip
import hashlib
from http.client import HTTPException
from pathlib import Path

import numpy as np

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
CLASSES = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]  # fmt: skip
SHA256 = {  # of the decompressed content
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def find(root: Path) -> Path | None:
    """The folder with all four files, gzipped or not: ROOT/FashionMNIST/raw, else Debian's, else None."""
    for folder in (root / "FashionMNIST" / "raw", DEBIAN):
        if all((folder / name).is_file() or (folder / f"{name}.gz").is_file() for name in SHA256):
            return folder
    return None


def read(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """images (N, 28, 28) uint8 and labels (N,) uint8 of `part`, "train" or "t10k"; content verified.

    Raises ValueError when a file is damaged or is not Fashion-MNIST.
    """
    images = _read_idx(folder, f"{part}-images-idx3-ubyte", dimensions=3)
    labels = _read_idx(folder, f"{part}-labels-idx1-ubyte", dimensions=1)
    return images, labels


def _read_idx(folder: Path, name: str, dimensions: int) -> np.ndarray:
    path = folder / name if (folder / name).is_file() else folder / f"{name}.gz"
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise ValueError(
            f'load("fashion-mnist"): {path} cannot be read ({error}); delete it and get it again.'
        ) from None
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise ValueError(
            f'load("fashion-mnist"): {path} is damaged or is not Fashion-MNIST (its content has another '
            "checksum); delete it and get it again."
        )
    # idx: two zero bytes, type 8 = uint8, number of dimensions, then each size as a big-endian int32
    shape = np.frombuffer(content, ">i4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def fetch(root: Path) -> None:
    """Download through torchvision into ROOT/FashionMNIST/raw; raises FileNotFoundError when that fails."""
    from torchvision.datasets import FashionMNIST

    try:
        root.mkdir(parents=True, exist_ok=True)
        FashionMNIST(root, download=True)
    except (OSError, RuntimeError, HTTPException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
        raise FileNotFoundError(
            f'data.load("fashion-mnist"): the download failed ({reason}). On Debian and Ubuntu '
            "`sudo apt-get install dataset-fashion-mnist` brings it; or put its four files in "
            f'{root / "FashionMNIST" / "raw"}, or use data.load("world").'
        ) from None
