"""Pictures of any size -> one memory-mapped (N, 3, size, size) file, made once and reused."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.nn import functional as F
from tqdm.auto import tqdm


def square(image: Image.Image, size: int) -> np.ndarray:
    """A picture -> its centre square, resized with antialiasing: (3, size, size) uint8.

    Transparent parts become white, grey becomes three equal channels.
    """
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    fitted = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
    return np.asarray(fitted).transpose(2, 0, 1)


def resize_batch(images: np.ndarray, size: int, chunk: int = 512) -> np.ndarray:
    """(N, C, H, W) uint8 -> (N, C, size, size) uint8, bilinear with antialiasing."""
    out = np.empty((*images.shape[:2], size, size), np.uint8)
    for start in range(0, len(images), chunk):
        part = torch.from_numpy(images[start : start + chunk]).float()
        part = F.interpolate(part, (size, size), mode="bilinear", antialias=True)
        out[start : start + chunk] = part.round_().clamp_(0, 255).to(torch.uint8).numpy()
    return out


def prepared_folder() -> Path:
    """Where prepared images are kept: in the folder COURSE_CACHE names, else in the user's cache."""
    cache = os.environ.get("COURSE_CACHE")
    if not cache:
        from platformdirs import user_cache_dir

        cache = user_cache_dir("ssl-course")
    return Path(cache).expanduser() / "prepared"


def prepared(
    picture: Callable[[int], tuple[Image.Image, int]], count: int, size: int, path: Path, title: str
) -> tuple[np.ndarray, np.ndarray]:
    """(images memory-mapped (count, 3, size, size) uint8, labels (count,) int64) of picture(0..count-1).

    Kept in `path` (images) and beside it (labels); a missing, truncated or foreign file is made again, with a
    progress bar. Files appear under their name only when complete. Raises OSError, as a sentence, when the
    folder cannot be written.
    """
    labels_path = path.with_suffix(".labels.npy")
    opened = _open(path, labels_path, count, size)
    if opened is not None:
        return opened
    part, labels_part = (p.with_name(f"{p.name}.{os.getpid()}.part") for p in (path, labels_path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(path.parent).free < count * 3 * size * size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # a full disk kills a process that maps it
        images = np.lib.format.open_memmap(part, "w+", np.uint8, (count, 3, size, size))
        labels = np.empty(count, np.int64)

        def fill(index: int) -> None:
            try:
                image, labels[index] = picture(index)
                images[index] = square(image, size)
            except (OSError, SyntaxError) as error:  # what Pillow raises for a damaged file
                raise ValueError(
                    f"{title}: image {index} cannot be read ({error}); delete the dataset's "
                    "folder and get it again."
                ) from None

        with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding releases Python's lock
            for _ in tqdm(pool.map(fill, range(count)), total=count, desc=title, unit=" images"):
                pass
        images.flush()
        with open(labels_part, "wb") as file:
            np.save(file, labels)
        os.replace(labels_part, labels_path)  # labels first: images under their name mean that both are whole
        os.replace(part, path)
    except OSError as error:
        raise OSError(
            f"{title}: cannot write {path.parent} ({error.strerror}); point the environment variable "
            "COURSE_CACHE to a folder with space that you may write to."
        ) from None
    finally:
        for leftover in (part, labels_part):
            with contextlib.suppress(OSError):
                leftover.unlink()
    opened = _open(path, labels_path, count, size)
    assert opened is not None, path
    return opened


def _open(path: Path, labels_path: Path, count: int, size: int) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        images = np.load(path, mmap_mode="c")
        labels = np.load(labels_path)
    except (OSError, ValueError, EOFError):  # not there, cut off, or not an array: make it again
        return None
    whole = images.shape == (count, 3, size, size) and images.dtype == np.uint8 and labels.shape == (count,)
    return (images, labels) if whole else None
