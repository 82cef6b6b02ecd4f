"""`World`: scenes, pictures and every label, by number."""

from __future__ import annotations

import numpy as np

from course_lib.world import language
from course_lib.world import questions as _questions
from course_lib.world import render as _render
from course_lib.world.clips import clip
from course_lib.world.config import SPLITS, WorldConfig
from course_lib.world.sampler import copy_of, sample
from course_lib.world.scene import Clip, Copy, HardNegative, Phrase, Question, Rendered, Scene, Statement


class World:
    """The picture-book world of one config.

    world = World(WorldConfig(size=48, seed=0)); scene = world.scene(7); picture = world.render(scene).image

    split: "train", "val" or "test"; the three never share a scene, unless `leaks` plants copies on purpose.
    """

    def __init__(self, config: WorldConfig | None = None, split: str = "train"):
        if config is None:
            config = WorldConfig()
        if not isinstance(config, WorldConfig):
            raise TypeError(
                f"World: config is a {type(config).__name__}; give a WorldConfig, e.g. WorldConfig(size=64)."
            )
        self.config = config
        self.split = _split(split)

    def scene(self, index: int, split: str | None = None) -> Scene:
        """Scene number `index` (a whole number >= 0) of a split; the same for ever."""
        return sample(self.config, _split(split or self.split), _index(index))

    def copy_of(self, index: int, split: str | None = None) -> Copy | None:
        """Which scene this one was planted as a copy of; None if it is an original."""
        return copy_of(self.config, _split(split or self.split), _index(index))

    def label(self, scene: Scene) -> int:
        """Place of the main object's kind in `config.kinds`."""
        return self.config.kinds.index(scene.objects[0].kind)

    def render(self, scene: Scene) -> Rendered:
        """Picture and labels: image (H,W,3) uint8, masks (K,H,W) bool, boxes (K,4), depth (H,W) float32."""
        return _render.render(scene)

    def image(self, scene: Scene) -> np.ndarray:
        """Only the picture (H, W, 3) uint8; several times faster than `render`."""
        return _render.image(scene)

    def captions(self, scene: Scene) -> list[str]:
        """True captions of the scene, from short to dense."""
        return language.captions(scene)

    def phrases(self, scene: Scene) -> list[Phrase]:
        """Noun phrases that each mean exactly one object: .text and .object, its place in scene.objects."""
        return language.phrases(scene)

    def relations(self, scene: Scene) -> list[Statement]:
        """Sentences about where two objects are: .text and .true."""
        return language.relations(scene)

    def negations(self, scene: Scene) -> list[Statement]:
        """Sentences with "no" or "not": .text and .true."""
        return language.negations(scene)

    def hard_negatives(self, scene: Scene) -> list[HardNegative]:
        """Pairs of a true and a false sentence made of the same words: .positive, .negative, .form."""
        return language.hard_negatives(scene)

    def questions(self, scene: Scene) -> list[Question]:
        """Questions: .text, .answer, .category in {general, knowledge, ocr_chart, vision_centric}."""
        return _questions.questions(scene)

    def clip(self, index: int, split: str | None = None) -> Clip:
        """A short film that starts at scene `index`, with its motion, masks and boxes."""
        return clip(self.config, _split(split or self.split), _index(index))


def _split(split: str) -> str:
    if split not in SPLITS:
        raise ValueError(f"World: split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    return split


def _index(index: int) -> int:
    if not isinstance(index, (int, np.integer)) or isinstance(index, bool) or not 0 <= index < 2**63:
        raise ValueError(f"World: index is {index!r}; it must be a whole number from 0 on.")
    return int(index)
