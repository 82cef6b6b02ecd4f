"""Intake: copy everything that was handed in, under its hash and read-only, before anything is graded."""

import hashlib
import json
import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path

from course_lib.files import write_whole
from course_lib.grading.keeping.ledger import GraderError, record_in
from course_lib.grading.keeping.owners import NOTEBOOKS, owners
from course_lib.grading.reading.parse import LARGEST_FILE, too_large


@dataclass(frozen=True)
class Submission:
    """One file that was handed in. sha "" and a reason: it was not even read."""

    student: str
    file: str
    sha: str
    modified: float
    reason: str = ""
    flags: tuple[str, ...] = field(default=())


def take_all(folder: Path, out: Path) -> list[Submission]:
    """Copy everything in `folder` to `out` and return all that was ever handed in there.

    folder: student notebooks, `alice.ipynb` or `alice.zip`, or one folder per student,
    `alice/anything.ipynb`; `owners` says whose a file is. Raises GraderError if there is no such folder.
    """
    if folder.is_file():
        what = "unpack it into a folder" if folder.suffix.lower() == ".zip" else "put it into a folder"
        raise GraderError(
            f"{folder} is a file; a folder is expected that holds the students' notebooks, also if there is "
            f"only one: {what} of its own and name that folder."
        )
    if not folder.is_dir():
        raise GraderError(f"There is no folder {folder}; name the one that holds the students' notebooks.")
    records = filter(None, map(record_in, (out / "intake").glob("*.json")))
    newest = {one.file: one for one in sorted(map(_submission, records), key=lambda one: one.modified)}
    paths = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part == "__MACOSX" for part in parts) or (
            path.is_dir() and not path.is_symlink()
        ):
            continue
        # names that are no text keep their bytes visible, so that two of them never become one
        paths["/".join(parts).encode(errors="backslashreplace").decode()] = path
    whose = owners(paths, {file: one.student for file, one in newest.items()})
    for file, path in paths.items():
        submission = _take(path, file, *whose[file], out)
        name = hashlib.sha256(f"{submission.file}\0{submission.reason}".encode()).hexdigest()[:12]
        target = out / "intake" / f"{submission.sha[:16] or 'unread'}-{name}.json"
        if record_in(target) is None or _came_back(submission, newest):
            write_whole(target, json.dumps(asdict(submission), sort_keys=True, indent=1) + "\n")
    return known(out)


def _came_back(one: Submission, newest: dict[str, Submission]) -> bool:
    """True for a version that was handed in again after another one of that name: it is the newest now."""
    last = newest.get(one.file)
    return last is not None and last.sha != one.sha and one.modified > last.modified


def known(out: Path) -> list[Submission]:
    """All that was ever handed in to `out`, in order. Raises GraderError for a record that was damaged."""
    found = []
    for path in (out / "intake").glob("*.json"):
        record = record_in(path)
        if record is None:
            raise GraderError(
                f"{path} is damaged, so it is not known whose file this was; "
                "run `course grade` with the folder of submissions again, which writes it anew."
            )
        found.append(_submission(record))
    # of a file that was not even read nothing is kept but the reason: the last one holds
    unread = sorted((one for one in found if not one.sha), key=lambda one: (one.modified, one.reason))
    last = {one.file: one for one in unread}
    found = [one for one in found if one.sha or one is last[one.file]]
    return sorted(found, key=lambda one: (one.student, one.file, one.modified, one.sha))


def _submission(record: dict) -> Submission:
    return Submission(**{**record, "flags": tuple(record["flags"])})


def original(out: Path, sha: str) -> bytes:
    """The bytes that were handed in. Raises GraderError if they are not what they were."""
    data = (out / "originals" / sha).read_bytes()
    if hashlib.sha256(data).hexdigest() != sha:
        raise GraderError(f"{out / 'originals' / sha} is damaged; hand the file in again.")
    return data


def _take(path: Path, file: str, student: str, flags: tuple[str, ...], out: Path) -> Submission:
    try:
        information = path.lstat()
        modified = information.st_mtime
        if not stat.S_ISREG(information.st_mode):
            kind = "a link" if stat.S_ISLNK(information.st_mode) else "no plain file"
            return Submission(student, file, "", modified, f"this is {kind}", flags)
        if information.st_size > LARGEST_FILE:
            reason = f"the file has {too_large(information.st_size)}"
            return Submission(student, file, "", modified, reason, flags)
        data = path.read_bytes()
    except OSError as error:
        return Submission(student, file, "", 0.0, f"the file cannot be read ({error.strerror})", flags)
    sha = hashlib.sha256(data).hexdigest()
    _keep(data, out / "originals" / sha)
    reason = ""
    if path.suffix.lower() not in NOTEBOOKS:
        if data.lstrip()[:1] == b"{" and b'"cells"' in data:
            flags = (*flags, "a notebook under another name")
        else:
            reason = "this is not a notebook (.ipynb)"
    return Submission(student, file, sha, modified, reason, flags)


def _keep(data: bytes, target: Path) -> None:
    """Write an original once, whole, read-only; half a file, left by a loss of power, is replaced."""
    if not target.exists() or target.stat().st_size != len(data):
        write_whole(target, data, 0o444)
