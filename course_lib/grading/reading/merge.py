"""Put a student's answers into the instructor's notebook. Only source text of answers is taken.

Everything that decides points (setup, probes, seeds) is the instructor's. Answers are found by grade id,
then cell id, then anchor comment, so that copies which lost their metadata in Colab still count (`match`).
"""

import re
from dataclasses import dataclass, field
from typing import Any

from course_lib.grading.reading.apart import split_at_anchors
from course_lib.grading.reading.match import REVIEW, Answer, find_all, same_code
from course_lib.grading.reading.names import all_defined, defines

__all__ = ["Answer", "Merged", "merge", "outline"]
LOOKED_AT = 400_000  # characters of cells that are not run whose syntax is read
MOST_NAMES = 2_000


@dataclass
class Merged:
    """Answers per exercise, flags about the file, and in wrong_lab why it is a notebook of another lab.

    elsewhere: names that the student's cells define which are not run.
    """

    answers: dict[str, Answer]
    flags: list[str] = field(default_factory=list)
    wrong_lab: str = ""
    elsewhere: list[str] = field(default_factory=list)

    @property
    def needs_review(self) -> bool:
        """True if an answer was found in a way that a person should look at."""
        return any(flag.startswith(REVIEW) for one in self.answers.values() for flag in one.flags)


def outline(solution: Any, student_copy: Any, bundle: dict) -> dict:
    """What merging needs of a lab, as JSON: {"lab", "version", "exercises", "cells"}. Holds no answer."""
    full = {cell.id: cell.source for cell in solution.cells}  # with hidden tests, as an instructor may try it
    cells, exercises = [], []
    for position, cell in enumerate(student_copy.cells):
        nbgrader, course = cell.metadata.get("nbgrader", {}), cell.metadata.get("course", {})
        check = bool(nbgrader.get("grade"))
        cells.append(
            {
                "id": cell.id,
                "grade_id": nbgrader.get("grade_id", ""),
                "check": check,
                "points": nbgrader.get("points"),
                "sources": [cell.source, *([full[cell.id]] if check else [])],
            }
        )
        if course.get("role") == "answer":
            name = course["exercise"]
            exercises.append(
                {
                    "exercise": name,
                    "position": position,
                    "grade_id": nbgrader["grade_id"],
                    "id": cell.id,
                    "stub": cell.source,
                    "answer": bundle["exercises"][name]["answer"],
                }
            )
    own = solution.metadata["course"]
    return {"lab": own["lab"], "version": own["version"], "exercises": exercises, "cells": cells}


def merge(notebook: dict, lab: dict) -> Merged:
    """Find the answers of `notebook` (from `parse.read`) to the exercises of a lab (from `outline`).

    Several cells for one exercise: those that are still the stub do not count, then the surest match, then
    the last one.
    """
    cells, taken_apart = split_at_anchors(notebook["cells"], lab["exercises"])
    merged = Merged(find_all(lab["exercises"], cells, [cell["sources"][0] for cell in lab["cells"]]))
    used = {number for answer in merged.answers.values() for number in answer.cells}
    course = notebook["metadata"]["course"]
    older = course["version"] not in (None, lab["version"])
    merged.elsewhere = _elsewhere(cells, lab, used)
    merged.flags = list(dict.fromkeys([*taken_apart, *_edited(cells, lab, used, older)]))
    if course["lab"] not in (None, lab["lab"]):
        merged.wrong_lab = f"this is a notebook of lab {str(course['lab'])[:60]!r}"
    elif all(answer.source is None for answer in merged.answers.values()):
        merged.wrong_lab = "no answer cell of this lab was found"
    elif older:
        merged.flags.append("the lab has changed since this copy was handed out")
    return merged


def _edited(cells: list[dict], lab: dict, used: set[int], older: bool) -> list[str]:
    """Flags about changed cells that decide points in other tools; here those come from the instructor.

    older: made from another version of the lab. Then it may be the instructor who edited a check.
    """
    trusted = {cell["grade_id"]: cell for cell in lab["cells"] if cell["grade_id"]}
    known = {cell["id"] for cell in lab["cells"]} | set(trusted)
    flags, present = [], set()
    for cell in cells:
        own = trusted.get(cell["grade_id"])
        if own is not None and own["check"]:
            present.add(cell["grade_id"])
            if not older and not any(same_code(cell["source"], source) for source in own["sources"]):
                flags.append(f"{cell['grade_id']} was edited (not used)")
            if not older and cell["points"] != own["points"]:
                flags.append(f"points of {cell['grade_id']} were edited (not used)")
        elif own is None and cell["grade_id"]:
            flags.append("has a grade cell of its own (not used)")
    missing = {name for name, cell in trusted.items() if cell["check"]} - present
    flags += [f"{len(missing)} check cells are missing or lost their id (not needed)"] if missing else []
    named = [one["answer"] for one in lab["exercises"]]  # `match` tells of these at their exercise
    texts = {re.sub(r"\s", "", cell["sources"][0]) for cell in lab["cells"]}
    added = [
        cell
        for number, cell in enumerate(cells)
        if cell["kind"] == "code"
        and number not in used
        and cell["source"].strip()
        and cell["id"] not in known
        and cell["grade_id"] not in known
        and not re.match(r"\s*# ?exercise ", cell["source"])
        and not any(defines(cell["source"], name) for name in named)
        and re.sub(r"\s", "", cell["source"]) not in texts
    ]
    if added:
        flags.append(
            "1 added code cell is not run"
            if len(added) == 1
            else f"{len(added)} added code cells are not run"
        )
    return flags


def _elsewhere(cells: list[dict], lab: dict, used: set[int]) -> list[str]:
    """The names that code cells define which are neither the lab's own nor answers."""
    own = {re.sub(r"\s", "", source) for cell in lab["cells"] for source in cell["sources"]}
    names: set[str] = set()
    room = LOOKED_AT
    for number, cell in enumerate(cells):
        if cell["kind"] == "code" and number not in used and re.sub(r"\s", "", cell["source"]) not in own:
            room -= len(cell["source"])
            names |= all_defined(cell["source"]) if room >= 0 else set()
    return sorted(names)[:MOST_NAMES]
