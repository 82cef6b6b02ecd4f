"""What an augmentation accepts, in one place: every function refuses bad input with the same sentences."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor


def check_batch(images: Tensor, where: str) -> Tensor:
    """Return `images` as float32 (B, 3, H, W) in [0, 1], or raise a sentence that begins with `where`.

    Values are read in full on the CPU; on an accelerator only those of the first image, because reading all
    of them would make the host wait for the device.
    Raises TypeError for something that is not a float tensor, ValueError for a wrong shape or range.
    """
    if not isinstance(images, Tensor):
        raise TypeError(
            f"{where}: images is a {type(images).__name__}; a float tensor (B, 3, H, W) in [0, 1] is needed."
        )
    check_shape(images, where)
    if not images.dtype.is_floating_point:
        raise TypeError(
            f"{where}: images is {images.dtype}; augmentations work on floats in [0, 1], "
            "use course_lib.data.as_float(images)."
        )
    images = images.float()
    low, high = (images if images.device.type == "cpu" else images[:1]).aminmax()
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # also false when a value is NaN; the slack is for rounding
        raise ValueError(
            f"{where}: values of images run from {low.item():.3g} to {high.item():.3g}; [0, 1] is needed. "
            "Do not normalise images, every encoder standardises its own input."
        )
    return images


def check_shape(images: Tensor, where: str) -> None:
    """Raise ValueError unless `images` is (B, 3, H, W) with at least one image and one pixel."""
    shape = tuple(images.shape)
    if len(shape) == 3:
        raise ValueError(f"{where}: images is {shape}; a batch (B, 3, H, W) is needed, use images[None].")
    if len(shape) != 4 or shape[1] != 3:
        hint = ", use images.permute(0, 3, 1, 2)" if len(shape) == 4 and shape[3] == 3 else ""
        raise ValueError(f"{where}: images is {shape}; a batch (B, 3, H, W) of RGB images is needed{hint}.")
    if images.numel() == 0:
        raise ValueError(f"{where}: images is {shape}; the batch holds no pixels.")


def check_probability(p: float, where: str) -> None:
    """Raise ValueError unless 0 <= p <= 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"{where}: p is {p}; a probability between 0 and 1 is needed.")


def check_range(value: tuple[float, float], name: str, where: str, above: float = 0.0) -> tuple[float, float]:
    """Return `value` as a (low, high) pair with above < low <= high, or raise ValueError naming it."""
    try:
        low, high = (float(number) for number in value)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: {name} is {value!r}; a pair (low, high) is needed.") from None
    if not above < low <= high:
        raise ValueError(f"{where}: {name} is {value!r}; a pair with {above:g} < low <= high is needed.")
    return low, high


def check_size(size: int | tuple[int, int], where: str) -> tuple[int, int]:
    """Return `size` as (height, width); raises ValueError unless both are at least 1 pixel."""
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    if height < 1 or width < 1:
        raise ValueError(f"{where}: size is {size}; height and width of at least 1 pixel are needed.")
    return int(height), int(width)


def augmentation(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Check the batch, then run without gradient and in float32 whatever autocast is on around it.

    A bf16 colour has 8 bits of mantissa: under autocast a blur or a crop would quantise the picture visibly.
    """

    @functools.wraps(function)
    def checked(images: Tensor, *args, **kwargs) -> Tensor:
        images = check_batch(images, function.__name__)
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            return function(images, *args, **kwargs)

    return checked
