"""A disk that is really full: a small file system, filled up to some bytes, graded on, then freed."""

import csv
import shutil
import subprocess
import sys

import pytest

from course_lib.grading.running import isolation

from .conftest import ANSWERS, LAB, save, student

STUDENTS = ("ada", "ben")
SIZE = 2_000_000  # bytes of the file system


def only_bytes_free(built, submissions, out, free):
    """(status, text) of `course grade` with `free` bytes left, and of the same command with space again."""
    command = (
        f"{sys.executable} -m course_lib.cli --root {built} grade {LAB} {submissions} --out {out}/results"
    )
    script = f"""
        head -c {SIZE - free} /dev/zero > {out}/filler 2>/dev/null
        {command} 2>&1; echo "status $?"
        rm {out}/filler; echo freed
        {command} 2>&1; echo "status $?"
        cp {out}/results/results.csv {out.parent}/table.csv
    """
    walls = ["bwrap", "--dev-bind", "/", "/", "--size", str(SIZE), "--tmpfs", str(out), "bash", "-c", script]
    done = subprocess.run(walls, capture_output=True, text=True, timeout=300, check=False)
    return done.stdout.split("freed\n")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("bwrap"), reason="a small file system of its own needs bubblewrap")
@pytest.mark.parametrize("free", [0, 16_384, 40_960, 81_920])
def test_on_a_full_disk_the_grader_stops_with_a_sentence_and_loses_nothing(built, tmp_path, free):
    for name in STUDENTS:
        answers = {"x90_1": ANSWERS["90.1"] + f"  # {name}"}
        save(student(built, **answers), tmp_path / "handed_in" / f"{name}.ipynb")
    (tmp_path / "small").mkdir()
    full, freed = only_bytes_free(built, tmp_path / "handed_in", tmp_path / "small", free)
    assert full.endswith("status 2\n"), full
    assert "Traceback" not in full
    assert "disk is full" in full
    assert "Free some space" in full or "give the same command again" in full
    assert freed.endswith("status 0\n"), freed
    assert "nothing is missing" in freed
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["student"], row["exercise"], row["points"], row["status"]) for row in rows) == [
        (name, exercise, points, "right")
        for name in STUDENTS
        for exercise, points in (("90.1", "40"), ("90.2", "60"))
    ]
    assert {row["isolation"] for row in rows} == {isolation.best()[1]}
