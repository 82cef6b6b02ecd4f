"""Which patches are removed, and what an encoder makes of the rest. MAE, MaskFeat and I-JEPA share it."""

import torch
from torch import Tensor

from course_lib.models import VisionTransformer
from course_lib.models.decoders import with_prefix
from course_lib.models.patches import interpolate_positions


def visible_count(patches: int, mask_ratio: float) -> int:
    """int(patches * (1 - mask_ratio)), as if the product were exact: 10 patches at 0.9 leave 1, not 0.

    Raises ValueError unless at least one patch stays and at least one goes.
    """
    kept = int(round(patches * (1 - mask_ratio), 6))
    if not 1 <= kept < patches:
        raise ValueError(
            f"mask_ratio is {mask_ratio}: of {patches} patches {kept} would stay; at least 1 must stay "
            "and at least 1 must go."
        )
    return kept


def random_masking(
    batch: int, patches: int, mask_ratio: float, generator: torch.Generator | None = None
) -> Tensor:
    """The patches that stay: (batch, K) int64, K = `visible_count`, in random order, new for each image.

    Each image draws one number per patch; the K patches with the smallest ones stay. So every image keeps
    exactly K, every set of K is equally likely, and the batch needs no padding (MAE, arXiv:2111.06377,
    section 3, "Simple implementation").
    """
    device = generator.device if generator is not None else None
    noise = torch.rand(batch, patches, generator=generator, device=device)
    return noise.argsort(dim=1)[:, : visible_count(patches, mask_ratio)]


def removed(kept: Tensor, patches: int) -> Tensor:
    """kept (B, K) -> mask (B, patches) float, 1 = removed, as `losses.masked_pixels` wants it."""
    return torch.ones(len(kept), patches, device=kept.device).scatter(1, kept, 0.0)


def pick(tokens: Tensor, places: Tensor) -> Tensor:
    """The tokens at the given places of each image: (B, N, D), (B, K) int64 -> (B, K, D)."""
    return tokens.gather(1, places[:, :, None].expand(-1, -1, tokens.shape[2]))


def encode_visible(encoder: VisionTransformer, images: Tensor, kept: Tensor) -> Tensor:
    """Run the encoder on CLS, registers and the kept patches: images (B, 3, H, W), kept (B, K) ->
    (B, prefix + K, width).

    Positions are added before the others are dropped, so each token knows where it came from.
    """
    return encoder.run(pick(encoder.tokens(images), with_prefix(kept, encoder.prefix)))


def encode_masked(encoder: VisionTransformer, images: Tensor, mask: Tensor, mask_token: Tensor) -> Tensor:
    """Run the encoder on all tokens, the removed ones replaced by a learned token at the same position.

    images: (B, 3, H, W); mask: (B, N), 1 = removed; mask_token: (1, 1, width). -> (B, prefix + N, width).
    """
    tokens, grid = encoder.tokens(images), encoder.grid(*images.shape[2:])
    positions = interpolate_positions(
        encoder.positions[:, 1:], encoder.native_grid, grid, encoder.position_rule
    )
    patches = torch.where(mask[:, :, None] > 0, mask_token + positions, tokens[:, encoder.prefix :])
    return encoder.run(torch.cat([tokens[:, : encoder.prefix], patches], dim=1))


def check_maskable(method: str, encoder: object) -> None:
    """Raise TypeError unless the encoder is a VisionTransformer, ValueError if its patches see each other."""
    if not isinstance(encoder, VisionTransformer):
        raise TypeError(
            f"{method}: encoder is a {type(encoder).__name__}; removing patches needs a VisionTransformer, "
            "whose tokens are patches."
        )
    if not isinstance(encoder.patches, torch.nn.Conv2d):
        raise ValueError(
            f"{method}: encoder has conv_stem=True; its 3x3 convolutions look across patch borders, so a "
            "visible token would show pixels of its removed neighbours. Use conv_stem=False."
        )
