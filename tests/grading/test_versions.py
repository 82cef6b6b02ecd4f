"""Several files of one student: how they are counted, which one counts, and how that is told."""

import json
import os
import sqlite3
from contextlib import closing

import pytest

from course_lib import grading
from course_lib.grading import executors, regrade, results
from course_lib.grading.reporting import report
from course_lib.grading.running import run

from .conftest import LAB, save, student
from .fast import run_here


class Here(executors.Inline):
    """This process, with walls that need no trying."""

    def isolation(self):
        return "local-provisioner", "full", "full: as if"


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(run, "run", run_here)
    monkeypatch.setattr(report.overview, "render", lambda *a: "")  # pictures of a class take a second


def grade(root, base, **more):
    return grading.grade(LAB, base / "in", base / "out", root=root, **{"executor": Here(), **more})


def hand_in(notebook, path, moment):
    save(notebook, path)
    os.utime(path, (moment, moment))


def test_files_and_students_are_counted_alike_while_grading_and_at_the_end(built, tmp_path):
    for name in ("alice", "alice (1)", "Max Meier (1)", "Max Meier (2)"):
        save(student(built), tmp_path / "in" / f"{name}.ipynb")
    said = []
    summary = grade(built, tmp_path, say=said.append)
    assert summary.graded == 1
    assert "\n4 files of 3 students; equal files are graded once.\n" in summary.text
    assert "1 student has an answer that a person should look at" in summary.text
    told = [line.split(",")[0] for line in said if " of 4: " in line]
    assert sorted(line.split(": ")[1] for line in told) == sorted(
        path.name for path in (tmp_path / "in").iterdir()
    )
    assert [line.split(" of ")[0] for line in told] == ["1", "2", "3", "4"]


def test_a_maximum_that_falls_below_points_by_hand_is_listed_and_not_passed(built, course, tmp_path):
    save(student(built, x90_1="# exercise 90.1\naverage = sum"), tmp_path / "in" / "ines.ipynb")
    grade(built, tmp_path)
    results.set_by_hand(tmp_path / "out", "ines", "90.1", "40", "a slip", "B.", built)
    path = course / "course_lib" / "lab" / "bundles" / f"{LAB}.json"
    bundle = json.loads(path.read_text())
    bundle["exercises"]["90.1"]["points"] = 20
    path.write_text(json.dumps(bundle))
    summary = regrade.regrade(LAB, tmp_path / "out", root=course, executor=Here())
    (ines,) = summary.people
    assert (ines["total"], ines["max"]) == (80, 80)
    (change,) = summary.changes
    assert [change[name] for name in ("exercise", "max_before", "max_after", "override")] == [
        "90.1", 40, 20, 20,
    ]  # fmt: skip
    assert summary.maxima == {"90.1": (40, 20)}
    words = regrade.in_words(summary.changes, maxima=summary.maxima)
    assert words.startswith("Exercise 90.1: at most 40 -> 20 points\n")
    assert change["set_by_hand"] == 40
    assert "; of 40 set by hand 20 count, the maximum now" in words
    assert "set by hand stay" not in words
    with closing(sqlite3.connect(tmp_path / "out" / "index.sqlite")) as tables:
        assert tables.execute("SELECT sum(points) FROM standing").fetchone() == (80,)


def test_a_file_that_is_not_the_newest_is_marked_in_the_terminal(built, tmp_path):
    hand_in(student(built), tmp_path / "in" / "kai" / "old.ipynb", 1)
    hand_in(student(built, x90_1="# exercise 90.1"), tmp_path / "in" / "kai" / "new.ipynb", 2)
    said = []
    grade(built, tmp_path, say=said.append)
    marked = [line.split(": ")[1].split(",")[0] for line in said if "(not the newest file of kai)" in line]
    assert marked == ["kai/old.ipynb"]


def test_points_by_hand_that_a_newer_hand_in_would_pass_ask_for_a_look_until_they_are_decided_again(
    built, tmp_path
):
    hand_in(student(built, x90_1="# exercise 90.1\naverage = sum"), tmp_path / "in" / "ines.ipynb", 1)
    grade(built, tmp_path)
    results.set_by_hand(tmp_path / "out", "ines", "90.1", "5", "a slip", "B.", built)
    hand_in(student(built), tmp_path / "in" / "ines.ipynb", 2)
    summary = grade(built, tmp_path)
    (ines,) = summary.people
    assert (ines["total"], ines["rows"][0]["automatic"]) == (65, 40)
    (flag,) = [flag for flag in ines["flags"] if flag.startswith("needs_review: ")]
    assert "for an older hand-in; automatic would be 40 now" in flag
    assert "1 student has an answer that a person should look at" in summary.text
    results.set_by_hand(tmp_path / "out", "ines", "90.1", "5", "a slip", "B.", built)
    (ines,) = grade(built, tmp_path).people
    assert ines["total"] == 65
    assert not [flag for flag in ines["flags"] if flag.startswith("needs_review")]


def test_a_right_answer_whose_cell_stops_below_it_is_one_that_a_person_should_look_at(built, tmp_path):
    tried = "# exercise 90.1\ndef average(numbers):\n    return sum(numbers) / len(numbers)\naverage(3)"
    save(student(built, x90_1=tried), tmp_path / "in" / "ines.ipynb")
    said = []
    summary = grade(built, tmp_path, say=said.append)
    assert "60 of 100 points (needs review)" in " ".join(said)
    (ines,) = summary.people
    assert [flag.partition(";")[0] for flag in ines["flags"]] == [
        "needs_review: its cell defines average and then stops"
    ]
    assert "1 student has an answer that a person should look at" in summary.text


def test_a_file_that_is_no_notebook_is_no_change_when_nothing_was_changed(built, tmp_path):
    save(student(built), tmp_path / "in" / "alice.ipynb")
    save("some words", tmp_path / "in" / "alice.pdf")
    grade(built, tmp_path)
    summary = regrade.regrade(LAB, tmp_path / "out", root=built, executor=Here())
    assert {row["status"] for row in summary.rows} == {"right", "unreadable"}
    assert summary.changes == []
    assert not list((tmp_path / "out").glob("changes-*.csv"))
