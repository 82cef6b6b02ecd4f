"""What counts now: rows from attempts and from what instructors decided, and everything derived from them."""

import csv
from pathlib import Path

from course_lib.grading import unit
from course_lib.grading.keeping import intake, ledger, overrides
from course_lib.grading.keeping.index import Index
from course_lib.grading.keeping.intake import Submission
from course_lib.grading.keeping.ledger import GraderError
from course_lib.grading.reference import Lab, load
from course_lib.grading.reporting import report

Tries = dict[str, list[dict]]  # {sha: its attempts, oldest first}
AGAIN = "ran out of time, run again alone"
LONGEST = 600  # characters of a reason or a flag


def standing(known: Lab, out: Path, handed_in: list[Submission], tries: Tries) -> list[dict]:
    """One row per submission and exercise, points set by hand included; none for what was not tried yet.

    "flags" are about the exercise; "about_file", in the first row of a file, are those about all of it.
    """
    rows: list[dict] = []
    for one in handed_in:
        if one.reason:
            attempt, retry = unit.refused({"bundle": known.bundle}, "unreadable", one.reason), False
        elif tries.get(one.sha):
            attempt, retry = ledger.decisive(tries[one.sha]), not ledger.finished(tries[one.sha])
        else:
            continue
        about_file, late = [*one.flags, *attempt["flags"]], _late(tries.get(one.sha, []))
        if None in late:
            about_file.append(AGAIN)
        for row in attempt["rows"]:
            own = {"student": one.student, "file": one.file, "sha": one.sha, "retry": retry}
            own |= {"isolation": attempt["isolation"], "reason": row["reason"][:LONGEST]}
            flags = {
                "flags": [*row["flags"], *([AGAIN] if row["exercise"] in late else ())],
                "about_file": about_file if row is attempt["rows"][0] else [],
            }
            # a cell of more than 131,072 characters is one that csv does not read any more
            rows.append({**row, **own, **{k: [flag[:LONGEST] for flag in v] for k, v in flags.items()}})
    overrides.apply(rows, overrides.current(out), _times(handed_in))
    return rows


def _late(several: list[dict]) -> set[str | None]:
    """The exercises whose time was up in the first of several attempts; {None} if it was that of the file."""
    if len(several) < 2 or not ledger.timed_out(several[0]):
        return set()
    return {row["exercise"] for row in several[0]["rows"] if row["status"] == "timeout"} or {None}


def publish(known: Lab, out: Path, handed_in: list[Submission], tries: Tries) -> tuple[list, list, int]:
    """Write tables and pages. Returns (rows, people, lines that results.csv now has beside its header)."""
    rows = standing(known, out, handed_in, tries)
    people = _people(rows, handed_in)
    counting = {sha: ledger.decisive(several) for sha, several in tries.items() if several}
    report.write_all(known, out, rows, people, counting)
    with open(out / "results.csv", newline="", encoding="utf-8") as file:
        return rows, people, sum(1 for _ in csv.reader(file)) - 1


def _people(rows: list[dict], handed_in: list[Submission]) -> list[dict]:
    """The students of rows, each with the file that counts."""
    return report.people(rows, _times(handed_in))


def _times(handed_in: list[Submission]) -> dict[tuple[str, str, str], float]:
    """The time of each (student, file, sha)."""
    return {(one.student, one.file, one.sha): one.modified for one in handed_in}


def last_run(out: Path) -> dict:
    """The record of the last grading that came to its end, {} if there was none."""
    return (ledger.numbered(out / "runs") or [{}])[-1]


def tries_of_run(run: dict, out: Path) -> Tries:
    """The attempts that counted in a run, and those beside them."""
    keys = {sha: name.rpartition("-")[0] for sha, name in run.get("attempts", {}).items()}
    return {sha: ledger.attempts(out, key) for sha, key in keys.items()}


def set_by_hand(out: Path, student: str, exercise: str, points: str, reason: str, by: str, root: Path) -> str:
    """Set the points of a student in an exercise, write all tables anew, and say what is so now.

    points: a number, or "automatic" to take an override back. Raises GraderError in a sentence.
    """
    out = Path(out).resolve()
    lab = ledger.lab_of(out)
    known = load(root, lab)
    with ledger.opened(out, lab):
        run, handed_in = last_run(out), intake.known(out)
        if not run:
            raise GraderError(f"The grading in {out} has not come to its end yet; run `course grade` first.")
        tries = tries_of_run(run, out)
        people = _people(standing(known, out, handed_in, tries), handed_in)
        counting = [row for person in people for row in person["rows"]]
        made = overrides.add(out, counting, student, exercise, points, reason, by)
        now = made.automatic if made.points is None else made.points
        said = f"{student}, exercise {exercise}: {now:g} points"
        said += " (automatic again)." if made.points is None else f" by hand (automatic: {made.automatic:g})."
        if run["digest"] != known.digest:
            return f"{said} The lab has changed since it was graded: run `course regrade {lab} {out}`."
        publish(known, out, handed_in, tries)
        index = Index(out)
        index.submissions(
            known.digest, handed_in, {o: tries[o.sha][0]["key"] for o in handed_in if tries.get(o.sha)}
        )
        index.close()
        return said
