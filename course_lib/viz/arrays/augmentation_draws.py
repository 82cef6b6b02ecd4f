"""Random draws of one augmentation, or of two one after the other, at five strengths.

The operations are those of SimCLR's figure 4 (Chen et al. 2020, arXiv:2002.05709), from `course_lib.data`,
and BYOL's solarization. Strength 5 of crop and colour jitter is what SimCLR trains with.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.data import augment
from course_lib.data.draws import integers
from course_lib.data.filters import blur_kernel_size

STEPS = 5


@dataclass(frozen=True)
class Operation:
    """apply(images (B, 3, H, W) in [0, 1], setting, generator) -> the same shape. settings: five, weakest
    first, or one for an operation that has no strength. words(setting): what happens, after "the picture
    is" or "then". random: False when every draw is the same.
    """

    apply: Callable[[Tensor, Any, torch.Generator], Tensor]
    settings: tuple[Any, ...]
    words: Callable[[Any], str]
    random: bool = True

    def setting(self, strength: int) -> Any:
        """The setting at strength 1 to 5."""
        return self.settings[strength - 1 if len(self.settings) == STEPS else 0]


def _blur(images: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    height, width = images.shape[2:]
    # SimCLR's kernel, a tenth of the side, would cut a wide Gaussian off
    size = max(blur_kernel_size(height, width), 2 * math.ceil(2 * sigma) + 1)
    size = min(size, 2 * min(height, width) - 1)
    return augment.gaussian_blur(images, (sigma / 2, sigma), size, p=1.0, generator=generator)


def _quarter_turn(images: Tensor, _: Any, generator: torch.Generator) -> Tensor:
    return augment.rotate90(images, turns=1 + integers(torch.full((len(images),), 3.0), generator))


def _jitter(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    return augment.color_jitter(
        images, 0.8 * share, 0.8 * share, 0.8 * share, 0.2 * share, generator=generator
    )


def percent(share: float) -> str:
    """0.08 -> "8 %"."""
    return f"{100 * share:.0f} %"


OPERATIONS: dict[str, Operation] = {
    "crop and resize": Operation(
        lambda x, least, g: augment.random_resized_crop(x, scale=(least, 1.0), generator=g),
        (0.8, 0.6, 0.4, 0.2, 0.08),
        lambda least: f"a crop of {percent(least)} to 100 % of the area, at the old size",
    ),
    "flip": Operation(
        lambda x, _, g: augment.horizontal_flip(x, p=1.0, generator=g),
        (None,),
        lambda _: "mirrored left to right",
        random=False,
    ),
    "colour drop": Operation(
        lambda x, _, g: augment.grayscale(x, p=1.0, generator=g), (None,), lambda _: "grey", random=False
    ),
    "colour jitter": Operation(
        _jitter,
        (0.2, 0.4, 0.6, 0.8, 1.0),
        lambda share: (
            f"changed in brightness, contrast and saturation by up to {percent(0.8 * share)} and in hue by "
            f"up to {360 * 0.2 * share:.0f} degrees"
        ),
    ),
    "rotate": Operation(
        lambda x, degrees, g: augment.rotate(x, degrees, generator=g),
        (15.0, 30.0, 60.0, 90.0, 180.0),
        lambda degrees: f"turned by up to {degrees:.0f} degrees either way",
    ),
    "quarter turn": Operation(_quarter_turn, (None,), lambda _: "turned by 90, 180 or 270 degrees"),
    "cutout": Operation(
        lambda x, side, g: augment.cutout(x, side, generator=g),
        (0.1, 0.25, 0.4, 0.55, 0.7),
        lambda side: f"covered by a grey square of {percent(side)} of the side",
    ),
    "Gaussian noise": Operation(
        lambda x, sigma, g: augment.gaussian_noise(x, sigma, generator=g),
        (0.02, 0.05, 0.1, 0.2, 0.3),
        lambda sigma: f"noisy, with a standard deviation of {sigma:g}",
    ),
    "Gaussian blur": Operation(
        _blur,
        (0.5, 1.0, 1.5, 2.0, 3.0),
        lambda sigma: f"blurred by a Gaussian of {sigma / 2:g} to {sigma:g} pixels",
    ),
    "solarize": Operation(
        lambda x, threshold, g: augment.solarize(x, threshold, p=1.0, generator=g),
        (0.9, 0.7, 0.5, 0.3, 0.1),
        lambda threshold: f"inverted where it is brighter than {percent(threshold)}",
        random=False,
    ),
    "Sobel": Operation(
        lambda x, _, g: augment.sobel(x, generator=g),
        (None,),
        lambda _: "the strength of its edges",
        random=False,
    ),
}


def chosen_operations(given: Any, square: bool, where: str) -> dict[str, Operation]:
    """{name: Operation} of names, of {name: Operation or function(images, generator)}, or all (None).

    square: whether the pictures are, for quarter turns need that. where: who asks, for the sentence. Raises
    ValueError for an unknown name and a quarter turn that does not fit, TypeError for what is no function.
    """
    if given is None:
        return {name: one for name, one in OPERATIONS.items() if square or name != "quarter turn"}
    if isinstance(given, Mapping):
        found = {str(name): _operation(str(name), one, where) for name, one in given.items()}
    else:
        unknown = [name for name in given if name not in OPERATIONS]
        if unknown:
            raise ValueError(
                f"{where}: there is no operation {unknown[0]!r}; choose of {', '.join(OPERATIONS)}, or give "
                "{name: function}."
            )
        found = {name: OPERATIONS[name] for name in given}
    if not found or "" in found:
        raise ValueError(f"{where}: operations is empty or has one without a name.")
    if not square and OPERATIONS["quarter turn"] in found.values():
        raise ValueError(f"{where}: a quarter turn needs square images; leave it out.")
    return found


def _operation(name: str, given: Any, where: str) -> Operation:
    if isinstance(given, Operation):
        return given
    if not callable(given):
        raise TypeError(
            f"{where}: operation {name!r} is a {type(given).__name__}; give a function (images, generator) "
            "-> images."
        )
    return Operation(lambda images, _, generator: given(images, generator), (None,), lambda _: name)


def augmented(
    image: Tensor,
    steps: Sequence[tuple[str, Operation]],
    strength: int,
    draws: int = 4,
    seed: Sequence[int] = (0,),
) -> Tensor:
    """Several draws of the operations, one after the other: (3, H, W) in [0, 1] -> (draws, 3, H, W).

    steps: (name, operation) in order. strength: 1 to 5. seed: whole numbers from 0. Each operation has draws
    of its own, which do not depend on the strength or on the others: a stronger setting changes the same
    draw, a second operation leaves the first one as it was. Raises ValueError for a strength outside 1 to 5
    and for an operation that changes the size of the picture.
    """
    if not 1 <= strength <= STEPS:
        raise ValueError(f"augmented: strength is {strength}; a whole number from 1 to {STEPS} is needed.")
    views = image.expand(draws, -1, -1, -1).clone()
    for place, (name, operation) in enumerate(steps):
        words = [*seed, place, zlib.crc32(name.encode())]
        state = int(np.random.SeedSequence(words).generate_state(1)[0])
        views = operation.apply(views, operation.setting(strength), torch.Generator().manual_seed(state))
        if views.shape[1:] != image.shape:
            raise ValueError(
                f"augmented: {name} made {tuple(views.shape[1:])} out of {tuple(image.shape)}; an operation "
                "must keep the size of the picture."
            )
    return views.clamp(0, 1)
