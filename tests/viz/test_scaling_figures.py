"""Figures of scaling and alignment: lines are the fits, cells the differences, bars the scores."""

import numpy as np
import pandas as pd
import pytest
import torch

from course_lib.evaluate.layer_alignment import layer_alignment
from course_lib.evaluate.scaling import log_linear_fit
from course_lib.viz import scaling_figures as scaling

SIZES = [1, 2, 4, 8]


def test_lines_bands_and_points_are_those_of_the_fit(legible):
    fits = {
        name: {"one": log_linear_fit(SIZES, [1, 3, 5.5, 7]), "two": log_linear_fit(SIZES, [4, 4, 4.5, 4])}
        for name in ("first", "second", "third", "fourth")
    }
    figure = legible(scaling.scaling_lines(fits, "parameters (billions)", "a finding"))
    axis, fit = figure.axes[0], fits["first"]["one"]
    line, points = axis.lines[:2]
    np.testing.assert_allclose(line.get_ydata(), fit.predict(line.get_xdata())[0])
    np.testing.assert_allclose(points.get_xdata(), SIZES)
    np.testing.assert_allclose(points.get_ydata(), [1, 3, 5.5, 7])
    band = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(fit.predict(8, "line")[2])
    assert axis.get_title() == f"first\n{fit.slope:+.2f} / {fits['first']['two'].slope:+.2f} per doubling"
    assert sum(one.axison for one in figure.axes) == 4


def test_more_families_than_marks_are_all_drawn():
    fits = {"one": {f"family {i}": log_linear_fit(SIZES, [i, 1 + i, 2 + i, 4 + i]) for i in range(5)}}
    axis = scaling.scaling_lines(fits, "parameters (billions)", "a finding").axes[0]
    assert len(axis.lines) == 2 * 5
    assert len(axis.get_legend_handles_labels()[1]) == 5


def test_a_series_draws_each_column_over_the_index(legible):
    table = pd.DataFrame({"General": [70.0, 71, 72], "OCR & Chart": [20.0, 25, 30]}, index=[1.0, 2.0, 4.0])
    figure = legible(scaling.series(table, "samples seen (billions)", "points", "a finding"))
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[70, 71, 72], [20, 25, 30]]
    assert "OCR & Chart: 20.0, 25.0, 30.0" in figure.alt_text


def test_differences_are_written_with_their_sign(legible):
    table = pd.DataFrame({"general": [0.2, -2.1], "chartqa": [8.1, 24.2]}, ["text", "charts"])
    figure = legible(scaling.differences(table, [1], "a finding"))
    assert [text.get_text() for text in figure.axes[0].texts] == ["+0.2", "+8.1", "-2.1", "+24.2"]
    assert list(figure.axes[0].lines[0].get_xdata()) == [0.5, 0.5]  # after the first column
    limits = figure.axes[0].images[0].get_clim()
    assert limits == (-24.2, 24.2)  # the middle of the colours is no difference


@pytest.fixture(scope="module")
def found():
    draw = torch.Generator().manual_seed(0)
    a = [torch.randn(60, 8, generator=draw) for _ in range(3)]
    b = [torch.randn(60, 8, generator=draw), a[2].clone()]
    return {"model": layer_alignment(a, b, k=5, rounds=9), "other": layer_alignment(b, b, k=5, rounds=9)}


def test_the_best_layers_are_marked(legible, found):
    figure = legible(scaling.layer_scores({"model": found["model"]}, list("xyz"), list("pq"), "a finding"))
    bold = [text for text in figure.axes[0].texts if text.get_fontweight() == "bold"]
    assert [text.get_position() for text in bold] == [(1, 2)]  # x is the layer of b
    assert bold[0].get_text() == "1.000"
    assert "1.000 at z and q" in figure.alt_text


def test_bars_are_scores_beside_what_luck_gives(legible, found):
    figure = legible(scaling.against_chance(found, "a finding"))
    axis = figure.axes[0]
    assert [bar.get_width() for bar in axis.patches] == [1.0, 1.0]
    np.testing.assert_allclose(axis.lines[0].get_xdata(), [one.selected_chance for one in found.values()])
    assert axis.lines[1].get_xdata()[0] == pytest.approx(5 / 59)
