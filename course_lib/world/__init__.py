"""The embedded dataset: a drawn picture-book world with complete ground truth (DESIGN, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.world.config import WorldConfig
from course_lib.world.core import World
from course_lib.world.scene import Question, Rendered, Scene
from course_lib.world.vocabulary import COLORS, KINDS

if TYPE_CHECKING:
    from course_lib.world.dataset import WorldDataset

__all__ = ["COLORS", "KINDS", "Question", "Rendered", "Scene", "World", "WorldConfig", "WorldDataset"]


def __getattr__(name: str):
    if name == "WorldDataset":  # the only part that needs torch
        from course_lib.world.dataset import WorldDataset

        return WorldDataset
    raise AttributeError(f"course_lib.world has no {name!r}")
