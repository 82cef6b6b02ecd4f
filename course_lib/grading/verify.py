"""`course verify`: do notebooks still run, do checks tell right from wrong, does grading add up?

For every lab and lecture: nbval over what is stored; the student copy stops at its first stub; every wrong
answer loses points and is told its own mistake; every right one gets full points; the blank copy gets 0
points and the solution all.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading import batch
from course_lib.grading.authoring import notebooks, tables
from course_lib.grading.authoring.answers import Attempts, read_attempts
from course_lib.grading.authoring.build import sources
from course_lib.grading.authoring.execute import environment
from course_lib.grading.authoring.source import Source, SourceError, read_lab
from course_lib.grading.running import run
from course_lib.lab import bundle as bundles
from course_lib.lab.compare import same_runs

HIDDEN_SEEDS = (1009, 20_011, 300_007)  # beside the public ones, for "loses points" and "gets full points"
CELL_LIMIT = 900


@dataclass
class Report:
    """What verify found: .lines of (fine, sentence); .ok; .problems; `text` for the terminal."""

    lines: list[tuple[bool, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if nothing is wrong and something was looked at."""
        return bool(self.lines) and all(fine for fine, _ in self.lines)

    @property
    def problems(self) -> list[str]:
        """The sentences about what is wrong."""
        return [sentence for fine, sentence in self.lines if not fine]

    def __str__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        """All sentences, those about problems marked."""
        return "\n".join(f"{'ok  ' if fine else 'BAD '} {sentence}" for fine, sentence in self.lines)


def verify(
    root: Path | str,
    names: Iterable[str] | None = None,
    workers: int = 2,
    say: Callable[[str], None] = lambda sentence: None,
) -> Report:
    """Verify every lab and lecture under `root`, or those named (as in `build`). Changes nothing.

    workers: notebooks at the same time. say: called with each sentence as it is found.
    Raises FileNotFoundError for a name without source.
    """
    root = Path(root).resolve()
    jobs: list[tuple[Callable, tuple]] = []
    for path in sources(root, names):
        if path.parents[1].name == "lectures":
            jobs.append((_nbval, (root, root / "lectures" / f"{path.stem}.ipynb")))
        else:
            jobs.append((_nbval, (root, root / "labs" / "solutions" / f"{path.stem}.ipynb")))
            jobs += [(job, (root, path)) for job in (_stops_at_stub, _answers, _grades)]
    report = Report()
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        for future in [pool.submit(_guarded, job, arguments) for job, arguments in jobs]:
            for line in future.result():
                say(f"{'ok  ' if line[0] else 'BAD '} {line[1]}")
                report.lines.append(line)
    return report


def _guarded(job: Callable, arguments: tuple) -> list[tuple[bool, str]]:
    try:
        return job(*arguments)
    except SourceError as error:
        return [(False, problem) for problem in error.problems]
    except Exception as error:  # one broken lab must not hide what is known about the others
        return [(False, f"{arguments[1].name}: {type(error).__name__}: {error}")]


def _nbval(root: Path, path: Path) -> list[tuple[bool, str]]:
    """Run one stored notebook under nbval: outputs of check cells are compared, others only have to run."""
    label = path.relative_to(root)
    if not path.is_file():
        return [(False, f"{label} is missing; run `course build`.")]
    cells, tail = _pytest(root, path)
    bad = [cell for cell in cells if cell["outcome"] == "failed"]
    if bad or not cells:
        what = f"{bad[0]['cell']}: {_last_line(bad[0]['text'])}" if bad else f"nothing was run: {tail}"
        return [(False, f"{label} does not pass nbval. {what}")]
    compared = sum(
        "nbval-check-output" in cell.metadata.get("tags", [])
        for cell in getattr(notebooks.read(path), "cells", [])
    )
    return [(True, f"{label} passes nbval: {len(cells)} cells run, the output of {compared} compared.")]


def _pytest(root: Path, path: Path, *options: str) -> tuple[list[dict], str]:
    """(one line per cell, end of the terminal output) of nbval on a copy of a notebook in an empty folder."""
    reader, writer = os.pipe()
    command = [
        sys.executable,
        "-c",
        run.PYTEST,
        "-p",
        "course_lib.grading.running.plugin",
        "-p",
        "nbval.plugin",
    ]
    command += ["-p", "no:cacheprovider", "--noconftest", "-c", os.devnull, "-q", "--nbval-lax", *options]
    command += [
        "--nbval-current-env",
        f"--nbval-cell-timeout={CELL_LIMIT}",
        f"--course-verify={writer}",
        path.name,
    ]
    # several notebooks run at a time: with more threads than cores each would take several times longer
    one = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    env = environment(notebooks.bundle_folder(root), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **one)
    with tempfile.TemporaryDirectory(prefix="course-verify-") as folder, os.fdopen(reader, "rb") as pipe:
        (Path(folder) / path.name).write_bytes(path.read_bytes())
        with tempfile.TemporaryFile() as noise:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=noise,
                stderr=noise,
                pass_fds=(writer,),
            )
            os.close(writer)
            received = pipe.read()
            child.wait()
            noise.seek(0)
            tail = noise.read()[-500:].decode(errors="replace").strip()
    return [json.loads(line) for line in received.splitlines()], tail


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"


def _stops_at_stub(root: Path, path: Path) -> list[tuple[bool, str]]:
    """The student copy runs until a cell needs the first stub, and stops there with the stub's message."""
    copy = root / "labs" / f"{path.stem}.ipynb"
    if not copy.is_file():
        return [(False, f"labs/{copy.name} is missing; run `course build`.")]
    first = next(iter(read_lab(path).exercises))
    cells, _ = _pytest(root, copy, "-x")
    bad = [cell for cell in cells if cell["outcome"] == "failed"]
    if not bad:
        return [
            (False, f"labs/{copy.name} runs to its end without reaching a stub; let a cell use each answer.")
        ]
    if re.search(rf"NotImplementedError\S*: exercise {re.escape(first)}(?!\d)", bad[0]["text"]):
        return [
            (
                True,
                f"labs/{copy.name} runs up to {bad[0]['cell']} and stops with the stub of exercise {first}.",
            )
        ]
    return [
        (
            False,
            f"labs/{copy.name} stops in {bad[0]['cell']} with something else: {_last_line(bad[0]['text'])}",
        )
    ]


def _answers(root: Path, path: Path) -> list[tuple[bool, str]]:
    """Every wrong answer against its check and the grader's comparison, and every right one."""
    lab = read_lab(path)
    wrong = read_attempts(root / "labs" / "wrong" / path.name, lab, hints_needed=True)
    right = read_attempts(root / "labs" / "right" / path.name, lab, hints_needed=False)
    folder = notebooks.bundle_folder(root)
    bundle = bundles.load(lab.name, folder)["exercises"]
    said = tables.values(lab, wrong + right, bundles=folder, diagnose=True)
    seeds = {name: [*entry["seeds"], *HIDDEN_SEEDS] for name, entry in bundle.items()}
    graded = tables.values(lab, wrong + right, seeds=seeds, bundles=folder)
    return [
        line
        for name, entry in bundle.items()
        for line in _exercise(lab, name, entry, said[name], graded[name], wrong, right)
    ]


def _exercise(
    lab: Source,
    name: str,
    entry: dict,
    said: dict,
    graded: dict,
    wrong: list[Attempts],
    right: list[Attempts],
) -> list[tuple[bool, str]]:
    where, tolerance = f"{lab.name} {name}", (entry["rtol"], entry["atol"])
    hints = {w: hint for a in wrong if a.exercise == name for w, hint in a.hints.items()}
    others = [r for a in right if a.exercise == name for r in a.hints]
    problems = []
    for answer, hint in hints.items():
        told = said["attempts"][answer]
        if told["right"]:
            problems.append(f"{where}: check calls the wrong answer {answer} right.")
        elif told["mistake"] != answer or hint not in told["text"]:
            problems.append(f"{where}: {answer} is told something else than its own hint: {told['text']}")
        strange = [
            other
            for other, text in hints.items()
            if other != answer and text != hint and text in told["text"]
        ]
        problems += [f"{where}: {answer} is also told the hint of {other}." for other in strange]
        if same_runs(graded["reference"], graded["attempts"][answer]["runs"], *tolerance):
            problems.append(f"{where}: the grader would give points to {answer}.")
    for answer in others:
        if not said["attempts"][answer]["right"]:
            problems.append(
                f"{where}: check refuses the right answer {answer}: {said['attempts'][answer]['text']}"
            )
        if not same_runs(graded["reference"], graded["attempts"][answer]["runs"], *tolerance):
            problems.append(f"{where}: the grader would refuse the right answer {answer}.")
    if problems:
        return [(False, problem) for problem in problems]
    return [
        (
            True,
            f"{where}: {len(hints)} wrong answers lose points, each by its hint; {len(others)} right pass.",
        )
    ]


def _grades(root: Path, path: Path) -> list[tuple[bool, str]]:
    """Grade the blank student copy and the solution as if students had handed them in."""
    batch.load(root, path.stem)  # says in a sentence what is missing
    with tempfile.TemporaryDirectory(prefix="course-verify-") as base:
        folder = Path(base) / "submissions"
        folder.mkdir()
        (folder / "blank.ipynb").write_bytes((root / "labs" / f"{path.stem}.ipynb").read_bytes())
        (folder / "solution.ipynb").write_bytes(
            (root / "labs" / "solutions" / f"{path.stem}.ipynb").read_bytes()
        )
        out = Path(base) / "out"
        summary = batch.grade(path.stem, folder, out, root=root, allow_unsandboxed=True)  # both are ours
    found = {person["student"]: person for person in summary.people}
    lines = []
    for student, target in (("blank", 0), ("solution", found["solution"]["max"])):
        person = found[student]
        fine = person["total"] == target
        reasons = "; ".join(f"{row['exercise']} {row['status']} {row['reason']}" for row in person["rows"])
        lines.append(
            (
                fine,
                f"{path.stem}: the {student} gets {person['total']} points{'' if fine else ': ' + reasons}.",
            )
        )
    return lines
