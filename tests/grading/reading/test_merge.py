"""Merging: answers found under every accident, trusted cells never taken."""

import json

import pytest

from course_lib.grading import reference
from course_lib.grading.reading import merge, parse

from ..conftest import ANSWERS, LAB, answer, student


@pytest.fixture
def instructor(built):
    known = reference.load(built, LAB)
    return merge.outline(known.solution, known.student, known.bundle)


def merged(notebook, instructor):
    read, _ = parse.read(json.dumps(notebook).encode())
    return merge.merge(read, instructor)


def test_an_honest_notebook_has_no_flags(built, instructor):
    found = merged(student(built), instructor)
    assert {name: one.source for name, one in found.answers.items()} == ANSWERS
    assert [one.found_by for one in found.answers.values()] == ["grade id", "grade id"]
    assert found.flags == []
    assert found.wrong_lab == ""


def test_a_blank_copy_is_blank_also_with_other_spaces(built, instructor):
    notebook = json.loads((built / "labs" / f"{LAB}.ipynb").read_text())
    cell = answer(notebook, "90.1")
    cell["source"] = "".join(cell["source"]).replace("\n", "   \n\n")
    found = merged(notebook, instructor)
    assert [one.blank for one in found.answers.values()] == [True, True]


def test_stripped_metadata_and_ids_leave_the_anchor(built, instructor):
    notebook = student(built)
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    notebook["metadata"] = {}
    found = merged(notebook, instructor)
    assert {name: one.source for name, one in found.answers.items()} == ANSWERS
    assert found.answers["90.1"].flags == ("found by anchor",)


def test_an_id_is_enough_when_the_anchor_was_deleted(built, instructor):
    notebook = student(built, x90_1="average = 3")
    answer(notebook, "90.1")["metadata"] = {}
    found = merged(notebook, instructor).answers["90.1"]
    assert (found.source, found.found_by) == ("average = 3", "cell id")


@pytest.mark.parametrize("position", [0, -1])
def test_a_copy_that_is_still_the_stub_does_not_count(built, instructor, position):
    notebook = student(built)
    blank = json.loads((built / "labs" / f"{LAB}.ipynb").read_text())
    stub = answer(blank, "90.1")
    notebook["cells"].insert(position if position == 0 else len(notebook["cells"]), stub)
    assert merged(notebook, instructor).answers["90.1"].source == ANSWERS["90.1"]


def test_of_two_written_answers_the_surest_then_the_last_counts(built, instructor):
    notebook = student(built)
    twin = {**answer(notebook, "90.1"), "source": "# exercise 90.1\naverage = 'second'"}
    notebook["cells"].append(twin)
    found = merged(notebook, instructor).answers["90.1"]
    assert found.source.endswith("'second'")
    assert "2 cells with an answer, the last is taken" in found.flags
    notebook["cells"].append({"cell_type": "code", "source": "# exercise 90.1\naverage = 'anchor only'"})
    assert merged(notebook, instructor).answers["90.1"].source.endswith("'second'")


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_an_answer_turned_into_text_still_counts(built, instructor, kind):
    notebook = student(built)
    answer(notebook, "90.1")["cell_type"] = kind
    found = merged(notebook, instructor).answers["90.1"]
    assert found.source == ANSWERS["90.1"]
    assert f"its cell was turned into {kind}" in found.flags


def test_a_heading_is_no_anchor_and_1_is_not_10(built, instructor):
    notebook = student(built)
    notebook["cells"] = [c for c in notebook["cells"] if c["id"] != "answer-90-1"]
    for line in ("# exercise 90.10", "## Exercise 90.1: x", "# exercise 90.1.2", "# exercise 90.12\n"):
        notebook["cells"].append({"cell_type": "code", "source": line})
    assert merged(notebook, instructor).answers["90.1"].source is None


def test_added_cells_are_counted(built, instructor):
    notebook = student(built)
    for number, words in ((1, "1 added code cell is not run"), (2, "2 added code cells are not run")):
        notebook["cells"].append({"cell_type": "code", "source": f"print({number})"})
        assert merged(notebook, instructor).flags == [words]


def test_edited_checks_points_and_forged_cells_are_flagged_and_unused(built, instructor):
    notebook = student(built)
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    cells["check-90-1"]["source"] = "print('right')"
    cells["check-90-2"]["metadata"]["nbgrader"]["points"] = 1000
    forged = {"grade_id": "bonus", "grade": True, "points": 100, "locked": True}
    notebook["cells"].append({"cell_type": "code", "source": "1", "metadata": {"nbgrader": forged}})
    assert merged(notebook, instructor).flags == [
        "check-90-1 was edited (not used)",
        "points of check-90-2 were edited (not used)",
        "has a grade cell of its own (not used)",
        "1 added code cell is not run",
    ]


def test_nobody_is_accused_of_what_the_instructor_edited(built, instructor):
    notebook = student(built)
    notebook["metadata"]["course"]["version"] = "as it was handed out"
    check = next(cell for cell in instructor["cells"] if cell["grade_id"] == "check-90-1")
    check |= {"points": 7, "sources": ["check('90.1', average)  # reworded since"]}
    assert merged(notebook, instructor).flags == ["the lab has changed since this copy was handed out"]


def test_deleted_checks_are_not_needed(built, instructor):
    notebook = student(built)
    notebook["cells"] = [c for c in notebook["cells"] if not c["id"].startswith("check")]
    assert merged(notebook, instructor).flags == ["2 check cells are missing or lost their id (not needed)"]


def test_another_lab_and_another_version(built, instructor):
    notebook = student(built)
    notebook["metadata"]["course"]["version"] = "older"
    assert merged(notebook, instructor).flags == ["the lab has changed since this copy was handed out"]
    notebook["metadata"]["course"]["lab"] = "04_masked"
    assert merged(notebook, instructor).wrong_lab == "this is a notebook of lab '04_masked'"
    strange = {"cells": [{"cell_type": "code", "source": "1"}], "metadata": {}}
    assert merged(strange, instructor).wrong_lab == "no answer cell of this lab was found"


@pytest.mark.parametrize(
    "cell", [None, 3, [], "x", {}, {"source": None}, {"source": [1, None, "x"]}, {"metadata": [], "id": 5},
             {"metadata": {"nbgrader": "x"}, "source": {"a": 1}}],
)  # fmt: skip
def test_any_cell_is_read_as_something(built, instructor, cell):
    notebook = student(built)
    notebook["cells"].insert(0, cell)
    notebook["metadata"] = []
    assert merged(notebook, instructor).answers["90.2"].source == ANSWERS["90.2"]
