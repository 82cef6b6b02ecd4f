"""`course grade`: a folder of student notebooks becomes one row per submission and exercise.

intake -> merge -> run -> compare (together the `unit` of work) -> ledger -> report. Whatever a file holds,
it ends in rows; what was graded before is not graded again, and what was interrupted goes on.
"""

import contextlib
import errno
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import course_lib
from course_lib.grading import executors, results, unit
from course_lib.grading.keeping import intake, ledger, remarks
from course_lib.grading.keeping.index import Index
from course_lib.grading.keeping.intake import Submission
from course_lib.grading.keeping.ledger import GraderError
from course_lib.grading.reference import Lab, expectations, load, not_built
from course_lib.grading.summary import Summary
from course_lib.grading.walls import limits, sandbox

__all__ = ["GraderError", "Summary", "expectations", "grade", "load"]
Say = Callable[[str], None]


def grade(
    lab: str,
    submissions: Path | str | None,
    out: Path | str,
    *,
    root: Path | str | None = None,
    workers: int = 1,
    deadline: float = 600.0,
    provisioner: str | None = None,
    allow_unsandboxed: bool = False,
    executor: str | executors.Executor | None = None,
    say: Say = lambda sentence: None,
) -> Summary:
    """Grade every notebook in the folder `submissions`; write results, summary and feedback to `out`.

    submissions: None for what was handed in to `out` before. root: the course (default: the checkout that
    this file belongs to). workers: processes that grade side by side. deadline: seconds for one submission.
    provisioner: name of the jupyter_client kernel provisioner that starts the students' kernels; default: the
    strongest walls of this machine. allow_unsandboxed: go on where these are not "full". executor: None for
    processes here, "dask://HOST:PORT", "inline", or an `executors.Executor`. Raises GraderError in a sentence
    if grading cannot begin or go on; nothing in a submission raises.
    """
    root = Path(root) if root is not None else Path(course_lib.__file__).parents[1]
    out = Path(out).resolve()
    known = load(root, lab)
    folder = None if submissions is None else Path(submissions).resolve()
    if folder is not None and (out == folder or out in folder.parents or folder in out.parents):
        raise GraderError("--out must lie outside the folder of submissions.")
    if about_source := not_built(root, known):
        say(about_source)
    with _room_on_disk(out), ledger.opened(out, lab):
        handed_in = intake.known(out) if folder is None else intake.take_all(folder, out)
        about_folder = [] if folder is None else remarks.remarks(folder, handed_in, lab)
        if not handed_in:
            needed = (
                f"There is no file in {folder or out / 'intake'}; `course grade` needs a folder with a "
                "notebook or zip archive per student, alice.ipynb, or a folder per student."
            )
            raise GraderError(" ".join([needed, *about_folder]))
        index = Index(out)
        try:
            keys = keys_of(known, handed_in, deadline)
            index.submissions(known.digest, handed_in, keys)
            waiting: dict[str, list[Submission]] = {}
            for one, key in keys.items():
                if key in waiting or not ledger.finished(ledger.attempts(out, key)):
                    waiting.setdefault(key, []).append(one)
            if waiting:
                how = _place(executor, workers, provisioner, allow_unsandboxed, say)
                with contextlib.closing(how[0]):
                    _grade_all(known, out, waiting, deadline, how, index, say, _older(handed_in))
            summary = _report(known, out, handed_in, keys, len(waiting), index)
            summary.remarks = about_folder
            return summary
        finally:
            index.close()
            if index.problem:
                say(index.problem)


def keys_of(known: Lab, handed_in: list[Submission], deadline: float) -> dict[Submission, str]:
    """The key under which the attempts for each readable submission are kept."""
    parts = (known.digest, ledger.environment(), f"{deadline:g} {limits.Limits().profile}")
    return {one: ledger.key(one.sha, *parts) for one in handed_in if one.sha and not one.reason}


def _place(
    executor: str | executors.Executor | None, workers: int, provisioner: str | None, allowed: bool, say: Say
) -> tuple[executors.Executor, str | None, str]:
    """(executor, provisioner, isolation level), or a refusal."""
    place = executors.named(executor, workers) if executor is None or isinstance(executor, str) else executor
    name: str | None
    if provisioner in (None, sandbox.NAME):
        name, level, sentence = place.isolation()
    else:
        name, level, sentence = provisioner, "unknown", f"unknown: {provisioner} was named by hand"
    if level != "full" and not allowed:
        place.close()
        raise GraderError(
            f"The isolation of students' code here is {sentence.rstrip('.')}. Only full is safe for "
            "notebooks of strangers: see `course doctor` for what is missing, or add --allow-unsandboxed "
            "if you trust every file in the folder or can afford to lose this account."
        )
    say(f"Isolation of students' code: {sentence.rstrip('.')}.")
    return place, name, level


def _grade_all(
    known: Lab,
    out: Path,
    waiting: dict[str, list[Submission]],
    deadline: float,
    how: tuple[executors.Executor, str | None, str],
    index: Index,
    say: Say,
    older: set[Submission],
) -> None:
    """Grade what has not been tried; then, one at a time, what broke off before and what ran out of time."""
    say(f"The solution of {known.name} runs first, on fresh inputs.")
    executor, provisioner, level = how
    job = unit.job(known, expectations(known, deadline), deadline, provisioner, level)
    progress = _Progress(sum(map(len, waiting.values())), say, older)

    def go(keys: list[str], alone: bool) -> None:
        units = [(key, functools.partial(intake.original, out, waiting[key][0].sha)) for key in keys]
        with contextlib.closing(executor.attempts(job, units, alone)) as ended:
            for key, attempt in ended:
                if "stop" in attempt:
                    raise OSError(errno.ENOSPC, attempt["stop"])
                attempt |= {"sha": waiting[key][0].sha, "lab": known.name, "digest": known.digest}
                index.attempt(ledger.store(out, key, attempt))
                progress.of(waiting[key], attempt, again=key in slow)

    slow: list[str] = []
    tried = [key for key in waiting if ledger.attempts(out, key)]
    go([key for key in waiting if key not in tried], alone=False)
    slow = [key for key in waiting if key not in tried and ledger.timed_out(ledger.attempts(out, key)[-1])]
    if slow:
        progress.again(sum(len(waiting[key]) for key in slow))
    go([*tried, *slow], alone=True)


def _older(handed_in: list[Submission]) -> set[Submission]:
    """The files of students who handed in a newer one."""
    newest: dict[str, float] = {}
    for one in handed_in:
        newest[one.student] = max(one.modified, newest.get(one.student, one.modified))
    return {one for one in handed_in if one.modified < newest[one.student]}


class _Progress:
    """A sentence per file, also for each of equal files, with the time left; runs again count apart."""

    def __init__(self, total: int, say: Say, older: set[Submission]):
        self.older, self.say, self.started = older, say, time.monotonic()
        self.total, self.done = {False: total, True: 0}, {False: 0, True: 0}  # {whether again: files}

    def of(self, files: list[Submission], attempt: dict, again: bool = False) -> None:
        """Say how the attempt at these equal files ended. again: they were counted before."""
        points, most = (sum(row[name] for row in attempt["rows"]) for name in ("points", "max"))
        ending = "" if attempt["status"] == "graded" else f" ({attempt['status'].replace('_', ' ')})"
        first = self.done[again] + 1
        self.done[again] += len(files)
        done, total = sum(self.done.values()), sum(self.total.values())
        left = (time.monotonic() - self.started) / done * (total - done)
        rest = f", about {_in_words(left)} left" if done < total else ""
        for number, one in enumerate(files, start=first):
            what = f"{points} of {most} points{ending}"
            what += f" (not the newest file of {one.student})" if one in self.older else ""
            count = f"{number} of {self.total[again]}{' again' if again else ''}"
            self.say(f"{count}: {one.file}, {what}{rest}")

    def again(self, more: int) -> None:
        """Say that so many files are run once more."""
        self.total[True] += more
        what = "is run once more, alone" if more == 1 else "are run once more, each alone"
        self.say(f"{more} ran out of time and {what}.")


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


@contextlib.contextmanager
def _room_on_disk(out: Path) -> Iterator[None]:
    """A disk that cannot be written any more ends grading with a sentence; all that was graded is kept."""
    try:
        yield
    except OSError as error:
        if error.errno not in unit.FULL:
            raise
        raise GraderError(
            f"Grading stopped: {unit.FULL[error.errno]} ({error.filename or error.strerror or out}). "
            "What was graded is kept; make room and give the same command again, it goes on from there."
        ) from None


def _report(
    known: Lab, out: Path, handed_in: list[Submission], keys: dict[Submission, str], graded: int, index: Index
) -> Summary:
    """Write what is derived, hold the balance against the files, and note which attempts count now."""
    tries = {one.sha: ledger.attempts(out, key) for one, key in keys.items()}
    rows, people, written = results.publish(known, out, handed_in, tries)
    exercises = len(known.bundle["exercises"])
    before = len(set(keys.values())) - graded
    summary = Summary(
        known.name, out, rows, people, len(handed_in), graded, before, len(handed_in) * exercises, written
    )
    in_index = index.standing()
    if not summary.complete or in_index not in (None, len(keys) * exercises):
        raise GraderError(f"The balance does not hold; the tables hold {in_index} rows. {summary.text}")
    counting = {sha: ledger.decisive(several) for sha, several in tries.items()}
    names = {sha: f"{attempt['key']}-{attempt['number']}" for sha, attempt in counting.items()}
    record = {"digest": known.digest, "attempts": names}
    if {name: results.last_run(out).get(name) for name in record} != record:
        ledger.add_numbered(out / "runs", {**record, "at": time.time()})
    return summary
