"""What a lab must hold before it is built; every complaint is a sentence that says where and what."""

from collections import Counter
from itertools import combinations
from typing import Any

from course_lib.grading.authoring.answers import Attempts
from course_lib.grading.authoring.source import Source
from course_lib.lab.compare import run_difference, same_runs

TOTAL = 100
CLOSE = {"rtol": 1e-5, "atol": 1e-7}


def lab(source: Source, student: Any) -> list[str]:
    """Complaints about points, ids and hints."""
    problems = unique_ids(source, student)
    if not source.exercises:
        return [*problems, f"{source.name}: there is no exercise."]
    points = {name: exercise.settings.get("points") for name, exercise in source.exercises.items()}
    for name, value in points.items():
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            problems.append(
                f"{source.name}: exercise {name} has points={value!r}; it needs a whole number above 0."
            )
    total = sum(value for value in points.values() if isinstance(value, int))
    if total != TOTAL:
        problems.append(f"{source.name}: the points add up to {total}; a lab has {TOTAL}.")
    return problems


def unique_ids(source: Source, notebook: Any) -> list[str]:
    """Complaints about cells that would get the same id."""
    counts = Counter(cell.id for cell in notebook.cells)
    return [
        f"{source.name}: {count} cells have the id {name}." for name, count in counts.items() if count > 1
    ]


def answers(
    source: Source, bundle: dict, table: dict, wrong: list[Attempts], right: list[Attempts]
) -> list[str]:
    """Complaints about references that fail, wrong answers told apart by nothing, right ones that differ."""
    problems = []
    right_names = {name for attempt in right for name in attempt.hints}
    wrong_names = {name for attempt in wrong for name in attempt.hints}
    problems += [
        f"{source.name}: {name} is in labs/wrong and in labs/right."
        for name in sorted(right_names & wrong_names)
    ]
    for exercise, entry in bundle["exercises"].items():
        where = f"{source.name}, exercise {exercise}"
        tolerance = entry["rtol"], entry["atol"]
        for run in entry["reference"]:
            if "error" in run:
                problems.append(
                    f"{where}: the reference stops with {run['error']['type']}: {run['error']['text']}"
                )
            elif any(value.get("values", 0) is None for value in run["values"].values()):
                problems.append(
                    f"{where}: the probe returns an array of more than 10,000 numbers; return a summary."
                )
            elif not run["values"]:
                problems.append(f"{where}: the probe returns no values.")
        if any("error" in run for run in entry["reference"]):
            continue
        problems += _ambiguous(where, entry, tolerance)
        for name in sorted(right_names & set(table[exercise]["attempts"])):
            runs = table[exercise]["attempts"][name]["runs"]
            found = next(
                (
                    d
                    for a, b in zip(entry["reference"], runs, strict=True)
                    if (d := run_difference(a, b, *tolerance))
                ),
                None,
            )
            if found:
                problems.append(
                    f"{where}: the right answer {name} gives other values than the reference "
                    f"({found.name or 'error'}: {found.got} for {found.expected})."
                )
    return problems


def _ambiguous(where: str, entry: dict, tolerance: tuple[float, float]) -> list[str]:
    problems = [
        f"{where}: the wrong answer {wrong['name']} gives the values of the reference, no check can see it."
        for wrong in entry["wrong"]
        if same_runs(entry["reference"], wrong["runs"], *tolerance)
    ]
    return problems + [
        f"{where}: {a['name']} and {b['name']} give the same values, so their hints cannot be told apart."
        for a, b in combinations(entry["wrong"], 2)
        if same_runs(a["runs"], b["runs"], *tolerance) or same_runs(b["runs"], a["runs"], *tolerance)
    ]


def close(stored: dict, fresh: dict) -> bool:
    """True if two bundles differ in nothing but the last digits of their values."""
    if {**stored, "exercises": None} != {**fresh, "exercises": None} or stored["exercises"].keys() != fresh[
        "exercises"
    ].keys():
        return False
    for name, old in stored["exercises"].items():
        new = fresh["exercises"][name]
        if {**old, "reference": None, "wrong": None} != {**new, "reference": None, "wrong": None}:
            return False
        if [run["returned"] for run in old["reference"]] != [run["returned"] for run in new["reference"]]:
            return False
        if [(w["name"], w["hint"]) for w in old["wrong"]] != [(w["name"], w["hint"]) for w in new["wrong"]]:
            return False
        pairs = [(a["runs"], b["runs"]) for a, b in zip(old["wrong"], new["wrong"], strict=True)]
        pairs.append((old["reference"], new["reference"]))
        if not all(same_runs(a, b, **CLOSE) for a, b in pairs):
            return False
    return True
