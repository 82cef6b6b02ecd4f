"""Films: frames are scenes, motion is what is stated, and the pixels move that way."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from course_lib.world import World, WorldConfig


def test_a_clip_is_its_scenes_drawn():
    world = World(WorldConfig(clip_frames=5))
    clip = world.clip(4)
    assert clip.frames.shape == (5, 48, 48, 3)
    number = len(clip.scenes[0].objects)
    assert clip.masks.shape == (5, number, 48, 48)
    assert clip.boxes.shape == (5, number, 4)
    assert clip.scenes[0] == world.scene(4)
    for time, scene in enumerate(clip.scenes):
        drawn = world.render(scene)
        np.testing.assert_array_equal(clip.frames[time], drawn.image)
        np.testing.assert_array_equal(clip.masks[time], drawn.masks)
        np.testing.assert_array_equal(clip.boxes[time], drawn.boxes)
    again = World(WorldConfig(clip_frames=5)).clip(4)
    np.testing.assert_array_equal(again.frames, clip.frames)


@pytest.mark.parametrize("horizon", [True, False])
def test_objects_move_as_stated(horizon):
    world = World(WorldConfig(horizon=horizon, clip_frames=6))
    seen = Counter()
    step = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
    for index in range(120):
        clip = world.clip(index)
        for number, (motion, (dx, dy)) in enumerate(zip(clip.motions, clip.velocities, strict=True)):
            seen[motion] += 1
            track = [scene.objects[number] for scene in clip.scenes]
            first, last = track[0], track[-1]
            moved = np.subtract(last.position, first.position)
            np.testing.assert_allclose(moved, (5 * dx, 5 * dy), atol=1e-12)
            assert (np.sign(dx), np.sign(dy)) == step.get(motion, (0, 0))
            assert (last.size > first.size) == (motion == "nearer") == (last.depth < first.depth)
            assert (last.size < first.size) == (motion == "farther") == (last.depth > first.depth)
            assert len({(t.kind, t.color, t.traits) for t in track}) == 1
            assert motion == "still" or max(abs(dx), abs(dy)) > 0 or motion in ("nearer", "farther")
        order = [[t.depth for t in scene.objects] for scene in clip.scenes]
        assert all(depths == sorted(depths) for depths in order), "the depth order never changes"
    expected = {"still", "left", "right", "up", "down", "nearer", "farther"}
    assert set(seen) == expected


def test_the_main_objects_pixels_move_with_it():
    world = World(WorldConfig(max_objects=1, nuisance=0.0, clip_frames=4, size=96))
    checked = 0
    for index in range(60):
        clip = world.clip(index)
        if clip.motions[0] in ("left", "right", "up", "down"):
            rows, columns = np.nonzero(clip.masks[0, 0])
            edge = rows.min() == 0 or columns.min() == 0 or rows.max() == 95 or columns.max() == 95
            rows, columns = np.nonzero(clip.masks[-1, 0])
            edge |= rows.min() == 0 or columns.min() == 0 or rows.max() == 95 or columns.max() == 95
            if edge:
                continue  # partly outside: its centre does not move as far
            centres = [np.argwhere(mask).mean(0)[::-1] for mask in clip.masks[:, 0]]
            moved = (centres[-1] - centres[0]) / 96
            np.testing.assert_allclose(moved, 3 * np.array(clip.velocities[0]), atol=0.01)
            checked += 1
    assert checked > 10


def test_motion_zero_is_a_still():
    clip = World(WorldConfig(motion=0.0, nuisance=0.0, clip_frames=3)).clip(0)
    assert set(clip.motions) == {"still"}
    np.testing.assert_array_equal(clip.frames[0], clip.frames[2])
