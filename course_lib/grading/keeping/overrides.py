"""Points that an instructor sets by hand. They outlive regrading; the automatic points stay beside them."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from course_lib.grading.keeping import ledger
from course_lib.grading.keeping.ledger import GraderError

BY_HAND = "points set by hand: "  # how the flag of such a row begins


@dataclass(frozen=True)
class Override:
    """One decision: points of a student in an exercise (None: back to the automatic ones), why, by whom.

    automatic: what the grader had given when it was made. at: seconds since 1970. most: points at most then.
    sha: the hand-in that counted then. The last two are None in records that are older than these fields.
    """

    student: str
    exercise: str
    points: float | None
    reason: str
    by: str
    automatic: float
    at: float
    most: float | None = None
    sha: str | None = None


def add(
    out: Path, rows: list[dict], student: str, exercise: str, points: str, reason: str, by: str
) -> Override:
    """Write down a decision. rows: of the files that count now; points: a number, or "automatic".

    Raises GraderError for a student or an exercise that is not there, and for points that cannot be given.
    """
    hers = [row for row in rows if row["student"] == student]
    if not hers:
        near = [
            name for name in dict.fromkeys(row["student"] for row in rows) if student.lower() in name.lower()
        ]
        hint = f"; did you mean {', '.join(sorted(near)[:5])}?" if near else "."
        raise GraderError(f"There is no student {student!r} in {out}{hint}")
    there = next((row for row in hers if row["exercise"] == exercise), None)
    if there is None:
        names = ", ".join(dict.fromkeys(row["exercise"] for row in hers))
        raise GraderError(f"There is no exercise {exercise!r}; there are: {names}.")
    if not reason.strip() or not by.strip():
        raise GraderError("An override needs a --reason that the student may read, and --by, who decided it.")
    number = None if points == "automatic" else _number(points, there["max"])
    automatic, most, sha = there["automatic"], there["max"], there.get("sha")
    made = Override(student, exercise, number, reason, by, automatic, time.time(), most, sha)
    ledger.add_numbered(out / "overrides", asdict(made))
    return made


def _number(points: str, most: float) -> float:
    try:
        number = float(points)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise GraderError(f'Points must be a number from 0 to {most}, or "automatic"; {points} was given.')
    return int(number) if number.is_integer() else number


def current(out: Path) -> dict[tuple[str, str], Override]:
    """{(student, exercise): the last decision about it}. Raises GraderError for a record that was damaged."""
    found = {}
    for path in sorted((out / "overrides").glob("*.json")):
        try:
            one = Override(**(ledger.record_in(path) or {}))
        except TypeError:
            raise GraderError(
                f"{path} is damaged, so it is not known whose points were set by hand; "
                "move it away, and give that `course override` again."
            ) from None
        found[one.student, one.exercise] = one
    return {place: one for place, one in found.items() if one.points is not None}


def apply(
    rows: list[dict],
    decided: dict[tuple[str, str], Override],
    modified: Mapping[tuple[str, str, str], float] | None = None,
) -> None:
    """Put the points that were decided into rows; `automatic` keeps the grader's, `set_by_hand` what was set.

    Where the lab's points at most have changed since, the row is flagged needs_review; more than there are
    now is never counted. So is a row whose newer attempt would give more than was decided. The decision
    itself stays as it was written down. modified: time of each (student, file, sha).
    """
    for row in rows:
        row["automatic"] = row["points"]
        one = decided.get((row["student"], row["exercise"]))
        if one is None or one.points is None:
            continue
        row["points"], row["set_by_hand"] = min(one.points, row["max"]), one.points
        row["flags"] = [*row["flags"], f"{BY_HAND}{one.reason}"]
        if one.points > row["max"] or one.most not in (None, row["max"]):
            then = f" of {one.most:g}" if one.most is not None else ""
            row["flags"].append(
                f"needs_review: {one.points:g}{then} points of exercise {row['exercise']} were set by hand, "
                f"its maximum is {row['max']:g} now; {row['points']:g} are counted"
            )
        if row["automatic"] != one.automatic:
            row["flags"].append(
                f"the automatic points went from {one.automatic:g} to {row['automatic']:g} since then"
            )
        older = _made_for(one, row, modified or {})
        if older and row["automatic"] > one.points:
            row["flags"].append(
                f"needs_review: {one.points:g} points of exercise {row['exercise']} were set by hand "
                f"{older}; automatic would be {row['automatic']:g} now. Decide which counts, with "
                "`course override`"
            )


def _made_for(one: Override, row: dict, modified: Mapping[tuple[str, str, str], float]) -> str:
    """What a decision was made for, in words, if a row comes of a newer attempt than that; else ""."""
    moved, sha = row["automatic"] != one.automatic, row.get("sha")
    if one.sha is None or sha is None:  # it was not written down for which hand-in
        return "for an older attempt" if moved else ""
    if one.sha == sha:
        return "before the lab was graded again" if moved else ""
    then = max(
        (t for (who, _, of), t in modified.items() if (who, of) == (one.student, one.sha)), default=0.0
    )
    newer = modified.get((row["student"], row["file"], sha), 0.0) > then
    return "for an older hand-in" if newer else ""
