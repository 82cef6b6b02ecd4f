"""Matching without ids: answers are found by name, place or likeness, and marked for a person to look at."""

import json

import pytest

from course_lib.grading import reference
from course_lib.grading.reading import merge, parse

from ..conftest import ANSWERS, LAB, answer, student

BODY = {name: source.split("\n", 1)[1] for name, source in ANSWERS.items()}  # without the anchor


@pytest.fixture
def lab(built):
    known = reference.load(built, LAB)
    return merge.outline(known.solution, known.student, known.bundle)


@pytest.fixture
def bare(built):
    """A right submission without metadata, ids and anchors."""
    notebook = student(built)
    for exercise, source in BODY.items():
        answer(notebook, exercise)["source"] = source
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    notebook["metadata"] = {}
    return notebook


def found(notebook, lab):
    for cell in notebook["cells"]:
        cell.pop("id", None)
    return merge.merge(parse.read(json.dumps(notebook).encode())[0], lab)


def put(notebook, exercise, source):
    answer(notebook, exercise)["source"] = source


def test_the_name_that_it_defines_is_enough(bare, lab):
    merged = found(bare, lab)
    assert {name: one.source for name, one in merged.answers.items()} == BODY
    assert [one.found_by for one in merged.answers.values()] == ["name", "name"]
    assert merged.answers["90.1"].flags == ("needs_review: found by name",)
    assert merged.needs_review
    assert not any("added code cell" in flag for flag in merged.flags)


def test_of_several_definitions_the_last_is_taken_and_told(bare, lab):
    bare["cells"].append({"cell_type": "code", "source": "average = max"})
    one = found(bare, lab).answers["90.1"]
    assert one.source == "average = max"
    assert "2 cells define average, the last is taken" in one.flags


def test_the_place_between_cells_of_the_lab_is_enough(bare, lab):
    put(bare, "90.1", "def mean_of(numbers):\n    return sum(numbers) / len(numbers)")
    one = found(bare, lab).answers["90.1"]
    assert (one.found_by, "mean_of" in one.source) == ("place", True)


def test_the_place_needs_only_one_cell_of_the_lab(bare, lab):
    put(bare, "90.1", "def mean_of(numbers):\n    return 3")
    bare["cells"] = [c for c in bare["cells"] if not str(c["source"]).startswith("check")]
    assert found(bare, lab).answers["90.1"].found_by == "place"


def test_a_changed_stub_elsewhere_is_found_by_likeness(bare, lab):
    cell = answer(bare, "90.1")
    told = "numbers: a list of floats, not empty. Returns their mean."
    cell["source"] = f'def averag(numbers):\n    """{told}"""\n    return 3'
    bare["cells"].remove(cell)
    bare["cells"] += [{"cell_type": "code", "source": "x = 1"}, cell]
    assert found(bare, lab).answers["90.1"].found_by == "likeness"


def test_two_cells_in_one_place_that_are_alike_are_no_answer(bare, lab):
    cell = answer(bare, "90.1")
    cell["source"] = "def one(n):\n    return 1"
    bare["cells"].insert(
        bare["cells"].index(cell), {"cell_type": "code", "source": "def two(n):\n    return 2"}
    )
    assert found(bare, lab).answers["90.1"].source is None


def test_an_answer_below_an_untouched_stub_is_found_by_its_name(built, lab):
    notebook = json.loads((built / "labs" / f"{LAB}.ipynb").read_text())
    notebook["cells"].append({"cell_type": "code", "source": BODY["90.1"]})
    merged = found(notebook, lab)
    assert (merged.answers["90.1"].source, merged.answers["90.1"].blank) == (BODY["90.1"], False)
    assert merged.answers["90.2"].blank


def test_a_blank_copy_stays_blank_whatever_was_added(built, lab):
    notebook = json.loads((built / "labs" / f"{LAB}.ipynb").read_text())
    notebook["cells"].insert(3, {"cell_type": "code", "source": "x = 1"})
    merged = found(notebook, lab)
    assert [one.blank for one in merged.answers.values()] == [True, True]
    assert not merged.needs_review


def test_a_notebook_of_another_lab_is_not_searched_for_names(lab):
    cells = [{"cell_type": "code", "source": "# exercise 4.1\ndef average(x):\n    return x"}]
    assert found({"cells": cells}, lab).wrong_lab == "no answer cell of this lab was found"


def test_a_fresh_notebook_that_answers_everything_is_one_of_this_lab(lab):
    cells = [{"cell_type": "code", "source": source} for source in BODY.values()]
    merged = found({"cells": cells}, lab)
    assert merged.wrong_lab == ""
    assert merged.needs_review


def test_a_split_answer_is_put_together(built, lab):
    notebook = student(built)
    first = answer(notebook, "90.1")
    position = notebook["cells"].index(first)
    first["source"] = "# exercise 90.1\ndef total(numbers):\n    return sum(numbers)"
    rest = "def average(numbers):\n    return total(numbers) / len(numbers)"
    notebook["cells"].insert(position + 1, {**first, "source": rest})
    one = found(json.loads(json.dumps(notebook)), lab).answers["90.1"]
    assert one.source == f"{first['source']}\n\n{rest}"
    assert one.flags == ("2 cells with one answer, joined",)
    notebook["cells"][position + 1] = {"cell_type": "code", "metadata": {}, "source": rest}
    one = found(notebook, lab).answers["90.1"]
    assert one.source == f"{first['source']}\n\n{rest}"
    assert one.flags == ("needs_review: joined with the cell below it",)


def test_parts_that_do_not_stand_together_are_not_joined(built, lab):
    notebook = student(built)
    first = answer(notebook, "90.1")
    helper = {**first, "source": "# exercise 90.1\ndef total(numbers):\n    return sum(numbers)"}
    notebook["cells"].append(helper)
    one = found(notebook, lab).answers["90.1"]
    assert one.source == ANSWERS["90.1"]  # the last that defines the name, not the last
    assert one.flags == ("2 cells with an answer, the first is taken",)


COPY = {"cell_type": "code", "source": "# exercise 90.1\naverage = max"}


def beside(built, lab, cell, position=1, first=ANSWERS["90.1"]):
    """What is found where a cell was put below (1) or above (0) the answer with its metadata."""
    notebook = student(built, x90_1=first)
    notebook["cells"].insert(notebook["cells"].index(answer(notebook, "90.1")) + position, cell)
    return found(notebook, lab)


@pytest.mark.parametrize("first", [ANSWERS["90.1"], "# exercise 90.1\naverag = 3"])
def test_a_copy_below_that_has_only_the_anchor_is_told_and_a_person_looks(built, lab, first):
    merged = beside(built, lab, COPY, first=first)
    one = merged.answers["90.1"]
    assert one.source == first
    assert one.flags == (
        "2 cells with an answer, the first is taken",
        "needs_review: the lab's own cell counts (by its grade id); another cell for this exercise "
        "(by its anchor) stands below it and differs",
    )
    assert merged.needs_review
    assert merged.flags == []


@pytest.mark.parametrize(
    ("cell", "position", "which"),
    [(COPY, 0, "last"), ({**COPY, "source": ANSWERS["90.1"]}, 1, "first")],
)
def test_a_copy_that_changes_nothing_needs_no_look(built, lab, cell, position, which):
    one = beside(built, lab, cell, position).answers["90.1"]
    assert one.flags == (f"2 cells with an answer, the {which} is taken",)


def test_which_of_three_cells_is_taken_is_told(built, lab):
    notebook = student(built)
    place = notebook["cells"].index(answer(notebook, "90.1"))
    notebook["cells"][place + 1 : place + 1] = [COPY]
    notebook["cells"].insert(place, COPY)
    flags = found(notebook, lab).answers["90.1"].flags
    assert flags[0] == "3 cells with an answer, number 2 is taken"


@pytest.mark.parametrize(("position", "where"), [(0, "above"), (1, "below")])
def test_another_definition_without_an_anchor_is_told_at_its_exercise(built, lab, position, where):
    cell = {"cell_type": "code", "source": "def average(numbers):\n    return 3"}
    merged = beside(built, lab, cell, position)
    assert merged.answers["90.1"].source == ANSWERS["90.1"]
    assert merged.answers["90.1"].flags == (f"a cell {where} it also defines average; that cell is not run",)
    assert merged.flags == []


def test_answers_in_one_cell_are_taken_apart_at_their_anchors(built, lab):
    notebook = student(built)
    first, second = answer(notebook, "90.1"), answer(notebook, "90.2")
    first["source"] += "\n\n" + second["source"]
    notebook["cells"].remove(second)
    merged = found(notebook, lab)
    assert {name: one.source for name, one in merged.answers.items()} == ANSWERS
    assert "one cell held several answers (taken apart)" in merged.flags


def test_answers_in_one_cell_without_an_anchor_share_it(built, lab):
    notebook = student(built)
    first, second = answer(notebook, "90.1"), answer(notebook, "90.2")
    first["source"] += "\n\n" + BODY["90.2"]
    notebook["cells"].remove(second)
    merged = found(notebook, lab)
    assert merged.answers["90.2"].source == first["source"]
    assert merged.answers["90.2"].flags == ("needs_review: found by name",)


def test_long_cells_are_compared_in_reasonable_time(bare, lab):
    for number in range(100):
        bare["cells"].append({"cell_type": "code", "source": f"x{number} = '" + "ab" * 50_000 + "'"})
    bare["cells"].remove(answer(bare, "90.1"))
    assert found(bare, lab).answers["90.1"].source is None


OLD = "# exercise 90.1\ndef average(numbers):\n    return 0"
QUOTED = "# exercise 90.1\n'''\ndef average(numbers):\n    return 0\n'''"
COMMENTED = "\n".join(f"# {line}" for line in OLD.split("\n"))
OFF = [
    ("raw", OLD),
    ("markdown", OLD),
    ("code", f"%%script false\n{OLD}"),
    ("code", QUOTED),
    ("code", COMMENTED),
]


@pytest.mark.parametrize(("kind", "source"), OFF)
@pytest.mark.parametrize("position", [0, 1])
def test_an_old_try_that_is_switched_off_does_not_count(built, lab, kind, source, position):
    notebook = student(built)
    live = answer(notebook, "90.1")
    copy = {**live, "cell_type": kind, "source": source}
    notebook["cells"].insert(notebook["cells"].index(live) + position, copy)
    merged = found(notebook, lab)
    assert merged.answers["90.1"].source == ANSWERS["90.1"]
    assert merged.answers["90.1"].flags == ("a cell for it that is switched off does not count",)
    assert not merged.needs_review
    copy["metadata"], live["metadata"] = live["metadata"], {}  # the old try has the surer key
    assert found(notebook, lab).answers["90.1"].source == ANSWERS["90.1"]


@pytest.mark.parametrize(("kind", "source"), OFF)
def test_beside_the_untouched_stub_an_old_try_counts_if_it_is_whole(built, lab, kind, source):
    notebook = json.loads((built / "labs" / f"{LAB}.ipynb").read_text())
    copy = {**answer(notebook, "90.1"), "cell_type": kind, "source": source}
    notebook["cells"].append(copy)
    one = found(notebook, lab).answers["90.1"]
    assert (one.blank, one.source == source) == (kind == "code", kind != "code")


def test_a_note_in_words_is_no_answer(built, lab):
    note = {"cell_type": "markdown", "source": "# exercise 90.1\nI wrote\n```\ndef average(x): ...\n```"}
    merged = beside(built, lab, note)
    assert merged.answers["90.1"].source == ANSWERS["90.1"]
    assert not merged.needs_review


def test_a_person_looks_at_two_live_answers_that_differ(built, lab):
    notebook = student(built)
    live = answer(notebook, "90.1")
    notebook["cells"].append({**live, "source": OLD})
    one = found(notebook, lab).answers["90.1"]
    assert one.source == OLD
    assert one.flags == (
        "2 cells with an answer, the last is taken",
        "needs_review: 2 cells define average and differ",
    )
    notebook["cells"][-1] = {**live, "source": ANSWERS["90.1"] + "\n\n"}
    assert not found(notebook, lab).needs_review
