"""Colorization: which colours has this grey image?

Zhang, Isola & Efros 2016, arXiv:1603.08511.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import as_float
from course_lib.data.lab import lab_to_rgb, rgb_to_lab
from course_lib.methods.base import Method
from course_lib.methods.pretext import answer_loss
from course_lib.methods.supervised import light_augmentation
from course_lib.models import VisionTransformer


def color_classes(bin_size: float = 20.0) -> Tensor:
    """Centres (C, 2) of the squares of side bin_size in the plane of a and b in which sRGB has a colour.

    The square around (0, 0) is grey. Squares are found by converting 33 x 33 x 33 colours.
    """
    steps = torch.linspace(0, 1, 33)
    colours = torch.cartesian_prod(steps, steps, steps).T[None, :, :, None]  # (1, 3, 33^3, 1)
    ab = rgb_to_lab(colours)[0, 1:, :, 0].T
    return (ab / bin_size).round().unique(dim=0) * bin_size


class Colorization(Method):
    """image -> its lightness alone -> encoder -> feature map -> 1x1 convolution -> a colour class per cell.

    A colour is a and b of CIE Lab, cut into squares; a cell's answer is the square nearest to its mean
    colour. Classes and not numbers: the mean of a red and a green apple is a brown one.

    grid: cells per side. bin_size: side of the squares in Lab units (20 gives 75 classes). augment:
    (images, generator) -> [view] (default: a crop of 40 to 100 % of the area and a flip). The encoder needs
    `features_at`, as `resnet` and VisionTransformer have it. It only ever sees grey images: evaluate it on
    grey ones, or expect it to be surprised by colour.

    Simpler than the paper: hard answers (paper: spread over the 5 nearest squares), squares of 20 (10, 313
    classes), one answer per cell (a quarter of the image's side), and no larger weight for rare colours, so
    that predictions lean more towards grey.
    Raises TypeError for an encoder without feature maps, ValueError for a grid or bin_size not above 0.
    """

    centres: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        grid: int = 6,
        bin_size: float = 20.0,
        augment: Callable[..., list[Tensor]] = light_augmentation,
        **options,
    ):
        super().__init__(encoder, **options)
        if not hasattr(encoder, "features_at"):
            raise TypeError(
                f"Colorization: encoder is a {type(encoder).__name__} without features_at(images, stages); "
                "give models.resnet() or a VisionTransformer."
            )
        if grid < 1 or not bin_size > 0:
            raise ValueError(f"Colorization: grid={grid}, bin_size={bin_size}; both must be above 0.")
        self.grid, self.augment = grid, augment
        self.register_buffer("centres", color_classes(bin_size))
        self.head = nn.Conv2d(self.width, len(self.centres), kernel_size=1)

    def views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[grey (B, 3, H, W) three times L / 100, answer (B, grid, grid) int64, a row of `centres`]."""
        (view,) = self.augment(images, generator=generator)
        lab = rgb_to_lab(view)
        ab = F.adaptive_avg_pool2d(lab[:, 1:], self.grid).permute(0, 2, 3, 1)  # (B, grid, grid, 2)
        answer = torch.cdist(ab.flatten(0, 2), self.centres.to(ab.device)).argmin(dim=1)
        return [grey(lab), answer.view(ab.shape[:3])]

    def scores(self, lightness: Tensor) -> Tensor:
        """One score per colour class and cell: (B, 3, H, W) -> (B, classes, grid, grid)."""
        if isinstance(self.encoder, VisionTransformer):
            cells = self.encoder.grid(*lightness.shape[2:])
            tokens = self.encoder.all_tokens(lightness)[:, self.encoder.prefix :]
            features = tokens.transpose(1, 2).unflatten(2, cells)
        else:
            features = self.encoder.features_at(lightness, -1)[0]  # type: ignore[operator]
        return self.head(F.adaptive_avg_pool2d(features, self.grid))

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [grey, answer], as `views` gives them. Returns a scalar, the mean over all cells."""
        lightness, answer = views
        return answer_loss(self, self.scores(lightness), answer)

    @torch.no_grad()
    def colorize(self, images: Tensor, temperature: float = 0.38) -> Tensor:
        """Images (B, 3, H, W) in [0, 1] with their own lightness and the predicted colours, for figures.

        A cell's colour is the mean of the centres under softmax(scores / temperature): 1 is the pale mean,
        towards 0 the likeliest square (the paper's "annealed mean", equation 5).
        """
        images = as_float(images).to(self.centres.device)
        lab = rgb_to_lab(images)
        share = (self.scores(grey(lab)).float() / temperature).softmax(dim=1)
        ab = torch.einsum("bchw,ck->bkhw", share, self.centres)
        ab = F.interpolate(ab, size=images.shape[2:], mode="bilinear")
        return lab_to_rgb(torch.cat([lab[:, :1], ab], dim=1))

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All colours equally likely. Always answering the commonest colours is quickly learned and lower."""
        return {"ln(classes)": math.log(len(self.centres))}


def grey(lab: Tensor) -> Tensor:
    """Lightness as an image: (B, 3, H, W) L, a, b -> (B, 3, H, W) in [0, 1], three equal channels."""
    return (lab[:, :1] / 100).clamp(0, 1).expand(-1, 3, -1, -1)
