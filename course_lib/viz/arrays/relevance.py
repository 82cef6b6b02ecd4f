"""Gradient relevance: which patches does *this answer* rest on? Attention times what it did to the score.

Chefer, Gur & Wolf 2021, arXiv:2103.15679, equations 5 and 6 (self-attention), the gradient form.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.models.running import in_eval_mode
from course_lib.viz.arrays.foreign import check_images, describe, unwrapped
from course_lib.viz.arrays.tap import AttentionTap, nothing_seen
from course_lib.viz.arrays.target import Target, scores_of


def relevance(model: nn.Module, images: Tensor, target: Target = None, start: int = 0) -> Tensor:
    """R = I, then R <- R + E_l R with E_l = mean over heads of relu(dy/dA_l * A_l): (B, T, T) float32.

    Entry [b, i, j]: how much of input token j stands behind token i in the score y; the map of an image is
    row 0 without the prefix and, since R starts at I, says nothing absolute: compare its entries.
    model: as in `read_attention`. Attention is written out for this one pass, since the fused kernel gives no
    gradient of A, so it costs more memory: L * H * T * T numbers an image.
    target: what is explained: a class or feature number, one for each image (B,), a function of the output
    (B, D) -> (B,), for example the cosine to another embedding, or None: the largest entry.
    start: the first layer that counts, 0 for all.

    Raises what `read_attention` raises, and ValueError for a start or target out of range.
    """
    network = unwrapped(model)
    check_images(network, images)
    about = describe(network)
    about.grid(images)
    tap = AttentionTap(lambda number: False, differentiable=True)
    with torch.enable_grad(), in_eval_mode(network), tap:
        # gradients flow to A through activations; the images carry them, so frozen weights do not matter
        output = about.forward(images.detach().requires_grad_())
    attention = tap.attention
    if not attention:
        raise nothing_seen(network)
    if not 0 <= start < len(attention):
        raise ValueError(f"relevance: start={start}; there are {len(attention)} layers, from 0.")
    score = scores_of(output, target).sum()  # images do not depend on each other
    gradients = torch.autograd.grad(score, attention[start:])
    joined = torch.eye(attention[0].shape[-1], device=images.device).expand(len(images), -1, -1)
    for one, gradient in zip(attention[start:], gradients, strict=True):
        joined = joined + (gradient * one).float().relu().mean(dim=1).detach() @ joined
    return joined
