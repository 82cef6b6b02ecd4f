"""Which patches a word is about: maps of a text model that looks at image tokens. Pure tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def word_maps(attention: Tensor, gradient: Tensor, grid: tuple[int, int], prefix: int = 1) -> Tensor:
    """mean over heads of relu(gradient) * attention, as maps: (B, W, rows, columns) float32.

    attention (B, H, W, T): a layer's cross-attention of W words to T image tokens. gradient: of the
    matching score with respect to it, the same shape. prefix: image tokens before the first patch (CLS,
    registers), which are dropped; grid: rows and columns of the patches, T = prefix + rows * columns.
    Grad-CAM on cross-attention as ALBEF draws it (Li et al. 2021, arXiv:2107.07651, and visualization.ipynb
    of its code: the third layer of the multimodal encoder, which is the ninth of the text model).

    Raises ValueError for unequal shapes.
    """
    rows, columns = grid
    if attention.ndim != 4 or attention.shape != gradient.shape:
        raise ValueError(
            f"word_maps: attention {tuple(attention.shape)}, gradient {tuple(gradient.shape)}; give "
            "(B, heads, words, image tokens) twice."
        )
    if prefix < 0 or attention.shape[3] != prefix + rows * columns:
        raise ValueError(
            f"word_maps: {attention.shape[3]} image tokens; prefix={prefix} and a grid of {rows} x {columns} "
            f"patches make {prefix + rows * columns}."
        )
    maps = (gradient.detach().float().relu() * attention.detach().float()).mean(dim=1)  # (B, W, T)
    return maps[:, :, prefix:].unflatten(2, (rows, columns))


@dataclass(frozen=True)
class Alignment:
    """word_of_patch (B, N) int64: for each patch the most similar word. patch_of_word (B, W) int64: for
    each word the most similar patch, -1 for padding. similarity (B, N, W): cosines, -inf for padding.
    """

    word_of_patch: Tensor
    patch_of_word: Tensor
    similarity: Tensor


def token_patch_alignment(patches: Tensor, tokens: Tensor, token_mask: Tensor) -> Alignment:
    """Each patch's best word and each word's best patch, by cosine.

    patches (B, N, D), tokens (B, W, D): embeddings in the shared space, any length. token_mask (B, W): True
    or 1 for a word, False for padding, which is never chosen. What FILIP's similarity is made of (Yao et
    al. 2022, arXiv:2111.07783, section 3.1); its figures highlight the patches whose word belongs to the
    label. Raises ValueError for shapes that do not fit and for a text without any word.
    """
    fits = patches.ndim == 3 and tokens.ndim == 3 and patches.shape[::2] == tokens.shape[::2]
    if not fits or token_mask.shape != tokens.shape[:2]:
        raise ValueError(
            f"token_patch_alignment: patches {tuple(patches.shape)}, tokens {tuple(tokens.shape)}, "
            f"token_mask {tuple(token_mask.shape)}; give (B, N, D), (B, W, D) and (B, W)."
        )
    mask = token_mask.bool()
    if not mask.any(dim=1).all():
        raise ValueError("token_patch_alignment: token_mask has a text without any word; leave it out.")
    similarity = F.normalize(patches.float(), dim=2) @ F.normalize(tokens.float(), dim=2).transpose(1, 2)
    patch_of_word = similarity.argmax(dim=1).masked_fill(~mask, -1)
    similarity = similarity.masked_fill(~mask[:, None], -torch.inf)
    return Alignment(similarity.argmax(dim=2), patch_of_word, similarity)
