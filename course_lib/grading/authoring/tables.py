"""Ask a child process for the values of the reference and of every wrong and right answer of a lab."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from course_lib.grading.authoring.answers import Attempts
from course_lib.grading.authoring.execute import environment
from course_lib.grading.authoring.regions import solved
from course_lib.grading.authoring.source import SKIPPED_BY_GRADER, Source, SourceError
from course_lib.lab.bundle import PUBLIC_SEEDS

LIMIT = 600.0  # seconds for a whole lab


def values(
    lab: Source,
    attempts: list[Attempts],
    *,
    seeds: dict[str, list[int]] | None = None,
    bundles: Path | None = None,
    diagnose: bool = False,
) -> dict:
    """{exercise: {"reference": runs, "callable", "attempts": {name: {"runs", ...}}}} of a lab.

    seeds: other seeds per exercise; without it the public ones. diagnose: also run `check` on every
    attempt, with the bundles in `bundles`. Raises SourceError if a cell or an answer cannot be run.
    """
    cells = [
        {"role": c.role, "exercise": c.exercise, "source": solved(c.source)}
        for c in lab.cells
        if c.kind == "code" and c.role not in (*SKIPPED_BY_GRADER, "probe", "hint")
    ]
    exercises = {
        name: {"answer": e.answer, "probe": e.probe, "seeds": (seeds or {}).get(name, list(PUBLIC_SEEDS))}
        for name, e in lab.exercises.items()
    }
    work = [
        {"exercise": a.exercise, "header": a.header, "source": a.source, "names": list(a.hints)}
        for a in attempts
    ]
    job = {"cells": cells, "exercises": exercises, "attempts": work, "diagnose": diagnose}
    with tempfile.TemporaryDirectory(prefix="course-values-") as folder:
        result = _child(Path(folder), job, bundles, lab.name)
    if result["problems"]:
        raise SourceError([f"{lab.name}: {problem}" for problem in result["problems"]])
    return result["exercises"]


def _child(folder: Path, job: dict, bundles: Path | None, label: str) -> dict:
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    command = [sys.executable, "-m", "course_lib.lab.table", "job.json", "result.json"]
    env = environment(bundles, OMP_NUM_THREADS="1", COURSE_GRADING="1", MPLBACKEND="agg")
    try:
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise SourceError([f"{label}: computing the values took longer than {LIMIT:g} seconds."]) from None
    try:
        return json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        tail = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise SourceError([f"{label}: the values could not be computed. {' / '.join(tail)}"]) from None
