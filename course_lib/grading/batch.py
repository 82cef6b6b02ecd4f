"""`course grade`: a folder of student notebooks becomes one row per submission and exercise.

intake -> merge -> run -> compare -> ledger -> report. Whatever a file holds, it ends in rows; what was
graded before is not graded again.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import course_lib
from course_lib.grading import compare, ledger, merge, report, run
from course_lib.grading.ledger import GraderError, Submission
from course_lib.grading.reference import Lab, expectations, load


@dataclass
class Summary:
    """What a grading run did. rows: as in results.csv; people: as in summary.csv; `text` says it in words."""

    lab: str
    out: Path
    rows: list[dict] = field(default_factory=list)
    people: list[dict] = field(default_factory=list)
    submissions: int = 0
    graded: int = 0
    resumed: int = 0
    expected_rows: int = 0

    @property
    def complete(self) -> bool:
        """The invariant: every file that was handed in has one row per exercise."""
        return len(self.rows) == self.expected_rows

    @property
    def pending(self) -> int:
        """Rows of runs that broke off and will be tried again by the next grading run."""
        return sum(row["status"] == "not_run" and row["retry"] for row in self.rows)

    def __str__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        """A few lines for the terminal."""
        counts = ", ".join(
            f"{n} {status}" for status, n in sorted(Counter(r["status"] for r in self.rows).items())
        )
        exercises = self.expected_rows // self.submissions if self.submissions else 0
        balance = f"{self.submissions} submissions x {exercises} exercises = {self.expected_rows} rows"
        lines = [
            f"{self.lab}: {self.graded} graded now, {self.resumed} known from before.",
            f"{balance}, {len(self.rows)} written: {'nothing' if self.complete else 'A ROW'} is missing.",
            f"Rows by status: {counts or 'none'}.",
            f"See {self.out / 'results.csv'}, {self.out / 'summary.csv'} and {self.out / 'feedback'}.",
        ]
        if self.pending:
            lines.insert(3, f"{self.pending} rows are of runs that broke off; grade again to retry them.")
        return "\n".join(lines)


def grade(
    lab: str,
    submissions: Path | str,
    out: Path | str,
    *,
    root: Path | str | None = None,
    workers: int = 1,
    deadline: float = 600.0,
    provisioner: str | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Summary:
    """Grade every notebook in the folder `submissions`; write results.csv, summary.csv and feedback to `out`.

    root: the course (default: the checkout that this file belongs to). workers: submissions at the same time.
    deadline: seconds for one submission. provisioner: name of a jupyter_client kernel provisioner that starts
    the students' kernels, for a sandbox. Raises GraderError in a sentence if grading cannot begin; nothing in
    a submission raises.
    """
    root = Path(root) if root is not None else Path(course_lib.__file__).parents[1]
    folder, out = Path(submissions).resolve(), Path(out).resolve()
    known = load(root, lab)
    if out == folder or out in folder.parents or folder in out.parents:
        raise GraderError("--out must lie outside the folder of submissions.")
    with ledger.opened(out, lab):
        handed_in = ledger.intake(folder, out)
        if not handed_in:
            raise GraderError(f"There is no file in {folder}.")
        keys = {one: ledger.key(one.sha, known.digest) for one in handed_in if one.sha and not one.reason}
        waiting = [
            key for key in dict.fromkeys(keys.values()) if not ledger.finished(ledger.attempts(out, key))
        ]
        if waiting:
            shas = {key: one.sha for one, key in keys.items()}
            _grade_all(known, out, {key: shas[key] for key in waiting}, workers, deadline, provisioner, say)
        return _report(known, out, handed_in, keys, len(waiting))


def grade_bytes(
    data: bytes, known: Lab, expected: dict[str, list[dict]], deadline: float, provisioner: str | None
) -> dict:
    """One attempt: from the bytes of a submission to its rows. Raises nothing that the bytes could cause."""
    try:
        notebook, flags = merge.read(data)
    except merge.Unreadable as reason:
        return {"rows": _same_rows(known, "unreadable", str(reason)), "lost": "", "flags": []}
    merged = merge.merge(notebook, known.solution, known.student)
    flags += merged.flags
    if merged.wrong_lab:
        return {"rows": _same_rows(known, "wrong_lab", merged.wrong_lab), "lost": "", "flags": flags}
    result = run.Result()
    if any(answer.source is not None and not answer.blank for answer in merged.answers.values()):
        seeds = {name: [one["seed"] for one in runs] for name, runs in expected.items()}
        sources = {name: answer.source for name, answer in merged.answers.items()}
        work = run.cells(known.solution, sources, known.bundle, seeds)
        result = run.run(work, known.bundle, deadline=deadline, provisioner=provisioner)
        flags += result.broken_context()
    context = "\n".join(
        c.source for c in known.solution.cells if c.cell_type == "code" and "nbgrader" not in c.metadata
    )
    rows = [
        compare.row(name, entry, merged.answers[name], result, expected[name], context)
        for name, entry in known.bundle["exercises"].items()
    ]
    return {"rows": rows, "lost": result.lost, "flags": flags}


def _grade_all(
    known: Lab, out: Path, shas: dict[str, str], workers: int, deadline: float, provisioner, say
) -> None:
    say(f"The solution of {known.name} runs first, on fresh inputs.")
    expected = expectations(known, deadline)
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        jobs = {
            pool.submit(
                grade_bytes, (out / "originals" / sha).read_bytes(), known, expected, deadline, provisioner
            ): key
            for key, sha in shas.items()
        }
        for number, job in enumerate(as_completed(jobs), start=1):
            key = jobs[job]
            try:
                attempt = job.result()
            except Exception as error:  # a defect of the grader: a row that says so, the rest goes on
                attempt = {
                    "rows": _same_rows(known, "not_run", f"grader: {type(error).__name__}: {error}"),
                    "flags": [],
                }
                attempt["lost"] = attempt["rows"][0]["reason"]
            ledger.store(out, key, {**attempt, "sha": shas[key], "lab": known.name, "digest": known.digest})
            points = sum(row["points"] for row in attempt["rows"])
            say(f"{number} of {len(jobs)}: {points} points")


def _same_rows(known: Lab, status: str, reason: str) -> list[dict]:
    """One row per exercise with the same status."""
    common = {"points": 0, "status": status, "reason": reason, "mistake": "", "flags": []}
    return [
        {"exercise": name, "max": entry["points"], **common}
        for name, entry in known.bundle["exercises"].items()
    ]


def _report(
    known: Lab, out: Path, handed_in: list[Submission], keys: dict[Submission, str], graded: int
) -> Summary:
    rows: list[dict] = []
    for one in handed_in:
        if one in keys:
            tries = ledger.attempts(out, keys[one])
            attempt, retry = tries[-1], not ledger.finished(tries)
        else:
            attempt, retry = {"rows": _same_rows(known, "unreadable", one.reason), "flags": []}, False
        for row in attempt["rows"]:
            about_file = [*one.flags, *attempt["flags"]] if row is attempt["rows"][0] else []
            own = {"student": one.student, "file": one.file, "sha": one.sha, "retry": retry}
            rows.append({**row, **own, "reason": row["reason"][:600], "flags": [*row["flags"], *about_file]})
    modified = {(one.student, one.file, one.sha): one.modified for one in handed_in}
    people = report.people(rows, modified)
    report.results(rows, out / "results.csv")
    report.summary(people, list(known.bundle["exercises"]), out / "summary.csv")
    for person in people:
        report.feedback(person, known.name, out / "feedback")
    expected = len(handed_in) * len(known.bundle["exercises"])
    known_before = len(set(keys.values())) - graded
    summary = Summary(known.name, out, rows, people, len(handed_in), graded, known_before, expected)
    if not summary.complete:
        raise GraderError(f"The balance does not hold: {summary.text}")
    return summary
