"""Vision transformers whose attention can be looked at without slowing them down.

Dosovitskiy et al. 2021, arXiv:2010.11929; registers: Darcet et al. 2024, arXiv:2309.16588.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.models.attention import Block, attention_matrix, attention_rows
from course_lib.models.encoder import MEAN, STD, Encoder, chosen
from course_lib.models.patches import interpolate_positions, patch_embedding, trunc_normal


class VisionTransformer(Encoder):
    """image -> patches + positions -> [CLS, registers, patches] -> blocks -> norm -> CLS (B, width).

    image_size: side, or (height, width), in pixels, for which positions are stored; other sizes, square or
    not, work as long as they are multiples of patch_size. registers: extra tokens without a position.
    conv_stem, position_rule ("timm" or "dinov2"): see `patches`. layer_scale: None or the initial scale.
    pool: "cls", or "mean" over the patches. ViT-S/16: VisionTransformer(224, 16, 384, 12, 6).

    Raises ValueError for sizes that do not divide, and for an unknown pool or position_rule.
    """

    def __init__(
        self,
        image_size: int | tuple[int, int] = 48,
        patch_size: int = 8,
        width: int = 192,
        depth: int = 6,
        heads: int = 3,
        registers: int = 0,
        mlp_ratio: float = 4.0,
        conv_stem: bool = False,
        position_rule: str = "timm",
        layer_scale: float | None = None,
        pool: str = "cls",
        mean: tuple[float, ...] = MEAN,
        std: tuple[float, ...] = STD,
    ):
        super().__init__(width, mean, std)
        if pool not in ("cls", "mean"):
            raise ValueError(f'VisionTransformer: pool is "{pool}"; choose "cls" or "mean".')
        if patch_size < 1 or depth < 1 or registers < 0:
            raise ValueError(
                f"VisionTransformer: patch_size={patch_size}, depth={depth}, registers={registers}; "
                "patch_size and depth must be at least 1, registers at least 0."
            )
        self.patch_size, self.pool, self.position_rule = patch_size, pool, position_rule
        self.prefix = 1 + registers  # tokens before the first patch
        height, wide = (image_size, image_size) if isinstance(image_size, int) else image_size
        self.native_grid = self.grid(height, wide)
        patches = self.native_grid[0] * self.native_grid[1]
        self.patches = patch_embedding(patch_size, width, conv_stem)
        self.cls_token = trunc_normal(1, 1, width)
        self.registers = trunc_normal(1, registers, width)
        self.positions = trunc_normal(1, 1 + patches, width)  # of CLS, then of the patches row by row
        interpolate_positions(
            self.positions[:, 1:], self.native_grid, self.native_grid, position_rule
        )  # checks
        self.blocks = nn.ModuleList(Block(width, heads, mlp_ratio, layer_scale) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches of an image of that many pixels. Raises ValueError if it has a rest."""
        if height % self.patch_size or width % self.patch_size or height < 1 or width < 1:
            raise ValueError(
                f"VisionTransformer: an image of {height} x {width} pixels cannot be cut into patches of "
                f"{self.patch_size} x {self.patch_size}; crop it to a multiple of {self.patch_size}."
            )
        return height // self.patch_size, width // self.patch_size

    def patch_embeddings(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) in [0, 1] -> each patch's content without its position, (B, patches, width)."""
        x = self.standardise(images)
        self.grid(*images.shape[2:])  # checks
        return self.patches(x).flatten(2).transpose(1, 2)

    def tokens(self, images: Tensor, mask: Tensor | None = None, mask_token: Tensor | None = None) -> Tensor:
        """images (B, 3, H, W) in [0, 1] -> input of the first block, (B, prefix + patches, width).

        mask: (B, patches) bool; where True, mask_token (width,) stands instead of the patch's content. The
        position is added after that, so the model knows where something is hidden but not what. With a
        conv_stem the neighbours of a hidden patch still show some of it. Raises ValueError for another shape,
        and for a mask without mask_token.
        """
        x, grid = self.patch_embeddings(images), self.grid(*images.shape[2:])
        if mask is not None:
            if mask_token is None or mask.shape != x.shape[:2] or mask.dtype != torch.bool:
                raise ValueError(
                    f"VisionTransformer: mask is {mask.dtype} {tuple(mask.shape)}; give a bool mask "
                    f"{tuple(x.shape[:2])} together with mask_token ({self.width},)."
                )
            x = torch.where(mask[..., None], mask_token.to(x.dtype), x)
        x = x + interpolate_positions(self.positions[:, 1:], self.native_grid, grid, self.position_rule)
        cls = self.cls_token + self.positions[:, :1]
        prefix = torch.cat([cls, self.registers], dim=1).expand(len(x), -1, -1)  # (B, prefix, width)
        return torch.cat([prefix, x], dim=1)

    def all_tokens(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) in [0, 1] -> normalised output of all tokens, (B, prefix + patches, width)."""
        return self.run(self.tokens(images))

    def run(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """All blocks and the last norm, (B, T, width) -> (B, T, width); T may be any part of the tokens.

        mask: bool, which token may look at which (`Attention.forward`); None: each at all.
        """
        for block in self.blocks:
            tokens = block(tokens, mask=mask)
        return self.norm(tokens)

    def forward(self, images: Tensor) -> Tensor:
        """images: float (B, 3, H, W) in [0, 1] -> (B, width)."""
        return self.pooled(self.all_tokens(images))

    def pooled(self, tokens: Tensor) -> Tensor:
        """Output tokens (B, T, width) -> one vector per image (B, width): CLS, or the mean of the patches."""
        return tokens[:, 0] if self.pool == "cls" else tokens[:, self.prefix :].mean(dim=1)

    def features_at(self, images: Tensor, stages: int | Sequence[int] | None = None) -> list[Tensor]:
        """The patches after each of the given blocks as maps (B, width, h, w), not normalised (None: all)."""
        wanted = chosen(stages, len(self.blocks), "features_at: stages")
        grid, x, maps = self.grid(*images.shape[2:]), self.tokens(images), {}
        for i in range(max(wanted, default=-1) + 1):
            x = self.blocks[i](x)
            if i in wanted:
                maps[i] = x[:, self.prefix :].transpose(1, 2).unflatten(2, grid)
        return [maps[i] for i in wanted]

    def queries_keys(
        self, images: Tensor, layers: int | Sequence[int] | None = -1
    ) -> list[tuple[Tensor, Tensor]]:
        """(queries, keys), each (B, H, T, width / H), of the given layers (None: all), T = prefix + patches.

        All a viewer has to keep: `attention_matrix` and `attention_rows` of models.attention turn them into
        attention. Layers after the last one that is asked for are not computed.
        """
        kept = {i: (queries, keys) for i, queries, keys in self._walk(images, layers)}
        return [kept[i] for i in self._layers(layers)]

    def attention(self, images: Tensor, layers: int | Sequence[int] | None = -1) -> Tensor:
        """Attention of the given layers (None: all): (L, B, H, T, T) float32, no gradient, rows sum to 1.

        Entry [l, b, h, i, j]: how much token i takes from token j. The first `prefix` tokens are CLS and the
        registers, then come the patches row by row.
        """
        wanted, maps = self._layers(layers), torch.empty(0)
        for i, queries, keys in self._walk(images, layers):
            if not len(maps):
                batch, heads, tokens, _ = queries.shape
                maps = images.new_empty(len(wanted), batch, heads, tokens, tokens, dtype=torch.float32)
            for place in [place for place, layer in enumerate(wanted) if layer == i]:
                attention_matrix(queries, keys, out=maps[place])
        return maps

    def attention_rows(
        self, images: Tensor, query: int | Sequence[int], layers: int | Sequence[int] | None = -1
    ) -> Tensor:
        """Only the rows of some query tokens: (L, B, H, Q, T), or (L, B, H, T) for one index. 0 is CLS."""
        rows = {i: attention_rows(queries, keys, query) for i, queries, keys in self._walk(images, layers)}
        return torch.stack([rows[i] for i in self._layers(layers)])

    def _layers(self, layers: int | Sequence[int] | None) -> list[int]:
        """Positive layer numbers in the order asked for."""
        wanted = chosen(layers, len(self.blocks), "attention: layers")
        if not wanted:
            raise ValueError("attention: layers is empty; give at least one, or None for all.")
        return wanted

    @torch.no_grad()
    def _walk(self, images: Tensor, layers: int | Sequence[int] | None):
        """Yield (layer, queries, keys), layer by layer, up to the last one asked for."""
        wanted = self._layers(layers)
        training = self.patches.training
        self.patches.eval()  # looking must not move the running averages of a convolutional stem
        x = self.tokens(images)
        self.patches.train(training)
        for i in range(max(wanted)):
            keep: list | None = [] if i in wanted else None
            x = self.blocks[i](x, keep)
            if keep:
                yield i, *keep.pop()
        last: Any = self.blocks[max(wanted)]
        queries, keys = last.attention.queries_keys(last.norm1(x))
        del x  # the maps that are made of these two need the room
        yield max(wanted), queries, keys
