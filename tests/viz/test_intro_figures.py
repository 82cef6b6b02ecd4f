"""Figures of the labelling trade-off: curves, intervals and titles are read back from what was drawn."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy.stats import t

from course_lib.viz import intro_figures as figures

SEEDS = range(4)


def texts(axis):
    return [text.get_text() for text in axis.texts]


def curve_table(columns, accuracy):
    """One row per combination of columns and seed; the seeds spread by known amounts around accuracy(...)."""
    grid = pd.MultiIndex.from_product([*columns.values(), SEEDS], names=[*columns, "seed"]).to_frame(
        index=False
    )
    spread = grid.seed.map(dict(enumerate((-0.03, -0.01, 0.01, 0.03))))
    return grid.assign(accuracy=grid.apply(lambda row: accuracy(row), axis=1) + spread)


def log_labels(row):
    return 0.1 * np.log(row.labels) - 0.3 * row.noise


BUDGET = curve_table({"labels": [10, 100, 1000], "noise": [0.0, 0.5]}, log_labels)


def test_bands_are_students_intervals_of_the_mean():
    _, axis = figures.panels()
    last = figures.band(axis, BUDGET[BUDGET.noise == 0], "labels", "accuracy", "black")
    mean = 10 * np.log([10, 100, 1000])
    np.testing.assert_allclose(axis.lines[0].get_ydata(), mean)
    assert last == pytest.approx(mean[-1])
    half = 100 * t.ppf(0.975, 3) * np.std([-0.03, -0.01, 0.01, 0.03], ddof=1) / 2
    edges = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert edges.max() == pytest.approx(mean[-1] + half)
    assert edges.min() == pytest.approx(mean[0] - half)


def test_noisy_labels_are_worth_what_the_clean_curve_says():
    # accuracy = 0.1 ln(labels) - 0.3 noise: half wrong costs 0.15, as much as a factor exp(1.5) of the labels
    assert figures.as_large_as(BUDGET, 0.5) == pytest.approx(1000 / np.exp(1.5), rel=1e-6)
    assert figures.as_large_as(BUDGET, 0.0) == pytest.approx(1000)
    hopeless = BUDGET.assign(accuracy=BUDGET.accuracy.where(BUDGET.noise == 0, 0.01))
    assert np.isnan(figures.as_large_as(hopeless, 0.5))


def test_label_budget_says_what_was_found():
    figure = figures.label_budget(BUDGET, chance=0.1)
    axis = figure.axes[0]
    assert (
        axis.get_title()
        == f"1,000 labels of which 50 % are wrong teach as much as {1000 / np.exp(1.5):,.0f} correct ones"
    )
    assert "10 to 1,000" in figure.alt_text
    assert f"50 % wrong: {figures.percent(0.1 * np.log(10) - 0.15)}" in figure.alt_text
    assert {"all correct", "50 % wrong", "chance"} <= set(texts(axis))
    assert axis.lines[-1].get_ydata()[0] == pytest.approx(10)


@pytest.mark.parametrize("values", [[50, 50, 50], [1, 2, 90], [0, 0.1, 0.2]])
def test_names_of_curves_never_overlap_and_stay_inside(values):
    figure, axis = figures.panels()
    axis.plot([0, 1], [0, 100])
    ends = {"two\nlines": values[0], "b": values[1], "c": values[2]}
    figures.name_curves(axis, ends, ["C0", "C1", "C2"], 1)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in axis.texts]
    for number, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[number + 1 :])
    assert max(text.xy[1] for text in axis.texts) <= axis.get_ylim()[1]


def test_agreement_names_schooling_and_what_survives_the_vote():
    pairs = pd.DataFrame(
        [(20, 0.2, 0.4), (20, 0.3, 0.5), (80, 0.8, 0.9), (80, 0.7, 0.8)],
        columns=["examples", "kappa", "accuracy"],
    )
    values = {figures.OWN: (0.8, 0.9), figures.INDEPENDENT: (0.8, 0.99)}
    votes = pd.DataFrame(
        [
            {"kind": kind, "annotators": count, "seed": seed, "accuracy": value + spread}
            for kind, both in values.items()
            for count, value in zip((1, 9), both, strict=True)
            for seed, spread in enumerate((-0.005, 0.005))
        ]
    )
    figure = figures.agreement(pairs, votes)
    left, right = figure.axes
    assert left.get_title() == "Training 4 x longer: 45 % to 85 % correct"
    assert right.get_title() == "Shared mistakes survive the vote: 10 % wrong, not 1.0 %"
    np.testing.assert_allclose(left.lines[1].get_ydata(), [25, 75])
    np.testing.assert_allclose(right.lines[0].get_ydata(), [80, 90])
    assert "with 9 voters 90 %" in figure.alt_text


def spending_table(poor_gain):
    table = curve_table(
        {"examples": [20, 160], "annotators": [1, 3, 9]},
        lambda row: 0.5 - 0.02 * row.annotators if row.examples == 160 else 0.3 + poor_gain * row.annotators,
    )
    return table.assign(quality=table.examples.map({20: 0.4, 160: 0.9}))


def test_spending_tells_who_needs_votes():
    figure = figures.spending(spending_table(0.01), 900)
    assert (
        figure.axes[0].get_title() == "Good annotators: 1 vote each on more pictures. Poor ones: 9 votes each"
    )
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["1 x 900", "3 x 300", "9 x 100"]
    same = figures.spending(spending_table(-0.01), 900)
    assert (
        same.axes[0].get_title()
        == "Best use of 900 answers: 1 vote per picture, for good and poor annotators"
    )
    words = figures.spending_in_words(spending_table(0.01), 900)
    assert "right 40 % of the time: best with 9 votes on each of 100 pictures (39.0 %, 8.0 points" in words
    assert "right 90 % of the time: best with 1 vote on each of 900 pictures (48.0 %)." in words


def test_contact_sheet_names_every_picture():
    figure = figures.contact_sheet(np.zeros((5, 3, 4, 4), np.uint8), list("abcde"), columns=3)
    assert [axis.get_title() for axis in figure.axes[:5]] == list("abcde")
    assert sum(len(axis.images) for axis in figure.axes) == 5
    assert "a, b, c, d, e" in figure.alt_text
