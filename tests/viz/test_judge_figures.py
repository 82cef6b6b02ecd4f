"""Figures of judges and of openness: counts, rules and agreement as the tables give them."""

import numpy as np
import pandas as pd
import pytest

from course_lib.arena.judging.agreement import PROTOCOLS, agreement_intervals
from course_lib.arena.judging.verdict_rules import missing_rules
from course_lib.arena.judging.verdicts import judge_table
from course_lib.arena.published.openness import COLUMNS, openness
from course_lib.viz import judge_figures as judges

VERDICTS = pd.DataFrame(
    {
        "model": ["strong"] * 4 + ["weak"] * 4,
        "question": [0, 1, 2, 3] * 2,
        "verdict": ["B>>A", "B>A", "A=B", None, "A>>B", "A>B", "A>B", "B>A"],
    }
)


def test_verdict_bars_are_shares_of_all_questions_missing_ones_too(legible):
    figure = legible(judges.verdict_shares(judge_table(VERDICTS)))
    axis = figure.axes[0]
    widths = np.array([bar.get_width() for bar in axis.patches]).reshape(6, 2)  # verdict by model
    np.testing.assert_allclose(widths[:, 0], [25, 25, 25, 0, 0, 25])
    np.testing.assert_allclose(widths[:, 1], [0, 25, 0, 50, 25, 0])
    np.testing.assert_allclose(widths.sum(0), 100)
    assert figure.get_suptitle().replace("\n", " ").startswith("1 of 2 models score above 50")
    assert "strong 90.0" in figure.alt_text  # (3 + 1 + 1/2) / 5


def test_missing_rules_are_drawn_from_worst_to_best(legible):
    table = missing_rules(VERDICTS)
    figure = legible(judges.missing_rules(table))
    bars = {tuple(segment[:, 0].round(3)) for segment in figure.axes[0].collections[0].get_segments()}
    # strong: 4.5/5 dropped; 4.5/8 if the missing one is lost, 7.5/8 if it is won
    assert (round(100 * (4.5 / 8 - 0.9), 3), round(100 * (7.5 / 8 - 0.9), 3)) in bars
    assert (0.0, 0.0) in bars  # weak has none missing
    assert "strong  90.0 (1)" in [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_the_vote_matrix_counts_and_the_title_is_its_diagonal(legible):
    human, judge = ["left"] * 6 + ["right"] * 4, ["left"] * 5 + ["right"] * 3 + ["tie"] * 2
    matrix = pd.crosstab(pd.Series(human, name="person"), pd.Series(judge, name="judge"))
    matrix = matrix.reindex(index=["left", "right", "tie"], columns=["left", "right", "tie"], fill_value=0)
    found = {p: agreement_intervals(human, judge, p, rounds=20) for p in PROTOCOLS}
    figure = legible(judges.vote_matrix(matrix, found))
    assert figure.get_suptitle() == "The same vote on 70 % of 10 pairs"
    assert [text.get_text() for text in figure.axes[0].texts][:3] == ["5", "1", "0"]
    assert figure.axes[0].get_ylabel() == "person"
    drawn = figure.axes[1].lines[0].get_ydata()
    np.testing.assert_allclose(drawn, [found[p].loc["f1_macro", "value"] for p in PROTOCOLS])
    f1, kappa = (line.get_xdata() for line in figure.axes[1].lines[:2])
    assert (np.round(f1) == np.round(kappa)).all()
    assert (f1 < kappa).all()  # side by side, not one over the other


def test_a_vote_that_the_judge_never_gave_is_an_empty_column():
    matrix = pd.DataFrame([[4, 1], [0, 3], [1, 1]], ["left", "right", "tie"], ["left", "right"])
    found = {"binary": agreement_intervals(["left", "right"] * 5, ["left", "right"] * 5, "binary", rounds=5)}
    assert judges.vote_matrix(matrix, found).get_suptitle() == "The same vote on 70 % of 10 pairs"


def test_the_title_names_the_judge_furthest_from_half(legible):
    table = pd.DataFrame({"share": [0.52, 0.3], "low": [0.45, 0.2], "high": [0.6, 0.4]}, ["fair", "odd"])
    figure = legible(judges.first_preferred(table))
    assert figure.get_suptitle() == "odd: the first answer wins 30 % of the time"
    assert "odd 30.0 % [20.0, 40.0]" in figure.alt_text


def test_openness_is_drawn_by_category_from_closed_to_open(legible):
    table = openness()
    figure = legible(judges.openness_matrix(table, COLUMNS))
    axis = figure.axes[0]
    assert figure.get_suptitle() == "None of 25 models is open in all six"
    names = [label.get_text() for label in axis.get_yticklabels()]
    categories = table.loc[names, "category"]
    assert categories.iloc[0] == "API only"
    assert categories.iloc[-1] == "open weights and data"
    assert (categories != categories.shift()).sum() == categories.nunique()
    marks = [text.get_text() for text in axis.texts if text.get_text() in "●◐○"]
    assert marks.count("●") == int((table[list(COLUMNS)] == "open").to_numpy().sum())
    assert marks.count("◐") == int((table[list(COLUMNS)] == "distilled").to_numpy().sum())


@pytest.mark.parametrize("opened", [1, 2])
def test_the_title_of_openness_counts_models(opened):
    table = openness()
    table.iloc[:opened, : len(COLUMNS)] = "open"
    table["closed"] = (table[list(COLUMNS)] != "open").sum(axis=1)
    verb = "is" if opened == 1 else "are"
    assert judges.openness_matrix(table, COLUMNS).get_suptitle().startswith(f"{opened} of 25 models {verb}")


def test_a_card_shows_the_end_of_long_answers_and_counts_the_right_ones(legible):
    answers = {"A": ("Two.", True), "B": ("a long preamble " * 4 + "that ends in $3.", False)}
    figure = legible(judges.answer_card(np.zeros((3, 8, 8)), "How many?", "2", answers))
    assert figure.get_suptitle() == "How many? (Truth: 2.) 1 of 2 say so"
    said = [text.get_text() for text in figure.axes[1].texts]
    assert said[:2] == ["✓", "A:  Two."]
    assert said[2] == "✗"
    assert said[3].startswith("B:  … ")
    assert said[3].endswith(r"that ends in \$3.")
    assert "Right: A. Wrong: B." in figure.alt_text


@pytest.mark.parametrize("width", [3, 9, 12, 40])
def test_a_cut_text_keeps_its_last_words(width):
    text = "one two three four"
    short = judges.cut(text, width)
    assert text.endswith(short.removeprefix("… "))
    assert len(short) <= max(width, len("… four"))
