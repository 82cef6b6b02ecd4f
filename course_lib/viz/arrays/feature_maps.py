"""The feature maps of a network: which layer gives them, how they are caught, how tokens become a map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_lib.models import VisionTransformer
from course_lib.models.encoder import Encoder
from course_lib.models.running import in_eval_mode
from course_lib.viz.arrays.foreign import check_images, describe, unwrapped

# the norm in front of a block's attention, as this course and timm, torchvision, and Hugging Face call it
FIRST_NORMS = {"norm1", "ln_1", "layernorm_before", "layer_norm1"}


def network_of(model: nn.Module, images: Tensor) -> nn.Module:
    """The network to look into: of a method its encoder. Refuses what `unwrapped`, `check_images` refuse."""
    network = unwrapped(model)
    check_images(network, images)
    return network


@contextmanager
def caught(network: nn.Module, layers: Sequence[nn.Module]) -> Iterator[dict[nn.Module, Tensor]]:
    """While open, a forward pass writes each layer's output into the dictionary; afterwards no hook is left.

    The network goes on with a copy, so that a later layer that works in place cannot change what was caught.
    Raises TypeError for what is no module, ValueError for a module of another model.
    """
    inside = {id(module) for module in network.modules()}
    for layer in layers:
        if not isinstance(layer, nn.Module):
            raise TypeError(
                f"layer is {type(layer).__name__}; give a module of the model, like model.layer4."
            )
        if id(layer) not in inside:
            raise ValueError(
                f"layer is a {type(layer).__name__} that is no part of this {type(network).__name__}; give "
                "a module of the model itself, not of a copy."
            )
    outputs: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, inputs: object, output: object) -> Tensor | None:
        if isinstance(output, Tensor):
            outputs[module] = output
            return output.clone()
        if isinstance(output, tuple) and output and isinstance(output[0], Tensor):
            outputs[module] = output[0]
        return None

    handles: list = []
    try:
        handles.extend(layer.register_forward_hook(keep) for layer in layers)
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def layer_output(outputs: dict[nn.Module, Tensor], layer: nn.Module) -> Tensor:
    """What `caught` has caught of one layer. Raises ValueError if it did not run or gave no tensor."""
    if layer not in outputs:
        raise ValueError(
            f"layer {type(layer).__name__} gave no tensor in a forward pass of this model; give a layer that "
            "runs and whose output is a map or tokens."
        )
    return outputs[layer]


def as_map(output: Tensor, network: nn.Module, images: Tensor) -> Tensor:
    """A layer's output as a map (B, C, h, w).

    (B, C, h, w) stays; (B, h, w, C) of a timm model that says so is turned; of tokens (B, prefix + patches,
    C) the prefix is dropped and the patches are laid out in the model's grid of rows and columns. Raises
    ValueError for any other shape, and for tokens of a model whose patches are not known.
    """
    if output.ndim == 4:
        return output.permute(0, 3, 1, 2) if _channels_last(network) else output
    name, shape = type(network).__name__, tuple(output.shape)
    about = describe(network)
    grid = about.grid(images)
    if output.ndim == 3 and grid is not None and about.prefix is not None:
        if output.shape[1] != about.prefix + grid[0] * grid[1]:
            raise ValueError(
                f"the layer of {name} gave {output.shape[1]} tokens; {about.prefix} in front and {grid[0]} x "
                f"{grid[1]} patches are {about.prefix + grid[0] * grid[1]}. Give a layer that keeps all."
            )
        return output[:, about.prefix :].transpose(1, 2).unflatten(2, grid)
    raise ValueError(
        f"the layer of {name} gave {shape}; a map (B, C, h, w), or tokens of a vision transformer of this "
        "course, timm, Hugging Face or torchvision, is needed. Give another layer."
    )


def layer_maps(network: nn.Module, images: Tensor, layers: Sequence[nn.Module]) -> list[Tensor]:
    """The maps (B, C, h, w) of some layers: eval mode, no gradient. Raises as `caught` and `as_map` do."""
    with torch.no_grad(), in_eval_mode(network), caught(network, layers) as outputs:
        describe(network).forward(images)
    return [as_map(layer_output(outputs, layer), network, images) for layer in layers]


def map_layer(network: nn.Module, images: Tensor) -> nn.Module:
    """The layer whose map is looked at by default.

    Of a ResNet of this course the last stage. Of a vision transformer the norm in front of the last block's
    attention: after it, the answer takes CLS alone, so the patches that leave the last block have no
    influence any more. Of any other network the last module, in the order in which they finish, that gives
    (B, C, h, w) with more than one position, found by a forward pass of one image (so a pooled 1 x 1 map is
    passed over). Raises ValueError if there is none.
    """
    stages = getattr(network, "stages", None)
    if isinstance(network, Encoder) and isinstance(stages, nn.ModuleList):
        return stages[-1]
    if isinstance(network, VisionTransformer) or describe(network).prefix is not None:
        norms = [module for name, module in network.named_modules() if name.split(".")[-1] in FIRST_NORMS]
        if norms:
            return norms[-1]
    return _last_map_module(network, images)


def _last_map_module(network: nn.Module, images: Tensor) -> nn.Module:
    found: list[nn.Module] = []
    last = _channels_last(network)

    def look(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            height, width = output.shape[1:3] if last else output.shape[2:]
            if height * width > 1:
                found[:] = [module]

    handles: list = []
    try:
        handles.extend(module.register_forward_hook(look) for module in network.modules())
        with torch.no_grad(), in_eval_mode(network):
            describe(network).forward(images[:1])
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise ValueError(
            f"no layer of {type(network).__name__} gives a map (B, C, h, w) of more than one position; give "
            "a convolutional network or a vision transformer, larger images, or the layer by hand."
        )
    return found[0]


def _channels_last(network: nn.Module) -> bool:
    """timm's models with windows give (B, h, w, C) and say so."""
    return str(getattr(network, "output_fmt", "NCHW")) == "NHWC"
