"""Context prediction: two patches of one image; on which side of the first does the second lie?

Doersch, Gupta & Efros 2015, arXiv:1505.05192.
"""

import math

import torch
from torch import Tensor, nn

from course_lib.data import as_float
from course_lib.data.draws import integers
from course_lib.methods.base import Method
from course_lib.methods.pretext import answer_loss, cut_tiles
from course_lib.models import mlp

# (row, column) of the eight neighbours in reading order; the answer is an index into this table
NEIGHBOURS = torch.tensor([(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)])


def drop_colors(patches: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Keep one colour channel of each patch, drawn for each, and fill the other two with noise.

    patches: (M, 3, h, w) in [0, 1]. The noise lies around mid-grey 0.5 with a hundredth of the standard
    deviation of the channel that stays (section 3.1 of the paper, where patches have mean zero).
    """
    kept = integers(torch.full((len(patches),), 3), generator)
    noise = torch.randn(patches.shape, generator=generator).to(patches.device)
    mine = torch.arange(3)[None, :] == kept[:, None]  # (M, 3)
    mine = mine.to(patches.device)[:, :, None, None]
    spread = (patches.std(dim=(2, 3), keepdim=True) * mine).sum(dim=1, keepdim=True)  # (M, 1, 1, 1)
    return torch.where(mine, patches, 0.5 + 0.01 * spread * noise)


class ContextPrediction(Method):
    """image -> a patch and one of its eight neighbours -> the same encoder -> both features -> which one.

    Three shortcuts answer the question without understanding anything; each has its switch:
    - lines that run on from patch to patch: gap, the pixels between the two patches (paper: about half a
      patch), and jitter, by which each patch is moved up to so many pixels up or down and left or right;
    - chromatic aberration, the lens bending colours differently away from the centre, tells where in the
      photograph a patch lies: drop_colors=True leaves one channel of each patch.
    gap=0, jitter=0, drop_colors=False leaves all of them open.

    patch_size, gap, jitter: pixels (default: 1/4, 1/16, 1/48 of the image's shorter side; paper: 96, 48, 7 in
    about 500). The centre is placed so that all eight neighbours fit, so its own place says nothing about the
    answer. hidden_size: of the head (default: encoder.width). A VisionTransformer works if its patch_size
    divides patch_size.

    Left out: the paper's mean subtraction, colour projection and random downsampling of patches.
    Raises ValueError for a negative size, and in `views` for images in which nine patches do not fit.
    """

    def __init__(
        self,
        encoder: nn.Module,
        patch_size: int | None = None,
        gap: int | None = None,
        jitter: int | None = None,
        drop_colors: bool = True,
        hidden_size: int | None = None,
        **options,
    ):
        super().__init__(encoder, **options)
        if any(size is not None and size < least for size, least in ((patch_size, 1), (gap, 0), (jitter, 0))):
            raise ValueError(
                f"ContextPrediction: patch_size={patch_size}, gap={gap}, jitter={jitter}; patch_size must be "
                "at least 1, the others at least 0."
            )
        self.patch_size, self.gap, self.jitter, self.drop_colors = patch_size, gap, jitter, drop_colors
        self.head = mlp(2 * self.width, hidden_size or self.width, 8)

    def sizes(self, height: int, width: int) -> tuple[int, int, int]:
        """patch_size, gap and jitter in pixels for images of this size."""
        side = min(height, width)
        given, default = (self.patch_size, self.gap, self.jitter), (side // 4, side // 16, side // 48)
        patch, gap, jitter = (d if g is None else g for g, d in zip(given, default, strict=True))
        needed = 3 * patch + 2 * gap + 2 * jitter
        if side < needed or patch < 1:
            raise ValueError(
                f"ContextPrediction: images are {height} x {width}, but three patches of {patch} pixels, two "
                f"gaps of {gap} and jitter {jitter} need {needed}; make patch_size, gap or jitter smaller."
            )
        return patch, gap, jitter

    def places(
        self, batch: int, height: int, width: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Corners (top, left) of [centre, neighbour], (B, 2, 2) int64, and the answer (B,) int64, 0 to 7."""
        patch, gap, jitter = self.sizes(height, width)
        answer = integers(torch.full((batch,), 8), generator)
        reach = patch + gap + jitter  # what a neighbour needs on either side of the centre
        room = torch.tensor([height, width]) - patch - 2 * reach + 1
        centre = reach + integers(room.expand(batch, 2), generator)
        neighbour = centre + (patch + gap) * NEIGHBOURS[answer]
        shift = integers(torch.full((batch, 2, 2), 2 * jitter + 1), generator) - jitter
        return torch.stack([centre, neighbour], dim=1) + shift, answer

    def views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[centre (B, 3, p, p), neighbour (B, 3, p, p), answer (B,) int64], an index into NEIGHBOURS."""
        images = as_float(images)
        height, width = images.shape[2:]
        corners, answer = self.places(len(images), height, width, generator)
        patch = self.sizes(height, width)[0]
        patches = cut_tiles(images, corners[:, :, 0], corners[:, :, 1], (patch, patch))
        centre, neighbour = patches.unbind(dim=1)
        if self.drop_colors:
            centre, neighbour = drop_colors(centre, generator), drop_colors(neighbour, generator)
        return [centre, neighbour, answer.to(images.device)]

    def scores(self, centre: Tensor, neighbour: Tensor) -> Tensor:
        """One score per neighbour: two batches (B, 3, p, p) -> (B, 8)."""
        first, second = self.encoder(torch.cat([centre, neighbour])).chunk(2)  # each (B, width)
        return self.head(torch.cat([first, second], dim=1))

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [centre, neighbour, answer], as `views` gives them. Returns a scalar."""
        centre, neighbour, answer = views
        return answer_loss(self, self.scores(centre, neighbour), answer)

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All eight sides equally likely."""
        return {"ln 8": math.log(8)}
