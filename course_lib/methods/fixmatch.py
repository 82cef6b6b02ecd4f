"""Semi-supervised baselines: a few labelled images, many unlabelled ones, and the model's confident guesses.

Pseudo-label: Lee 2013, ICML workshop. FixMatch: Sohn et al. 2020, arXiv:2001.07685, Algorithm 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.losses.ranks import mean_over_ranks
from course_lib.methods.labelled import LabelledImages
from course_lib.methods.supervised import Supervised


class FixMatch(Supervised):
    """Confident guesses on a weak view become labels for a strong view of the same unlabelled image.

    loss = CE(labelled) + weight * mean of [confidence >= threshold] * CE(guess, strong view) over the others.
    The data given to `fit` are the unlabelled images (their labels, if any, are not looked at); labelled: an
    ImageSet, or (images, labels), from which every step draws `labelled_batch` rows with replacement.
    weak, strong: images -> [view] (default: a mild crop and flip; SimCLR's crop and colours, where the paper
    takes RandAugment). strong=None is pseudo-labelling: the weak view learns its own guess.

    Different from the paper: AdamW for SGD, no slow copy of the weights is evaluated, labelled and unlabelled
    images go through BatchNorm apart (together), 64 labelled images beside any batch (1 to 7).
    Raises ValueError for a threshold outside (0, 1], a negative weight, and labelled data without labels.
    """

    needs_labels = False

    def __init__(
        self,
        encoder: nn.Module,
        classes: int | list[str],
        labelled,
        threshold: float = 0.95,
        weight: float = 1.0,
        labelled_batch: int = 64,
        weak=None,
        strong="default",
        **options,
    ):
        super().__init__(encoder, classes, views=self.make_views, **options)
        if not 0 < threshold <= 1 or weight < 0:
            raise ValueError(
                f"FixMatch: threshold={threshold}, weight={weight}; the threshold lies in (0, 1], the weight "
                "is at least 0."
            )
        self.labelled = LabelledImages("FixMatch", labelled, labelled_batch)
        self.threshold, self.weight = threshold, weight
        self.weak = weak or mild_views
        self.strong = strong_views if strong == "default" else strong

    def make_views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[weak view, strong view, labelled view, labels]; without `strong` the second is the first."""
        known, labels = self.labelled.draw(images.device, generator)
        known = self.weak(known, generator=generator)[0]
        weak = self.weak(images, generator=generator)[0]
        strong = weak if self.strong is None else self.strong(images, generator=generator)[0]
        return [weak, strong, known, labels]

    def loss(self, views: list[Tensor]) -> Tensor:  # type: ignore[override]
        """views: what `make_views` gave. Returns a scalar."""
        weak, strong, known, labels = views
        supervised = super().loss([known], labels)
        confidence, guess = self.guess(weak)  # (B,) each
        costs = F.cross_entropy(self.classifier(self.encoder(strong)).float(), guess, reduction="none")
        unsupervised = mean_over_ranks((costs * (confidence >= self.threshold)).mean())
        return supervised + self.weight * unsupervised

    @torch.no_grad()
    def guess(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(probability, class) of the most likely class of each image; no gradient."""
        top = self.classifier(self.encoder(images)).float().softmax(dim=1).max(dim=1)
        return top.values, top.indices


class PseudoLabel(FixMatch):
    """`FixMatch` without the strong view: the model is taught what it already believes. The older one."""

    def __init__(self, encoder: nn.Module, classes: int | list[str], labelled, **options):
        super().__init__(encoder, classes, labelled, **{"strong": None, **options})


def mild_views(images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
    """[view]: a crop of 80 to 100 % of the area, half of them mirrored."""
    from course_lib.data import as_float
    from course_lib.data.augment import horizontal_flip, random_resized_crop

    view = random_resized_crop(as_float(images), scale=(0.8, 1.0), generator=generator)
    return [horizontal_flip(view, generator=generator)]


def strong_views(images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
    """[view] with crop, colour jitter and grey, at the size of the images."""
    from course_lib.data.recipe import POLICIES, make_views
    from course_lib.data.views import SMALL

    side = (images.shape[2], images.shape[3])
    return make_views(images, POLICIES["small" if min(side) < SMALL else "simclr"], side, 1, generator)
