"""Vision transformers of other libraries: how they are called, where their patches begin.

The only place that knows timm, Hugging Face and torchvision by name. None of them is imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.models import Encoder, VisionTransformer
from course_lib.models.patches import interpolate_positions

# parameters of Hugging Face that stand before the patches, and how many tokens each is
PREFIXES: dict[str, Callable[[Tensor], int]] = {
    "cls_token": lambda parameter: 1,
    "class_embedding": lambda parameter: 1,
    "distillation_token": lambda parameter: 1,
    "register_tokens": lambda parameter: parameter.shape[1],
}


@dataclass(frozen=True)
class Description:
    """library: its name. forward: called with images. prefix: tokens before the first patch. patch: (height,
    width) in pixels. layers: the modules that attend, in order. None where it is not known.
    """

    library: str
    forward: Callable[[Tensor], object]
    prefix: int | None = None
    patch: tuple[int, int] | None = None
    layers: Sequence[nn.Module] | None = None

    def grid(self, images: Tensor) -> tuple[int, int] | None:
        """Rows and columns of patches. Raises ValueError if the patches do not fit."""
        if self.patch is None:
            return None
        height, width = images.shape[2:]
        if height % self.patch[0] or width % self.patch[1]:
            raise ValueError(
                f"images of {height} x {width} pixels cannot be cut into patches of {self.patch[0]} x "
                f"{self.patch[1]}; crop or resize them to a multiple."
            )
        return height // self.patch[0], width // self.patch[1]


def unwrapped(model: nn.Module) -> nn.Module:
    """The network that is meant: of a method its encoder.

    Raises TypeError for what is not a module, and for compiled and quantised ones, which hide their inside.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"model is {type(model).__name__}; give a PyTorch module, such as a VisionTransformer."
        )
    if hasattr(model, "_orig_mod"):
        raise TypeError("model is compiled, so its attention cannot be listened to; give model._orig_mod.")
    if isinstance(model, torch.jit.ScriptModule):
        raise TypeError("model is a TorchScript module, whose inside is hidden; give the Python model.")
    for module in model.modules():
        if ".quantized" in type(module).__module__:
            raise TypeError(
                f"model is quantised ({type(module).__module__}); give the float model that it was made from."
            )
    encoder = getattr(model, "encoder", None)  # a method of this course; torchvision has one inside as well
    return encoder if isinstance(encoder, Encoder) else model


def describe(model: Any) -> Description:
    """What is known about a model, by the library that it comes from; "other" if by none."""
    package = type(model).__module__.split(".")[0]
    if isinstance(model, VisionTransformer):
        size = model.patch_size
        return Description("this course", model, model.prefix, (size, size), list(model.blocks))
    if package == "timm" and hasattr(model, "num_prefix_tokens") and hasattr(model, "patch_embed"):
        patch = tuple(model.patch_embed.patch_size)
        return Description("timm", _timm(model), model.num_prefix_tokens, patch, list(model.blocks))
    if package == "transformers" and hasattr(getattr(model, "config", None), "patch_size"):
        config: Any = model.config
        size = config.patch_size
        patch = (size, size) if isinstance(size, int) else tuple(size)
        prefix = sum(
            count(p) for n, p in model.named_parameters() if (count := PREFIXES.get(n.split(".")[-1]))
        )
        lists = (module for module in model.modules() if isinstance(module, nn.ModuleList))
        layers = next((list(one) for one in lists if len(one) == config.num_hidden_layers), None)
        return Description("Hugging Face", _hugging_face(model), prefix, patch, layers)
    if package == "torchvision" and hasattr(model, "conv_proj"):
        size = model.patch_size
        return Description("torchvision", _torchvision(model), 1, (size, size), list(model.encoder.layers))
    return Description("other", model)


def _timm(model: Any) -> Callable[[Tensor], object]:
    """A sentence instead of an assertion where the model was built for one size."""

    def forward(images: Tensor) -> object:
        built, given = model.patch_embed.img_size, tuple(images.shape[2:])
        if built is not None and not getattr(model, "dynamic_img_size", False) and tuple(built) != given:
            raise ValueError(
                f"images are {given[0]} x {given[1]}, but this timm model was built for {built[0]} x "
                f"{built[1]}; build it with dynamic_img_size=True, or resize the images."
            )
        return model(images)

    return forward


def _hugging_face(model: Any) -> Callable[[Tensor], object]:
    """With interpolated positions where the model has to be asked for them."""
    asks = "interpolate_pos_encoding" in inspect.signature(model.forward).parameters
    return (lambda images: model(images, interpolate_pos_encoding=True)) if asks else model


def _torchvision(model: Any) -> Callable[[Tensor], object]:
    """torchvision refuses other sizes than its own; here positions are interpolated, as in timm."""

    def forward(images: Tensor) -> object:
        native, size = model.image_size, model.patch_size
        if tuple(images.shape[2:]) == (native, native):
            return model(images)
        x = model.conv_proj(images)  # (B, D, rows, columns)
        grid, encoder = tuple(x.shape[2:]), model.encoder
        x = torch.cat([model.class_token.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], dim=1)
        own = (native // size, native // size)
        positions = encoder.pos_embedding
        patches = interpolate_positions(positions[:, 1:], own, grid, "timm")
        x = encoder.dropout(x + torch.cat([positions[:, :1], patches], dim=1))
        return model.heads(encoder.ln(encoder.layers(x))[:, 0])

    return forward


def check_images(model: nn.Module, images: Tensor) -> None:
    """Raises TypeError for what is not a float tensor, ValueError for another shape or another device."""
    if not isinstance(images, Tensor) or not images.is_floating_point():
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images are {kind}; give a float tensor, course_lib.data.as_float(images).")
    if images.ndim != 4 or images.shape[1] != 3 or not len(images):
        raise ValueError(f"images have shape {tuple(images.shape)}; give (B, 3, H, W) with B of 1 or more.")
    parameter = next(model.parameters(), None)
    if parameter is not None and parameter.device != images.device:
        raise ValueError(
            f"the model is on {parameter.device} and the images are on {images.device}; move the images with "
            f'images.to("{parameter.device}").'
        )
