"""How each method is trained: what builds it, and the encoders for it. The papers' options: `papers`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from course_lib import methods
from course_lib.data import ImageSet, MultiCrop
from course_lib.training.papers import paper_options

LABELS_PER_CLASS = 10  # what the semi-supervised methods are given
FAMILIES = ("resnet", "vit", "vit_mean")  # vit: CLS is the feature; vit_mean: the mean patch
EITHER = ("resnet", "vit")


@dataclass(frozen=True)
class TrainingRecipe:
    """build(encoder, train set, **options) -> method, and the encoders for it; the first is the usual one.

    from_teacher: it learns from a finished encoder, which `build` takes as teacher=; its own encoder has half
    the channels of the usual one.
    """

    build: Callable[..., methods.Method]
    families: tuple[str, ...] = EITHER
    from_teacher: bool = False


def _crops(encoder: torch.nn.Module, train: ImageSet, crops: dict[str, Any] | None = None) -> MultiCrop:
    """Two large crops of the image's size and four of about half, or what `crops` says instead.

    Small images always get mild colours.
    """
    side, patch = train.images.shape[-1], getattr(encoder, "patch_size", 1)
    given: dict[str, Any] = {"local_crops": 4, "local_scale": (0.15, 0.5)} | (crops or {})
    if side < 64:
        given["policy"] = "small"
    return MultiCrop(2, size=side, local_size=side // 2 // patch * patch, **given)


def _few(train: ImageSet) -> ImageSet:
    from course_lib.evaluate import balanced_draw

    return train.subset(balanced_draw(train.labels, LABELS_PER_CLASS))


def _cropped(method: Callable[..., methods.Method]) -> Callable[..., methods.Method]:
    """Builds a method that learns from large and small crops."""
    return lambda e, t, crops=None, **o: method(e, views=_crops(e, t, crops), **o)


RECIPES: dict[str, TrainingRecipe] = {
    "rotation": TrainingRecipe(lambda e, t, **o: methods.Rotation(e, **o)),
    "context": TrainingRecipe(lambda e, t, **o: methods.ContextPrediction(e, **o), ("resnet",)),
    "jigsaw": TrainingRecipe(lambda e, t, **o: methods.Jigsaw(e, **o), ("resnet",)),
    "colorization": TrainingRecipe(lambda e, t, **o: methods.Colorization(e, **o)),
    "instance_discrimination": TrainingRecipe(lambda e, t, **o: methods.InstanceDiscrimination(e, t, **o)),
    "simclr": TrainingRecipe(lambda e, t, **o: methods.SimCLR(e, **o)),
    "simclr_v2": TrainingRecipe(lambda e, t, **o: methods.SimCLR(e, projector_layers=3, **o)),
    "moco_v1": TrainingRecipe(lambda e, t, **o: methods.MoCo(e, version=1, **o)),
    "moco": TrainingRecipe(lambda e, t, **o: methods.MoCo(e, **o)),
    "moco_v3": TrainingRecipe(lambda e, t, **o: methods.MoCoV3(e, **o), ("vit", "resnet")),
    "swav": TrainingRecipe(_cropped(methods.SwAV)),
    "byol": TrainingRecipe(lambda e, t, **o: methods.BYOL(e, **o)),
    "simsiam": TrainingRecipe(lambda e, t, **o: methods.SimSiam(e, **o)),
    "barlow_twins": TrainingRecipe(lambda e, t, **o: methods.BarlowTwins(e, **o)),
    "vicreg": TrainingRecipe(lambda e, t, **o: methods.VICReg(e, **o)),
    "dino": TrainingRecipe(_cropped(methods.DINO), ("vit", "resnet")),
    "ibot": TrainingRecipe(_cropped(methods.IBOT), ("vit",)),
    "dinov2": TrainingRecipe(_cropped(methods.DINOv2), ("vit",)),
    "gram_anchoring": TrainingRecipe(_cropped(methods.GramAnchoring), ("vit",)),
    "mae": TrainingRecipe(lambda e, t, **o: methods.MAE(e, **o), ("vit_mean", "vit")),
    "maskfeat": TrainingRecipe(lambda e, t, **o: methods.MaskFeat(e, **o), ("vit_mean", "vit")),
    "ijepa": TrainingRecipe(lambda e, t, **o: methods.IJEPA(e, **o), ("vit_mean",)),
    "beit": TrainingRecipe(
        lambda e, t, **o: methods.BEiT(e, methods.PatchCodebook.of(t, e.patch_size), **o), ("vit_mean", "vit")
    ),
    "aim": TrainingRecipe(lambda e, t, **o: methods.AIM(e, **o), ("vit_mean",)),
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
    """The options of `build` for the full profile: `papers.paper_options`. ValueError for an unknown name."""
    _recipe(name)
    return paper_options(name, images, batch_size)


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
