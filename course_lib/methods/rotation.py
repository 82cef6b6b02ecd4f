"""Rotation: by how many quarter turns has this image been turned?

Gidaris, Singh & Komodakis 2018, arXiv:1803.07728, equations 1 to 3.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.data.augment import rotate90
from course_lib.data.draws import integers
from course_lib.methods.base import Method
from course_lib.methods.pretext import answer_loss
from course_lib.methods.supervised import light_augmentation


class Rotation(Method):
    """image -> turned counter-clockwise by 0, 90, 180 or 270 degrees -> encoder -> linear -> which of four.

    To know what is up, an encoder has to know what is there. Images without an up, such as a ball, teach
    nothing. A quarter turn moves whole pixels, so it leaves no trace that could be read instead of the image.

    all_four: every image goes in in all four positions, a batch of B becomes 4B (the paper's choice, and the
    better one there); False draws one position for each image. augment: (images, generator) -> [view], before
    the turn (default: a crop of 40 to 100 % of the area and a flip). Images must be square.
    """

    def __init__(
        self,
        encoder: nn.Module,
        all_four: bool = True,
        augment: Callable[..., list[Tensor]] = light_augmentation,
        **options,
    ):
        super().__init__(encoder, **options)
        self.all_four, self.augment = all_four, augment
        self.head = nn.Linear(self.width, 4)

    def views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[turned (M, 3, H, W), answer (M,) int64]: answer quarter turns counter-clockwise, 0 to 3.

        M = 4B with all_four, copy k of image i in row k * B + i; otherwise M = B.
        Raises ValueError for images that are not square.
        """
        (view,) = self.augment(images, generator=generator)
        if self.all_four:
            return all_four_turns(view)
        turns = integers(torch.full((len(view),), 4), generator)
        return [rotate90(view, turns=turns), turns.to(view.device)]

    def scores(self, turned: Tensor) -> Tensor:
        """One score per quarter turn: images (M, 3, H, W) -> (M, 4)."""
        return self.head(self.encoder(turned))

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [turned, answer], as `views` gives them. Returns a scalar."""
        turned, answer = views
        return answer_loss(self, self.scores(turned), answer)

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All four positions equally likely."""
        return {"ln 4": math.log(4)}


def all_four_turns(images: Tensor) -> list[Tensor]:
    """[turned (4B, 3, H, W), answer (4B,) int64] of square images (B, 3, H, W): copy k of image i, turned
    counter-clockwise by k quarters, in row k * B + i.
    """
    turns = torch.arange(4).repeat_interleave(len(images))
    return [rotate90(images.repeat(4, 1, 1, 1), turns=turns), turns.to(images.device)]
