"""S4L-Rotation: a few images are classified, all images are asked how they have been turned.

Zhai, Oliver, Kolesnikov & Beyer 2019, arXiv:1905.03670, equation 1 and section 3.1.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.methods.labelled import LabelledImages
from course_lib.methods.pretext import answer_loss
from course_lib.methods.rotation import all_four_turns
from course_lib.methods.supervised import Supervised, light_augmentation


class RotationSupervised(Supervised):
    """loss = CE(class of the labelled images) + weight * CE(quarter turn of all images, labelled or not).

    Every image goes in in all four positions, and as in the paper both losses are taken over all four: a cat
    is still a cat when it lies on its side. One encoder, one linear head for each question; what `predict`
    asks is the classifier, about upright images.

    The data given to `fit` are the unlabelled images (their labels, if any, are not looked at); labelled: an
    ImageSet, or (images, labels), from which every step draws `labelled_batch` rows with replacement, M in
    what follows (the paper draws as many as there are unlabelled ones). weight: the paper's is 1; 0 leaves
    the supervised baseline on turned images. augment: (images, generator) -> [view], before the turn
    (default: a crop of 40 to 100 % of the area and a flip). Images must be square and of one size.
    Raises ValueError for a negative weight, and labelled data without labels.
    """

    needs_labels = False

    def __init__(
        self,
        encoder: nn.Module,
        classes: int | list[str],
        labelled,
        weight: float = 1.0,
        labelled_batch: int = 64,
        augment: Callable[..., list[Tensor]] = light_augmentation,
        **options,
    ):
        super().__init__(encoder, classes, views=self.make_views, **options)
        if weight < 0:
            raise ValueError(f"RotationSupervised: weight={weight}; give 0 or more.")
        self.labelled = LabelledImages("RotationSupervised", labelled, labelled_batch)
        self.weight, self.augment = weight, augment
        self.rotation_head = nn.Linear(self.width, 4)

    def make_views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[turned (4 * (M + B), 3, H, W), labels (M,), answer (4 * (M + B),)].

        Of each of the four turns the labelled images come first, then the unlabelled ones.
        Raises ValueError for labelled images of another size.
        """
        known, labels = self.labelled.draw(images.device, generator)
        if known.shape[1:] != images.shape[1:]:
            raise ValueError(
                f"RotationSupervised: labelled images are {tuple(known.shape[1:])}, the others "
                f"{tuple(images.shape[1:])}; give images of one size."
            )
        view = torch.cat([self.augment(part, generator=generator)[0] for part in (known, images)])
        turned, answer = all_four_turns(view)
        return [turned, labels, answer]

    def loss(self, views: list[Tensor]) -> Tensor:  # type: ignore[override]
        """views: what `make_views` gave. Returns a scalar."""
        turned, labels, answer = views
        features = self.encoder(turned)  # (4 * (M + B), width)
        known = features.unflatten(0, (4, -1))[:, : len(labels)].flatten(0, 1)  # (4 * M, width)
        rotation = answer_loss(self, self.rotation_head(features), answer)
        return self.class_loss(known, labels.repeat(4)) + self.weight * rotation

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All classes and all four turns equally likely."""
        factor = "" if self.weight == 1 else f"{self.weight:g} "
        name = f"ln C + {factor}ln 4" if self.weight else "ln C"
        return {name: math.log(self.classes) + self.weight * math.log(4)}
