"""Self-attention that stays fused, and the attention matrix recomputed from queries and keys when asked for.

The fused kernel never holds the (T, T) matrix. Queries and keys are small, (T, D) each, and give back any row
of it in microseconds; so they are what is kept.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WRITTEN_OUT = 128  # tokens, at most: see _attend


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, arXiv:1706.03762), (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"VisionTransformer: width={width} cannot be split over heads={heads}.")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, x: Tensor, keep: list | None = None, mask: Tensor | None = None) -> Tensor:
        """x: (B, T, D). keep: a list to which (queries, keys), each (B, H, T, D / H), are appended.

        mask: bool (T, T), or (B, 1, T, T) where images differ; True where the row's token may look at the
        column's. Every row needs one True. None: every token sees all.
        """
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        if keep is not None:
            keep.append((q.contiguous(), k.contiguous()))  # copies, which do not hold on to the values
        y = _attend(q, k, v, mask)  # (B, H, T, D / H)
        return self.projection(y.transpose(1, 2).reshape(batch, tokens, width))

    def queries_keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and keys of x (B, T, D), each (B, H, T, D / H), without attending."""
        batch, tokens, width = x.shape
        bias = None if self.qkv.bias is None else self.qkv.bias[: 2 * width]
        qk = F.linear(x, self.qkv.weight[: 2 * width], bias)
        q, k = qk.view(batch, tokens, 2, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        return q, k


def _attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """softmax(q k^T / sqrt(d)) v by the fused kernel, (B, H, T, d), except in bf16 training on a CPU.

    There the kernel's way back takes 8 times as long as the formula's. But the formula keeps each head's
    (T, T) matrix until then; so with many tokens it is the kernel again, in float32, at half the speed.
    """
    slow = queries.device.type == "cpu" and queries.dtype == torch.bfloat16 and torch.is_grad_enabled()
    if not slow:
        return F.scaled_dot_product_attention(queries, keys, values, mask)
    if queries.shape[2] > WRITTEN_OUT:
        with torch.autocast("cpu", enabled=False):  # it would make bf16 of float32 again
            parts = queries.float(), keys.float(), values.float()
            return F.scaled_dot_product_attention(*parts, mask).to(queries.dtype)
    found = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-2, -1)  # (B, H, T, T)
    if mask is not None:
        found = found.masked_fill(~mask, float("-inf"))
    return found.softmax(dim=-1, dtype=torch.float32).to(values.dtype) @ values


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)); each branch scaled per channel with `layer_scale`."""

    def __init__(self, width: int, heads: int, mlp_ratio: float = 4.0, layer_scale: float | None = None):
        super().__init__()
        hidden = int(width * mlp_ratio)
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        scale = None if layer_scale is None else torch.full((2, width), float(layer_scale))
        self.layer_scale = None if scale is None else nn.Parameter(scale)  # of attention, of mlp

    def forward(self, x: Tensor, keep: list | None = None, mask: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D). keep, mask: see `Attention.forward`."""
        if self.layer_scale is None:
            x = x + self.attention(self.norm1(x), keep, mask)
            return x + self.mlp(self.norm2(x))
        first, second = self.layer_scale
        x = x + first * self.attention(self.norm1(x), keep, mask)
        return x + second * self.mlp(self.norm2(x))


@torch.no_grad()
def attention_matrix(
    queries: Tensor, keys: Tensor, out: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """softmax(q k^T / sqrt(d)): queries, keys (B, H, T, d) -> (B, H, T, T) float32, rows sum to 1.

    out: a float32 tensor of that shape to write to. mask: anything that broadcasts to it, bool (True: may
    look) or numbers that are added to the scores.
    """
    batch, heads, tokens, _ = queries.shape
    if out is None:
        out = queries.new_empty(batch, heads, tokens, tokens, dtype=torch.float32)
    for head in range(heads):  # one head at a time: only one head's scores are held beside the result
        one = None if mask is None else mask.expand(batch, heads, tokens, tokens)[:, head]
        torch.softmax(scores(queries[:, head], keys[:, head], one), dim=-1, out=out[:, head])  # (B, T, T)
    return out


@torch.no_grad()
def attention_rows(
    queries: Tensor, keys: Tensor, query: int | Sequence[int], mask: Tensor | None = None
) -> Tensor:
    """Rows of `attention_matrix` for some query tokens.

    queries, keys: (B, H, T, d). query: token indices -> (B, H, Q, T), or one index -> (B, H, T). float32.
    mask: as there. Raises ValueError for an index out of range.
    """
    tokens = queries.shape[2]
    rows = [query] if isinstance(query, int) else [int(row) for row in query]
    if any(not -tokens <= row < tokens for row in rows):
        raise ValueError(f"attention_rows: query is {query}; there are {tokens} tokens, 0 to {tokens - 1}.")
    some = None if mask is None else mask.expand(*queries.shape[:2], tokens, tokens)[:, :, rows]
    attention = scores(queries[:, :, rows], keys, some).softmax(dim=-1)  # (B, H, Q, T)
    return attention[:, :, 0] if isinstance(query, int) else attention


def scores(queries: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
    """q k^T / sqrt(d) in float32: (..., Q, d), (..., T, d) -> (..., Q, T).

    mask: a bool one forbids where it is False (minus infinity); numbers are added.
    """
    found = (queries.float() * queries.shape[-1] ** -0.5) @ keys.float().transpose(-2, -1)
    if mask is None:
        return found
    return found.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else found + mask.float()
