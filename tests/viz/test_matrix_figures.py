"""Matrices, spectra and curves: equal to other ways to compute them, and the words say the numbers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.evaluate import effective_rank, t_interval
from course_lib.viz import feature_figures as figures


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def heading(figure):
    return figure.get_suptitle().replace("\n", " ")


def test_similarities_are_cosines_sorted_by_label(legible):
    features = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, -1.0]])
    figure = legible(figures.similarity_matrix(features, ["b", "a", "b", "a"]))
    expected = np.array([[1, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    shown = figure.axes[0].images[0]
    np.testing.assert_allclose(shown.get_array(), expected)
    assert shown.get_clim() == (-1, 1)
    assert heading(figure) == "Similarity 0.00 within a label, 0.00 between labels"
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["a", "b"]
    positive = figures.similarity_matrix(features.abs(), ["b", "a", "b", "a"])
    assert heading(positive) == "Similarity 1.00 within a label, 0.00 between labels"
    assert positive.axes[0].images[0].get_cmap().name == "viridis"


def test_a_symmetric_matrix_is_the_similarity_itself(legible):
    matrix = np.array([[1.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 1.0]])
    figure = legible(figures.similarity_matrix(matrix))
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), matrix)
    assert heading(figure) == "Mean similarity of two pictures: 0.30"
    with pytest.raises(ValueError, match="has no direction"):
        figures.similarity_matrix(np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]]))
    with pytest.raises(ValueError, match=r"labels have shape \(2,\) for 3 pictures"):
        figures.similarity_matrix(matrix, ["a", "b"])


def test_covariance_and_correlation_are_numpys(legible):
    features = numbers(50, 4) @ numbers(4, 4, seed=1)
    for normalize, expected in ((False, np.cov(features.T)), (True, np.corrcoef(features.T))):
        figure = legible(figures.covariance_matrix(features, normalize))
        shown = figure.axes[0].images[0]
        np.testing.assert_allclose(shown.get_array(), expected, rtol=1e-5)
        others = np.abs(expected[~np.eye(4, dtype=bool)])
        words = f"{others.mean():.2g} off the diagonal, {np.diag(expected).mean():.2g} on it"
        assert words in heading(figure)
        assert shown.get_clim()[1] == pytest.approx(np.diag(expected).mean())
        assert shown.get_clim()[0] == -shown.get_clim()[1]
        assert f"largest off the diagonal is {others.max():.2g}" in figure.alt_text
    with pytest.raises(ValueError, match="2 pictures and 2 dimensions"):
        figures.covariance_matrix(torch.rand(1, 4))


def test_a_dimension_that_never_moves_is_correlated_with_nothing():
    shown = figures.covariance_matrix(np.array([[1.0, 5.0], [2.0, 5.0]]), normalize=True).axes[0].images[0]
    np.testing.assert_allclose(shown.get_array(), [[1, 0], [0, 0]])


def test_spectra_fall_from_one_and_say_the_effective_rank(legible):
    features = {"wide": numbers(60, 8), "narrow": numbers(60, 8) * torch.logspace(0, -4, 8)}
    spectra = {name: torch.linalg.svdvals(one).flip(0) for name, one in features.items()}
    figure = legible(figures.singular_values(spectra))
    axis = figure.axes[0]
    assert axis.get_yscale() == "log"
    for line, (name, values) in zip(axis.lines, spectra.items(), strict=True):
        np.testing.assert_allclose(line.get_ydata(), values.flip(0) / values.max(), rtol=1e-5)
        rank = effective_rank(features[name])
        assert line.get_label() == f"{name}: effective rank {rank:.1f} of 8"
        assert f"{name} {rank:.1f} of 8" in figure.alt_text
    assert heading(figure).startswith("wide uses the most directions")
    assert len({line.get_linestyle() for line in axis.lines}) == 2


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_effective_rank_lies_between_one_and_the_number_of_values(values):
    label = figures.singular_values({"x": np.array([*values, 0.0])}).axes[0].lines[0].get_label()
    rank = float(label.split("rank ")[1].split(" of")[0])
    assert 1 - 0.05 <= rank <= len(values) + 0.05
    assert rank == pytest.approx(effective_rank(torch.diag(torch.tensor([*values, 0.0]))), abs=0.051)


def test_spectra_must_be_singular_values():
    with pytest.raises(ValueError, match="below 0"):
        figures.singular_values({"a": [1.0, -0.5]})
    with pytest.raises(ValueError, match="only zeros"):
        figures.singular_values({"a": [0.0, 0.0]})
    with pytest.raises(ValueError, match="spectra is empty"):
        figures.singular_values({})


def test_learning_curves_have_a_band_where_there_are_runs(legible):
    several, one = numbers(3, 5).numpy(), numbers(1, 5, seed=1).numpy()
    x = np.array([1, 10, 20, 30, 40])
    figure = legible(figures.learning_curves({"ours": several, "theirs": one}, x, "step", "accuracy"))
    axis = figure.axes[0]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), several.mean(0), rtol=1e-5)
    np.testing.assert_array_equal(axis.lines[0].get_xdata(), x)
    assert axis.lines[0].get_label() == "ours: mean of 3 runs, 95 % t interval"
    assert axis.lines[1].get_label() == "theirs: one run"
    assert len(axis.collections) == 1
    last = t_interval(several[:, -1])
    half = 4.302653 * several[:, -1].std(ddof=1) / math.sqrt(3)  # Student's t, two degrees of freedom
    band = axis.collections[0].get_paths()[0].vertices
    at_end = band[band[:, 0] == 40][:, 1]
    assert (at_end.min(), at_end.max()) == pytest.approx((last.mean - half, last.mean + half), rel=1e-4)
    assert (
        f"ours {last.mean:.3g} [{last.low:.3g}, {last.high:.3g}]; theirs {one[0, -1]:.3g}." in figure.alt_text
    )
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("step", "accuracy")
    assert heading(figures.learning_curves({"a": one}, x, "step", "loss", title="A finding")) == "A finding"


def test_learning_curves_refuse_other_shapes():
    with pytest.raises(ValueError, match="a has 4 steps but x has 5"):
        figures.learning_curves({"a": np.zeros((2, 4))}, range(5), "step", "loss")
    with pytest.raises(ValueError, match=r"\(runs, steps\) is needed"):
        figures.learning_curves({"a": np.zeros(5)}, range(5), "step", "loss")
    with pytest.raises(ValueError, match="different lengths"):
        figures.learning_curves({"a": [[1.0, 2.0], [1.0]]}, range(2), "step", "loss")
    with pytest.raises(ValueError, match="curves is empty"):
        figures.learning_curves({}, range(2), "step", "loss")
