"""Figures of arenas and rankings: what is drawn is what the tables hold, and titles count right."""

import numpy as np
import pandas as pd
import pytest

from course_lib.viz import arena_figures as arenas
from course_lib.viz import ranking_figures as rankings
from course_lib.viz.contrastive_figures import panels
from course_lib.viz.point_labels import label_points

PATHS = pd.DataFrame({"A": [1002.0, 1004, 1006], "B": [998.0, 996, 994]})
TABLE = pd.DataFrame(
    {
        "rating": [1100.0, 1000, 900],
        "low": [1050.0, 960, 880],
        "high": [1150.0, 1040, 920],
        "rank": [1, 2, 3],
    },
    index=pd.Index(["A", "B", "C"], name="model"),
)


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_paths_are_the_ratings_and_the_leader_is_named(legible):
    figure = legible(arenas.rating_paths(PATHS))
    lines = {tuple(line.get_ydata()) for line in figure.axes[0].lines}
    assert {(1002, 1004, 1006), (998, 996, 994)} <= lines
    assert figure.get_suptitle() == "After 3 battles A leads; first and last are 12 points apart"
    assert "A 1006, B 994" in figure.alt_text


def test_the_spread_of_orders_runs_from_least_to_largest(legible):
    orders = pd.DataFrame({"A": [1010.0, 1030, 1020], "B": [1015.0, 1016, 1025]})
    played = pd.Series({"B": 1000.0, "A": 1005.0})
    figure = legible(arenas.order_spread(orders, played))
    axis = figure.axes[0]
    segments = [segment.tolist() for segment in axis.collections[0].get_segments()]
    assert segments == [[[1010, 1], [1030, 1]], [[1015, 0], [1025, 0]]]
    np.testing.assert_allclose(axis.lines[0].get_xdata(), [1020, 1018.6667], rtol=1e-6)
    assert list(axis.lines[1].get_xdata()) == [1005, 1000]  # by name, not by place
    assert "2 different leaders" in figure.get_suptitle()
    assert "moves by 15 points" in figure.get_suptitle()
    assert "B 2 times, A 1 time" in figure.alt_text


def test_a_leaderboard_draws_both_intervals_and_the_ranks_of_the_wider_one(legible):
    wider = TABLE.assign(low=TABLE["low"] - 50, high=TABLE["high"] + 50, rank=[1, 1, 2])
    figure = legible(arenas.leaderboard(TABLE, wider, ("by vote", "by prompt")))
    axis = figure.axes[0]
    narrow, wide = (c.get_segments() for c in axis.collections)
    assert narrow[0][:, 0].tolist() == [1050, 1150]
    assert wide[0][:, 0].tolist() == [1000, 1200]
    assert narrow[0][0, 1] > narrow[2][0, 1]  # the best on top
    assert [label.get_text() for label in axis.get_yticklabels()] == ["A  (1)", "B  (1)", "C  (2)"]
    # widths 100, 80, 40 and 200, 180, 140
    assert "2 of 3 models share rank 1" in figure.get_suptitle()
    assert "by prompt is 2.36 times as wide as by vote" in figure.get_suptitle().replace("\n", " ")


def test_a_short_leaderboard_still_speaks_of_all_models(legible):
    shared = TABLE.assign(rank=[1, 1, 1])
    figure = legible(arenas.leaderboard(shared, most=1))
    assert figure.get_suptitle() == "3 of 3 models share rank 1"
    assert len(figure.axes[0].get_yticklabels()) == 1


def test_heat_maps_hold_the_numbers_and_count_the_pairs(legible):
    names = ["A", "B", "C"]
    counts = pd.DataFrame([[0, 4, 0], [4, 0, 6], [0, 6, 0.0]], names, names)
    won = pd.DataFrame([[np.nan, 0.75, np.nan], [0.25, np.nan, 0.4], [np.nan, 0.6, np.nan]], names, names)
    figure = legible(arenas.count_and_win(counts, won))
    assert sorted(texts(figure.axes[0])) == ["4", "4", "6", "6"]  # a pair that never met has no number
    assert sorted(texts(figure.axes[1])) == ["25", "40", "60", "75"]
    title = figure.get_suptitle().replace("\n", " ")
    assert "1 of 3 pairs never met" in title
    assert "in 1 of 2 pairs" in title


def test_heat_maps_of_many_models_are_in_one_unit_and_their_numbers_stay_in_their_cells(legible):
    names = [f"a model with a long name {number}" for number in range(22)]
    counts = pd.DataFrame(2345 * (1 - np.eye(22)), names, names)
    figure = legible(arenas.count_and_win(counts, pd.DataFrame(1.0, names, names)))
    left, right, *bars = figure.axes
    assert right.images[0].get_clim() == bars[1].get_ylim() == (0, 100)
    assert set(texts(right)) == {"100"}
    for axis in (left, right):
        cell = axis.get_window_extent().width / 22
        assert max(text.get_window_extent().width for text in axis.texts) < 0.95 * cell
        assert [label.get_text() for label in axis.get_xticklabels()] == [str(i + 1) for i in range(22)]
    assert left.get_yticklabels()[2].get_text() == "a model with a long name 2  3"
    assert "in 231 of 231 pairs" in figure.get_suptitle()


def test_categories_are_drawn_as_differences_from_all(legible):
    table = pd.DataFrame({"all": [1000.0, 900], "x": [1010.0, 900], "y": [980.0, np.nan]}, ["A", "B"])
    figure = legible(arenas.category_deviations(table))
    assert texts(figure.axes[0]) == ["+10", "-20", "+0"]
    title = figure.get_suptitle().replace("\n", " ")
    assert title == "Largest of 4 gaps: A in y, -20 points. Signal, or few battles?"


def test_two_rankings_name_who_moved(legible):
    left = pd.Series({"A": 3.0, "B": 2.0, "C": 1.0})
    right = pd.Series({"new": 9.0, "C": 1.5, "A": 2.0, "B": 2.5})  # only models of both count
    figure = legible(rankings.two_rankings(left, right, ("plain", "controlled"), "%"))
    assert figure.get_suptitle() == "2 of 3 models change place"
    assert "A 1 to 2, B 2 to 1" in figure.alt_text
    assert [tuple(line.get_ydata()) for line in figure.axes[0].lines] == [(-1, -2), (-2, -1), (-3, -3)]


def test_scores_against_each_other_are_paired_by_name(legible):
    x, y = pd.Series({"A": 1.0, "B": 2.0, "C": 3.0}), pd.Series({"C": 30.0, "B": 10.0, "A": 20.0})
    figure = legible(rankings.against(x, y, {"x": "x", "y": "y"}, "a finding"))
    assert list(figure.axes[0].lines[0].get_ydata()) == [20, 10, 30]
    assert set(texts(figure.axes[0])) == {"A", "B", "C"}


def test_no_name_covers_a_point_that_has_no_name(legible):
    draw = np.random.default_rng(0)
    x, y = (pd.Series(draw.random(20), index=[f"a long name {i}" for i in range(20)]) for _ in range(2))
    axis = legible(rankings.against(x, y, {"x": "x", "y": "y"}, "a finding")).axes[0]
    assert axis.texts
    spots = axis.transData.transform(np.stack([x, y], axis=1))
    assert not any(text.get_window_extent().contains(*spot) for text in axis.texts for spot in spots)


def test_coverage_names_the_method_that_breaks_its_promise(legible):
    table = pd.DataFrame(
        {"share": [0.96, 0.8], "low": [0.9, 0.7], "high": [0.99, 0.88]}, ["by question", "by vote"]
    )
    figure = legible(rankings.coverage(table))
    assert figure.get_suptitle() == "by vote: 80 % instead of 95 %"
    assert list(figure.axes[0].lines[0].get_xdata()) == [96, 80]


def test_names_that_have_no_room_are_left_out_and_none_overlap(legible):
    figure, axis = panels(1, 1, 4, 3)
    spots = [(f"name {i}", 0.5 + 0.001 * i, 0.5) for i in range(12)]
    axis.plot([x for _, x, _ in spots], [y for *_, y in spots], "o")
    axis.set(xlim=(0, 1), ylim=(0, 1))
    written = label_points(axis, spots)
    assert 1 <= len(written) < 12
    assert written[0] == "name 0"  # the first chooses first
    figure.alt_text = "Twelve points at almost the same place; some have names beside them."
    legible(figure)


@pytest.mark.parametrize("corner", [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0)])
def test_a_name_stays_inside_the_axes(corner):
    _, axis = panels(1, 1, 4, 3)
    axis.plot([0, 1], [0, 1], alpha=0)
    axis.set(xlim=(0, 1), ylim=(0, 1))
    assert label_points(axis, [("a corner", *corner)]) == ["a corner"]
    box, frame = axis.texts[0].get_window_extent(), axis.get_window_extent()
    assert frame.x0 <= box.x0
    assert box.x1 <= frame.x1
    assert frame.y0 <= box.y0
    assert box.y1 <= frame.y1
