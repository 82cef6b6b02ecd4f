"""Tables and pages from graded rows. Derived files: they are written anew each time, whole or not at all."""

import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from course_lib.files import write_whole
from course_lib.grading.reporting import similarity, spreadsheet, statistics, statuses
from course_lib.grading.reporting.pages import number, overview, student

COLUMNS = (
    "student",
    "file",
    "exercise",
    "points",
    "max",
    "status",
    "reason",
    "mistake",
    "flags",
    "isolation",
)
STATUS = statuses.WORDS


def write_all(known: Any, out: Path, rows: list[dict], people: list[dict], attempts: Any = ()) -> None:
    """Write everything that is derived from graded rows into the grading folder `out`.

    results.csv, summary.csv, results.json (the same for programs, read by the exports), class.html and a page
    per student in feedback/. known: the lab, as `reference.load` gives it. rows: one per submission and
    exercise. people: of `people`. attempts: the attempts behind the rows, each a dictionary with "sha" and,
    where known, "answers" {exercise: source}, "isolation" and "seeds" {exercise: seeds that were hidden}; in
    a list, or in a dictionary with any keys, also several per file, oldest first. Raises OSError.
    """
    exercises = {name: entry["points"] for name, entry in known.bundle["exercises"].items()}
    by_sha = {attempt.get("sha", ""): attempt for attempt in _each(attempts)}
    results(rows, out / "results.csv")
    summary(people, list(exercises), out / "summary.csv")
    _write_if_new(out / "results.json", _for_programs(known, exercises, rows, people, by_sha))
    for person in people:
        feedback(person, known.name, out / "feedback", by_sha.get(person["rows"][0].get("sha", "")))
    figures = statistics.of_class(people, exercises)
    shared = similarity.signals(people, by_sha, _stubs(known))
    page = overview.render(known, rows, people, figures, shared, by_sha, page_name)
    _write_if_new(out / "class.html", page)


def results(rows: list[dict], path: Path) -> None:
    """One row per submission and exercise, columns COLUMNS; flags about the file begin with "file: "."""
    told = [
        {**row, "flags": [*row.get("flags", ()), *(f"file: {f}" for f in row.get("about_file", ()))]}
        for row in rows
    ]
    table = [[spreadsheet.flat(row.get(column, "")) for column in COLUMNS] for row in told]
    spreadsheet.write(path, [COLUMNS, *table], end="\n")


def summary(people: list[dict], exercises: list[str], path: Path) -> None:
    """One row per student: total, points per exercise, flags. The newest file that could be read counts."""
    table: list[list] = [["student", "file", "total", "max", *exercises, "flags"]]
    for person in people:
        points = {row["exercise"]: row["points"] for row in person["rows"]}
        numbers = [person["total"], person["max"], *(points.get(name, 0) for name in exercises)]
        table.append([person["student"], person["file"], *numbers, person["flags"]])
    spreadsheet.write(path, [[spreadsheet.flat(value) for value in row] for row in table], end="\n")


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
    for student_, hers in files.items():
        graded = [k for k, r in hers.items() if r[0]["status"] not in statuses.NO_NOTEBOOK] or list(hers)
        chosen = max(graded, key=lambda k: (modified.get(k, 0.0), k))
        about = [flag for row in hers[chosen] for flag in row.get("about_file", ())]
        flags = list(dict.fromkeys([*about, *(flag for row in hers[chosen] for flag in row["flags"])]))
        if len(hers) > 1:
            flags += _about_files(hers, chosen, modified)
        total, most = sum(r["points"] for r in hers[chosen]), sum(r["max"] for r in hers[chosen])
        found.append(
            {
                "student": student_,
                "file": chosen[1],
                "rows": hers[chosen],
                "total": total,
                "max": most,
                "flags": flags,
            }
        )
    return found


def _about_files(hers: dict[tuple, list[dict]], chosen: tuple, modified: Mapping) -> list[str]:
    """Which of a student's files counts, date and total of each, and whether a person should look at it."""

    def has_answers(key: tuple) -> bool:
        skipped = (*statuses.STARTED_NOT, *statuses.NO_NOTEBOOK)
        return any(row["status"] not in skipped for row in hers[key])

    def words(key: tuple) -> str:
        moment = modified.get(key, 0.0)
        date = time.strftime("%Y-%m-%d %H:%M", time.localtime(moment)) if moment else "no date"
        status = hers[key][0]["status"]
        total = f"{number(sum(row['points'] for row in hers[key]))} points"
        if status in statuses.NO_NOTEBOOK:
            total = statuses.in_words(status)
        elif not has_answers(key):
            total = "blank"
        return f"{key[1]} of {date}: {total}"

    newest = sorted(hers, key=lambda key: (modified.get(key, 0.0), key), reverse=True)
    more = f"; and {len(newest) - 5} older" if len(newest) > 5 else ""
    flags = [f"{len(hers)} files, {chosen[1]} counts ({'; '.join(map(words, newest[:5]))}{more})"]
    if not has_answers(chosen) and any(map(has_answers, hers)):
        flags.append("needs_review: the file that counts is blank, an older one has answers")
    return flags


def feedback(person: dict, lab: str, folder: Path, attempt: Mapping | None = None) -> Path:
    """Write the page of one student and return its path. Text of the student stays text.

    attempt: the attempt behind it, for the student's own answers and what must stay hidden.
    """
    attempt = attempt or {}
    hidden = [seed for seeds in (attempt.get("seeds") or {}).values() for seed in seeds]
    page = student.render(person, lab, attempt.get("answers"), hidden)
    path = folder / page_name(person["student"])
    _write_if_new(path, page)
    return path


def page_name(student: str) -> str:
    """A file name from a student's name: readable, safe, and different for different names."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", student).strip("-")[:60] or "student"
    name = hashlib.sha256(student.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{plain}-{name}.html"


def _each(attempts: Any) -> Iterator[Mapping]:
    """Every attempt in a list, a dictionary, or lists inside these."""
    for one in attempts.values() if isinstance(attempts, Mapping) else attempts or ():
        if isinstance(one, Mapping):
            yield one
        else:
            yield from one


def _for_programs(
    known: Any, exercises: dict, rows: list[dict], people: Iterable[dict], by_sha: Mapping
) -> str:
    places = {id(row): place for place, row in enumerate(rows)}
    content = {
        "lab": known.name,
        "exercises": exercises,
        "isolation": sorted({str(a["isolation"]) for a in by_sha.values() if a.get("isolation")}),
        "rows": rows,
        "people": [{**person, "rows": [places[id(row)] for row in person["rows"]]} for person in people],
    }
    return json.dumps(content, ensure_ascii=True, indent=0, sort_keys=True, default=str) + "\n"


def _stubs(known: Any) -> dict[str, str]:
    """{exercise: the answer cell of the student copy}."""
    course = [(cell.metadata.get("course", {}), cell.source) for cell in known.student.cells]
    return {c["exercise"]: source for c, source in course if c.get("role") == "answer"}


def _write_if_new(path: Path, content: str) -> None:
    """Write a text, unless the file holds it already."""
    data = content.encode("utf-8", errors="replace")
    try:
        if path.read_bytes() == data:
            return
    except OSError:
        pass
    write_whole(path, data)
