"""Any folder of images as a dataset: one sub-folder per class, or images without labels side by side."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

ENDINGS = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif"}
SPLIT_FOLDERS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}


@dataclass(frozen=True)
class Listing:
    """The pictures of one folder: paths, labels (-1 = none), class names."""

    paths: list[Path]
    labels: list[int]
    classes: list[str]

    def picture(self, index: int) -> tuple[Image.Image, int]:
        """(picture the right way up, label). Raises ValueError, naming the file, for one that is no image."""
        path = self.paths[index]
        try:
            with Image.open(path) as image:
                return ImageOps.exif_transpose(image.copy()), self.labels[index]
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(
                f"data.load: {path} cannot be read as an image ({error}); remove or replace it."
            ) from None

    def fingerprint(self) -> str:
        """Changes when a file is added, removed or replaced."""
        digest = hashlib.sha256()
        for path in self.paths:
            status = path.stat()
            digest.update(f"{path.absolute()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:16]


def split_folder(folder: Path, split: str) -> Path | None:
    """The sub-folder that holds `split` (train; val, valid or validation; test), None where there is none."""
    for name in SPLIT_FOLDERS[split]:
        if (folder / name).is_dir():
            return folder / name
    return None


def listing(folder: Path) -> Listing:
    """The images of a folder, sorted by path.

    Sub-folders with images are the classes (images lying beside them are not read); without sub-folders all
    images get label -1. Raises FileNotFoundError when there is no image.
    """
    groups = {sub.name: _images(sub) for sub in sorted(folder.iterdir()) if sub.is_dir()}
    groups = {name: paths for name, paths in groups.items() if paths}
    if groups:
        paths = [path for group in groups.values() for path in group]
        labels = [label for label, group in enumerate(groups.values()) for _ in group]
        return Listing(paths, labels, list(groups))
    paths = _images(folder)
    if not paths:
        raise FileNotFoundError(
            f"data.load: {folder} holds no images; one sub-folder per class, or images side by side, "
            f"are needed ({', '.join(sorted(ENDINGS))})."
        )
    return Listing(paths, [-1] * len(paths), [])


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
