"""A few labelled images beside many unlabelled ones: what the semi-supervised methods share."""

import torch
from torch import Tensor


class LabelledImages:
    """The labelled images of a semi-supervised method, from which every step draws `batch` with replacement.

    labelled: an ImageSet, or (images, labels). method: whose sentence an error is.
    Raises ValueError for labels that are missing or below 0, and a batch below 1.
    """

    def __init__(self, method: str, labelled, batch: int):
        images, labels = labelled if isinstance(labelled, tuple) else (labelled.images, labelled.labels)
        self.images, self.labels = torch.as_tensor(images), torch.as_tensor(labels).long()
        self.batch = batch
        if batch < 1:
            raise ValueError(f"{method}: labelled_batch={batch}; give at least 1.")
        if len(self.images) != len(self.labels) or not len(self.labels) or self.labels.min() < 0:
            raise ValueError(
                f"{method}: labelled has {len(self.images)} images and {len(self.labels)} labels; give one "
                "label of at least 0 for each image."
            )

    def draw(self, device: torch.device, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """(images (batch, 3, H, W), labels (batch,) int64) on that device."""
        rows = torch.randint(len(self.labels), (self.batch,), generator=generator)
        return self.images[rows].to(device), self.labels[rows].to(device)
