"""Tables for spreadsheets: valid CSV in which no text is ever taken for a formula, and back again.

A spreadsheet takes a cell for a formula if it starts with = + - or @, also behind spaces, quotes and signs
that cannot be seen; and where it splits lines at other signs than the comma, a cell can start in the middle
of a text. Such places get an apostrophe in front, which `plain` takes away again.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from course_lib.files import write_whole

_SEPARATORS = re.compile(r"([;,|\t\r\n])")
# what a spreadsheet passes over before it looks for a formula: spaces, quotes, control and invisible signs
_IGNORED = "[\\s\"'\u0000-\u001f\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]*"
_FORMULA = re.compile(_IGNORED + "[=+\\-@\uff1d\uff0b\uff0d\uff20]")  # also in their full width
_LEADING = re.compile("'*[\t\r]")


def safe(value: object) -> object:
    """A value as the cell of a table: numbers stay numbers, formulas become text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = str(value).replace("\0", "\ufffd")
    parts = [f"'{part}" if _FORMULA.match(part) else part for part in _SEPARATORS.split(text)]
    return ("'" if _LEADING.match(text) else "") + "".join(parts)


def plain(text: str) -> str:
    """The text that `safe` was given."""
    if text[:1] == "'" and _LEADING.match(text[1:]):
        text = text[1:]
    parts = _SEPARATORS.split(text)
    return "".join(part[1:] if part[:1] == "'" and _FORMULA.match(part[1:]) else part for part in parts)


def flat(value: object) -> object:
    """A number as it is; anything else as text on one line, lists joined."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return re.sub(r"[\r\n\t]+", " ", text)


def write(path: Path, table: Iterable[Sequence[object]], end: str = "\r\n") -> None:
    """Write rows of values, each made `safe`, whole or not at all. end: of a line, RFC 4180 asks for CRLF."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=end).writerows([safe(value) for value in row] for row in table)
    write_whole(path, buffer.getvalue().encode("utf-8", errors="replace"))


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a table that `write` wrote, by column, with the texts that it was given."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    return [{plain(key): plain(value or "") for key, value in row.items() if key} for row in rows]
