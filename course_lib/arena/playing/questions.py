"""What the arena asks: a pool of world pictures, each with one question whose right answer is known.

As in WildVision-Arena (arXiv:2406.11069) questions are sorted along two axes: here their family and the
domain of their picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import Any

import numpy as np

from course_lib.world import Question, Scene, World, WorldConfig

FAMILIES = ("general", "knowledge", "ocr_chart", "vision_centric")
# each domain is a world of its own: what the picture is a picture of
DOMAINS: dict[str, dict[str, Any]] = {
    "landscape": {"horizon": True},
    "studio": {"horizon": False},
    "sign": {"words": True},
    "chart": {"charts": True},
}
# which domains have questions of a family
HOMES = {family: tuple(DOMAINS) for family in FAMILIES} | {"ocr_chart": ("sign", "chart")}


@dataclass(frozen=True)
class ArenaQuestion:
    """One question about one picture. `question.answer` is the truth: it stays out of every page."""

    id: str  # for example "chart-12-general-3": domain, scene, family, place among the scene's questions
    domain: str
    scene: Scene
    question: Question

    @property
    def family(self) -> str:
        """general, knowledge, ocr_chart or vision_centric."""
        return self.question.category

    @property
    def alt(self) -> str:
        """The picture in words, complete: who cannot see it can judge the answers too."""
        return _ANY.captions(self.scene)[-1]

    def image(self) -> np.ndarray:
        """The picture (H, W, 3) uint8."""
        return _ANY.image(self.scene)

    def png(self) -> bytes:
        """The picture as a PNG file."""
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(self.image()).save(file, format="PNG")
        return file.getvalue()


_ANY = World()  # what a scene looks like and says depends on the scene alone


def pool(size: int = 200, seed: int = 0, side: int = 96) -> list[ArenaQuestion]:
    """Questions on scenes of the test split, every family and, within it, every domain equally often.

    size: how many, at least 1. seed: of the worlds and of the choice. side: of the pictures, in pixels. A
    longer pool begins with the shorter one of the same seed. Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"pool: size is {size}; give the number of questions, at least 1.")
    return list(islice(_endless(seed, side), size))


def _endless(seed: int, side: int) -> Iterator[ArenaQuestion]:
    worlds = {
        domain: World(WorldConfig(size=side, seed=seed, style="mixed", min_objects=2, **switches), "test")
        for domain, switches in DOMAINS.items()
    }
    scenes = {domain: count() for domain in DOMAINS}
    homes = {family: cycle(domains) for family, domains in HOMES.items()}
    random = np.random.default_rng(seed)
    for family in cycle(FAMILIES):
        domain = next(homes[family])
        while True:
            index = next(scenes[domain])
            scene = worlds[domain].scene(index)
            found = [q for q in worlds[domain].questions(scene) if q.category == family]
            if found:
                break
        place = int(random.integers(len(found)))
        yield ArenaQuestion(f"{domain}-{index}-{family}-{place}", domain, scene, found[place])
