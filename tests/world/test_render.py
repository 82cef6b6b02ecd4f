"""Pictures and their labels come from one drawing and must fit each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.world import COLORS, KINDS, World, WorldConfig
from course_lib.world import render as drawing

configs = st.builds(
    WorldConfig,
    size=st.sampled_from([48, 64, 96]),
    seed=st.integers(0, 10**6),
    max_objects=st.integers(1, 8),
    horizon=st.booleans(),
    style=st.sampled_from(["flat", "sketch", "textured", "mixed"]),
    words=st.booleans(),
    charts=st.booleans(),
    nuisance=st.floats(0, 1),
)
few = settings(max_examples=40, deadline=None)


@few
@given(configs, st.integers(0, 10**9))
def test_labels_fit_each_other(config, index):
    world = World(config)
    scene = world.scene(index)
    got = world.render(scene)
    number, size = len(scene.objects), config.size
    assert got.image.shape == (size, size, 3)
    assert got.image.dtype == np.uint8
    assert got.masks.shape == (number, size, size)
    assert got.masks.dtype == bool
    assert got.boxes.shape == (number, 4)
    assert got.depth.shape == (size, size)
    assert got.depth.dtype == np.float32
    assert got.masks.sum(0).max() <= 1, "masks are disjoint"
    assert (got.masks.sum((1, 2)) > 0).all(), "every object can be seen"
    for mask, (left, top, right, bottom) in zip(got.masks, got.boxes, strict=True):
        rows, columns = np.nonzero(mask)
        assert (left, top, right, bottom) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    # background, boards and objects together cover the picture, each with its own depth
    assert np.isfinite(got.depth).all()
    for thing, mask in zip(scene.objects, got.masks, strict=True):
        assert (got.depth[mask] == np.float32(thing.depth)).all()
    rest = got.depth[~got.masks.any(0)]
    assert ((rest == 0.5) | (rest >= 1.0)).all()
    assert (rest <= 20.0).all()
    np.testing.assert_array_equal(got.image, world.image(scene))


@few
@given(configs, st.integers(0, 10**9))
def test_what_is_nearer_hides_what_is_farther(config, index):
    """The visible masks must be what one gets by composing the objects, each drawn alone, by depth."""
    world = World(config)
    scene = world.scene(index)
    bare = replace(scene, words=(), chart=None)
    alone = [world.render(replace(bare, objects=(thing,))).masks[0] for thing in scene.objects]
    depths = np.array([thing.depth for thing in scene.objects])[:, None, None]
    distance = np.where(alone, depths, np.inf)
    owner = np.where(np.isfinite(distance.min(0)), distance.argmin(0), -1)
    got = world.render(bare)
    for number in range(len(alone)):
        np.testing.assert_array_equal(got.masks[number], owner == number)
    boards = world.render(scene)
    for number in range(len(alone)):
        assert not (boards.masks[number] & ~got.masks[number]).any(), "a board only hides"


def test_ground_comes_nearer_downwards_and_the_sky_is_far():
    world = World(WorldConfig(nuisance=0.0))
    for index in range(30):
        scene = world.scene(index)
        got = world.render(scene)
        free = ~got.masks.any(0)
        assert (got.depth[0][free[0]] == 20.0).all()
        for column in range(0, 48, 7):
            ground = got.depth[int(scene.horizon * 48) + 2 :, column][
                free[int(scene.horizon * 48) + 2 :, column]
            ]
            assert (np.diff(ground) < 0).all()
        for thing in scene.objects:  # who stands on the ground stands where the ground is as far as it
            if thing.kind in ("house", "car", "cat", "cup"):
                foot = thing.position[1] + thing.size / 2
                assert (1.02 - scene.horizon) / (foot - scene.horizon) == pytest.approx(thing.depth)


SHADES = {
    name: [np.array(rgb), np.array(rgb) * 0.7 + np.array([6, 3, 9]), np.array(rgb) * 0.58 + 107]
    for name, rgb in COLORS.items()
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_named_colour_covers_most_of_the_object(kind):
    """Seen in the pixels: the shades of the named colour outnumber those of the accent, black and white."""
    world = World(WorldConfig(kinds=(kind,), max_objects=1, nuisance=0.0, size=96))
    points = np.array(
        [shade for shades in SHADES.values() for shade in shades] + [[248, 246, 240], [40, 38, 44]]
    )
    names = [name for name in SHADES for _ in range(3)] + ["white", "black"]
    right = 0
    for index in range(24):
        scene = world.scene(index)
        got = world.render(scene)
        pixels = got.image[got.masks[0]].astype(float) * 128 / scene.light.gain
        nearest = ((pixels[:, None] - points) ** 2).sum(2).argmin(1)
        counts = dict.fromkeys(names, 0)
        for place, count in enumerate(np.bincount(nearest, minlength=len(names))):
            counts[names[place]] += count
        right += max(counts, key=counts.get) == scene.objects[0].color
    assert right >= 21, f"{kind}: only {right} of 24"


def test_chart_columns_have_the_stated_heights_in_the_pixels():
    world = World(WorldConfig(charts=True, nuisance=0.0, size=96))
    forms = set()
    for index in range(40):
        scene = world.scene(index)
        picture = world.image(scene).astype(int) * 128 // scene.light.gain
        left, top, right, bottom = (round(v * 96) for v in scene.chart.box)
        panel = picture[top:bottom, left:right]
        for color, value in zip(scene.chart.colors, scene.chart.values, strict=True):
            like = (np.abs(panel - np.array(COLORS[color])).max(2) <= 4).sum(0)
            height = np.bincount(
                like[like > 0]
            ).argmax()  # most frequent height of the columns of that colour
            per_unit = 4 if scene.chart.form == "bars" else 3  # a dot is 4 high, its gap one (mixed) row
            assert height == value * per_unit, (index, color, value, height)
        forms.add(scene.chart.form)
    assert forms == {"bars", "dots"}


def test_each_word_is_drawn_in_its_own_way():
    world = World(WorldConfig(words=True, nuisance=0.0))
    seen: dict[str, bytes] = {}
    for index in range(150):
        scene = world.scene(index)
        (word,) = scene.words
        left, top, right, bottom = (round(v * 48) for v in word.box)
        ink = (world.image(scene)[top:bottom, left:right].sum(2) < 200).tobytes()
        assert seen.setdefault(word.text, ink) == ink
    assert len(seen) > 15
    assert len(set(seen.values())) == len(seen)


def test_styles_differ_and_keep_the_masks():
    world = World()
    scene = world.scene(8)
    drawn = {style: world.render(replace(scene, style=style)) for style in ("flat", "sketch", "textured")}
    for one in drawn.values():
        np.testing.assert_array_equal(one.masks, drawn["flat"].masks)
    images = [one.image.astype(int) for one in drawn.values()]
    assert all(np.abs(a - b).mean() > 2 for k, a in enumerate(images) for b in images[:k])


def test_nuisance_zero_is_still_and_one_is_noisy():
    quiet, loud = (World(WorldConfig(nuisance=level)) for level in (0.0, 1.0))
    scenes = [quiet.scene(i) for i in range(50)]
    assert {scene.noise for scene in scenes} == {0}
    assert {scene.light.gain for scene in scenes} == {128}
    assert np.std([loud.scene(i).light.gain for i in range(50)]) > 8
    assert np.mean([loud.scene(i).noise for i in range(50)]) > 4


def test_the_picture_is_the_box_average_of_the_fine_drawing():
    """Oracle for the packed lanes: colour each fine pixel, average 3 x 3, apply light; in float."""
    world = World(WorldConfig(nuisance=1.0))
    for index in range(10):
        scene = world.scene(index)
        table = np.frombuffer(drawing.palette(scene), np.uint8).reshape(-1, 3)
        fine = table[drawing.draw(scene)].astype(float)
        small = fine.reshape(48, 3, 48, 3, 3).mean((1, 3))
        steps = (2 * np.arange(48) - 47) / 48
        gain, right, down = scene.light
        light = (gain + down * steps[:, None] + right * steps[None]) / 128
        lit = small * light[:, :, None]
        quiet = world.image(replace(scene, noise=0)).astype(float)
        assert np.abs(quiet - np.minimum(lit, 255)).max() < 3.5
        noise = world.image(scene).astype(float) - quiet
        inside = (quiet > 60) & (quiet < 195)
        if scene.noise > 2 and inside.sum() > 500:
            assert abs(noise[inside].std() / scene.noise - 1) < 0.2


def test_pillow_draws_only_at_whole_pixels_far_from_zero():
    """The argument of `pen` needs every corner to be a whole number at x >= 1024 - a picture's side."""
    seen = []
    canvas = drawing._canvas(48)
    original = canvas.polygon
    canvas.polygon = lambda points, ink: (seen.append(points), original(points, ink))
    try:
        for index in range(40):
            drawing.draw(World(WorldConfig(nuisance=1.0)).scene(index))
    finally:
        canvas.polygon = original
    corners = [value for points in seen for value in points]
    assert all(type(value) is int for value in corners)
    assert min(min(points[::2]) for points in seen) > 1024 - 144
