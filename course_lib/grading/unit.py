"""The unit of work of the grader: (bytes of a submission, a lab as JSON) -> one attempt as JSON.

A pure function but for the kernel that it starts, so that it runs the same in this process, in a worker
process or on another machine. It raises nothing that the bytes could cause.
"""

import errno
import hashlib
import json
from typing import Any

import nbformat

from course_lib.grading.keeping.ledger import VERSION
from course_lib.grading.reading import limited
from course_lib.grading.reading.match import REVIEW
from course_lib.grading.reading.merge import outline
from course_lib.grading.reading.parse import Unreadable
from course_lib.grading.reference import Lab
from course_lib.grading.running import again, compare, needs, run

NOT_RUN = "nothing was run"  # the isolation of an attempt that needed no kernel
ENDINGS = ("memory_limit", "kernel_died", "output_limit", "timeout")
FULL = {  # what nobody's submission is to blame for
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EROFS: "the disk is read-only",
}


def job(known: Lab, expected: dict, deadline: float, provisioner: str | None, isolation: str) -> dict:
    """A lab as JSON for `attempt`: notebooks without outputs, bundle, expected values, how to run.

    expected: {exercise: the reference's runs}, from `reference.expectations`. isolation: the level that the
    provisioner gives, written into each attempt.
    """
    return {
        "lab": known.name,
        "solution": _without_outputs(known.solution),
        "outline": outline(known.solution, known.student, known.bundle),
        "bundle": known.bundle,
        "digest": known.digest,
        "expected": expected,
        "deadline": deadline,
        "provisioner": provisioner,
        "isolation": isolation,
        "grader": VERSION,
    }


def _without_outputs(notebook: Any) -> dict:
    copy = json.loads(json.dumps(notebook))
    for cell in copy["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return copy


def attempt(data: bytes, job: dict) -> dict:
    """Grade one submission: {"rows", "status", "lost", "flags", "answers", "seeds", "isolation"}.

    lost: why the run broke off through no clear fault of the student, else "". answers: {exercise: source},
    the student's text. seeds: {exercise: those that no student may know}. Raises OSError where this machine
    cannot go on (a full disk).
    """
    if job["grader"] != VERSION:
        raise ValueError(f"this worker has version {VERSION} of the grader, the job is for {job['grader']}")
    try:
        merged = limited.take_in_child(data, job["outline"])
    except Unreadable as reason:
        return refused(job, "unreadable", str(reason))
    if merged.wrong_lab:
        return refused(job, "wrong_lab", merged.wrong_lab, merged.flags)
    bundle, expected = job["bundle"], job["expected"]
    solution = nbformat.from_dict(job["solution"])
    result, isolation = run.Result(), NOT_RUN
    sources = {name: answer.source for name, answer in merged.answers.items()}
    seeds = {name: [one["seed"] for one in runs] for name, runs in expected.items()}
    if any(answer.source is not None and not answer.blank for answer in merged.answers.values()):
        work = run.cells(solution, sources, bundle, seeds)
        how = {name: job[name] for name in ("deadline", "provisioner", "isolation")}
        result = run.run(work, bundle, **how)
        isolation = job["isolation"]
        merged.flags += result.broken_context()
    context = "\n".join(
        c.source for c in solution.cells if c.cell_type == "code" and "nbgrader" not in c.metadata
    )
    rows = []
    for name, entry in bundle["exercises"].items():
        row = compare.row(name, entry, merged.answers[name], result, expected[name], context)
        row["flags"] += compare.not_run(row, merged.elsewhere)
        rows.append({**row, "values_digest": _values_digest(result.of("emit", name), len(entry["seeds"]))})
    rows = again.rejudged(rows, job, result)
    used = needs.not_right(rows, sources, job["outline"]["exercises"])
    for row in rows:
        row["flags"] += used.get(row["exercise"], [])
    return {
        "rows": rows,
        "status": _status(rows, result.lost),
        "lost": result.lost,
        "flags": merged.flags,
        "answers": {name: source for name, source in sources.items() if source is not None},
        "seeds": {name: seeds[name][len(entry["seeds"]) :] for name, entry in bundle["exercises"].items()},
        "isolation": isolation,
    }


def refused(job: dict, status: str, reason: str, flags: list[str] | None = None) -> dict:
    """An attempt without a run: the same status and reason for every exercise."""
    rows = [
        {"exercise": name, "max": entry["points"], "points": 0, "status": status, "reason": reason}
        | {"mistake": "", "flags": [], "values_digest": ""}
        for name, entry in job["bundle"]["exercises"].items()
    ]
    return {
        "rows": rows,
        "status": status,
        "lost": "",
        "flags": flags or [],
        "answers": {},
        "seeds": {},
        "isolation": NOT_RUN,
    }


def broken(job: dict, reason: str) -> dict:
    """The attempt of a run that broke off before it had a result."""
    return {**refused(job, "not_run", reason), "status": "interrupted", "lost": reason}


def guarded(data: bytes, job: dict) -> dict:
    """`attempt`, but a defect of the grader becomes an attempt that says so.

    A machine that cannot go on gives {"stop": why}: that is nobody's result.
    """
    try:
        return attempt(data, job)
    except OSError as error:
        if error.errno in FULL:
            return {"stop": f"{FULL[error.errno]} ({error.filename or 'temporary files'})"}
        return broken(job, f"grader: {type(error).__name__}: {error}")
    except Exception as error:
        return broken(job, f"grader: {type(error).__name__}: {error}")


def _status(rows: list[dict], lost: str) -> str:
    """How the submission as a whole ended, in one word."""
    found = {row["status"] for row in rows}
    if lost:
        return "interrupted"
    if any(flag.startswith(REVIEW) for row in rows for flag in row["flags"]):
        return "needs_review"
    for ending in ENDINGS:
        if ending in found:
            return ending
    if "not_run" in found:  # no cell was at fault: the time for the whole notebook was over
        return "timeout"
    return "blank" if found <= {"blank", "missing"} else "graded"


def _values_digest(line: dict, public: int) -> str:
    """A hash of the values on the public seeds, to six digits; "" if none came back."""
    documents = line.get("documents") or []
    runs = documents[0].get("runs") if len(documents) == 1 and isinstance(documents[0], dict) else None
    if not isinstance(runs, list) or not runs:
        return ""
    kept = [run.get("values") or run.get("error") for run in runs[:public] if isinstance(run, dict)]
    try:
        return hashlib.sha256(json.dumps(_rounded(kept), sort_keys=True).encode()).hexdigest()[:16]
    except (TypeError, ValueError, RecursionError):
        return ""


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
