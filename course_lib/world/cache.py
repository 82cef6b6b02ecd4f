"""The drawn pictures of a split in one memory-mapped file: built once, checked each time it is opened.

Layout: a header of 4096 bytes (JSON, padded with spaces), images (N, 3, H, W) uint8, labels (N,)
little-endian int64.
The header holds the length and a CRC-32 of all that follows. A file is written under a temporary name in
the same folder and renamed when complete, so a reader sees a whole file or none, and two builders cannot
spoil each other's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from course_lib.world import render
from course_lib.world.config import WorldConfig
from course_lib.world.sampler import sample

HEADER = 4096
CHUNK = 200  # pictures between two writes


class CacheError(Exception):
    """The file is not what it should be; the message says in which way."""


def folder(cache: str | os.PathLike | None = None) -> Path:
    """Where caches lie: the argument, else $COURSE_CACHE, else the user's cache folder."""
    if cache is not None:
        return Path(cache).expanduser()
    if os.environ.get("COURSE_CACHE"):
        return Path(os.environ["COURSE_CACHE"]).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("ssl-course"))


def identity(config: WorldConfig, split: str, length: int) -> dict:
    """What the header must say for the file to be the one wanted."""
    return {
        "format": "ssl-course world 1",
        "renderer": render.RENDERER,
        "config": json.loads(json.dumps(asdict(config))),
        "split": split,
        "length": length,
    }


def path_of(config: WorldConfig, split: str, length: int, cache: str | os.PathLike | None = None) -> Path:
    """Name of the cache file; another config, split, length or renderer gives another name."""
    text = json.dumps(identity(config, split, length), sort_keys=True)
    name = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return folder(cache) / f"world-{split}-{length}-{name}.bin"


def bytes_of(config: WorldConfig, length: int) -> int:
    """Size of a complete file."""
    return HEADER + length * (3 * config.size**2 + 8)


def draw_range(config: WorldConfig, split: str, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 3, H, W) uint8 and labels (n,) int64 of scenes start ... stop - 1."""
    size = config.size
    images = np.empty((stop - start, 3, size, size), np.uint8)
    labels = np.empty(stop - start, np.int64)
    place = {kind: number for number, kind in enumerate(config.kinds)}
    for row, index in enumerate(range(start, stop)):
        scene = sample(config, split, index)
        images[row] = render.planes(scene)
        labels[row] = place[scene.objects[0].kind]
    return images, labels


def fill(path: Path, config: WorldConfig, split: str, length: int, start: int, stop: int,
         report: Callable[[int], None]) -> None:  # fmt: skip
    """Draw scenes start ... stop - 1 into their places in the file; report(n) after each n pictures."""
    picture = 3 * config.size**2
    with open(path, "r+b") as file:
        for first in range(start, stop, CHUNK):
            last = min(first + CHUNK, stop)
            images, labels = draw_range(config, split, first, last)
            file.seek(HEADER + first * picture)
            file.write(images.tobytes())
            file.seek(HEADER + length * picture + first * 8)
            file.write(labels.astype("<i8").tobytes())
            report(last - first)


def _checksum(path: Path) -> int:
    value = 0
    with open(path, "rb") as file:
        file.seek(HEADER)
        while block := file.read(1 << 22):
            value = zlib.crc32(block, value)
    return value


def open_file(path: Path, config: WorldConfig, split: str, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (mapped, copy on write) and labels. FileNotFoundError if absent, CacheError if damaged."""
    with open(path, "rb") as file:
        head = file.read(HEADER)
    expected = bytes_of(config, length)
    if path.stat().st_size != expected:
        raise CacheError(f"it has {path.stat().st_size} bytes instead of {expected}")
    try:
        header = json.loads(head)
        crc = header.pop("crc32")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CacheError("its header cannot be read") from None
    if header != identity(config, split, length):
        raise CacheError("its header describes other pictures")
    if crc != _checksum(path):
        raise CacheError("its checksum does not match")
    shape = (length, 3, config.size, config.size)
    images = np.memmap(path, np.uint8, "c", HEADER, shape)
    labels = np.fromfile(path, "<i8", length, offset=HEADER + int(np.prod(shape)))
    return images, labels.astype(np.int64)


def build(path: Path, config: WorldConfig, split: str, length: int, fill_all: Callable[[Path], None]) -> None:
    """Write the file: `fill_all(temporary)` draws into it, then it gets its name. May raise OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    handle, name = tempfile.mkstemp(prefix=".world-", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with open(temporary, "r+b") as file:
            file.truncate(bytes_of(config, length))
        fill_all(temporary)
        header = identity(config, split, length) | {"crc32": _checksum(temporary)}
        with open(temporary, "r+b") as file:
            file.write(json.dumps(header).encode().ljust(HEADER))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.replace(temporary, path)
        except PermissionError:  # Windows: another process built and opened the same file meanwhile
            open_file(path, config, split, length)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _remove_leftovers(where: Path, older_than_s: float = 86400.0) -> None:
    """Delete temporary files of builds that were killed a day or more ago."""
    for left in where.glob(".world-*.part"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > older_than_s:
                left.unlink()
