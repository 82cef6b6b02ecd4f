"""Figures about results: what is drawn is what was measured, and the gap is the gap."""

import numpy as np
import pandas as pd
import pytest

from course_lib.viz import result_figures as results

TABLE = pd.DataFrame(
    [
        ("SimCLR", 3, 0.30, 0.25, 0.35),
        ("SimCLR", 300, 0.60, 0.55, 0.65),
        ("random", 3, 0.20, 0.15, 0.25),
        ("random", 300, 0.40, np.nan, np.nan),
    ],
    columns=["start", "labels_per_class", "mean", "low", "high"],
)


def test_transfer_draws_each_start_with_its_interval():
    figure = results.transfer(TABLE, 0.1, "a finding", controls=["random"])
    axis = figure.axes[0]
    assert axis.get_title() == "a finding"
    np.testing.assert_allclose([line.get_ydata() for line in axis.lines[:2]], [[30, 60], [20, 40]])
    assert [line.get_linestyle() for line in axis.lines[:2]] == ["-", "--"]
    assert axis.collections[0].get_paths()[0].vertices[:, 1].max() == pytest.approx(65)
    assert [text.get_text() for text in axis.get_xticklabels()] == ["3\n(1 %)", "300\n(100 %)"]
    assert "SimCLR 30 %, 60 %; random 20 %, 40 %" in figure.alt_text
    assert "Chance 10 %" in figure.alt_text


def test_reported_is_the_best_so_far_and_true_is_that_models_own():
    generator = np.random.default_rng(0)
    candidates, fresh = generator.random((3, 5)), generator.random((3, 5))
    figure = results.picked_on_test(candidates, fresh)
    reported, true = (line.get_ydata() for line in figure.axes[0].lines[:2])
    for k in range(1, 6):
        best = [max(range(k), key=lambda model, run=run: candidates[run, model]) for run in range(3)]
        assert reported[k - 1] == pytest.approx(
            100 * np.mean([candidates[run, best[run]] for run in range(3)])
        )
        assert true[k - 1] == pytest.approx(100 * np.mean([fresh[run, best[run]] for run in range(3)]))
    gap = reported[-1] - true[-1]
    assert figure.axes[0].get_title() == f"The best of 5 on the test set: {gap:.1f} points that do not exist"


def test_without_luck_nothing_is_gained():
    same = np.random.default_rng(1).random((4, 6))
    assert "0.0 points" in results.picked_on_test(same, same).axes[0].get_title()
