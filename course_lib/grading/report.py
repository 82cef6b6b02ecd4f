"""Tables and pages from graded rows. Derived files: they are written anew each time, whole or not at all."""

import csv
import hashlib
import io
import re
from pathlib import Path

import jinja2

from course_lib.files import write_whole

COLUMNS = ("student", "file", "exercise", "points", "max", "status", "reason", "mistake", "flags")


def results(rows: list[dict], path: Path) -> None:
    """One row per submission and exercise, columns COLUMNS."""
    table = [[_text(row[column]) for column in COLUMNS] for row in rows]
    _write_csv([list(COLUMNS), *table], path)


def summary(people: list[dict], exercises: list[str], path: Path) -> None:
    """One row per student: total, points per exercise, flags. The newest file that could be read counts."""
    header = ["student", "file", "total", "max", *exercises, "flags"]
    table = []
    for person in people:
        points = {row["exercise"]: row["points"] for row in person["rows"]}
        numbers = [person["total"], person["max"], *(points.get(name, 0) for name in exercises)]
        table.append([_text(person["student"]), _text(person["file"]), *numbers, _text(person["flags"])])
    _write_csv([header, *table], path)


def people(rows: list[dict], modified: dict[tuple[str, str, str], float]) -> list[dict]:
    """Per student {"student", "file", "rows", "total", "max", "flags"} of the file that counts.

    modified: time of each (student, file, sha). Of several files the newest counts that could be graded.
    """
    files: dict[str, dict[tuple, list[dict]]] = {}
    for row in rows:
        files.setdefault(row["student"], {}).setdefault((row["student"], row["file"], row["sha"]), []).append(
            row
        )
    found = []
    for student, hers in files.items():
        graded = [k for k, r in hers.items() if r[0]["status"] not in ("unreadable", "wrong_lab")] or list(
            hers
        )
        chosen = max(graded, key=lambda k: (modified.get(k, 0.0), k))
        flags = list(dict.fromkeys(flag for row in hers[chosen] for flag in row["flags"]))
        if len(hers) > 1:
            flags.append(f"{len(hers)} files, {chosen[1]} counts")
        total, most = sum(r["points"] for r in hers[chosen]), sum(r["max"] for r in hers[chosen])
        found.append(
            {
                "student": student,
                "file": chosen[1],
                "rows": hers[chosen],
                "total": total,
                "max": most,
                "flags": flags,
            }
        )
    return found


def feedback(person: dict, lab: str, folder: Path) -> Path:
    """Write the page of one student and return its path. Text of the student stays text."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
    page = environment.get_template("feedback.html").render(person=person, lab=lab, words=STATUS)
    path = folder / page_name(person["student"])
    write_whole(path, page)
    return path


def page_name(student: str) -> str:
    """A file name from a student's name: readable, safe, and different for different names."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", student).strip("-")[:60] or "student"
    return f"{plain}-{hashlib.sha256(student.encode()).hexdigest()[:8]}.html"


STATUS = {
    "right": "right",
    "wrong": "not right yet",
    "blank": "not started",
    "missing": "no answer found",
    "error": "stopped with an error",
    "timeout": "took too long",
    "kernel_died": "the kernel died",
    "output_limit": "too much output",
    "not_run": "not run",
    "no_values": "no values came back",
    "unreadable": "the file could not be read",
    "wrong_lab": "another lab",
}


def _text(value: object) -> object:
    """A cell of a table: lists joined, and nothing that a spreadsheet would take for a formula."""
    if isinstance(value, (int, float)):
        return value
    text = "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    text = re.sub(r"[\r\n\t]+", " ", text)
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text


def _write_csv(table: list[list], path: Path) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(table)
    write_whole(path, buffer.getvalue())
