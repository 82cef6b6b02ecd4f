"""Compute the table of values of a lab in a process of its own: `python -m course_lib.lab.table JOB RESULT`.

The grading room starts this as a child, because it must not import torch and because answers may do
anything. JOB is JSON: {"cells": [{"role", "exercise", "source"}], "exercises": {id: {"answer", "probe",
"seeds"}}, "attempts": [{"exercise", "header", "source", "names"}], "diagnose": bool}. The cells run in
order in an IPython shell, exactly those that the grader runs; after the answer cell of an exercise its
probe is run on the reference and on every attempt (wrong or right answer) for it.
"""

import json
import linecache
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from course_lib.files import write_whole
from course_lib.lab import probe, verdict


def compute(job: dict) -> dict:
    """The result of a job: {"exercises": {id: {"reference", "callable", "attempts"}}, "problems": [...]}."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance(colors="NoColor")
    result: dict[str, Any] = {"exercises": {}, "problems": []}
    for number, cell in enumerate(job["cells"]):
        try:
            shell.run_cell(cell["source"], store_history=False, silent=True).raise_error()
        except BaseException as error:
            where = f"exercise {cell['exercise']}" if cell["exercise"] else f"code cell {number + 1}"
            result["problems"].append(f"{where} stops with {type(error).__name__}: {error}")
            return result
        if cell["role"] == "answer" and cell["exercise"] in job["exercises"]:
            exercise = cell["exercise"]
            result["exercises"][exercise] = _exercise(exercise, job, shell.user_ns, result["problems"])
    return result


def _exercise(exercise: str, job: dict, namespace: dict, problems: list[str]) -> dict:
    entry = job["exercises"][exercise]
    if entry["answer"] not in namespace:
        problems.append(f"exercise {exercise}: the answer cell does not define {entry['answer']}.")
        return {}
    answer = namespace[entry["answer"]]
    try:
        reference = probe.run_all(entry["probe"], exercise, answer, entry["seeds"])
    except Exception as error:
        problems.append(f"exercise {exercise}: the probe cell stops with {type(error).__name__}: {error}")
        return {}
    found: dict[str, Any] = {"reference": reference, "callable": callable(answer), "attempts": {}}
    for attempt in job["attempts"]:
        if attempt["exercise"] == exercise:
            found["attempts"].update(_attempt(attempt, entry, exercise, namespace, job["diagnose"], problems))
    return found


def _attempt(
    attempt: dict, entry: dict, exercise: str, namespace: dict, diagnose: bool, problems: list
) -> dict:
    """{name: {"runs", "text", "mistake"}} of every answer that a cell of labs/wrong or labs/right defines."""
    own = dict(namespace)
    source, filename = attempt["header"] + "\n" + attempt["source"], f"<{attempt['names'][0]}>"
    linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    try:
        exec(compile(source, filename, "exec"), own)
    except Exception as error:
        problems.append(
            f"exercise {exercise}: {attempt['names'][0]} cannot be run, {type(error).__name__}: {error}"
        )
        return {}
    found = {}
    for name in attempt["names"]:
        report: dict[str, Any] = {"runs": probe.run_all(entry["probe"], exercise, own[name], entry["seeds"])}
        if diagnose:
            said = verdict.diagnose(exercise, own[name])
            report |= {"right": said.right, "text": said.text, "mistake": said.mistake}
        found[name] = report
    return found


def main() -> None:
    """Read the job, compute, write the result; what cells print goes to stderr."""
    job_path, result_path = Path(sys.argv[1]), Path(sys.argv[2])
    job = json.loads(job_path.read_text(encoding="utf-8"))
    output, sys.stdout = sys.stdout, sys.stderr
    try:
        result = compute(job)
    except BaseException:
        result = {
            "exercises": {},
            "problems": ["the values could not be computed:\n" + traceback.format_exc()],
        }
    sys.stdout = output
    write_whole(result_path, json.dumps(result))
    sys.stdout.flush()
    os._exit(0)  # whatever threads an answer left behind, the table is written


if __name__ == "__main__":
    main()
