"""Where an export may be written: over an earlier one, and over nothing else that is there."""

import contextlib
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from course_lib.grading.keeping.ledger import ROOMS
from course_lib.grading.reporting.exports.files import place_of_notes
from course_lib.grading.reporting.exports.rawcsv import RawTable

# what `course grade` itself writes into a grading folder, beside its ROOMS
OWN = re.compile(
    r"lab\.json|results\.(csv|json)|summary\.csv|class\.html|index\.sqlite.*|changes-\d+\.csv|\..*"
)
TABLES = ("long", "wide")  # for the instructor: these hold everybody, and have no notes
NOTES = ("Left out, ", "Not filled in, ", 'The column "')  # how they begin


def check(out: Path, kind: str, into: Path, heads: Collection[tuple[str, ...]]) -> None:
    """Raise ValueError in a sentence if `into` is no place for an export of the grading folder `out`.

    heads: the titles with which the first row of an export may begin; by these an earlier one is known.
    """
    within = _within(out, into)
    if within is not None and (not within or within[0] in ROOMS or OWN.fullmatch(within[0])):
        raise ValueError(
            f"{into} belongs to the grading folder, where the grader keeps its own files; "
            f"name another place, for example {Path(f'{kind}.csv')}."
        )
    if into.is_dir():
        if kind == "gradescope" and into.suffix != ".json":
            return
        raise ValueError(f"{into} is a folder; name the file to write, for example {into / kind}.csv.")
    _replaceable(into, _documents(into) if kind == "gradescope" else _table(into, heads))
    if kind not in TABLES:
        _replaceable(place_of_notes(into), _notes(place_of_notes(into)))


def _replaceable(path: Path, ours: bool) -> None:
    if path.exists() and not ours:
        raise ValueError(
            f"{path} is there already and is no earlier export; nothing was written. "
            "Name another file, or move this one away."
        )


def _read(path: Path) -> bytes:
    """The bytes of a plain file. Raises ValueError for a device or a pipe, which would be waited for."""
    if not path.is_file():
        raise ValueError(f"{path} is no plain file")
    return path.read_bytes()


def head_of(gradebook: Path) -> tuple[str, ...]:
    """The first titles of a gradebook, () if it is no table. Raises ValueError if there is none.

    Three of them, as the columns of assignments come and go but those of the student stay in front.
    """
    try:
        return _titles(gradebook.read_bytes())[:3]
    except OSError as error:
        raise ValueError(
            f"The gradebook {gradebook} cannot be read ({error.strerror or error}); "
            "name the file that your system exported."
        ) from None
    except ValueError:
        return ()


@contextlib.contextmanager
def sentences(into: Path) -> Iterator[None]:
    """Inside, an error of the system while `into` is written becomes a ValueError in a sentence."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"{into} cannot be written ({error.strerror or error}); name a file in a folder "
            "in which you may write."
        ) from error


def _within(out: Path, into: Path) -> tuple[str, ...] | None:
    """The parts of `into` below `out`, None if it lies elsewhere."""
    try:
        return into.resolve().relative_to(out.resolve()).parts
    except ValueError:
        return None


def _table(path: Path, heads: Collection[tuple[str, ...]]) -> bool:
    """True for an empty file, and for a table whose first row begins with one of these heads."""
    with contextlib.suppress(OSError, ValueError):
        data = _read(path)
        titles = _titles(data)
        return not data or any(head and titles[: len(head)] == head for head in heads)
    return False


def _titles(data: bytes) -> tuple[str, ...]:
    """The titles of a table's columns. Raises ValueError for what is no table."""
    rows = RawTable(data).rows
    return tuple(title.strip() for title in rows[0]) if rows else ()


def _notes(path: Path) -> bool:
    """True for notes that an export wrote beside its file."""
    with contextlib.suppress(OSError, ValueError):
        return _read(path).decode().startswith(NOTES)
    return False


def _documents(path: Path) -> bool:
    """True for the results JSON of a student, or for {student: results JSON}."""
    try:
        content = json.loads(_read(path))
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(content, dict):
        return False
    several = [content] if "tests" in content else list(content.values())
    return all(isinstance(one, dict) and {"score", "tests"} <= set(one) for one in several)
