"""Several files of one student: how they are counted, which one counts, and how that is told."""

import os

import pytest

from course_lib import grading
from course_lib.grading import executors
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
