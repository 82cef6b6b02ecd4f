"""How each method is trained: what builds it, the encoders for it, and the papers' options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from course_lib import methods
from course_lib.data import ImageSet, MultiCrop
from course_lib.methods.base import sgd

LABELS_PER_CLASS = 10  # what the semi-supervised methods are given
FAMILIES = ("resnet", "vit", "vit_mean")  # vit: CLS is the feature; vit_mean: the mean patch
EITHER = ("resnet", "vit")


@dataclass(frozen=True)
class TrainingRecipe:
    """build(encoder, train set, **options) -> method, and the encoders for it; the first is the usual one.

    full: options of the method with the paper's values, for the full profile; only what differs from the
    method's defaults, which are for short runs. rate: the paper's learning rate at 256 images per step, in
    proportion for others. See `full_options`. from_teacher: it learns from a finished encoder, which `build`
    takes as teacher=; its own encoder has half the channels of the usual one.
    """

    build: Callable[..., methods.Method]
    families: tuple[str, ...] = EITHER
    full: dict[str, Any] = field(default_factory=dict)
    rate: float | None = None
    from_teacher: bool = False


# The papers' settings on ImageNet. Left out is what belongs to LARS, which is not here (SimCLR, SwAV, BYOL,
# Barlow Twins, VICReg and MoCo v3 with a ResNet): its rates and decays mean something else to AdamW.
MOCO = {"momentum": 0.999, "queue_size": 65536, "optimizer": sgd}
CROPS = {
    "hidden_size": 2048,
    "bottleneck": 256,
    "warmup_teacher_temperature": 0.04,
    "teacher_temperature": 0.07,
    "temperature_warmup": 0.15,  # the first 30 epochs
    "weight_decay": 0.04,  # the papers' rises to 0.4
}
DINO = CROPS | {"prototypes": 65536, "momentum": 0.996}
IBOT = CROPS | {"prototypes": 8192, "momentum": 0.996}
DINOV2 = CROPS | {"prototypes": 65536, "momentum": 0.992}  # its rate: 0.004 at 1,024 images


def _crops(encoder: torch.nn.Module, train: ImageSet) -> MultiCrop:
    """Two large crops of the image's size and four of about half, in mild colours where it is small."""
    side, patch = train.images.shape[-1], getattr(encoder, "patch_size", 1)
    policy = "small" if side < 64 else "simclr"
    return MultiCrop(
        2, 4, size=side, local_size=side // 2 // patch * patch, policy=policy, local_scale=(0.15, 0.5)
    )


def _few(train: ImageSet) -> ImageSet:
    from course_lib.evaluate import balanced_draw

    return train.subset(balanced_draw(train.labels, LABELS_PER_CLASS))


RECIPES: dict[str, TrainingRecipe] = {
    "rotation": TrainingRecipe(lambda e, t, **o: methods.Rotation(e, **o)),
    "context": TrainingRecipe(lambda e, t, **o: methods.ContextPrediction(e, **o), ("resnet",)),
    "jigsaw": TrainingRecipe(lambda e, t, **o: methods.Jigsaw(e, **o), ("resnet",)),
    "colorization": TrainingRecipe(lambda e, t, **o: methods.Colorization(e, **o)),
    "instance_discrimination": TrainingRecipe(lambda e, t, **o: methods.InstanceDiscrimination(e, t, **o)),
    "simclr": TrainingRecipe(lambda e, t, **o: methods.SimCLR(e, **o), full={"temperature": 0.1}),
    "simclr_v2": TrainingRecipe(
        lambda e, t, **o: methods.SimCLR(e, projector_layers=3, **o), full={"temperature": 0.1}
    ),
    "moco_v1": TrainingRecipe(lambda e, t, **o: methods.MoCo(e, version=1, **o), full=MOCO, rate=0.03),
    "moco": TrainingRecipe(lambda e, t, **o: methods.MoCo(e, **o), full=MOCO, rate=0.03),
    "moco_v3": TrainingRecipe(
        lambda e, t, **o: methods.MoCoV3(e, **o),
        ("vit", "resnet"),
        full={"projection_size": 256, "hidden_size": 4096, "weight_decay": 0.1},
        rate=1.5e-4,
    ),
    "swav": TrainingRecipe(
        lambda e, t, **o: methods.SwAV(e, views=_crops(e, t), **o),
        full={"prototypes": 3000, "projection_size": 128, "hidden_size": 2048, "queue_size": 3840},
    ),
    "byol": TrainingRecipe(
        lambda e, t, **o: methods.BYOL(e, **o),
        full={"momentum": 0.996, "projection_size": 256, "hidden_size": 4096},
    ),
    "simsiam": TrainingRecipe(
        lambda e, t, **o: methods.SimSiam(e, **o), full={"projection_size": 2048, "optimizer": sgd}, rate=0.05
    ),
    "barlow_twins": TrainingRecipe(
        lambda e, t, **o: methods.BarlowTwins(e, **o), full={"projection_size": 8192}
    ),
    "vicreg": TrainingRecipe(lambda e, t, **o: methods.VICReg(e, **o), full={"projection_size": 8192}),
    "dino": TrainingRecipe(
        lambda e, t, **o: methods.DINO(e, views=_crops(e, t), **o), ("vit", "resnet"), full=DINO, rate=5e-4
    ),
    "ibot": TrainingRecipe(
        lambda e, t, **o: methods.IBOT(e, views=_crops(e, t), **o), ("vit",), full=IBOT, rate=5e-4
    ),
    "dinov2": TrainingRecipe(
        lambda e, t, **o: methods.DINOv2(e, views=_crops(e, t), **o), ("vit",), full=DINOV2, rate=1e-3
    ),
    "gram_anchoring": TrainingRecipe(
        lambda e, t, **o: methods.GramAnchoring(e, views=_crops(e, t), **o), ("vit",), full=DINOV2, rate=1e-3
    ),
    "mae": TrainingRecipe(
        lambda e, t, **o: methods.MAE(e, **o),
        ("vit_mean", "vit"),
        full={"decoder_width": 512, "decoder_depth": 8, "decoder_heads": 16},
        rate=1.5e-4,
    ),
    "maskfeat": TrainingRecipe(lambda e, t, **o: methods.MaskFeat(e, **o), ("vit_mean", "vit"), rate=2e-4),
    "ijepa": TrainingRecipe(
        lambda e, t, **o: methods.IJEPA(e, **o),
        ("vit_mean",),
        full={"predictor_width": 384, "predictor_depth": 6, "predictor_heads": 6, "weight_decay": 0.04},
        rate=1.25e-4,
    ),
    "beit": TrainingRecipe(
        lambda e, t, **o: methods.BEiT(e, methods.PatchCodebook.of(t, e.patch_size), **o),
        ("vit_mean", "vit"),
        rate=1.9e-4,
    ),
    "aim": TrainingRecipe(
        lambda e, t, **o: methods.AIM(e, **o),
        ("vit_mean",),
        full={"head_layers": 12, "head_width": 2048},
        rate=6.25e-5,
    ),
    "next_embedding": TrainingRecipe(lambda e, t, **o: methods.NextEmbedding(e, **o), ("vit_mean",)),
    "supervised": TrainingRecipe(lambda e, t, **o: methods.Supervised(e, t.classes, **o)),
    "pseudo_label": TrainingRecipe(lambda e, t, **o: methods.PseudoLabel(e, t.classes, _few(t), **o)),
    "rotation_supervised": TrainingRecipe(
        lambda e, t, **o: methods.RotationSupervised(e, t.classes, _few(t), **o)
    ),
    "fixmatch": TrainingRecipe(lambda e, t, **o: methods.FixMatch(e, t.classes, _few(t), **o)),
    "distillation": TrainingRecipe(
        lambda e, t, teacher=None, **o: methods.Distillation(e, teacher, **o), FAMILIES, from_teacher=True
    ),
}
METHODS = tuple(RECIPES)


def build(name: str, encoder: torch.nn.Module, train: ImageSet | None, **options) -> methods.Method:
    """The method called `name` on `encoder`, for these images, with options of its own if any.

    train: None for methods that need to know nothing of the data, such as their classes.

    Raises ValueError for an unknown name.
    """
    return _recipe(name).build(encoder, train, **options)


def _recipe(name: str) -> TrainingRecipe:
    if name not in RECIPES:
        raise ValueError(f'train: method is "{name}"; choose one of {", ".join(METHODS)}.')
    return RECIPES[name]


def full_options(name: str, images: int, batch_size: int) -> dict[str, Any]:
    """The options of `build` for the full profile, on so many images: the paper's values, fitted to the data.

    Prototypes: at most the greatest power of two that is not above the number of images; ImageNet has 20
    images for each of DINO's 65,536, while more prototypes than images would mostly get none and cost as
    much. They stay frozen for one epoch, as in the papers. A queue is lengthened only where there are more
    images than it holds, or an image would be its own negative. Raises ValueError for an unknown name.
    """
    recipe = _recipe(name)
    options = dict(recipe.full)
    if recipe.rate:
        options["learning_rate"] = recipe.rate * batch_size / 256
    if "prototypes" in options:
        options["prototypes"] = min(options["prototypes"], 2 ** (images.bit_length() - 1))
        options["frozen_steps"] = images // batch_size
    if options.get("queue_size", 0) >= images:
        del options["queue_size"]
    return options


def encoder_for(size: int, profile: str, family: str = "resnet", half: bool = False) -> torch.nn.Module:
    """A new encoder for images of `size` pixels: small for "quick"; ResNet-18 or ViT-S for "full".

    family: "resnet", "vit" or "vit_mean", which gives the mean patch instead of CLS: masked methods teach the
    patches, not CLS. half: half as many channels in every layer, about a quarter of the parameters.
    Raises ValueError for another family, or an image size that no patch divides.
    """
    from course_lib.models import VisionTransformer, resnet

    if family not in FAMILIES:
        raise ValueError(f'encoder_for: family is "{family}"; choose one of {", ".join(FAMILIES)}.')
    if family != "resnet":
        pool = "mean" if family == "vit_mean" else "cls"
        patch = next((p for p in ((16, 8, 4) if size > 96 else (8, 4, 6)) if size % p == 0), None)
        if patch is None:
            raise ValueError(
                f"encoder_for: no patch of 4, 6, 8 or 16 pixels divides images of {size} pixels."
            )
        width, depth, heads = (96, 4, 4) if profile == "quick" else (384, 12, 6)
        return VisionTransformer(size, patch, width // (1 + half), depth, heads, pool=pool)
    if profile == "quick":
        stem = "stride2" if size <= 96 else "imagenet"
        return resnet([width // (1 + half) for width in (24, 48, 96)], (1, 1, 1), stem)
    stem = "small" if size <= 32 else "stride2" if size <= 96 else "imagenet"
    return resnet([width // (1 + half) for width in (64, 128, 256, 512)], (2, 2, 2, 2), stem)
