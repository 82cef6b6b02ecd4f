"""The ledger of a grading folder: originals, what came in, and one file per attempt. Nothing is overwritten.

out/originals/<sha256>        the bytes as they were handed in, read-only
out/intake/<sha>-<name>.json  one per file that was handed in, also for those that cannot be read
out/attempts/<key>-<n>.json   one per attempt; key = submission, lab, grader, environment and limits
out/overrides/<n>.json        one per decision of an instructor
out/runs/<n>.json             one per grading that came to its end: which attempts counted then
out/index.sqlite              the same as tables; rebuilt from the files whenever the folder is opened
"""

import contextlib
import functools
import hashlib
import json
import platform
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from course_lib.files import write_whole

VERSION = "3"  # of the grader: raise it when the same submission may get other points
ATTEMPTS = 2  # tries for a run that broke off without the student's fault being clear
ROOMS = ("originals", "intake", "attempts", "overrides", "runs", "feedback")
# what can change a value; the rest of an environment may change without a class being graded anew
PACKAGES = (
    "ipykernel",
    "ipython",
    "lightning",
    "nbval",
    "numpy",
    "pandas",
    "pillow",
    "scikit-learn",
    "torch",
)


class GraderError(RuntimeError):
    """Grading cannot begin or go on; the text says what to do."""


@contextlib.contextmanager
def opened(out: Path, lab: str) -> Iterator[None]:
    """Hold the grading folder `out` for one grader of one lab. Raises GraderError in a sentence."""
    try:
        for name in ROOMS:
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
        for name in ROOMS:
            for half in (out / name).glob(".*"):  # what a grader that was killed had not finished writing
                half.unlink()
        held = _lab_in(out)
        if held not in ("", lab):
            raise GraderError(f"{out} holds the results of {held}; name another folder for {lab}.")
        if not held:
            write_whole(out / "lab.json", json.dumps({"lab": lab}) + "\n")
        yield


def lab_of(out: Path) -> str:
    """The lab that was graded in `out`. Raises GraderError if nothing was."""
    lab = _lab_in(out)
    if not lab:
        raise GraderError(f"{out} is no grading folder; name the --out folder of a `course grade`.")
    return lab


def _lab_in(out: Path) -> str:
    record = record_in(out / "lab.json") or {}
    return str(record.get("lab", ""))


def record_in(path: Path) -> dict | None:
    """The JSON object in a file; None if there is none or it was damaged, as by a loss of power."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def add_numbered(folder: Path, content: dict) -> Path:
    """Write a record under the next free number of a folder."""
    number = 1 + max((int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit()), default=0)
    path = folder / f"{number:06d}.json"
    write_whole(path, json.dumps(content, sort_keys=True, indent=1) + "\n")
    return path


def numbered(folder: Path) -> list[dict]:
    """The records of a folder, oldest first, without damaged ones."""
    found = (record_in(path) for path in sorted(folder.glob("*.json")))
    return [record for record in found if record is not None]


@functools.cache
def environment() -> str:
    """Python and the packages that can change a value, as a short hash."""
    versions = [platform.python_version(), platform.machine()]
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions.append(f"{name} {metadata.version(name)}")
    return hashlib.sha256("\n".join(versions).encode()).hexdigest()[:16]


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
        content = record_in(path)
        if content is not None:
            found.append(content)
    return found


def decisive(tries: list[dict]) -> dict:
    """The attempt that counts: the last one that did not break off, or the last one."""
    return ([one for one in tries if not one["lost"]] or tries)[-1]


def finished(tries: list[dict]) -> bool:
    """True if nothing is left to do for these attempts.

    A run that broke off is tried again until there were ATTEMPTS. A run in which time was up is repeated
    once on its own, since other runs beside it may have been what made it slow; both are kept.
    """
    whole = [one for one in tries if not one["lost"]]
    if not whole:
        return len(tries) >= ATTEMPTS
    return len(whole) > 1 or len(tries) > ATTEMPTS or not timed_out(whole[0])


def timed_out(attempt: dict) -> bool:
    """True if time was up somewhere in this attempt."""
    return attempt.get("status") == "timeout" or any(
        row["status"] == "timeout" for row in attempt.get("rows", []) if isinstance(row, dict)
    )


def store(out: Path, key: str, attempt: dict) -> dict:
    """Write one attempt under the next free number and return it as it was written."""
    number = 1
    while (out / "attempts" / f"{key}-{number}.json").exists():
        number += 1
    written = {"written": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "at": time.time()}
    content = {**attempt, "key": key, "number": number, **written}
    write_whole(
        out / "attempts" / f"{key}-{number}.json", json.dumps(content, sort_keys=True, indent=1) + "\n"
    )
    return content
