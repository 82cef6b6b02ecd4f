"""From an image to tokens, and where each token sits: patch embeddings and position embeddings."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PatchProjection(nn.Conv2d):
    """One linear map for every patch, (B, 3, H, W) -> (B, width, H / patch_size, W / patch_size).

    A convolution whose stride is its kernel's size, and its weights are stored as one. It is computed as the
    matrix product that it is: forward and backward on a CPU take a third of the time.
    """

    def __init__(self, patch_size: int, width: int):
        super().__init__(3, width, kernel_size=patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """images: (B, 3, H, W) with H and W multiples of the patch size."""
        patch = self.kernel_size[0]
        rows, columns = images.shape[2] // patch, images.shape[3] // patch
        cut = images.unflatten(3, (columns, patch)).unflatten(2, (rows, patch))  # (B, 3, rows, p, columns, p)
        pixels = cut.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)  # (B, N, 3 * p * p)
        tokens = F.linear(pixels, self.weight.flatten(1), self.bias)  # (B, N, width)
        return tokens.transpose(1, 2).unflatten(2, (rows, columns))


def patch_embedding(patch_size: int, width: int, conv_stem: bool = False) -> nn.Module:
    """(B, 3, H, W) -> (B, width, H / patch_size, W / patch_size).

    One linear map of each patch (`PatchProjection`), or with `conv_stem` 3x3 convolutions of stride 2 down to
    the same grid and a 1x1 (Xiao et al. 2021, arXiv:2106.14881), which trains faster on little data.
    Raises ValueError for a conv_stem whose patch_size is not 2, 4, 8, ...
    """
    if not conv_stem:
        layer = PatchProjection(patch_size, width)
        nn.init.xavier_uniform_(layer.weight.view(width, -1))  # as the matrix that it is
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        return layer
    halvings = patch_size.bit_length() - 1
    if halvings < 1 or 2**halvings != patch_size:
        raise ValueError(f"VisionTransformer: conv_stem needs patch_size 2, 4, 8 or 16, not {patch_size}.")
    layers, channels = [], 3
    for halving in reversed(range(halvings)):
        out = max(width // 2**halving, 8)  # the last one reaches the full width
        layers += [
            nn.Conv2d(channels, out, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
        ]
        channels = out
    return nn.Sequential(*layers, nn.Conv2d(channels, width, kernel_size=1))


def interpolate_positions(positions: Tensor, old: tuple[int, int], new: tuple[int, int], rule: str) -> Tensor:
    """Position embeddings of an old grid of patches, resampled to a new one, bicubic and in float32.

    positions: (1, h * w, D), row by row; old, new: (h, w). Returns (1, h' * w', D), the same tensor if the
    grid has not changed. rule: how the source model resamples, so that its weights keep their meaning:
    - "timm": to the new size, with antialiasing;
    - "dinov2": by the factor (new + 0.1) / old, without antialiasing.
    Raises ValueError for another rule.
    """
    if rule not in ("timm", "dinov2"):
        raise ValueError(f'VisionTransformer: position_rule is "{rule}"; choose "timm" or "dinov2".')
    if old == new:
        return positions
    grid = positions.float().reshape(1, *old, -1).permute(0, 3, 1, 2)  # (1, D, h, w)
    if rule == "timm":
        grid = F.interpolate(grid, size=new, mode="bicubic", antialias=True)
    else:
        factors = ((new[0] + 0.1) / old[0], (new[1] + 0.1) / old[1])
        grid = F.interpolate(grid, scale_factor=factors, mode="bicubic")
    return grid.flatten(2).transpose(1, 2).to(positions.dtype)


def trunc_normal(*shape: int) -> nn.Parameter:
    """A parameter drawn from a normal distribution with standard deviation 0.02."""
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(*shape), std=0.02))
