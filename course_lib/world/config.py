"""Every switch of the world, with its default."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from course_lib.world.vocabulary import KINDS, STYLES

SIZES = (32, 48, 64, 96)
SPLITS = ("train", "val", "test")
MOST_OBJECTS = 8


@dataclass(frozen=True)
class WorldConfig:
    """Which world is drawn. Equal configs give equal bytes; a bad value raises a ValueError that names it.

    size: side of the picture in pixels, one of 32, 48, 64, 96.
    seed: a whole number >= 0; another seed, another world.
    min_objects, max_objects: how many objects a scene may have, between 1 and 8, the main one included.
    kinds: which kinds appear, in the order of the class labels.
    distribution: "balanced" (each block of len(kinds) scenes has each main kind once) or "long_tail"
        (main kind k has probability proportional to imbalance ** (-k / (K - 1)), Cui et al. 2019,
        arXiv:1901.05555).
    imbalance: how many times more frequent the first kind is than the last in the long tail, >= 1.
    horizon: True for sky above and ground below; False for a backdrop that does not tell what is up.
    style: "flat", "sketch", "textured", or "mixed" for a different one in each scene.
    words, charts: put a sign with a word, a small chart, into each scene.
    nuisance: 0 to 1; how much light, noise, tilt and decoration vary.
    duplicates: expected fraction of scenes of a split that copy an earlier scene of that split.
    leaks: expected fraction of val and test scenes that copy one of the first `leak_pool` scenes of train.
    near_copies: fraction of the copies that differ in light and noise; the others are equal byte by byte.
    clip_frames: frames in a clip, 2 to 64. motion: expected speed of what moves, in picture sides per frame.
    """

    size: int = 48
    seed: int = 0
    min_objects: int = 1
    max_objects: int = 4
    kinds: tuple[str, ...] = KINDS
    distribution: str = "balanced"
    imbalance: float = 100.0
    horizon: bool = True
    style: str = "flat"
    words: bool = False
    charts: bool = False
    nuisance: float = 0.5
    duplicates: float = 0.0
    leaks: float = 0.0
    leak_pool: int = 500
    near_copies: float = 0.5
    clip_frames: int = 8
    motion: float = 0.03

    def __post_init__(self) -> None:
        if isinstance(self.kinds, list):
            object.__setattr__(self, "kinds", tuple(self.kinds))
        _check(self)

    def key(self) -> str:
        """Sixteen hexadecimal digits that differ when any field differs."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check(config: WorldConfig) -> None:
    def require(holds: bool, name: str, works: str) -> None:
        if not holds:
            raise ValueError(f"WorldConfig: {name} is {getattr(config, name)!r}; it must be {works}.")

    require(_whole(config.size) and config.size in SIZES, "size", "one of 32, 48, 64, 96")
    require(_whole(config.seed) and 0 <= config.seed < 2**63, "seed", "a whole number from 0 to 2**63 - 1")
    for name in ("min_objects", "max_objects"):
        value = getattr(config, name)
        require(
            _whole(value) and 1 <= value <= MOST_OBJECTS, name, f"a whole number from 1 to {MOST_OBJECTS}"
        )
    require(
        config.min_objects <= config.max_objects, "min_objects", f"at most max_objects = {config.max_objects}"
    )
    kinds = config.kinds
    known = isinstance(kinds, tuple) and len(kinds) > 0 and all(kind in KINDS for kind in kinds)
    require(known, "kinds", f"a tuple of names among {', '.join(KINDS)}")
    require(len(set(kinds)) == len(kinds), "kinds", "without repeated names")
    require(config.distribution in ("balanced", "long_tail"), "distribution", '"balanced" or "long_tail"')
    require(config.style in (*STYLES, "mixed"), "style", '"flat", "sketch", "textured" or "mixed"')
    for name in ("horizon", "words", "charts"):
        require(isinstance(getattr(config, name), bool), name, "True or False")
    require(not (config.size == 32 and config.words and config.charts), "size",
            "48 or more for words and charts in one picture")  # fmt: skip
    for name in ("nuisance", "duplicates", "leaks", "near_copies"):
        value = getattr(config, name)
        real = isinstance(value, (int, float)) and not isinstance(value, bool)
        require(real and 0 <= value <= 1, name, "a number from 0 to 1")
    for name, least, most in (("imbalance", 1, 1e6), ("motion", 0, 0.5)):
        value = getattr(config, name)
        real = isinstance(value, (int, float)) and not isinstance(value, bool)
        require(real and least <= value <= most, name, f"a number from {least:g} to {most:g}")
    require(_whole(config.leak_pool) and config.leak_pool >= 1, "leak_pool", "a whole number of at least 1")
    require(
        _whole(config.clip_frames) and 2 <= config.clip_frames <= 64,
        "clip_frames",
        "a whole number from 2 to 64",
    )
