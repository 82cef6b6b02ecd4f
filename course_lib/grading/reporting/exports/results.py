"""Read what was graded from a grading folder: results.json, or the two tables where there is none."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading.keeping.overrides import BY_HAND
from course_lib.grading.reporting import spreadsheet, statuses
from course_lib.grading.reporting.pages import blackened


@dataclass(frozen=True)
class Results:
    """Everything that exports tell.

    exercises: {name: points at most}. people: one dictionary per student, with "student", "file", "total",
    "max", "flags" and "rows". rows: all rows, also of files that do not count. modified: {(student, file,
    sha): time in seconds} where it is known. hidden: {sha: seeds of all its attempts that students may not
    know}.
    """

    lab: str
    exercises: dict[str, float]
    people: list[dict]
    rows: list[dict]
    modified: dict[tuple[str, str, str], float]
    isolation: str = ""
    hidden: dict[str, list] = field(default_factory=dict)

    def shown(self, person: dict) -> Callable[[object], str]:
        """Writes (hidden) over the seeds of the checks that were hidden from this student's file."""
        shas = {row.get("sha", "") for row in person["rows"]}
        if shas == {""}:  # read from the tables, which hold no hash
            shas = set(self.hidden)
        return blackened(seed for sha in shas for seed in self.hidden.get(sha, ()))

    def handed_in(self, person: dict) -> float | None:
        """When the file that counts was last changed, as far as known."""
        sha = person["rows"][0].get("sha", "") if person["rows"] else ""
        return self.modified.get((person["student"], person["file"], sha))

    def ready(self) -> tuple[dict[str, dict], list[str]]:
        """({student: person} with points to tell, why others have none, such as "not graded: a, b.").

        The same for every system that students read: a file that could not be graded has no points, also
        not 0, unless an instructor decided some.
        """
        ready: dict[str, dict] = {}
        groups: dict[str, list[str]] = {}
        for person in self.people:
            rows = person["rows"]
            if any(statuses.pending(row) for row in rows):
                groups.setdefault("not graded to the end", []).append(person["student"])
            elif all(row["status"] in statuses.NO_NOTEBOOK and not _by_hand(row) for row in rows):
                groups.setdefault("no notebook of this lab could be read", []).append(person["student"])
            else:
                ready[person["student"]] = person
        return ready, [f"{why}: {', '.join(names)}." for why, names in groups.items()]


def _by_hand(row: dict) -> bool:
    """True for points that an instructor decided: these are told, whatever the file was."""
    return any(str(flag).startswith(BY_HAND) for flag in row["flags"])


def read(out: Path) -> Results:
    """The results in `out`. Raises ValueError in a sentence if nothing was graded there."""
    try:
        found = json.loads((out / "results.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return _from_tables(out)
    except ValueError as error:
        raise ValueError(f"{out / 'results.json'} is damaged ({error}); run `course grade` again.") from None
    people = [{**p, "rows": [found["rows"][number] for number in p["rows"]]} for p in found["people"]]
    level = ", ".join(found.get("isolation", ()))
    return Results(found["lab"], found["exercises"], people, found["rows"], _times(out), level, _hidden(out))


def _times(out: Path) -> dict[tuple[str, str, str], float]:
    found = {}
    for path in sorted((out / "intake").glob("*.json")):
        with contextlib.suppress(ValueError, KeyError, OSError):
            one = json.loads(path.read_text(encoding="utf-8"))
            found[one["student"], one["file"], one["sha"]] = float(one["modified"])
    return found


def _hidden(out: Path) -> dict[str, list]:
    found: dict[str, list] = {}
    for path in sorted((out / "attempts").glob("*.json")):
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, OSError):
            one = json.loads(path.read_text(encoding="utf-8"))
            found.setdefault(one["sha"], []).extend(s for seeds in one["seeds"].values() for s in seeds)
    return found


def _from_tables(out: Path) -> Results:
    try:
        long = spreadsheet.read(out / "results.csv")
        wide = spreadsheet.read(out / "summary.csv")
        lab = json.loads((out / "lab.json").read_text(encoding="utf-8"))["lab"]
    except (OSError, ValueError, KeyError):
        raise ValueError(f"There are no results in {out}; grade first, with --out {out}.") from None
    rows: list[dict] = [
        {
            **row,
            "points": _number(row["points"]),
            "max": _number(row["max"]),
            "flags": row["flags"].split("; ") if row["flags"] else [],
            "sha": "",
        }
        for row in long
    ]
    exercises = {row["exercise"]: row["max"] for row in rows}
    people = [
        {
            "student": one["student"],
            "file": one["file"],
            "total": _number(one["total"]),
            "max": _number(one["max"]),
            "flags": one["flags"].split("; ") if one["flags"] else [],
            "rows": _counting(one, rows, len(exercises)),
        }
        for one in wide
    ]
    return Results(str(lab), exercises, people, rows, _times(out), hidden=_hidden(out))


def _counting(one: dict[str, str], rows: list[dict], size: int) -> list[dict]:
    """Of all versions of a file, oldest first, the rows of the newest that has the total of the summary."""
    own = [row for row in rows if (row["student"], row["file"]) == (one["student"], one["file"])]
    versions = [own[start : start + size] for start in range(0, len(own), max(1, size))]
    fitting = [version for version in versions if sum(r["points"] for r in version) == _number(one["total"])]
    return (fitting or versions or [[]])[-1]


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value == int(value) else value
