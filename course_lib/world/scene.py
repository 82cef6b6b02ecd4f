"""What a scene is: plain records, nothing drawn yet.

A scene says everything about a picture, so every label can be read off it; `render.draw` is a pure function
of it.
Lengths are fractions of the picture's side, x to the right and y down, whatever
the size of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class Thing(NamedTuple):
    """One object of a scene."""

    kind: str  # a name in KINDS
    color: str  # a name in COLORS: the colour of the largest part
    size: float  # side of the square it is drawn in, as a fraction of the picture's side
    position: tuple[float, float]  # (x, y) centre of that square; y grows downwards
    depth: float  # distance from the viewer; the smaller hides the larger
    accent: str  # colour of the smaller parts, drawn independently of kind and colour
    turn: int  # rotation in 1/256 of a full turn, clockwise; small when the kind has a way up
    mirrored: bool  # drawn facing the other way
    pattern: int  # which of 8 patterns covers it in the "textured" style
    traits: tuple[float, ...]  # 8 numbers in [0, 1): its proportions and which parts it has


class Word(NamedTuple):
    """A word on a sign. `box` is (left, top, right, bottom) as fractions of the picture's side."""

    text: str
    box: tuple[float, float, float, float]


class Chart(NamedTuple):
    """A small chart: one column for each colour, its value is the number of units (1-8)."""

    form: str  # "bars" or "dots"
    colors: tuple[str, ...]
    values: tuple[int, ...]
    box: tuple[float, float, float, float]


class Light(NamedTuple):
    """Brightness in 1/128 at the centre, and how much it changes per half picture to the right and down."""

    gain: int
    right: int
    down: int


class Copy(NamedTuple):
    """Where a planted copy comes from. form is "exact" (same bytes) or "near" (other light and noise)."""

    split: str
    source: int
    form: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything there is to know about one picture.

    objects: nearest first; `objects[0]` is the main one, the nearest and clearly the largest.
    horizon: row of the horizon as a fraction of the height, or None for a backdrop without up and down.
    """

    index: int
    split: str
    size: int
    objects: tuple[Thing, ...]
    style: str
    horizon: float | None
    sky: str  # a name in SKIES; without a horizon, the backdrop's name
    ground: str | None  # a name in GROUNDS; None without a horizon
    decor: tuple[float, ...]  # 24 numbers in [0, 1): clouds, hills, patches
    light: Light
    noise: int  # strength of the pixel noise, in grey levels
    noise_seed: int
    words: tuple[Word, ...] = ()
    chart: Chart | None = None
    copy: Copy | None = None

    @property
    def label(self) -> str:
        """Kind of the main object."""
        return self.objects[0].kind


@dataclass(frozen=True, slots=True)
class Rendered:
    """A drawn scene. K is the number of objects, in the order of `scene.objects`.

    image (H, W, 3) uint8; masks (K, H, W) bool, the visible part of each object, disjoint;
    boxes (K, 4) int64, tight around the visible part: left, top, right, bottom in pixels, the last two
    exclusive, all zero if nothing is visible; depth (H, W) float32, the distance of what is seen at each
    pixel.
    """

    image: np.ndarray
    masks: np.ndarray
    boxes: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase that fits exactly one object of its scene; `object` is its place in scene.objects."""

    text: str
    object: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence about a scene and whether it is true. form: "relation" or "negation"."""

    text: str
    true: bool
    form: str


@dataclass(frozen=True, slots=True)
class HardNegative:
    """A true sentence and a false one of the same words. form: "swapped roles" or "swapped attributes"."""

    positive: str
    negative: str
    form: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its one right answer. category: general, knowledge, ocr_chart or vision_centric."""

    text: str
    answer: str
    category: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A short film of one scene.

    scenes: T scenes, objects in the same order in each. velocities: per object (dx, dy) per frame, as
    fractions of the picture's side. frames (T, H, W, 3) uint8. masks (T, K, H, W) bool. boxes (T, K, 4)
    int64.
    motions: per object one of "still", "left", "right", "up", "down", "nearer", "farther".
    """

    scenes: tuple[Scene, ...]
    motions: tuple[str, ...]
    velocities: tuple[tuple[float, float], ...]
    frames: np.ndarray
    masks: np.ndarray
    boxes: np.ndarray


def as_dict(scene: Scene) -> dict[str, Any]:
    """The scene as plain dicts, tuples and numbers, for JSON or a table."""
    values = {name: getattr(scene, name) for name in Scene.__slots__}
    values["objects"] = [thing._asdict() for thing in scene.objects]
    values["words"] = [word._asdict() for word in scene.words]
    values["chart"] = scene.chart._asdict() if scene.chart else None
    values["copy"] = scene.copy._asdict() if scene.copy else None
    values["light"] = scene.light._asdict()
    return values
