"""The ledger of a grading folder: originals, what came in, and one file per attempt. Nothing is overwritten.

out/originals/<sha256>        the bytes as they were handed in, read-only
out/intake/<sha>-<name>.json  one per file that was handed in, also for those that cannot be read
out/attempts/<key>-<n>.json   one per attempt; key = submission + bundle + solution + grader version
"""

import contextlib
import hashlib
import json
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from course_lib.files import write_whole
from course_lib.grading.merge import LARGEST_FILE

VERSION = "1"  # of the grader: raise it when the same submission may get other points
ATTEMPTS = 2  # tries for a run that broke off without the student's fault being clear


class GraderError(RuntimeError):
    """Grading cannot begin or go on; the text says what to do."""


@dataclass(frozen=True)
class Submission:
    """One file that was handed in. sha "" and a reason: it was not even read."""

    student: str
    file: str
    sha: str
    modified: float
    reason: str = ""
    flags: tuple[str, ...] = field(default=())


@contextlib.contextmanager
def opened(out: Path, lab: str) -> Iterator[None]:
    """Hold the grading folder `out` for one grader of one lab. Raises GraderError in a sentence."""
    try:
        for name in ("originals", "intake", "attempts", "feedback"):
            (out / name).mkdir(parents=True, exist_ok=True)
        lock = open(out / ".lock", "a")  # noqa: SIM115 - held for the whole run
    except OSError as error:
        raise GraderError(f"--out {out} cannot be written ({error.strerror}); name another folder.") from None
    with lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except OSError:
            raise GraderError(
                f"Another grader is working in {out}; wait for it or name another folder."
            ) from None
        marker = out / "lab.json"
        if marker.exists() and json.loads(marker.read_text(encoding="utf-8")).get("lab") != lab:
            raise GraderError(f"{out} holds the results of another lab; name another folder for {lab}.")
        if not marker.exists():
            write_whole(marker, json.dumps({"lab": lab}) + "\n")
        yield


def intake(folder: Path, out: Path) -> list[Submission]:
    """Copy everything in `folder` before anything is graded, and return all that was ever handed in to `out`.

    folder: student notebooks, `alice.ipynb`, or one folder per student, `alice/anything.ipynb`.
    """
    if not folder.is_dir():
        raise GraderError(f"There is no folder {folder}.")
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part == "__MACOSX" for part in parts) or (
            path.is_dir() and not path.is_symlink()
        ):
            continue
        submission = _take(path, parts, out)
        record = asdict(submission)
        name = hashlib.sha256(f"{submission.file}\0{submission.reason}".encode()).hexdigest()[:12]
        target = out / "intake" / f"{submission.sha[:16] or 'unread'}-{name}.json"
        if not target.exists():
            write_whole(target, json.dumps(record, sort_keys=True, indent=1) + "\n")
    found = []
    for path in sorted((out / "intake").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        found.append(Submission(**{**record, "flags": tuple(record["flags"])}))
    return sorted(found, key=lambda one: (one.student, one.file, one.modified, one.sha))


def _take(path: Path, parts: tuple[str, ...], out: Path) -> Submission:
    file = "/".join(parts).encode(errors="replace").decode()
    student = parts[0] if len(parts) > 1 else Path(parts[0]).stem
    plain = re.sub(r"\s*\(\d+\)$", "", student) or student
    flags = ("renamed by a browser",) if plain != student else ()
    student = plain.encode(errors="replace").decode()
    try:
        information = path.lstat()
        modified = information.st_mtime
        if not stat.S_ISREG(information.st_mode):
            kind = "a link" if stat.S_ISLNK(information.st_mode) else "no plain file"
            return Submission(student, file, "", modified, f"this is {kind}", flags)
        if information.st_size > LARGEST_FILE:
            return Submission(
                student, file, "", modified, f"the file has {information.st_size / 1e6:.0f} MB", flags
            )
        data = path.read_bytes()
    except OSError as error:
        return Submission(student, file, "", 0.0, f"the file cannot be read ({error.strerror})", flags)
    sha = hashlib.sha256(data).hexdigest()
    _keep(data, out / "originals" / sha)
    reason = "" if path.suffix.lower() == ".ipynb" else "this is not a notebook (.ipynb)"
    return Submission(student, file, sha, modified, reason, flags)


def _keep(data: bytes, target: Path) -> None:
    """Write an original once, whole, read-only."""
    if target.exists():
        return
    write_whole(target, data, 0o444)


def original(out: Path, submission: Submission) -> bytes:
    """The bytes that were handed in."""
    return (out / "originals" / submission.sha).read_bytes()


def key(sha: str, *parts: str) -> str:
    """What an attempt's result depends on, in one word."""
    return hashlib.sha256("\0".join((sha, *parts, VERSION)).encode()).hexdigest()[:24]


def attempts(out: Path, key: str) -> list[dict]:
    """All attempts with this key, oldest first; a file that is damaged counts as none."""
    found = []
    for number in range(1, 100):
        path = out / "attempts" / f"{key}-{number}.json"
        if not path.exists():
            break
        with contextlib.suppress(ValueError):
            found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def finished(tries: list[dict]) -> bool:
    """True if the last attempt is final: nothing broke off, or it did so too often."""
    return bool(tries) and (not tries[-1]["lost"] or len(tries) >= ATTEMPTS)


def store(out: Path, key: str, attempt: dict) -> None:
    """Write one attempt under the next free number."""
    number = 1
    while (out / "attempts" / f"{key}-{number}.json").exists():
        number += 1
    content = {**attempt, "key": key, "number": number, "written": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    write_whole(
        out / "attempts" / f"{key}-{number}.json", json.dumps(content, sort_keys=True, indent=1) + "\n"
    )
