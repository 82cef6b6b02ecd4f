"""From values to points, outside the student's process. Full points if every seed is right, else none.

Partial credit comes from having several exercises: an answer that is right on some inputs is wrong.
"""

import re
from collections.abc import Collection
from typing import Any

from course_lib.grading.reading.match import REVIEW
from course_lib.grading.reading.merge import Answer
from course_lib.grading.reading.names import defines
from course_lib.grading.running.run import Result
from course_lib.lab import explain
from course_lib.lab.bundle import off_limits_used
from course_lib.lab.compare import run_difference, same_runs
from course_lib.lab.syntax import tree

# of a flag about names: they come from the student's text, and a table must stay one that can be read
MOST_NAMES, LONGEST_NAME = 5, 80
_NO_PYTHON = re.compile(r"(Syntax|Indentation|Tab)Error: ")
NOT_POINTS = ("error", "timeout", "kernel_died", "memory_limit", "output_limit", "not_run")


def documents_of(line: dict, exercise: str, seeds: list[int]) -> tuple[list[dict], str]:
    """(runs, complaint) of an emit cell: exactly one document, of this exercise, one run per seed."""
    documents = line.get("documents") or []
    if len(documents) != 1:
        return [], f"{len(documents)} documents of values came back; one is expected"
    document = documents[0]
    runs = document.get("runs") if isinstance(document, dict) else None
    if not isinstance(runs, list) or document.get("exercise") != exercise:
        return [], "the document of values is not one of this exercise"
    if not all(isinstance(run, dict) for run in runs) or [run.get("seed") for run in runs] != seeds:
        return [], "the document of values has other seeds than were asked for"
    return runs, ""


def row(
    exercise: str, entry: dict, answer: Answer, result: Result, expected: list[dict], context: str
) -> dict:
    """{"exercise", "points", "max", "status", "reason", "mistake", "flags"} of one exercise.

    entry: of the bundle. expected: the reference's runs on the seeds of this grading run, public ones first.
    context: the instructor's code that ran before, for the meaning of imported names.
    """
    found = {
        "exercise": exercise,
        "points": 0,
        "max": entry["points"],
        "mistake": "",
        "flags": list(answer.flags),
    }
    if answer.source is None:
        return {**found, "status": "missing", "reason": "no cell with an answer was found"}
    if answer.blank:
        return {**found, "status": "blank", "reason": "not started"}
    used = off_limits_used(answer.source, entry["off_limits"], context)
    if used:
        more = f" and {len(used) - MOST_NAMES} more" if len(used) > MOST_NAMES else ""
        names = ", ".join(name[:LONGEST_NAME] for name in used[:MOST_NAMES])
        found["flags"].append(f"uses {names}{more}, off limits here")
    defined, emitted = result.of("answer", exercise), result.of("emit", exercise)
    # what IPython too could not read was not run, and needs nobody's look
    if entry["off_limits"] and tree(answer.source) is None and not _NO_PYTHON.match(defined["reason"]):
        found["flags"].append(f"{REVIEW}: it could not be searched for names that are off limits")
    for line in (defined, emitted):
        if line["status"] != "ok":
            if line is defined and _right_above(entry, answer.source, exercise, emitted, expected):
                found["flags"].append(
                    f"{REVIEW}: its cell defines {entry['answer']} and then stops; {entry['answer']} itself "
                    f"gives the right values, which would be {entry['points']:g} points"
                )
            status = line["status"] if line["status"] in NOT_POINTS else "error"
            reason = line["reason"] or "this was not run"
            if status == "error":
                reason = _emit_failed(entry["answer"], reason) if line is emitted else explain.stopped(reason)
            return {**found, "status": status, "reason": reason}
    runs, complaint = documents_of(emitted, exercise, [run["seed"] for run in expected])
    if complaint:
        return {**found, "status": "no_values", "reason": complaint}
    return {**found, **_verdict(entry, runs, expected)}


def not_run(row: dict, elsewhere: Collection[str]) -> list[str]:
    """A flag for a row that lacks a name which a cell of the same notebook defines that is not run."""
    lacks = re.search(r"\bname '(\w{1,80})' is not defined", row["reason"])
    if lacks is None or lacks[1] not in elsewhere:
        return []
    return [f"{REVIEW}: {lacks[1]} is defined in a cell that is not run"]


def _right_above(entry: dict, source: str, exercise: str, emitted: dict, expected: list[dict]) -> bool:
    """True if a cell that did not end well had defined an answer that is right on every seed."""
    if emitted["status"] != "ok" or not defines(source, entry["answer"]):
        return False
    runs, complaint = documents_of(emitted, exercise, [run["seed"] for run in expected])
    return not complaint and same_runs(expected, runs, entry["rtol"], entry["atol"])


def _emit_failed(answer: str, reason: str) -> str:
    """What a student is told: not the error itself, which may carry hidden inputs out of the kernel."""
    if reason == f"NameError: name '{answer}' is not defined":
        return f"there is no {answer} after your cell was run"
    return f"the values of {answer} could not be taken out of the kernel"


def _verdict(entry: dict, runs: list[dict], expected: list[dict]) -> dict:
    tolerance = entry["rtol"], entry["atol"]
    if same_runs(expected, runs, *tolerance):
        return {"status": "right", "points": entry["points"], "reason": ""}
    if all(
        isinstance(run.get("error"), dict) and run["error"].get("type") == "NotImplementedError"
        for run in runs
    ):
        return {"status": "blank", "reason": "not started"}
    public = runs[: len(entry["seeds"])]
    for wrong in entry["wrong"]:
        if same_runs(wrong["runs"], public, *tolerance):
            return {"status": "wrong", "reason": wrong["hint"], "mistake": wrong["name"]}
    return {"status": "wrong", "reason": _reason(entry, public, tolerance)}


def _reason(entry: dict, public: list[dict], tolerance: tuple[float, float]) -> str:
    """A sentence from the public probes only, as `check` would give it."""
    for expected, run in zip(entry["reference"], public, strict=True):
        found = run_difference(expected, run, *tolerance)
        if found is None:
            continue
        error: Any = run.get("error")
        if isinstance(error, dict):
            return explain.error(entry["answer"], error, graded=True)
        return explain.difference(found) + (f" {entry['message']}" if entry["message"] else "")
    return "right on the inputs that check uses, wrong on others: the answer does not hold in general."
