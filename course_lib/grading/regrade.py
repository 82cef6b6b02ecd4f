"""`course regrade`: grade everything again that was handed in, after the instructor has changed the lab.

New attempts are added, the old ones stay; points that were set by hand stay and are flagged where the
automatic ones moved. What changed, for whom, is written to changes-<n>.csv.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.grading import batch, results
from course_lib.grading.keeping import ledger
from course_lib.grading.keeping.overrides import BY_HAND
from course_lib.grading.reporting import spreadsheet
from course_lib.grading.summary import Summary

COLUMNS = (
    *("student", "file", "exercise", "before", "after", "status_before", "status_after", "override"),
    *("max_before", "max_after", "set_by_hand"),
)


def regrade(lab: str, out: Path | str, **options: Any) -> Summary:
    """Grade again what is in the grading folder `out`; options as for `batch.grade`.

    `.changes` of the summary has one entry per row whose automatic points or status changed since the last
    grading that came to its end, and per row set by hand whose points at most did: COLUMNS, of which
    "override" is what counts now of the points that were "set_by_hand". `.maxima` has
    the exercises whose points at most changed: {exercise: (before, after)}. Raises GraderError in a sentence.
    """
    out = Path(out).resolve()
    ledger.lab_of(out)
    before = rows_of(results.last_run(out), out)
    summary = batch.grade(lab, None, out, **options)
    summary.changes = changes(before, summary.rows)
    summary.maxima = maxima(before, summary.rows)
    if summary.changes:
        older = [path.stem.removeprefix("changes-") for path in out.glob("changes-*.csv")]
        number = 1 + max((int(name) for name in older if name.isdigit()), default=0)
        table = [[spreadsheet.flat(one[column]) for column in COLUMNS] for one in summary.changes]
        spreadsheet.write(out / f"changes-{number}.csv", [list(COLUMNS), *table], end="\n")
    return summary


def rows_of(run: dict, out: Path) -> dict[tuple[str, str], dict]:
    """{(sha, exercise): row} of the attempts that counted at the end of a run (a record of out/runs)."""
    found = {}
    for sha, name in run.get("attempts", {}).items():
        attempt = ledger.record_in(out / "attempts" / f"{name}.json") or {"rows": []}
        found.update({(sha, row["exercise"]): row for row in attempt["rows"]})
    return found


def changes(before: dict[tuple[str, str], dict], rows: list[dict]) -> list[dict]:
    """The rows that are not what they were; exercises that are new or gone have "" on one side."""
    found = []
    for row in rows:
        old = before.get((row["sha"], row["exercise"]))
        same = old is not None and (old["points"], old["status"]) == (row["automatic"], row["status"])
        # what is no notebook has a row and no attempt, before as now
        never_tried = not row["sha"] or (old is None and row["status"] == "unreadable")
        if never_tried or (same and not (_by_hand(row) and _most(old) != _most(row))):
            continue
        found.append(_change(row, row["exercise"], old, row["automatic"], row["status"]))
    present = {(row["sha"], row["exercise"]) for row in rows}
    for (sha, exercise), old in before.items():
        if (sha, exercise) not in present:
            same_file = [row for row in rows if row["sha"] == sha]
            owners = {(row["student"], row["file"]): row for row in same_file}
            found += [_change(row, exercise, old, "", "") for row in owners.values()]
    return found


def maxima(before: dict[tuple[str, str], dict], rows: list[dict]) -> dict[str, tuple]:
    """{exercise: (points at most before, now)} where these changed."""
    then = {exercise: _most(old) for (_, exercise), old in before.items()}
    now = {row["exercise"]: _most(row) for row in rows if row["sha"]}
    return {name: (then[name], most) for name, most in now.items() if then.get(name, most) != most}


def _by_hand(row: dict) -> bool:
    return any(str(flag).startswith(BY_HAND) for flag in row.get("flags", ()))


def _most(row: dict | None) -> Any:
    return row.get("max", "") if row else ""


def _change(row: dict, exercise: str, old: dict | None, points: Any, status: str) -> dict:
    same = exercise == row["exercise"]
    by_hand = row["points"] if same and (_by_hand(row) or row["points"] != row["automatic"]) else ""
    return {
        "student": row["student"],
        "file": row["file"],
        "exercise": exercise,
        "before": old["points"] if old else "",
        "after": points,
        "status_before": old["status"] if old else "",
        "status_after": status,
        "override": by_hand,
        "max_before": _most(old),
        "max_after": _most(row) if same else "",
        "set_by_hand": row.get("set_by_hand", "") if same else "",
    }


def _kept(one: dict) -> str:
    """What became of points that were set by hand."""
    if one["override"] == "":
        return ""
    if one["set_by_hand"] in ("", one["override"]):
        return f"; {one['override']} set by hand stay"
    return f"; of {one['set_by_hand']} set by hand {one['override']} count, the maximum now"


def in_words(found: list[dict], most: int = 40, maxima: Mapping[str, tuple] | None = None) -> str:
    """The changes as lines for the terminal, points before and after; maxima: of the summary."""
    lines = [f"Exercise {name}: at most {a} -> {b} points" for name, (a, b) in (maxima or {}).items()]
    if not found:
        return "\n".join([*lines, "Nothing changed for anybody."])
    lines += [f"Changed results: {len(found)}, of students: {len({one['student'] for one in found})}"]
    files = {(one["student"], one["file"]) for one in found}
    several = [student for student, n in Counter(student for student, _ in files).items() if n > 1]
    for one in found[:most]:
        who = f"{one['student']} ({one['file']})" if one["student"] in several else one["student"]
        before = f"{one['before']} ({one['status_before']})" if one["before"] != "" else "nothing"
        after = f"{one['after']} ({one['status_after']})" if one["after"] != "" else "no longer there"
        lines.append(f"  {who}, exercise {one['exercise']}: {before} -> {after}{_kept(one)}")
    if len(found) > most:
        lines.append(f"  and {len(found) - most} more")
    return "\n".join(lines)
