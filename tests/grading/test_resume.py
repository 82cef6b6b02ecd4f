"""The grader is killed at ten moments and started again each time: no row lost, none doubled, same scores."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter

import pytest

from course_lib import grading
from course_lib.grading import executors
from course_lib.grading.running import run

from .conftest import LAB, save, student
from .fast import run_here

# after so many file operations in its folder; not after so many seconds, which mean nothing on a busy machine
MOMENTS = [random.Random(seed).randint(10, 45) for seed in range(10)]
OPERATIONS = {"open", "os.rename", "os.chmod", "os.remove", "sqlite3.connect"}


class Here(executors.Inline):
    """This process, with walls that need no trying."""

    def isolation(self):
        return "local-provisioner", "full", "full: as if"


def grade(root, folder, out):
    return grading.grade(LAB, folder, out, root=root, executor=Here())


def main(root, folder, out, moment):
    """What the process does that is killed: by itself, just before one of its file operations."""
    run.run = run_here
    done = 0

    def watch(event, arguments):
        nonlocal done
        if event in OPERATIONS and str(arguments[0]).startswith(out) and _writes(event, arguments):
            done += 1
            if done == int(moment):
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    grade(root, folder, out)


def _writes(event, arguments):
    return event != "open" or (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)


@pytest.mark.slow
def test_a_grader_that_is_killed_ten_times_loses_and_doubles_nothing(built, tmp_path, monkeypatch, root):
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(12):
        divisor = "len(numbers)" if number % 3 else number + 1
        source = f"# exercise 90.1\ndef average(numbers):\n    return sum(numbers) / {divisor}  # {number}"
        save(student(built, x90_1=source), folder / f"student_{number}.ipynb")
    code = "import sys; sys.modules['rfc3987_syntax'] = None\n"
    code += "from tests.grading.test_resume import main; main(*sys.argv[1:])"
    stored, killed = [], 0
    for moment in MOMENTS:
        command = [sys.executable, "-c", code, str(built), str(folder), str(out), str(moment)]
        ended = subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, check=False).returncode
        killed += ended == -signal.SIGKILL
        stored.append(len(list((out / "attempts").glob("*.json"))) if out.exists() else 0)
    assert len(set(stored)) > 3, f"killed at too few places: {stored}"
    assert killed == len(MOMENTS)
    monkeypatch.setattr(run, "run", run_here)
    resumed = grade(built, folder, out)
    whole = grade(built, folder, tmp_path / "whole")

    def scores(summary):
        return sorted((r["student"], r["exercise"], r["points"], r["status"]) for r in summary.rows)

    assert scores(resumed) == scores(whole)
    assert Counter(row["student"] for row in resumed.rows) == {f"student_{n}": 2 for n in range(12)}
    names = [path.name for path in (out / "attempts").iterdir()]
    assert len(names) == 12
    assert all(name.endswith("-1.json") for name in names)
    assert resumed.complete
