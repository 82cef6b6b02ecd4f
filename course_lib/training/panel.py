"""The health panel: three questions that a falling loss does not answer."""

from __future__ import annotations

import math
from statistics import fmean

import torch

STUCK_MEANS = {
    "ln(2B-1)": "the model tells no pair apart",
    "ln B": "the model tells no pair apart",
    "ln(B)": "the model tells no pair apart",
    "ln(K+1)": "each key looks like every other",
    "ln K": "every image gets the same uniform answer",
    "ln(K)": "every image gets the same uniform answer",
    "ln C": "all classes are equally likely for it",
    "cos = 0": "predictions have nothing to do with their targets",
    "D": "no feature agrees between the two views",
    "0.99 mu": "all images get the same projection",
}


class HealthPanel:
    """Watches a run: is the loss on one of its stuck values, and are the features still spread out?

    stuck_values: {"ln(2B-1)": 6.24, ...} of the method; images: a fixed small batch; total: planned steps.
    A loss is stuck when its mean over `window` steps lies within 2 % of a value (0.02 of a value of 0), after
    the first steps.
    """

    def __init__(self, method, stuck_values: dict[str, float], images: torch.Tensor, total: int):
        self.method, self.stuck_values, self.images = method, stuck_values, images
        self.window = max(10, min(50, total // 5))
        self.patience = max(20, min(100, total // 4))
        self.every = max(1, total // 20)

    def stuck(self, losses: list[float]) -> str:
        """A sentence when the last losses sit on a stuck value, else ""."""
        if len(losses) < self.patience:
            return ""
        mean = fmean(losses[-self.window :])
        for name, value in self.stuck_values.items():
            if math.isfinite(value) and abs(mean - value) <= 0.02 * (abs(value) or 1):
                meaning = STUCK_MEANS.get(name, "this is the value at which nothing is learned")
                return f"loss {mean:.2f} sits on {name} = {value:.2f}: {meaning}"
        return ""

    def measure(self) -> tuple[float, float]:
        """feature_std and effective_rank of the fixed batch's features; nan when they are not finite."""
        from course_lib.evaluate import effective_rank, feature_std

        features = self.method.embed(self.images).float()
        if not torch.isfinite(features).all() or len(features) < 2:
            return math.nan, math.nan
        return feature_std(features), effective_rank(features)

    def projected_spread(self) -> float:
        """feature_std of the fixed batch after the projector; nan for a method without `project`.

        Where a projector collapses the encoder may keep its spread for long: BatchNorm in between stretches
        what little is left.
        """
        from course_lib.evaluate import feature_std
        from course_lib.evaluate.features import floats, in_batches

        method, images = self.method, self.images
        if not hasattr(method, "project"):
            return math.nan
        projected = in_batches(method, images, lambda part: method.project(floats(method, part)), len(images))
        return feature_std(projected) if torch.isfinite(projected).all() and len(projected) > 1 else math.nan

    @staticmethod
    def collapsed(spread: float, projected: float = math.nan) -> str:
        """A sentence when a standard deviation says that all images get one feature, else "".

        Projections of a random ResNet have 0.1 to 0.2 and those of collapsed runs 0.01 to 0.03.
        """
        if spread < 0.01:
            return (
                f"feature standard deviation {spread:.3f}: all images get nearly the same feature (collapse)"
            )
        if projected < 0.05:
            return (
                f"the projections' standard deviation is {projected:.3f}: all images get nearly the same one "
                "(collapse), and the encoder learns nothing from them any more"
            )
        return ""
