"""The ten panels of SimCLR's figure 4 (Chen et al. 2020, arXiv:2002.05709), one function each.

Each panel takes one image (3, H, W) float in [0, 1] and a generator and gives one image.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.data import augment
from course_lib.data.draws import integers
from course_lib.data.imageset import as_float


def original(image: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The image itself."""
    return image


def crop_and_resize(image: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A random crop of 8 to 100 % of the area, at the size of the image."""
    return augment.random_resized_crop(image[None], generator=generator)[0]


def crop_resize_flip(image: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A random crop, mirrored (always: a panel in which nothing happened would show nothing)."""
    crop = augment.random_resized_crop(image[None], generator=generator)
    return augment.horizontal_flip(crop, p=1.0, generator=generator)[0]


def color_drop(image: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The image in grey."""
    return augment.grayscale(image[None], p=1.0, generator=generator)[0]


def color_jitter(image: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Brightness, contrast, saturation and hue changed at SimCLR's full strength."""
    return augment.color_jitter(image[None], 0.8, 0.8, 0.8, 0.2, generator=generator)[0]


def rotate(image: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A turn by 90, 180 or 270 degrees; an image that is not square comes back (3, W, H) for 90 and 270."""
    quarter = integers(torch.full((1,), 3.0, device=generator.device if generator else "cpu"), generator)
    return image.rot90(1 + int(quarter), (1, 2))


def cutout(image: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A grey square over part of the image."""
    return augment.cutout(image[None], fraction=0.4, generator=generator)[0]


def gaussian_noise(image: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Independent noise on every pixel and channel, standard deviation 0.1."""
    return augment.gaussian_noise(image[None], sigma=0.1, generator=generator)[0]


def gaussian_blur(image: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A blur in the upper half of SimCLR's range, which the eye can see: sigma 1 to 2 pixels."""
    return augment.gaussian_blur(image[None], sigma=(1.0, 2.0), p=1.0, generator=generator)[0]


def sobel(image: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The strength of the edges."""
    return augment.sobel(image[None], generator=generator)[0]


PANELS: dict[str, Callable[..., Tensor]] = {
    "original": original,
    "crop and resize": crop_and_resize,
    "crop, resize, flip": crop_resize_flip,
    "colour drop": color_drop,
    "colour jitter": color_jitter,
    "rotate": rotate,
    "cutout": cutout,
    "Gaussian noise": gaussian_noise,
    "Gaussian blur": gaussian_blur,
    "Sobel": sobel,
}


def gallery(image: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
    """Ten panels of one image, in the order of the figure: {title: (3, H, W) float32 in [0, 1]}.

    image: (3, H, W) uint8 or float in [0, 1]. Raises ValueError for another shape or range.
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"gallery: image is a {type(image).__name__}; a tensor (3, H, W) is needed.")
    if image.ndim != 3 or image.shape[0] != 3:
        hint = ", give one image of the batch" if image.ndim == 4 else ""
        raise ValueError(f"gallery: image is {tuple(image.shape)}; (3, H, W) is needed{hint}.")
    image = as_float(image)
    return {title: panel(image, generator) for title, panel in PANELS.items()}
