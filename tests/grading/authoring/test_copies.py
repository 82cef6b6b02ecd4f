"""A student copy in which somebody has worked: kept by the next build, refused by the grader."""

import pytest

from course_lib import cli
from course_lib.grading import reference
from course_lib.grading.authoring import build, copies, notebooks
from course_lib.grading.keeping.ledger import GraderError

from ..conftest import LAB, answer, edit, save, student

COPY, MINE = f"labs/{LAB}.ipynb", f"labs/{LAB}.mine.ipynb"


def changed(root, change):
    """The student copy after a change, read back."""
    notebook = notebooks.read(root / COPY)
    change(notebook)
    notebooks.write(notebook, root / COPY)
    return notebooks.read(root / COPY)


def solve(notebook):
    next(c for c in notebook.cells if c.id == "answer-90-1").source += "\n    # half an answer"


def run_the_first_cell(notebook):
    next(c for c in notebook.cells if c.cell_type == "code").execution_count = 1


def append_an_empty_cell(notebook):
    notebook.cells.append(notebooks.nbformat.v4.new_code_cell("", id="empty"))


def take_the_digest(notebook):
    del notebook.metadata["course"]["cells"]


def write_a_note(notebook):
    notebook.cells[0].source += "\nask about this"


@pytest.mark.parametrize("change", [run_the_first_cell, append_an_empty_cell, take_the_digest])
def test_opening_and_running_a_copy_is_no_work(course, change):
    assert copies.untouched(changed(course, change))
    assert copies.set_aside(course / COPY) is None


@pytest.mark.parametrize("change", [solve, write_a_note])
def test_an_answer_or_a_note_is_work(course, change):
    assert not copies.untouched(changed(course, change))


def test_a_copy_of_an_earlier_build_is_known_by_its_stubs(course):
    changed(course, take_the_digest)
    edit(course / COPY, 'raise NotImplementedError(\\"exercise 90.1: write this part\\")', "return 1")
    assert not copies.untouched(notebooks.read(course / COPY))
    (course / COPY).write_text("<<<<<<< half of a merge")
    assert copies.set_aside(course / COPY) == course / MINE


def test_a_build_keeps_the_work_under_another_name_and_says_so(course):
    said, fresh = [], (course / COPY).read_bytes()
    for place in (MINE, f"labs/{LAB}.mine-2.ipynb"):
        save(student(course), course / COPY)
        worked = (course / COPY).read_bytes()
        assert build.build(course, [f"labs/{LAB}"], execute=False, say=said.append) == []
        assert (course / place).read_bytes() == worked
        assert (course / COPY).read_bytes() == fresh
        assert said[-1] == f"  somebody has worked in {COPY}: that work is now {place}"


def test_a_copy_of_an_older_source_is_no_work(course):
    source = course / "labs" / "source" / f"{LAB}.py"
    edit(source, "# lengths = ...  # (N, 1)", "# lengths = ...  # of shape (N, 1)")
    edit(source, "# A tiny lab", "# A small lab")
    assert build.build(course, [f"labs/{LAB}"], execute=False) == []
    assert not (course / MINE).exists()
    assert "of shape (N, 1)" in (course / COPY).read_text()


def test_a_check_moves_nothing(course):
    changed(course, solve)
    assert build.build(course, [f"labs/{LAB}"], check=True)
    assert not (course / MINE).exists()


@pytest.mark.parametrize("command", ["grade", "regrade"])
def test_nothing_is_graded_with_a_copy_in_which_somebody_has_worked(course, tmp_path, capsys, command):
    handed_in, out = tmp_path / "in", tmp_path / "out"
    save(student(course), handed_in / "alice.ipynb")
    (out / "runs").mkdir(parents=True)
    (out / "lab.json").write_text(f'{{"lab": "{LAB}"}}')
    save(student(course), course / COPY)
    folders = [handed_in, "--out", out] if command == "grade" else [out]
    assert cli.main(["--root", str(course), command, LAB, *map(str, folders)]) == 2
    said = capsys.readouterr().err
    assert f"{COPY} is not what `course build` wrote: somebody has worked in it" in said
    assert f"Run `course build labs/{LAB}`: it keeps the work as {MINE}" in said
    with pytest.raises(GraderError, match="somebody has worked in it"):
        reference.load(course, LAB)


def test_the_digest_is_in_the_copy_alone(built):
    copy, solution = (notebooks.read(built / name) for name in (COPY, f"labs/solutions/{LAB}.ipynb"))
    assert copy.metadata["course"]["cells"] == copies.digest(copy.cells)
    assert "cells" not in solution.metadata["course"]
    assert answer(copy, "90.1")["source"].endswith('write this part")')
