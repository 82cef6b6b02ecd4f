"""Sheets of the world show what they say, and every figure carries its words."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from course_lib.viz import figures, world_sheets
from course_lib.world import KINDS, World, WorldConfig


def titles(figure):
    return [axes.get_title() or axes.get_title(loc="left") for axes in figure.axes]


def test_alt_keeps_the_text_and_wants_one():
    figure = Figure()
    assert figures.alt(figure, " two\n  words ") is None
    assert figure.alt_text == "two words"
    with pytest.raises(ValueError, match="text is empty"):
        figures.alt(figure, "  ")


def test_in_a_notebook_it_is_a_picture_with_its_text_as_alt_and_below_it(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "_in_notebook", lambda: True)
    monkeypatch.setattr(
        "IPython.display.display", lambda bundle, raw, metadata=None: shown.append((bundle, metadata))
    )
    figures.alt(Figure(figsize=(2, 1)), 'a "quoted" <b>')
    ((picture, metadata),) = shown
    assert Image.open(io.BytesIO(base64.b64decode(picture["image/png"]))).format == "PNG"
    assert picture["text/plain"] == '[figure: a "quoted" <b>]'
    assert metadata == {"image/png": {"alt": 'a "quoted" <b>'}}
    assert f'<img src="data:image/png;base64,{picture["image/png"]}"' in picture["text/html"]
    assert 'alt="a &quot;quoted&quot; &lt;b&gt;"' in picture["text/html"]
    assert "in words</summary>a &quot;quoted&quot; &lt;b&gt;</details>" in picture["text/html"]


def test_every_kind_is_on_the_contact_sheet():
    figure = world_sheets.kinds_sheet(size=32, each=1)
    assert [title for title in titles(figure) if title] == list(KINDS)


def test_outlined_colours_exactly_the_masks():
    world = World(WorldConfig(min_objects=3))
    drawn = world.render(world.scene(0))
    picture = world_sheets.outlined(drawn.image, drawn.masks).astype(int)
    coloured = np.ptp(picture, axis=2) > 0
    np.testing.assert_array_equal(coloured, drawn.masks.any(0))


def test_boxes_and_phrases_are_those_of_the_scene():
    world = World(WorldConfig(size=64, min_objects=3))
    drawn = world.render(world.scene(2))
    figure = world_sheets.labels_sheet(world, [2])
    patches = [patch.get_bbox().extents + 0.5 for patch in figure.axes[2].patches]
    np.testing.assert_allclose(patches, drawn.boxes)
    texts = {f'"{phrase.text}"' for phrase in world.phrases(world.scene(2))}
    assert {title for title in titles(world_sheets.phrases_sheet(world, 2)) if title} <= texts


def test_the_title_of_the_tail_is_what_its_bars_show():
    figure = world_sheets.tail_figure(WorldConfig(distribution="long_tail", imbalance=20.0), number=400)
    heights = [round(bar.get_height()) for bar in figure.axes[0].patches]
    assert sum(heights) == 400
    assert f"house {heights[0]} times, blossom {heights[-1]} times" in figure.get_suptitle()


def test_the_other_sheets_have_their_rows():
    assert len(world_sheets.switches_sheet(columns=2).axes) == 11
    assert len(world_sheets.styles_sheet([0, 1], size=32).axes) == 3
    assert len(world_sheets.way_up_sheet(size=32).axes) == 3
    assert len(world_sheets.copies_sheet(WorldConfig(size=32, duplicates=0.3, leaks=0.3)).axes) == 4
    clip = World(WorldConfig(size=32, clip_frames=3)).clip(0)
    (title,) = titles(world_sheets.clip_sheet([clip]))
    assert clip.motions[0] in title
