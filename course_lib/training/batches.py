"""Batches by index from memory: which image is in which step is a pure function of (seed, step)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch


def images_and_labels(data) -> tuple[torch.Tensor | np.ndarray, torch.Tensor | None]:
    """The images (N, 3, H, W) uint8 and, if there are any, the labels (N,) of `data`.

    data: an ImageSet or anything with `.images` (and `.labels`), or a uint8 tensor.
    Raises TypeError and ValueError for anything else.
    """
    images = getattr(data, "images", data)
    if not hasattr(images, "shape") or not hasattr(images, "dtype"):
        raise TypeError(
            f"fit: data is a {type(data).__name__}; give an ImageSet (from load) or a uint8 tensor."
        )
    if len(images.shape) != 4 or images.shape[1] != 3:
        raise ValueError(f"fit: data has images of shape {tuple(images.shape)}; images are (N, 3, H, W).")
    if str(images.dtype).removeprefix("torch.") != "uint8":
        raise ValueError(f"fit: data has {images.dtype} images; images at rest are uint8 (0 to 255).")
    labels = getattr(data, "labels", None)
    if labels is not None:
        labels = torch.as_tensor(np.asarray(labels))
        if len(labels) != len(images):
            raise ValueError(
                f"fit: data has {len(images)} images but {len(labels)} labels; give one per image."
            )
    return images, labels


class Batches:
    """The batches of steps start..steps-1: a uint8 tensor (B, 3, H, W), or that and labels (B,).

    Each epoch is a new permutation drawn from (seed, epoch); its last partial batch is dropped. With several
    processes each gets every world-th image of the joint batch, so the same images make up a step however
    many devices share it.
    """

    def __init__(self, images, labels, batch_size: int, steps: int, seed: int = 0, start: int = 0):
        if len(images) < batch_size:
            raise ValueError(
                f"fit: the data has {len(images)} images but batch_size={batch_size}; "
                f"give batch_size={len(images)} or less, or more images."
            )
        self.images, self.labels = images, labels
        self.batch_size, self.steps, self.seed, self.start = batch_size, steps, seed, start
        self._epoch, self._order = -1, torch.empty(0)

    def __len__(self) -> int:
        return self.steps

    def indices(self, step: int) -> torch.Tensor:
        """Which images are in a step: (B,) int64, the same in every process and on every machine."""
        per_epoch = len(self.images) // self.batch_size
        epoch, position = divmod(step, per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(mix(self.seed, epoch))
            self._epoch, self._order = epoch, torch.randperm(len(self.images), generator=generator)
        return self._order[position * self.batch_size : (position + 1) * self.batch_size]

    def take(self, indices: torch.Tensor):
        """The images at `indices`, with their labels where there are labels."""
        if isinstance(self.images, torch.Tensor):
            images = self.images[indices]
        else:  # a memory map: read in file order, then put back into the drawn order
            order = np.argsort(indices.numpy())
            images = torch.empty((len(indices), *self.images.shape[1:]), dtype=torch.uint8)
            images[torch.from_numpy(order)] = torch.from_numpy(self.images[indices.numpy()[order]])
        return images if self.labels is None else (images, self.labels[indices])

    def __iter__(self) -> Iterator:
        rank, world = 0, 1
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
        if self.batch_size % world:
            raise ValueError(
                f"fit: batch_size={self.batch_size} for {world} devices; give a multiple of {world}."
            )
        for step in range(self.start, self.steps):
            yield self.take(self.indices(step)[rank::world])


def mix(*numbers: int) -> int:
    """One 63-bit seed from several whole numbers, so that (0, 1) and (1, 0) draw differently."""
    return int(
        np.random.SeedSequence([number % 2**32 for number in numbers])
        .generate_state(2, np.uint32)
        .view("u8")[0]
        >> 1
    )
