"""Grad-CAM: where a score would change if the last feature map did.

Selvaraju et al. 2017, arXiv:1610.02391, section 3; for networks that end in mean pooling and one linear layer
it is the class activation map of Zhou et al. 2016, arXiv:1512.04150, up to a factor.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.models.encoder import Encoder
from course_lib.models.running import in_eval_mode
from course_lib.viz.arrays.feature_maps import as_map, caught, layer_output, map_layer, network_of
from course_lib.viz.arrays.foreign import describe
from course_lib.viz.arrays.target import Target, scores_of


def grad_cam(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    layer: nn.Module | None = None,
    full_size: bool = True,
) -> Tensor:
    """Where the evidence for a score lies, (B, H, W) float32 in [0, 1], on the model's device.

    The map relu(sum_k weight_k F_k) of `weighted_map`, per image moved to [0, 1] (`min_max`; a map that is
    the same everywhere, such as one without any positive evidence, becomes 0), then bilinear to H x W.
    model: a network of this course (or a method: its encoder is meant), timm, torchvision or Hugging Face.
    images: float (B, 3, H, W) as the model takes them. target: what is explained: the number of a class,
    one for each image (B,), a function of the model's output (B, D) -> (B,), in which each score rests on
    its own row, or None: the class with the highest score. An encoder returns features, not classes: give
    it the number of a feature or a function, for example the cosine to the embedding of another picture.
    layer: the module whose map is weighted. None: the last stage of a course ResNet; the norm in front of
    the last block's attention of a vision transformer; otherwise the last module that gives a map of more
    than one position, found by one forward pass with hooks (`feature_maps.map_layer`). full_size: False
    gives the map as it is, (B, h, w): to measure what lies where, since enlarging blurs it.

    Raises TypeError or ValueError in a sentence for images of another shape, a target out of range, no target
    for an encoder, a layer that is no part of the model or gives no map, and a target that the map has no
    influence on.
    """
    network = network_of(model, images)
    if target is None and (isinstance(network, Encoder) or getattr(network, "num_classes", None) == 0):
        raise ValueError(
            f"grad_cam: {type(network).__name__} returns features, not classes; give target: the number of a "
            "feature, or a function of the features (B, D) -> (B,), such as the cosine to another embedding."
        )
    layer = map_layer(network, images) if layer is None else layer
    with torch.inference_mode(False), torch.enable_grad(), in_eval_mode(network):
        with caught(network, [layer]) as outputs:
            # the images carry the gradient, so that frozen weights do not matter
            output = describe(network).forward(images.detach().clone().requires_grad_())
        scores, features = scores_of(output, target), layer_output(outputs, layer)
        gradient = _gradient(scores, features, network)
    maps, gradients = (as_map(x.detach(), network, images).float() for x in (features, gradient))
    if maps[0, 0].numel() == 1:
        raise ValueError(
            "grad_cam: the layer's map has one position, so there is nothing to see; give larger images or "
            "an earlier layer."
        )
    if features.ndim == 3 and not gradients.any() and gradient.any():
        raise ValueError(
            "grad_cam: after this layer the target takes CLS alone, the patches' gradient is zero; give an "
            "earlier layer, such as the first norm of the last block (the default)."
        )
    shown = min_max(weighted_map(maps, gradients))
    if not full_size:
        return shown
    size = tuple(images.shape[2:])
    return F.interpolate(shown[:, None], size, mode="bilinear", align_corners=False)[:, 0]


def weighted_map(maps: Tensor, gradients: Tensor) -> Tensor:
    """relu(sum_k weight_k F_k), weight_k = mean over positions of dy/dF_k: (B, C, h, w) twice -> (B, h, w).

    Equations 1 and 2 of the paper. Raises ValueError for unequal shapes.
    """
    if maps.ndim != 4 or maps.shape != gradients.shape:
        raise ValueError(
            f"weighted_map: maps {tuple(maps.shape)} and gradients {tuple(gradients.shape)}; give "
            "(B, C, h, w) twice."
        )
    weights = gradients.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
    return (weights * maps).sum(dim=1).relu()


def min_max(maps: Tensor) -> Tensor:
    """Each map (B, h, w) moved to [0, 1]; one that is the same everywhere becomes 0, not NaN."""
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    width = high - low
    return torch.where(width > 0, (maps - low) / width.where(width > 0, torch.ones_like(width)), 0.0)


def _gradient(scores: Tensor, features: Tensor, network: nn.Module) -> Tensor:
    """d scores / d features, each image its own. Raises ValueError where there is none."""
    gradient = None
    if scores.requires_grad and features.requires_grad:
        (gradient,) = torch.autograd.grad(scores.sum(), features, allow_unused=True)
    if gradient is None:
        raise ValueError(
            f"grad_cam: no gradient of the target reaches this layer of {type(network).__name__}; take a "
            "layer that the target rests on, and a target made of the output without detach() or no_grad()."
        )
    return gradient
