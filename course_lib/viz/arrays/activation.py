"""Attention of a convolutional network: where its maps are strong.

Zagoruyko & Komodakis 2017, arXiv:1612.03928, section 3.1; Gidaris et al. 2018 (RotNet), arXiv:1803.07728,
figure 3, draw it with p = 1, 2 and 4 at three depths.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_lib.models.encoder import Encoder
from course_lib.models.running import in_eval_mode
from course_lib.viz.arrays.feature_maps import layer_maps, network_of

Stages = int | nn.Module | Sequence[int] | Sequence[nn.Module] | None


def activation_attention(
    model: nn.Module, images: Tensor, stages: Stages = None, power: float | Sequence[float] = 2
) -> list[Tensor]:
    """sum over channels of |F_c|^power at each depth: a list of (B, h, w) float32, not scaled.

    model: an encoder of this course (or a method: its encoder is meant), or any other network. images:
    float (B, 3, H, W) as the model takes them. stages: for the course's encoders numbers, -1 the last,
    None: all; for other networks modules whose outputs are maps, like [model.layer1, model.layer4]. power:
    above 0, one number or one per stage; the larger, the more the strongest channel alone counts.

    Raises ValueError for a power that is not above 0, as many powers as there are not stages, stages out of
    range or not given, and modules that give no map; TypeError for numbers where modules are needed.
    """
    network = network_of(model, images)
    given = [stages] if isinstance(stages, (int, nn.Module)) else stages
    if given is not None and not len(given):
        raise ValueError("activation_attention: stages is empty; give at least one.")
    if isinstance(network, Encoder) and not any(isinstance(stage, nn.Module) for stage in given or ()):
        with torch.no_grad(), in_eval_mode(network):
            maps = network.features_at(images, given)  # type: ignore[operator]
    elif given is None:
        names = ", ".join(name for name, _ in network.named_children())
        raise ValueError(
            f"activation_attention: stages is None; say which modules of this {type(network).__name__} are "
            f"meant, as in stages=[model.layer1, model.layer4]. It consists of: {names}."
        )
    else:
        maps = layer_maps(network, images, given)  # type: ignore[arg-type]  # refused there, in a sentence
    powers = [power] * len(maps) if isinstance(power, (int, float)) else list(power)
    if len(powers) != len(maps) or min(powers) <= 0:
        raise ValueError(
            f"activation_attention: power={power} for {len(maps)} stages; give one number above 0, or one "
            "each."
        )
    return [one.float().abs().pow(p).sum(dim=1) for one, p in zip(maps, powers, strict=True)]
