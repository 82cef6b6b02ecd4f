"""ImageSet: images, labels and class names; what every dataset of the course looks like."""

from __future__ import annotations

import hashlib
import mmap
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor


def as_float(images: Tensor) -> Tensor:
    """uint8 (0 to 255) -> float32 in [0, 1]; floats come back as float32, unchanged. Any shape.

    Raises TypeError for any other dtype.
    """
    if images.dtype == torch.uint8:
        return images.float().div_(255)
    if not images.dtype.is_floating_point:
        raise TypeError(f"as_float: images is {images.dtype}; uint8 or a float type is needed.")
    return images.float()


class ImageSet:
    """Images with labels.

    images: (N, 3, H, W) uint8, a tensor or an array, in memory or memory-mapped (it is not copied).
    labels: (N,) integers, an index into classes, -1 where there is no label. classes: names.
    name, split: where the images come from. Raises TypeError for a wrong dtype, ValueError for a wrong shape
    or a label without a class.
    """

    def __init__(
        self,
        images: Tensor | np.ndarray,
        labels: Tensor | np.ndarray | Sequence[int],
        classes: Sequence[str],
        name: str = "images",
        split: str = "train",
    ):
        self.name, self.split = name, split
        self.classes = [str(one) for one in classes]
        self.images = _as_tensor(images)
        self.labels = torch.as_tensor(np.asarray(labels) if not isinstance(labels, Tensor) else labels)
        self._check()
        self.labels = self.labels.long()

    def _check(self) -> None:
        shape, labels, what = tuple(self.images.shape), self.labels, f"ImageSet {self.name!r}"
        if self.images.dtype != torch.uint8:
            raise TypeError(
                f"{what}: images is {self.images.dtype}; uint8 (0 to 255) is needed, "
                "for floats in [0, 1] use (images * 255).round().to(torch.uint8)."
            )
        if len(shape) != 4 or shape[1] != 3:
            hint = ", use images.permute(0, 3, 1, 2)" if len(shape) == 4 and shape[-1] == 3 else ""
            raise ValueError(f"{what}: images is {shape}; (N, 3, H, W) is needed{hint}.")
        if labels.ndim != 1 or len(labels) != shape[0]:
            raise ValueError(
                f"{what}: labels is {tuple(labels.shape)} for {shape[0]} images; ({shape[0]},) is needed."
            )
        if labels.dtype.is_floating_point or labels.dtype.is_complex:
            raise TypeError(f"{what}: labels is {labels.dtype}; integers are needed.")
        if len(labels) and not (labels.min() >= -1 and labels.max() < len(self.classes)):
            raise ValueError(
                f"{what}: labels run from {int(labels.min())} to {int(labels.max())} but there are "
                f"{len(self.classes)} classes; 0 to {len(self.classes) - 1} is needed, or -1 for no label."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """(image (3, H, W) uint8, label). A slice or a list of indices: use `subset`."""
        return self.images[index], int(self.labels[index])

    def subset(self, indices: Sequence[int] | Tensor | np.ndarray | slice) -> ImageSet:
        """The images at `indices` (integers, a bool mask or a slice) as a new set; a slice copies nothing."""
        if not isinstance(indices, slice):
            indices = torch.as_tensor(indices)
        return ImageSet(self.images[indices], self.labels[indices], self.classes, self.name, self.split)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(images uint8 (B, 3, H, W), labels (B,)) in order; the last batch may be smaller.

        Raises ValueError unless batch_size is at least 1.
        """
        if batch_size < 1:
            raise ValueError(f"ImageSet.batches: batch_size is {batch_size}; at least 1 is needed.")
        for start in range(0, len(self), batch_size):
            yield self.images[start : start + batch_size], self.labels[start : start + batch_size]

    def fingerprint(self) -> str:
        """SHA-256 of all pixels and labels, as hexadecimal digits: equal sets have equal ones."""
        digest = hashlib.sha256(repr((tuple(self.images.shape), self.classes)).encode())
        for images, labels in self.batches(4096):
            digest.update(images.contiguous().numpy())  # type: ignore[arg-type]
            digest.update(labels.numpy())  # type: ignore[arg-type]
        return digest.hexdigest()

    def __repr__(self) -> str:
        height, width = self.images.shape[2:]
        return (
            f"ImageSet({self.name!r}, {self.split!r}: {len(self):,} images of {height} x {width} px, "
            f"{len(self.classes)} classes)"
        )


def _as_tensor(images: Tensor | np.ndarray) -> Tensor:
    if isinstance(images, Tensor):
        return images
    images = images if isinstance(images, np.ndarray) else np.asarray(images)
    if isinstance(images, np.memmap) and images.mode == "r" and isinstance(images.base, mmap.mmap):
        # a write to a read-only map would kill the process; copy-on-write shares the same pages until then
        images = np.memmap(images.filename, images.dtype, "c", images.offset, images.shape)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(images)
