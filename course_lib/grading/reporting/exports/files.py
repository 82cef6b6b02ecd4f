"""Exports that are made anew: long and wide tables, Moodle, nbgrader, Gradescope."""

import json
import time
from pathlib import Path
from typing import Any

from course_lib.files import write_whole
from course_lib.grading.reporting import spreadsheet, statuses
from course_lib.grading.reporting.exports.results import Results
from course_lib.grading.reporting.pages import number, visible
from course_lib.grading.reporting.report import page_name

LONG = ("student", "lab", "exercise", "points", "max", "status", "reason", "mistake", "flags", "file", "sha")
WIDE = ("student", "file", "lab", "total", "max")
MOODLE = ("ID number", "Email address", "Grade", "Maximum grade", "Feedback comments")
NBGRADER = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


def long(found: Results, into: Path) -> None:
    """A row per student and exercise, of the file that counts, and the isolation of the student's code."""
    table: list[list] = [[*LONG, "isolation"]]
    for person in found.people:
        for row in person["rows"]:
            about = [f"file: {flag}" for flag in row.get("about_file", ())]
            values = {"lab": found.lab, **row, "flags": spreadsheet.flat([*row["flags"], *about])}
            level = row.get("isolation") or found.isolation
            table.append([values.get(column, "") for column in LONG] + [level])
    spreadsheet.write(into, table)


def wide(found: Results, into: Path) -> None:
    """A row per student: total, then points per exercise, then the status of each."""
    names = list(found.exercises)
    table: list[list] = [[*WIDE, *names, *(f"{name} status" for name in names), "flags"]]
    for person in found.people:
        rows = {row["exercise"]: row for row in person["rows"]}
        table.append(
            [person["student"], person["file"], found.lab, person["total"], person["max"]]
            + [rows[name]["points"] if name in rows else 0 for name in names]
            + [rows[name]["status"] if name in rows else "missing" for name in names]
            + [spreadsheet.flat(person["flags"])]
        )
    spreadsheet.write(into, table)


def moodle(found: Results, into: Path) -> None:
    """Grade and feedback together, as Moodle erases grades where only feedback is imported.

    A name with an @ goes into "Email address", any other into "ID number"; choose in Moodle by which of the
    two students are found.
    """
    table: list[tuple | list] = [MOODLE]
    for person in found.people:
        name = person["student"]
        keys = ["", name] if "@" in name else [name, ""]
        table.append([*keys, person["total"], person["max"], comments(found, person)])
    spreadsheet.write(into, table)


def nbgrader(found: Results, into: Path) -> None:
    """The eleven columns that `nbgrader export` writes; what is not known here stays empty."""
    table: list[tuple | list] = [NBGRADER]
    for person in found.people:
        moment, name = found.handed_in(person), person["student"]
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment)) if moment else ""
        total, most = float(person["total"]), float(person["max"])
        email = name if "@" in name else ""
        table.append([found.lab, "", stamp, name, "", "", email, total, 0.0, total, most])
    spreadsheet.write(into, table)


def gradescope(found: Results, into: Path) -> None:
    """The results JSON of each student: in a folder, or as one file if `into` ends in .json.

    The file of a single student is the document itself, ready to be a results.json; for several it is
    {student: document}.
    """
    documents = {person["student"]: _document(found, person) for person in found.people}
    if into.suffix == ".json":
        only = next(iter(documents.values())) if len(documents) == 1 else documents
        write_whole(into, _json(only))
        return
    into.mkdir(parents=True, exist_ok=True)
    for student, document in documents.items():
        write_whole(into / f"{Path(page_name(student)).stem}.json", _json(document))


def _document(found: Results, person: dict) -> dict:
    shown = found.shown(person)
    tests = [
        {
            "name": f"Exercise {visible(row['exercise'], 60)}",
            "number": str(place),
            "score": row["points"],
            "max_score": row["max"],
            "status": "passed" if row["points"] >= row["max"] else "failed",
            "output": visible(shown(_said(row))),
            "output_format": "text",
            "visibility": "visible",
        }
        for place, row in enumerate(person["rows"], start=1)
    ]
    about = {"student": person["student"], "lab": found.lab, "isolation": found.isolation}
    return {
        "score": person["total"],
        "output": f"{found.lab}: {number(person['total'])} of {number(person['max'])} points",
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
        "extra_data": about,
    }


def _json(content: Any) -> str:
    return json.dumps(content, indent=1) + "\n"


def comments(found: Results, person: dict) -> str:
    """What a student is told about each exercise, in one text."""
    shown = found.shown(person)
    return " | ".join(
        f"{visible(row['exercise'], 60)}: {number(row['points'])} of {number(row['max'])}, "
        + visible(shown(_said(row)), 300)
        for row in person["rows"]
    )


def _said(row: dict) -> str:
    result, reason = statuses.told(row)
    return ": ".join(filter(None, (result, " ".join(reason.split()))))


def notes(sentences: list[str], beside: Path) -> None:
    """Write what there is to know about a filled gradebook beside it; an older list goes if there is none."""
    path = place_of_notes(beside)
    if sentences:
        write_whole(path, "".join(f"{sentence}\n" for sentence in sentences))
    else:
        path.unlink(missing_ok=True)


def place_of_notes(beside: Path) -> Path:
    """Where `notes` writes."""
    return beside.with_name(f"{beside.stem}-notes.txt")
