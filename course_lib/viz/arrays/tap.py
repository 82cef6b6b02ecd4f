"""Listen to the attention of a forward pass, in any library, while its kernel stays fused.

A `TorchFunctionMode` sees the calls of PyTorch's functions while it is active. Attention is one of three of
them: the fused kernel, the one behind nn.MultiheadAttention, or, in models that write it out, a softmax over
a square matrix. So no library has to be taken apart. Seeing each call costs some microseconds, about 4 % of a
pass of a ViT-S/16 at 224 px; where the layers are known, the tap is open for those that were asked for only.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from course_lib.models.attention import attention_matrix, attention_rows, scores

FUSED = F.scaled_dot_product_attention
PACKED = F.multi_head_attention_forward
WRITTEN_OUT = (F.softmax, torch.softmax, Tensor.softmax)
_PACKED_SIGNATURE = inspect.signature(PACKED)


@dataclass(frozen=True)
class LayerAttention:
    """What one layer attends with: its queries and keys (B, H, T, d), or, where a model writes attention out,
    the maps (B, H, T, T) themselves. mask: as in scaled_dot_product_attention, or None.
    """

    queries: Tensor | None = None
    keys: Tensor | None = None
    mask: Tensor | None = None
    maps: Tensor | None = None

    @property
    def heads(self) -> int:
        """How many heads."""
        return self.held.shape[1]

    @property
    def tokens(self) -> int:
        """How many tokens, the prefix included."""
        return self.held.shape[2]

    @property
    def held(self) -> Tensor:
        """The queries, or the maps where there are none: (B, H, T, ...)."""
        known = self.maps if self.queries is None else self.queries
        assert known is not None  # a layer holds one or the other
        return known

    def matrix(self, out: Tensor | None = None) -> Tensor:
        """The attention of this layer, (B, H, T, T) float32, rows sum to 1; written to `out` if given."""
        if self.queries is not None and self.keys is not None:
            return attention_matrix(self.queries, self.keys, out, self.mask)
        maps = self.held.float()
        return maps if out is None else out.copy_(maps)

    def rows(self, query: int | list[int]) -> Tensor:
        """Only the rows of some tokens: (B, H, Q, T), or (B, H, T) for one index."""
        if self.queries is not None and self.keys is not None:
            return attention_rows(self.queries, self.keys, query, self.mask)
        return self.held[:, :, query].float()


class AttentionTap(TorchFunctionMode):
    """While active, count the attentions of a forward pass and keep those that are wanted.

    wanted: layer number -> keep it? The fused kernel stays fused; queries and keys are copied, so that
    nothing else of the pass is held. path: by which of the three calls attention was found.
    differentiable: write the attention out instead and keep it with its gradient, in `.attention`.
    start: the number of the first layer that is heard.
    """

    def __init__(self, wanted: Callable[[int], bool], differentiable: bool = False, start: int = 0):
        super().__init__()
        self.wanted, self.differentiable = wanted, differentiable
        self.kept: dict[int, LayerAttention] = {}
        self.attention: list[Tensor] = []
        self.count = start  # of the next layer
        self.paths: set[str] = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Called by PyTorch instead of `func`; inside, the mode is switched off."""
        kwargs = kwargs or {}
        if func is FUSED:
            return self._fused(*args, **kwargs)
        if func is PACKED:
            return self._packed(args, kwargs)
        result = func(*args, **kwargs)
        if func in WRITTEN_OUT and _is_square(result, *args[1:], **kwargs):
            self.paths.add("softmax")
            if self.differentiable:
                self._track(result)
            else:
                self._keep(lambda: LayerAttention(maps=result.detach()))
        return result

    def _keep(self, make: Callable[[], LayerAttention]) -> None:
        if self.wanted(self.count):
            self.kept[self.count] = make()
        self.count += 1

    def _fused(self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, **more) -> Tensor:
        """scaled_dot_product_attention: (B, H, T, d) each; tokens that ask others (pooling) pass by."""
        if query.shape[-2] != key.shape[-2]:
            return FUSED(query, key, value, attn_mask, dropout_p, is_causal, **more)
        self.paths.add("fused")
        mask = _causal(query, key) if is_causal else attn_mask
        if self.differentiable:
            return self._written_out(query, key, value, mask, more.get("scale"))
        self._keep(lambda: _layer(query, key, mask, more.get("scale")))
        return FUSED(query, key, value, attn_mask, dropout_p, is_causal, **more)

    def _packed(self, args: tuple, kwargs: dict[str, Any]):
        """nn.MultiheadAttention's function, which hides the fused kernel: (T, B, D) -> (T, B, D)."""
        given = _PACKED_SIGNATURE.bind(*args, **kwargs).arguments
        separate = given.get("use_separate_proj_weight") or given["in_proj_weight"] is None
        if separate or given["query"].shape[0] != given["key"].shape[0]:
            return PACKED(*args, **kwargs)  # not self-attention over patches, but a query that pools them
        self.paths.add("nn.MultiheadAttention")
        if not self.differentiable:
            self._keep(lambda: _packed_layer(given))
            return PACKED(*args, **kwargs)
        query, key, value = _project(given, 3)
        out = self._written_out(query, key, value, _packed_mask(given), None)  # (B, H, T, d)
        out = out.permute(2, 0, 1, 3).flatten(2)  # (T, B, D)
        return F.linear(out, given["out_proj_weight"], given["out_proj_bias"]), None

    def _track(self, attention: Tensor) -> Tensor:
        """Keep it; where nothing before it asks for a gradient, it is where gradients begin."""
        if not attention.requires_grad and torch.is_grad_enabled():
            attention.requires_grad_()
        self.attention.append(attention)
        return attention

    def _written_out(self, query, key, value, mask, scale) -> Tensor:
        """softmax(q k^T * scale + mask) v, with the softmax kept."""
        attention = scores(_rescaled(query, scale), key, mask).softmax(dim=-1).to(value.dtype)
        return self._track(attention) @ value


def nothing_seen(network: nn.Module) -> ValueError:
    """What to raise when a forward pass called none of the three."""
    return ValueError(
        f"{type(network).__name__} has no attention over patches that could be seen; for a convolutional "
        "network use grad_cam or activation_attention."
    )


@contextmanager
def open_between(tap: AttentionTap, first: nn.Module, last: nn.Module) -> Iterator[None]:
    """Open the tap when `first` is about to run, close it when `last` has; the hooks go with the block."""
    is_open = False

    def opened(*_given: object) -> None:
        nonlocal is_open
        is_open = True
        tap.__enter__()

    def close(*_given: object) -> None:
        nonlocal is_open
        if is_open:
            is_open = False
            tap.__exit__(None, None, None)

    handles = [first.register_forward_pre_hook(opened), last.register_forward_hook(close)]
    try:
        yield
    finally:
        close()
        for handle in handles:
            handle.remove()


def _layer(query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None) -> LayerAttention:
    """Copies of queries and keys."""
    queries, keys = _rescaled(query.detach(), scale).contiguous(), key.detach().contiguous()
    return LayerAttention(queries, keys, None if mask is None else mask.detach())


def _rescaled(queries: Tensor, scale: float | None) -> Tensor:
    """The queries with an unusual scale folded in, so that the usual 1 / sqrt(d) makes it right."""
    usual = queries.shape[-1] ** -0.5
    return queries if scale is None or abs(scale / usual - 1) <= 1e-12 else queries * (scale / usual)


def _project(given: dict[str, Any], parts: int) -> list[Tensor]:
    """Queries, keys (and values) of nn.MultiheadAttention, each (B, H, T, d)."""
    heads, weight, bias = given["num_heads"], given["in_proj_weight"], given["in_proj_bias"]
    width = weight.shape[1]
    out = []
    for part, x in enumerate((given["query"], given["key"], given["value"])[:parts]):  # (T, B, D)
        rows = slice(part * width, (part + 1) * width)
        y = F.linear(x, weight[rows], None if bias is None else bias[rows])
        out.append(y.unflatten(2, (heads, width // heads)).permute(1, 2, 0, 3))
    return out


def _packed_layer(given: dict[str, Any]) -> LayerAttention:
    query, key = _project(given, 2)
    return _layer(query, key, _packed_mask(given), None)


def _packed_mask(given: dict[str, Any]) -> Tensor | None:
    """nn.MultiheadAttention's mask, where True *forbids*, as the kernel's, where True allows."""
    mask = given.get("attn_mask")
    if mask is None:
        return None
    if mask.ndim == 3:  # (B * H, T, T)
        mask = mask.unflatten(0, (-1, given["num_heads"]))
    return ~mask if mask.dtype == torch.bool else mask


def _causal(query: Tensor, key: Tensor) -> Tensor:
    size = query.shape[-2], key.shape[-2]
    return torch.ones(size, dtype=torch.bool, device=query.device).tril()


def _is_square(result, dim=None, *more, **kwargs) -> bool:
    """Is this softmax one of attention: (B, H, T, T), along the last axis?"""
    dim = kwargs.get("dim", dim)
    if not isinstance(result, Tensor) or result.ndim != 4 or dim not in (-1, 3):
        return False
    return result.shape[-1] == result.shape[-2] > 1
