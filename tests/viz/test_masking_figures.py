"""Masked reconstruction: panels in their places, and the error of the removed pixels alone."""

import numpy as np
import pytest
import torch

from course_lib.viz import masking_figures as figures


def row(error, removed):
    original = torch.full((3, 8, 8), 0.5)
    masked = original.clone()
    masked[:, :removed] = 0.0
    reconstruction = original + error
    reconstruction[:, removed:] += 0.3  # what was visible does not count
    pasted = original.clone()
    pasted[:, :removed] = reconstruction[:, :removed]
    return original, masked, reconstruction, pasted


def test_rows_are_ratios_in_order_and_columns_the_panels(legible):
    rows = {0.75: row(0.2, 6), 0.25: row(0.1, 2), 0.5: row(0.1, 4)}
    figure = legible(figures.reconstruction_grid(rows))
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["original", "masked", "reconstruction", "with the visible"] + [""] * 8
    assert [figure.axes[i].get_ylabel() for i in (0, 4, 8)] == [
        "25 % removed",
        "50 % removed",
        "75 % removed",
    ]
    for place, ratio in enumerate((0.25, 0.5, 0.75)):
        for column, given in enumerate(rows[ratio]):
            shown = figure.axes[4 * place + column].images[0]
            np.testing.assert_allclose(shown.get_array(), given.permute(1, 2, 0).clip(0, 1))
            assert shown.get_interpolation() == "nearest"


def test_the_error_is_that_of_the_removed_pixels():
    figure = figures.reconstruction_grid({0.25: row(0.1, 2), 0.75: row(0.2, 6)})
    assert [figure.axes[i].get_xlabel() for i in (2, 6)] == ["error 0.01", "error 0.04"]
    assert "25 % removed 0.01; 75 % removed 0.04" in figure.alt_text
    assert "0.01 at 25 %, 0.04 at 75 %" in figure.get_suptitle().replace("\n", " ")


def test_a_reconstruction_is_clipped_for_the_eye_but_not_for_the_error():
    figure = figures.reconstruction_grid({0.5: row(1.0, 4)})
    assert figure.axes[2].images[0].get_array().max() == 1
    assert figure.axes[2].get_xlabel() == "error 1"


def test_bytes_are_measured_as_shares_of_white():
    panels = [torch.full((3, 4, 4), value, dtype=torch.uint8) for value in (255, 0, 0, 0)]
    assert figures.reconstruction_grid({1.0: panels}).axes[2].get_xlabel() == "error 1"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "no ratio was given"),
        ({75: row(0.1, 2)}, "a share from 0 to 1, like 0.75"),
        ({0.5: row(0.1, 2)[:3]}, "3 panels at ratio 0.5"),
        ({0.5: (*row(0.1, 2)[:3], torch.zeros(3, 8, 9))}, "one size"),
        ({0.5: (torch.randn(3, 8, 8) * 9, *row(0.1, 2)[1:])}, "standardised input"),
    ],
)
def test_bad_input_is_one_sentence(given, words):
    with pytest.raises(ValueError, match=words):
        figures.reconstruction_grid(given)
