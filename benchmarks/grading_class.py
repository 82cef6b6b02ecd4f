"""A class of 300 on two cores: is everybody accounted for, what do two workers gain, does memory grow?

Run: python benchmarks/grading_class.py [--students 300] [--kills 10]      (needs Debian's bubblewrap)

The tests' tiny lab without torch, built in an empty folder; three in four students are right everywhere, the
others wrong in one exercise; no two files are equal. `course grade` runs as a command of its own: with two
workers, with one, and with two while it is killed (SIGKILL) at random moments and started again. The resident
memory of the command's process (not its workers') is read twice a second.
Written to results/grading_class.json and .md.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
from harness import RESULTS, machine

from course_lib.files import write_whole
from course_lib.grading.authoring import build

LAB = "90_tiny"
FIXTURES = Path(__file__).parents[1] / "tests" / "grading" / "fixtures"
RIGHT = {
    "90.1": "# exercise 90.1\ndef average(numbers):\n    return sum(numbers) / len(numbers)  # {n}",
    "90.2": "# exercise 90.2\ndef unit_rows(matrix):\n"
    "    return matrix / np.linalg.norm(matrix, axis=1)[:, None]  # {n}",
}
WRONG = {
    "90.1": "# exercise 90.1\ndef average(numbers):\n    return sum(numbers) / (len(numbers) + {n} + 1)",
    "90.2": "# exercise 90.2\ndef unit_rows(matrix):\n    return matrix * ({n} + 2)",
}


def hand_in(root: Path, folder: Path, students: int) -> dict[str, dict[str, bool]]:
    """Write the notebooks; {student: {exercise: is it right}}."""
    copy = (root / "labs" / f"{LAB}.ipynb").read_text(encoding="utf-8")
    expected: dict[str, dict[str, bool]] = {}
    folder.mkdir()
    for number in range(students):
        notebook, name = json.loads(copy), f"student_{number:03d}"
        slip = list(RIGHT)[number // 4 % 2] if number % 4 == 3 else ""
        expected[name] = {exercise: exercise != slip for exercise in RIGHT}
        for exercise in RIGHT:
            text = (WRONG if exercise == slip else RIGHT)[exercise].format(n=number)
            cell = next(c for c in notebook["cells"] if c["id"] == f"answer-{exercise.replace('.', '-')}")
            cell["source"] = text
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return expected


def start(root: Path, folder: Path, out: Path, workers: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "course_lib.cli", "--root", str(root), "grade", LAB, str(folder)]
    command += ["--out", str(out), "--workers", str(workers)]
    with out.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def measured(process: subprocess.Popen, out: Path) -> dict:
    """Seconds until the end, and the command's resident memory (MB) by quarter of the class."""
    began, memory, driver = time.perf_counter(), [], psutil.Process(process.pid)
    while process.poll() is None:
        with contextlib.suppress(psutil.Error, OSError):
            memory.append((len(list((out / "attempts").glob("*.json"))), driver.memory_info().rss / 1e6))
        time.sleep(0.5)
    seconds = time.perf_counter() - began
    graded = [(count, mb) for count, mb in memory if count]
    most = max(count for count, _ in graded)
    quarters = [
        statistics.median([mb for count, mb in graded if most * q / 4 < count <= most * (q + 1) / 4] or [0.0])
        for q in range(4)
    ]
    return {
        "seconds": seconds, "status": process.returncode, "memory_mb_by_quarter": quarters,
        "memory_mb_at_most": max(mb for _, mb in memory),
    }  # fmt: skip


def scores(out: Path) -> Counter:
    """How often each (student, exercise, status, points) stands in results.csv."""
    with (out / "results.csv").open(newline="", encoding="utf-8") as file:
        return Counter(
            (r["student"], r["exercise"], r["status"], float(r["points"])) for r in csv.DictReader(file)
        )


def balance(found: Counter, expected: dict[str, dict[str, bool]]) -> dict:
    """Rows missing, rows doubled, verdicts that differ from what was handed in."""
    rows = Counter((student, exercise) for student, exercise, _, _ in found.elements())
    due = {(student, exercise) for student, verdicts in expected.items() for exercise in verdicts}
    false = [row for row in found if (row[2] == "right") != expected[row[0]][row[1]]]
    return {
        "rows": sum(rows.values()), "missing": len(due - set(rows)), "false_verdicts": len(false),
        "doubled": sum(count > 1 for count in rows.values()),
    }  # fmt: skip


def killed(root: Path, folder: Path, out: Path, kills: int, seconds: float, seed: int) -> dict:
    """Kill the command at random moments of a run of about `seconds`, and start it again each time."""
    draw, stored = random.Random(seed), []
    for _ in range(kills):
        process = start(root, folder, out, 2)
        time.sleep(draw.uniform(0.2, 1.6) * seconds / (kills + 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        stored.append(len(list((out / "attempts").glob("*.json"))) if (out / "attempts").is_dir() else 0)
        print(f"grading_class: killed with {stored[-1]} attempts stored", flush=True)
    process = start(root, folder, out, 2)
    process.wait()
    return {"kills": kills, "stored_at_each": stored, "status": process.returncode}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--students", type=int, default=300)
    options.add_argument("--kills", type=int, default=10)
    chosen = options.parse_args()
    report: dict = {"name": "grading_class", "students": chosen.students, "machine": machine()}
    with tempfile.TemporaryDirectory(prefix="course-benchmark-") as base:
        root, folder = Path(base, "course"), Path(base, "handed_in")
        shutil.copytree(FIXTURES, root, ignore=shutil.ignore_patterns("__pycache__"))
        build.build(root)
        expected = hand_in(root, folder, chosen.students)
        tables = {}
        for workers in (2, 1):
            out = Path(base, f"workers_{workers}")
            found = measured(start(root, folder, out, workers), out)
            tables[workers] = scores(out)
            report[f"workers_{workers}"] = found | balance(tables[workers], expected)
            print(f"grading_class: {workers} workers: {report[f'workers_{workers}']}", flush=True)
        if chosen.kills:
            out = Path(base, "killed")
            found = killed(root, folder, out, chosen.kills, report["workers_2"]["seconds"], seed=0)
            table = scores(out)
            report["killed"] = found | balance(table, expected) | {"same_scores": table == tables[2]}
    report["speed_up"] = report["workers_1"]["seconds"] / report["workers_2"]["seconds"]
    report["same_scores"] = tables[1] == tables[2]
    write_whole(RESULTS / "grading_class.json", json.dumps(report, indent=1) + "\n")
    write_whole(RESULTS / "grading_class.md", markdown(report))
    print(markdown(report))


def markdown(report: dict) -> str:
    here, students = report["machine"], report["students"]
    lines = [
        "# grading_class", "",
        f"{here['processor']}, {here['cores']} cores; {students} submissions of a lab without torch, two "
        "exercises each, behind walls; `course grade` from start to end, pages and tables included.", "",
        "| run | submissions a minute | rows | missing | doubled | false verdicts | memory of the command by "
        "quarter of the class, MB | at most |",
        "|---|---:|---:|---:|---:|---:|---|---:|",
    ]  # fmt: skip
    for workers in (1, 2):
        run = report[f"workers_{workers}"]
        quarters = ", ".join(f"{mb:.0f}" for mb in run["memory_mb_by_quarter"])
        lines.append(
            f"| {workers} worker{'s' * (workers > 1)} | {60 * students / run['seconds']:.0f} | "
            f"{run['rows']} | {run['missing']} | {run['doubled']} | {run['false_verdicts']} | {quarters} | "
            f"{run['memory_mb_at_most']:.0f} |"
        )
    if "killed" in report:
        run = report["killed"]
        lines.append(
            f"| 2 workers, killed {run['kills']} times | | {run['rows']} | {run['missing']} | "
            f"{run['doubled']} | {run['false_verdicts']} | | |"
        )
        moments = ", ".join(str(count) for count in run["stored_at_each"])
        lines += ["", f"Killed with so many attempts stored: {moments}. Same scores as undisturbed: "
                  f"{'yes' if run['same_scores'] else 'no'}."]  # fmt: skip
    lines += ["", f"Two workers are {report['speed_up']:.2f} x as fast as one (linear: 2)."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
