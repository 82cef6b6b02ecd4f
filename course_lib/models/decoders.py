"""Decoders of masked prediction: tokens of the visible patches in, a prediction for every patch out."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.models.attention import Block
from course_lib.models.patches import trunc_normal


def sincos_positions(grid: tuple[int, int], width: int, device: torch.device | None = None) -> Tensor:
    """Fixed position embeddings of a grid of patches, (1, rows * columns, width), row by row.

    The first half of the features says which row, the second which column; each half holds sine, then cosine,
    of the place times 10000^(-i / (width / 4)), i = 0, 1, ... (Vaswani et al. 2017, arXiv:1706.03762, section
    3.5, once per axis). Nothing is learned, so any grid will do. Raises ValueError unless width % 4 == 0.
    """
    if width % 4 or width < 4:
        raise ValueError(
            f"sincos_positions: width is {width}; sine and cosine of two axes need a multiple of 4."
        )
    quarter = width // 4
    frequency = 10000 ** (-torch.arange(quarter, device=device) / quarter)

    def code(places: int) -> Tensor:  # (places, width / 2)
        angle = torch.arange(places, device=device)[:, None] * frequency
        return torch.cat([angle.sin(), angle.cos()], dim=1)

    rows, columns = grid
    by_row = code(rows)[:, None].expand(-1, columns, -1)  # (rows, columns, width / 2)
    by_column = code(columns)[None].expand(rows, -1, -1)
    return torch.cat([by_row, by_column], dim=2).flatten(0, 1)[None]


def with_prefix(places: Tensor, prefix: int) -> Tensor:
    """Places of patches, (B, K) int64 -> of tokens, (B, prefix + K): CLS and registers, then the patches."""
    first = torch.arange(prefix, device=places.device).expand(len(places), -1)
    return torch.cat([first, places + prefix], dim=1)


class MaskedDecoder(nn.Module):
    """MAE's decoder: a small transformer that sees the visible tokens and, elsewhere, a learned mask token.

    encoder_width: features of the tokens that come in. out_features: of the prediction for each patch.
    width, depth, heads: of its own blocks (He et al. 2022, arXiv:2111.06377: 512, 8, 16 for a ViT-L).
    Positions are fixed (`sincos_positions`) and added after the tokens have been put back in order: the mask
    tokens are all the same, and only their position says what is to be painted.
    Raises ValueError for a width that heads or 4 do not divide, or a depth below 1.
    """

    def __init__(
        self, encoder_width: int, out_features: int, width: int = 96, depth: int = 2, heads: int = 3
    ):
        super().__init__()
        if depth < 1 or width % 4 or heads < 1 or width % heads:
            raise ValueError(
                f"MaskedDecoder: width={width}, depth={depth}, heads={heads}; width must be a multiple of "
                "4 and of heads, depth at least 1."
            )
        self.width = width
        self.embed = nn.Linear(encoder_width, width)
        self.mask_token = trunc_normal(1, 1, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.predict = nn.Linear(width, out_features)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, encoded: Tensor, kept: Tensor, grid: tuple[int, int]) -> Tensor:
        """A prediction for each patch of the grid, (B, rows * columns, out_features).

        encoded: (B, prefix + K, encoder_width), CLS and registers first. kept: (B, K) int64, the place in the
        grid, counted row by row, of each visible token. grid: (rows, columns).
        """
        prefix = encoded.shape[1] - kept.shape[1]
        x = self.embed(encoded)
        places = with_prefix(kept, prefix)[:, :, None].expand(-1, -1, self.width)
        asked = self.mask_token.to(x.dtype).expand(len(x), prefix + grid[0] * grid[1], -1)
        x = asked.scatter(1, places, x)  # every token that was encoded back to its own place
        x = x + F.pad(sincos_positions(grid, self.width, x.device), (0, 0, prefix, 0))  # none for the prefix
        for block in self.blocks:
            x = block(x)
        return self.predict(self.norm(x)[:, prefix:])


class BlockPredictor(nn.Module):
    """I-JEPA's predictor: features of the context in, features at the places that are asked for out.

    encoder_width: of the tokens that come in and of those predicted. width, depth, heads: of its own blocks;
    narrower than the encoder (Assran et al. 2023, arXiv:2301.08243: 384 for a ViT of 768 and more). Positions
    are fixed (`sincos_positions`), both of the context and of the mask tokens that ask.

    Stochastic positions (StoP, Bar et al. 2024, arXiv:2308.00566): with noise n ~ N(0, sigma^2 I) a mask
    token's position is position + A n, mean as before and covariance sigma^2 A A^T. A is the weight matrix
    that embeds the context: an A of its own would be learned towards 0, while a smaller one here silences
    the context too. The paper writes sigma A A^T; its code draws with a standard deviation of 0.25 and has
    the embedding's bias where the mask token was. Here sigma is the standard deviation and the token stays.
    """

    def __init__(self, encoder_width: int, width: int = 96, depth: int = 2, heads: int = 3):
        super().__init__()
        self.embed = nn.Linear(encoder_width, width)
        self.mask_token = trunc_normal(1, 1, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.predict = nn.Linear(width, encoder_width)

    def forward(
        self,
        encoded: Tensor,
        context: Tensor,
        targets: Tensor,
        grid: tuple[int, int],
        noise: Tensor | None = None,
    ) -> Tensor:
        """Features at the targets, (B, M, T, encoder_width); each of the M blocks is predicted by itself.

        encoded: (B, prefix + K, encoder_width), CLS and registers first. context: (B, K) int64, places of the
        encoded patches in the grid, counted row by row. targets: (B, M, T) int64. grid: (rows, columns).
        noise: (B, M, T, encoder_width), n of the stochastic positions; without effect in eval mode.
        """
        batch, blocks, size = targets.shape
        prefix = encoded.shape[1] - context.shape[1]
        positions = sincos_positions(grid, self.mask_token.shape[2], encoded.device)[0]  # (N, width)
        x = self.embed(encoded)
        x = torch.cat([x[:, :prefix], x[:, prefix:] + positions[context]], dim=1)
        questions = self.mask_token + positions[targets.flatten(0, 1)]  # (B * M, T, width)
        if noise is not None and self.training:
            questions = questions + F.linear(noise.flatten(0, 1), self.embed.weight)
        x = torch.cat([x.repeat_interleave(blocks, dim=0), questions], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.predict(self.norm(x)[:, -size:]).view(batch, blocks, size, -1)
