"""The grader is killed at ten moments and started again each time: no row lost, none doubled, same scores."""

import random
import subprocess
import sys
import time
from collections import Counter

import pytest

from course_lib import grading
from course_lib.grading import executors
from course_lib.grading.running import run

from .conftest import LAB, save, student
from .fast import run_here

MOMENTS = [random.Random(seed).uniform(0.0, 1.2) for seed in range(10)]  # seconds after the grader has begun


class Here(executors.Inline):
    """This process, with walls that need no trying."""

    def isolation(self):
        return "local-provisioner", "full", "full: as if"


def grade(root, folder, out):
    return grading.grade(LAB, folder, out, root=root, executor=Here())


def main(root, folder, out):
    """What the process does that is killed."""
    run.run = run_here
    print("ready", flush=True)
    grade(root, folder, out)


@pytest.mark.slow
def test_a_grader_that_is_killed_ten_times_loses_and_doubles_nothing(built, tmp_path, monkeypatch, root):
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(24):
        divisor = "len(numbers)" if number % 3 else number + 1
        source = f"# exercise 90.1\ndef average(numbers):\n    return sum(numbers) / {divisor}  # {number}"
        save(student(built, x90_1=source), folder / f"student_{number}.ipynb")
    code = "import sys; sys.modules['rfc3987_syntax'] = None\n"
    code += "from tests.grading.test_resume import main; main(*sys.argv[1:])"
    stored = []
    for moment in MOMENTS:
        with subprocess.Popen(
            [sys.executable, "-c", code, str(built), str(folder), str(out)], cwd=root, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(moment)
            process.kill()
        stored.append(len(list((out / "attempts").glob("*.json"))) if out.exists() else 0)
    assert len({number for number in stored if number < 24}) > 2, f"killed at too few places: {stored}"
    monkeypatch.setattr(run, "run", run_here)
    resumed = grade(built, folder, out)
    whole = grade(built, folder, tmp_path / "whole")

    def scores(summary):
        return sorted((r["student"], r["exercise"], r["points"], r["status"]) for r in summary.rows)

    assert scores(resumed) == scores(whole)
    assert Counter(row["student"] for row in resumed.rows) == {f"student_{n}": 2 for n in range(24)}
    names = [path.name for path in (out / "attempts").iterdir()]
    assert len(names) == 24
    assert all(name.endswith("-1.json") for name in names)
    assert resumed.complete
