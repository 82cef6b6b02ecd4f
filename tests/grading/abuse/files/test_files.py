"""All files of `cases` in one batch with honest ones: each ends as stated, and the honest points stay."""

import csv
import hashlib
import os

import pytest

from course_lib import grading
from course_lib.grading.running import run

from ...conftest import LAB, answer, save, student
from ...fast import run_here
from .cases import all_cases

HONEST = {"honest_right": 100, "honest_half": 60}


def hand_in_honest(root, folder):
    save(student(root), folder / "honest_right.ipynb")
    half = student(root, x90_1="# exercise 90.1\ndef average(numbers):\n    return sum(numbers)")
    save(half, folder / "honest_half.ipynb")
    # 47: two notebooks of one student, the older with another answer
    save(student(root, x90_1="# exercise 90.1\naverage = len"), folder / "two" / "draft.ipynb")
    os.utime(folder / "two" / "draft.ipynb", (1, 1))
    final = student(root)
    answer(final, "90.2")["source"] += "  # final"
    save(final, folder / "two" / "final.ipynb")


@pytest.fixture(scope="module")
def graded(built, tmp_path_factory):
    base = tmp_path_factory.mktemp("files")
    folder = base / "in"
    folder.mkdir()
    hand_in_honest(built, folder)
    cases = all_cases(built)
    for case in cases:
        path = folder / case.path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(case.data)
    untouched = snapshot(base)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "run", run_here)  # what is tested lies before and after the kernel
        options = {"executor": "inline", "allow_unsandboxed": True, "provisioner": "local-provisioner"}
        summary = grading.grade(LAB, folder, base / "out", root=built, **options)
    return summary, {case.path: case for case in cases}, base, untouched


def snapshot(folder):
    paths = (
        path for path in folder.rglob("*") if path.is_file() and "out" not in path.parts[len(folder.parts)]
    )
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def rows(summary, file):
    return [row for row in summary.rows if row["file"] == file]


@pytest.mark.slow
def test_every_file_ends_as_stated(graded):
    summary, cases, _, _ = graded
    found = {file: tuple(row["status"] for row in rows(summary, file)) for file in cases}
    assert found == {file: case.outcome for file, case in cases.items()}


@pytest.mark.slow
def test_the_reason_or_a_flag_tells_why(graded):
    summary, cases, _, _ = graded
    missing = {}
    for file, case in cases.items():
        told = "; ".join(
            text for row in rows(summary, file) for text in [row["reason"], *row["flags"], *row["about_file"]]
        )
        if case.told not in told:
            missing[file] = (case.told, told)
    assert missing == {}


@pytest.mark.slow
def test_points_only_for_right_answers_and_honest_points_stay(graded):
    summary, _, _, _ = graded
    for row in summary.rows:
        assert row["points"] == (row["max"] if row["status"] == "right" else 0)
    totals = {person["student"]: person["total"] for person in summary.people}
    assert {name: totals[name] for name in HONEST} == HONEST
    assert totals["two"] == 100


@pytest.mark.slow
def test_every_file_has_its_rows_once(graded):
    summary, cases, _, _ = graded
    assert summary.complete
    assert summary.submissions == len(cases) + 4
    with open(summary.out / "results.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 2 * (len(cases) + 4)


@pytest.mark.slow
def test_nothing_was_written_outside_and_nothing_of_theirs_was_changed(graded):
    _, _, base, untouched = graded
    assert snapshot(base) == untouched
    assert not os.path.exists("/tmp/out.ipynb")


@pytest.mark.slow
def test_equal_files_both_count(graded):
    summary, _, _, _ = graded
    twins = [row for name in ("twin.ipynb", "honest_right.ipynb") for row in rows(summary, name)]
    assert len({row["sha"] for row in twins}) == 1
    assert [row["status"] for row in twins] == ["right"] * 4


@pytest.mark.slow
def test_pages_hold_payloads_as_text_only(graded):
    summary, _, _, _ = graded
    for page in (summary.out / "feedback").iterdir():
        text = page.read_text()
        for mark in ("<script>alert", "<svg onload", "<img src=x"):
            assert mark not in text
