"""What every encoder has in common: a width, and the standardisation of its own input."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

MEAN = (0.485, 0.456, 0.406)  # of ImageNet's pixels; near enough for other photographs and drawings
STD = (0.229, 0.224, 0.225)


class Encoder(nn.Module):
    """An nn.Module with `.width`; images in [0, 1] come in, features (B, width) come out.

    The statistics are buffers, so they travel with the weights: nobody outside can forget or repeat them.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, width: int, mean: tuple[float, ...] = MEAN, std: tuple[float, ...] = STD):
        super().__init__()
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f"mean={mean}, std={std}: give three numbers each, one per colour, std above 0.")
        self.width = width
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def standardise(self, images: Tensor) -> Tensor:
        """(images - mean) / std per colour. images: float (B, 3, H, W) in [0, 1].

        Raises TypeError for integer images and ValueError for another shape.
        """
        name = type(self).__name__
        if not images.is_floating_point():
            raise TypeError(
                f"{name}: images are {images.dtype}; give floats in [0, 1], course_lib.data.as_float(images)."
            )
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"{name}: images have shape {tuple(images.shape)}; give (B, 3, H, W).")
        return (images - self.mean) / self.std


def chosen(indices: int | Sequence[int] | None, number: int, argument: str) -> list[int]:
    """Which of `number` stages or layers are meant: one index, several, or None for all; -1 is the last.

    Raises ValueError, naming the argument, for an index out of range.
    """
    if indices is None:
        return list(range(number))
    indices = [indices] if isinstance(indices, int) else list(indices)
    for index in indices:
        if not -number <= index < number:
            raise ValueError(f"{argument} has {index}; there are {number}, numbered 0 to {number - 1}.")
    return [index % number for index in indices]
