"""Arrays -> static figures -> interactive widgets. Nothing here imports matplotlib until it draws.

Modules (``course_lib.viz.intro_figures``, ...) are imported by their full name; the names below load on
first use.
"""

from __future__ import annotations

import importlib
from typing import Any

# public name -> module that defines it
_HOME = {
    "AttentionViewer": "widgets.attention_viewer",
    "AugmentationExplorer": "widgets.augmentation_explorer",
    "ContextQuiz": "widgets.context_quiz",
    "EmbeddingExplorer": "widgets.embedding_explorer",
    "JigsawGame": "widgets.jigsaw_game",
    "MaskExplorer": "widgets.mask_explorer",
    "ArenaGame": "widgets.arena",
    "PairwiseVote": "widgets.pairwise_vote",
    "activation_attention": "arrays.activation",
    "alt": "figures",
    "attention_maps": "arrays.attention",
    "attention_rows": "arrays.attention",
    "draw_flows": "flow",
    "grad_cam": "arrays.grad_cam",
    "nearest_neighbours": "arrays.neighbours",
    "outliers": "arrays.patches",
    "patch_pca": "arrays.patch_pca",
    "patch_similarity": "arrays.patches",
    "patch_tokens": "arrays.patches",
    "read_attention": "arrays.attention",
    "read_flow": "flow",
    "reconstruction_panels": "arrays.reconstruction",
    "relevance": "arrays.relevance",
    "rollout": "arrays.rollout",
    "token_norms": "arrays.patches",
    "token_patch_alignment": "arrays.word_maps",
    "word_maps": "arrays.word_maps",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"course_lib.viz has no {name!r}; it has {', '.join(__all__)}.")
    return getattr(importlib.import_module(f"course_lib.viz.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
