"""Short films: the objects of a scene move, and how they move is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from course_lib.world.config import WorldConfig
from course_lib.world.render import render
from course_lib.world.sampler import CLIP, sample, stream
from course_lib.world.scene import Clip, Scene, Thing
from course_lib.world.vocabulary import FLOATS

_DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
_INSIDE = 0.1  # centres stay at least this far inside the picture


def _motion(config: WorldConfig, draw, scene: Scene, number: int) -> tuple[str, float, float]:
    """Motion of one object: its name, its speed (sides per frame), its growth per frame."""
    thing = scene.objects[number]
    choice, speed = draw(), config.motion * (0.5 + draw())
    frames = config.clip_frames - 1
    if speed == 0.0 or choice < 0.15:
        return "still", 0.0, 0.0
    if choice < 0.3 and number == 0:
        return "nearer", 0.0, min(speed, 0.3 / frames)
    if choice < 0.3 and number == len(scene.objects) - 1:
        return "farther", 0.0, -min(speed, 0.3 / frames)
    free = thing.kind in FLOATS or scene.horizon is None
    names = ("left", "right", "up", "down") if free else ("left", "right")
    first = int(draw() * len(names))
    for name in names[first:] + names[:first]:
        du, dv = _DIRECTIONS[name]
        x, y = thing.position[0] + du * speed * frames, thing.position[1] + dv * speed * frames
        if _INSIDE <= x <= 1 - _INSIDE and _INSIDE <= y <= 1 - _INSIDE:
            return name, speed, 0.0
    return "still", 0.0, 0.0


def _moved(thing: Thing, name: str, speed: float, growth: float, time: int) -> Thing:
    if growth:
        scale = 1.0 + growth * time
        return thing._replace(size=thing.size * scale, depth=thing.depth / scale)
    du, dv = _DIRECTIONS.get(name, (0, 0))
    x, y = thing.position
    return thing._replace(position=(x + du * speed * time, y + dv * speed * time))


def clip(config: WorldConfig, split: str, index: int) -> Clip:
    """A film of `config.clip_frames` frames that starts at scene `index` of the split."""
    start = sample(config, split, index)
    draw = stream(config, split, index, CLIP)
    motions = [_motion(config, draw, start, number) for number in range(len(start.objects))]
    scenes = []
    for time in range(config.clip_frames):
        things = tuple(_moved(t, *motion, time) for t, motion in zip(start.objects, motions, strict=True))
        scenes.append(replace(start, objects=things, noise_seed=(start.noise_seed + 67 * time) % 4096))
    frames = [render(scene) for scene in scenes]
    velocities: tuple = tuple(
        tuple(speed * step for step in _DIRECTIONS.get(name, (0, 0))) for name, speed, _ in motions
    )
    return Clip(
        tuple(scenes),
        tuple(name for name, _, _ in motions),
        velocities,
        np.stack([frame.image for frame in frames]),
        np.stack([frame.masks for frame in frames]),
        np.stack([frame.boxes for frame in frames]),
    )
