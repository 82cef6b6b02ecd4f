"""How each shipped model is made: everything that decides its weights, in plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SIZE, TRAIN, TEST = 48, 20_000, 4_000  # scenes of the world, in pixels and images
RESNET = {"kind": "resnet", "stem": "stride2"}
VIT = {"kind": "VisionTransformer", "image_size": SIZE, "patch_size": 8, "width": 96, "depth": 4, "heads": 4}


@dataclass(frozen=True)
class Recipe:
    """One shipped encoder. method None: as it was drawn, untrained. options: of the method's class.

    keep: "encoder", or "teacher" for the slow copy, which is what DINO's authors evaluate as well.
    head: ship the rest of the method too (decoder, answering head), for those who want to see it at work.
    """

    about: str
    encoder: dict[str, Any]
    method: str | None = None
    steps: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 128
    seed: int = 0
    keep: str = "encoder"
    head: bool = False


RECIPES: dict[str, Recipe] = {
    "random_resnet": Recipe("untrained: what every other convnet here has to beat", RESNET),
    "supervised_resnet": Recipe("learned the 18 kinds from labels", RESNET, "supervised", 3000),
    "rotation_resnet": Recipe(
        "pretext task: by how much was the scene turned?", RESNET, "rotation", 1000, head=True
    ),
    "context_resnet": Recipe(
        "pretext task: on which side of this patch does the other lie?", RESNET, "context", 1500, head=True
    ),
    "jigsaw_resnet": Recipe(
        "pretext task: in which order do the nine tiles belong?", RESNET, "jigsaw", 600, head=True
    ),
    "simclr_resnet": Recipe("contrastive: two views of one scene against all others", RESNET, "simclr", 4000),
    "vicreg_resnet": Recipe("without negatives: invariance, variance, covariance", RESNET, "vicreg", 1500),
    "random_vit": Recipe("untrained: what every other transformer here has to beat", VIT),
    "supervised_vit": Recipe("learned the 18 kinds from labels", VIT, "supervised", 2500),
    "mae_vit": Recipe(
        "masked: paint the hidden three quarters",
        VIT | {"pool": "mean"},
        "mae",
        1500,
        {"learning_rate": 1e-3},
        head=True,
    ),
    "dino_vit": Recipe(
        "self-distilled: small crops predict what a slow copy says about large ones",
        VIT,
        "dino",
        4500,
        {"momentum": 0.996},
        keep="teacher",
    ),
}
