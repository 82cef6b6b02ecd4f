"""The map: every station is drawn, and what a picture claims about the scene holds."""

import numpy as np
import pytest
from matplotlib.patches import ConnectionPatch

from course_lib.viz import course_map as course


@pytest.fixture
def axis():
    _, axis = course.panels(1, 1)
    return axis


IMAGE = np.random.default_rng(0).integers(0, 200, (24, 24, 3)).astype(np.uint8)


def test_stations_in_reading_order_with_arrows_along_each_row():
    drawn = []
    stations = [course.Station(f"s{n}", f"q{n}?", lambda axis, n=n: drawn.append(n)) for n in range(5)]
    figure = course.course_map(stations, columns=3)
    assert drawn == [0, 1, 2, 3, 4]
    assert [axis.get_title() for axis in figure.axes[:5]] == [f"{n + 1} · s{n}" for n in range(5)]
    assert sum(isinstance(artist, ConnectionPatch) for artist in figure.artists + figure.patches) == 3
    assert "1 s0: q0?; 2 s1: q1?" in figure.alt_text


def test_masked_takes_whole_patches_away_and_the_right_number(axis):
    course.masked(IMAGE, 6, 0.75, np.random.default_rng(1))(axis)
    shown = np.asarray(axis.images[0].get_array()).reshape(4, 6, 4, 6, 3).swapaxes(1, 2)
    gone = (shown == 200).all((2, 3, 4))
    assert gone.sum() == 12
    kept = IMAGE.reshape(4, 6, 4, 6, 3).swapaxes(1, 2)[~gone]
    np.testing.assert_array_equal(shown[~gone], kept)


def test_correlations_are_those_of_numpy(axis):
    first, second = np.random.default_rng(2).normal(size=(2, 50, 3))
    course.correlations(first, second)(axis)
    expected = np.corrcoef(first.T, second.T)[:3, 3:]
    np.testing.assert_allclose(np.asarray(axis.images[0].get_array()), expected, atol=1e-6)


def test_the_click_lies_on_the_object_also_when_its_middle_does_not(axis):
    ring = np.zeros((24, 24), bool)
    ring[4:20, 4:20] = True
    ring[8:16, 8:16] = False  # the mean position is in the hole
    course.with_prompt(IMAGE, ring)(axis)
    x, y = (values[0] for values in axis.lines[0].get_data())
    assert ring[int((1 - y) * 24), int(x * 24)]


def test_turned_is_a_quarter_turn(axis):
    course.turned(IMAGE)(axis)
    shown = np.asarray(axis.images[0].get_array())
    np.testing.assert_array_equal(np.rot90(shown, -1), IMAGE)


def test_scores_are_bars_as_long_as_the_accuracy(axis):
    course.scores({"a": 0.25, "b": 0.5}, chance=0.1)(axis)
    assert [bar.get_width() for bar in axis.patches] == [0.25, 0.5]
    assert [text.get_text() for text in axis.texts] == ["a: 25 %", "b: 50 %"]


def test_the_true_sentence_stands_out(axis):
    course.with_sentences(IMAGE, ["true", "false"])(axis)
    assert [text.get_fontweight() for text in axis.texts] == ["bold", "normal"]


def test_views_and_crops_are_all_shown(axis):
    course.two_views(IMAGE, IMAGE[::-1])(axis)
    assert len(axis.images) == 2
    course.teacher_and_students(IMAGE, [IMAGE] * 3)(axis)
    assert len(axis.images) == 6
