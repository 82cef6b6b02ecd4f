"""What the papers trained with on ImageNet, as options of our classes: the full profile of `course train`.

Left out is what belongs to LARS, which is not here (SimCLR, SwAV, BYOL, Barlow Twins, VICReg and MoCo v3 with
a ResNet): its rates and decays mean something else to AdamW. What else a paper did differently stands in the
docstring of each method. All warm up as `Method` does; in the papers that lasts 10 to 40 epochs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from course_lib.data import TwoViews, asymmetric_views
from course_lib.methods.base import sgd
from course_lib.methods.supervised import light_augmentation

# masked methods forget the squares of old gradients sooner (MAE, arXiv:2111.06377, table 8)
adamw_95 = functools.partial(torch.optim.AdamW, fused=True, betas=(0.9, 0.95))


@dataclass(frozen=True)
class Paper:
    """options: what differs from our class's defaults, which are for short runs.

    crops: options of `data.MultiCrop` for methods with many crops. rate: the learning rate of a batch of 256,
    in proportion for others, or with square_root=True that of 1,024, growing with the root of the batch.
    """

    options: dict[str, Any] = field(default_factory=dict)
    crops: dict[str, Any] = field(default_factory=dict)
    rate: float | None = None
    square_root: bool = False


def _cropped(least: float, flip: bool = True) -> Callable[..., list[torch.Tensor]]:
    return functools.partial(light_augmentation, least=least, flip=flip)


_MOCO = {"momentum": 0.999, "queue_size": 65536, "optimizer": sgd}
_DINO = {
    "prototypes": 65536,
    "hidden_size": 2048,
    "bottleneck": 256,
    "prototype_length": 3**-0.5,  # of its code: how PyTorch starts the rows of a linear layer
    "momentum": 0.996,
    "warmup_teacher_temperature": 0.04,
    "teacher_temperature": 0.07,
    "temperature_warmup": 0.15,  # the first 30 epochs
    "weight_decay": 0.04,  # DINO's and iBOT's rise to 0.4, DINOv2's to 0.2
}
_TEN_CROPS = {"local_crops": 10, "global_scale": (0.25, 1.0), "local_scale": (0.05, 0.25), "policy": "dino"}
# DINOv2's values for a ViT-L on 142 million images; 384 is for CLS, the bottleneck of patches is 256 there
_DINOV2 = Paper(
    _DINO | {"prototypes": 131072, "bottleneck": 384, "momentum": 0.994},
    {"local_crops": 8, "global_scale": (0.32, 1.0), "local_scale": (0.05, 0.32), "policy": "dino"},
    rate=2e-4,
    square_root=True,
)

PAPERS: dict[str, Paper] = {
    "simclr": Paper({"temperature": 0.1}),
    "simclr_v2": Paper({"temperature": 0.1}),
    "moco_v1": Paper(_MOCO | {"views": TwoViews("moco_v1")}, rate=0.03),
    "moco": Paper(_MOCO | {"views": TwoViews("moco_v2")}, rate=0.03),
    "moco_v3": Paper(
        {"projection_size": 256, "hidden_size": 4096, "weight_decay": 0.1, "views": asymmetric_views},
        rate=1.5e-4,
    ),
    "swav": Paper(
        {"prototypes": 3000, "projection_size": 128, "hidden_size": 2048, "queue_size": 3840},
        {"local_crops": 6, "global_scale": (0.14, 1.0), "local_scale": (0.05, 0.14)},
    ),
    "byol": Paper(
        {"momentum": 0.996, "projection_size": 256, "hidden_size": 4096, "views": asymmetric_views}
    ),
    "simsiam": Paper({"projection_size": 2048, "optimizer": sgd, "views": TwoViews("moco_v2")}, rate=0.05),
    "barlow_twins": Paper({"projection_size": 8192, "views": asymmetric_views}),
    # as VICReg's code has it; in the paper's appendix both views are drawn alike
    "vicreg": Paper({"projection_size": 8192, "views": asymmetric_views}),
    "dino": Paper(_DINO, _TEN_CROPS, rate=5e-4),
    "ibot": Paper(_DINO | {"prototypes": 8192}, _TEN_CROPS, rate=5e-4),
    "dinov2": _DINOV2,
    "gram_anchoring": _DINOV2,
    "mae": Paper(
        {
            "decoder_width": 512,
            "decoder_depth": 8,
            "decoder_heads": 16,
            "augment": _cropped(0.2),
            "optimizer": adamw_95,
        },
        rate=1.5e-4,
    ),
    "maskfeat": Paper({"augment": _cropped(0.5)}, rate=2e-4),
    "ijepa": Paper(
        {
            "predictor_width": 384,
            "predictor_depth": 6,
            "predictor_heads": 6,
            "weight_decay": 0.04,
            "augment": _cropped(0.3, flip=False),
        },
        rate=1.25e-4,
    ),
    "beit": Paper({"augment": _cropped(0.08)}, rate=1.9e-4),  # the paper also changes colours
    # twelve linear layers; the paper has twelve residual blocks of two each
    "aim": Paper({"head_layers": 12, "head_width": 2048, "optimizer": adamw_95}, rate=6.25e-5),
}


def paper_options(name: str, images: int, batch_size: int) -> dict[str, Any]:
    """The paper's options for `recipe.build`, fitted to so many images and to this batch size.

    Prototypes: at most the greatest power of two that is not above the number of images; ImageNet has 20
    images for each of DINO's 65,536, while more prototypes than images would mostly get none and cost as
    much. They stay frozen for one epoch, as in the papers. A queue is lengthened only where there are more
    images than it holds, or an image would be its own negative. Empty where the paper's options are ours.
    """
    paper = PAPERS.get(name, Paper())
    options = dict(paper.options)
    if paper.crops:
        options["crops"] = paper.crops
    if paper.rate:
        scale = math.sqrt(batch_size / 1024) if paper.square_root else batch_size / 256
        options["learning_rate"] = paper.rate * scale
    if "prototypes" in options:
        options["prototypes"] = min(options["prototypes"], 2 ** (images.bit_length() - 1))
        options["frozen_steps"] = images // batch_size
    if options.get("queue_size", 0) >= images:
        del options["queue_size"]
    return options


def in_words(options: dict[str, Any]) -> str:
    """Options for a report: numbers, and what functions and views are called."""
    return ", ".join(f"{name} {_word(value)}" for name, value in options.items()) or "the method's defaults"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return f"({in_words(value)})"
    if isinstance(value, tuple):
        return " to ".join(_word(part) for part in value)
    if isinstance(value, functools.partial):
        said = {key: part for key, part in value.keywords.items() if key != "fused"}
        return f"{value.func.__name__} ({in_words(said)})"
    if isinstance(value, TwoViews):
        return f"of {value.policy}"
    return value if isinstance(value, str) else getattr(value, "__name__", None) or f"{value:g}"
