"""A linear probe after every stage: pretext tasks often have their best features in a middle one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from course_lib.data import ImageSet
from course_lib.evaluate.features import floats, in_batches
from course_lib.evaluate.probe import PENALTIES, ProbeResult, linear_probe


def stage_features(
    encoder: nn.Module, images, stages: int | Sequence[int] | None = None, batch_size: int = 256
) -> list[torch.Tensor]:
    """The mean of the map after each stage or block: a list of (N, width of that stage), float32 on the CPU.

    encoder: any with `features_at(images, stages)`, such as a ResNet (stages) or a VisionTransformer (blocks,
    patches only, not normalised). images: (N, 3, H, W) uint8 or float in [0, 1]. stages: None for all, in
    their order; -1 is the last. Raises TypeError for an encoder without maps.
    """
    if not hasattr(encoder, "features_at"):
        raise TypeError(
            f"stage_features: {type(encoder).__name__} has no features_at; give a ResNet or a ViT."
        )
    widths: list[int] = []

    def one_batch(part: torch.Tensor) -> torch.Tensor:
        maps = encoder.features_at(floats(encoder, part), stages)  # type: ignore[operator]
        widths[:] = [one.shape[1] for one in maps]
        return torch.cat([one.mean(dim=(2, 3)) for one in maps], dim=1)

    joined = in_batches(encoder, getattr(images, "images", images), one_batch, batch_size)
    return list(joined.split(widths, dim=1))


def stage_probes(
    encoder: nn.Module, train: ImageSet, test: ImageSet, stages=None, penalties=PENALTIES
) -> list[ProbeResult]:
    """`linear_probe` on `stage_features`, one result a stage; which stage is best is for the reader to see.

    Nothing is chosen on `test`, so do not quote the best of these as the encoder's score: say the stage, and
    choose it on images of `train`. Raises as those two do.
    """
    known, asked = (stage_features(encoder, images, stages) for images in (train, test))
    return [
        linear_probe(one, train.labels, other, test.labels, penalties=penalties)
        for one, other in zip(known, asked, strict=True)
    ]
