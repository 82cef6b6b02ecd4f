"""An image read in one direction: what the encoder knows before each patch. AIM and NEPA share it."""

import torch
from torch import Tensor

from course_lib.models import VisionTransformer


def causal_mask(tokens: int, lead: Tensor) -> Tensor:
    """Which token may look at which, (B, 1, tokens, tokens) bool: at itself, all before it, and the lead.

    lead: (B,) int64, how many tokens at the front see each other both ways; 0 or 1: none. One number, (1,),
    serves a whole batch. Row i, column j is True if j <= i or j < lead.
    """
    place = torch.arange(tokens, device=lead.device)
    return (place <= place[:, None]) | (place < lead[:, None, None, None])


def encode_before(encoder: VisionTransformer, images: Tensor, seen: Tensor) -> Tensor:
    """What is known before each patch: images (B, 3, H, W), seen (B,) or (1,) int64 -> (B, N, width).

    Tokens are in reading order: CLS, registers, patches row by row. Entry k is the output of the token before
    patch k, so with k >= seen it depends on patches 0 to k - 1 and on no other; before patch 0 that is the
    last register, or CLS. The first `seen` patches see each other both ways, and entries k < seen may know
    what they come before: leave them out of a loss.

    CLS and registers belong to the lead. They look at one another and at the `seen` patches, never at a later
    one, and every patch looks at them: so they may gather what is there, and carry nothing back from what is
    to be predicted. Without a mask, as in `encoder(images)`, they see everything, as always.
    """
    tokens = encoder.tokens(images)
    encoded = encoder.run(tokens, causal_mask(tokens.shape[1], encoder.prefix + seen))
    return encoded[:, encoder.prefix - 1 : -1]
