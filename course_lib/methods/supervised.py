"""The baseline with labels: what the same encoder reaches if somebody has labelled every image."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.losses.ranks import mean_over_ranks
from course_lib.methods.base import Method


def light_augmentation(
    images: Tensor, generator: torch.Generator | None = None, least: float = 0.4, flip: bool = True
) -> list[Tensor]:
    """[view] of images (B, 3, H, W): a crop of at least `least` of the area, half of them mirrored."""
    from course_lib.data import as_float
    from course_lib.data.augment import horizontal_flip, random_resized_crop

    view = random_resized_crop(as_float(images), scale=(least, 1.0), generator=generator)
    return [horizontal_flip(view, generator=generator) if flip else view]


class Supervised(Method):
    """image -> one view -> encoder -> linear classifier; cross-entropy with the label.

    classes: number of classes, or their list of names. Batches must be (images, labels).
    views: images -> list of views (default: light crop and flip); the loss is the mean over them.
    """

    needs_labels = True

    def __init__(
        self,
        encoder: nn.Module,
        classes: int | list[str],
        views: Callable[..., list[Tensor]] = light_augmentation,
        **options,
    ):
        super().__init__(encoder, **options)
        number = classes if isinstance(classes, int) else len(classes)
        if number < 2:
            raise ValueError(f"Supervised: classes is {classes}; give at least 2.")
        self.views, self.classes = views, number
        self.classifier = nn.Linear(self.width, number)

    def loss(self, views: list[Tensor], labels: Tensor) -> Tensor:  # type: ignore[override]
        """views: list of (B, 3, H, W); labels: (B,) int64 from 0 to classes - 1. Returns a scalar.

        Raises ValueError for labels out of range.
        """
        return torch.stack([self.class_loss(self.encoder(view), labels) for view in views]).mean()

    def class_loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of the classifier on features (B, width) at labels (B,), a float32 scalar.

        On several ranks the value is the joint batch's.
        """
        if labels.device.type == "cpu" and not (labels.min() >= 0 and labels.max() < self.classes):
            raise ValueError(
                f"Supervised: labels run from {int(labels.min())} to {int(labels.max())}; "
                f"with {self.classes} classes they must lie between 0 and {self.classes - 1}."
            )
        return mean_over_ranks(F.cross_entropy(self.classifier(features).float(), labels.long()))

    @torch.no_grad()
    def predict(self, images: Tensor, batch_size: int = 512) -> Tensor:
        """The most likely class (N,) int64 of images (N, 3, H, W), uint8 or float in [0, 1]."""
        features = self.embed(images, batch_size).to(self.classifier.weight.device)
        return self.classifier(features).argmax(dim=1).cpu()

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """ln C: all C classes equally likely."""
        return {"ln C": math.log(self.classes)}
