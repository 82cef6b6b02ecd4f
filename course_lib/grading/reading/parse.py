"""Bytes of a submission -> a plain notebook. Size, encoding and depth are looked at before JSON is parsed.

Nothing of the file is trusted and nothing is run. `limited` calls this in a small process with limits, so
nothing but the standard library is imported.
"""

import codecs
import json
from itertools import accumulate
from typing import Any

LARGEST_FILE = 20_000_000  # bytes
MOST_CELLS = 2_000
LONGEST_CELL = 200_000  # characters
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
DEEPEST = 100  # levels of brackets; a plot with its data needs about 20


class Unreadable(ValueError):
    """A file from which no notebook can be read; the text says why."""


def too_large(size: int) -> str:
    """The end of a sentence about a file of more than LARGEST_FILE bytes: its size, the limit, what to do."""
    return (
        f"{size / 1e6:.0f} MB; at most {LARGEST_FILE / 1e6:.0f} are read. "
        "Clear the outputs of the notebook, save it and hand it in again"
    )


def read(data: bytes) -> tuple[dict, list[str]]:
    """({"cells", "metadata"}, flags) of the bytes of a notebook. Raises Unreadable with the reason.

    A cell has kind, id, grade_id, points and source, whatever was in the file.
    """
    if not data.strip():
        raise Unreadable("the file is empty")
    if len(data) > LARGEST_FILE:
        raise Unreadable(f"the file has {too_large(len(data))}")
    text, flags = _decode(data)
    if text.lstrip()[:1] == "<":
        raise Unreadable("the file is a web page, not a notebook")
    if _depth(text) > DEEPEST:
        raise Unreadable("the file is nested too deeply")
    try:
        notebook = json.loads(text)
    except RecursionError:
        raise Unreadable("the file is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(
            f"the file is damaged or incomplete: it is not JSON ({str(error)[:80]}). "
            "Save the notebook again and hand in the whole file"
        ) from None
    if not isinstance(notebook, dict):
        raise Unreadable(f"the file holds a {type(notebook).__name__}, not a notebook")
    if "worksheets" in notebook:
        notebook, flags = _from_version_3(notebook), [*flags, "old notebook format"]
    if not isinstance(notebook.get("cells"), list):
        raise Unreadable("the file has no cells")
    if len(notebook["cells"]) > MOST_CELLS:
        raise Unreadable(f"the notebook has {len(notebook['cells'])} cells; at most {MOST_CELLS} are read")
    cells = [_cell(cell) for cell in notebook["cells"]]
    if any(len(cell["source"]) > LONGEST_CELL for cell in cells):
        raise Unreadable(f"a cell has more than {LONGEST_CELL} characters")
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    flags += _strange(notebook.get("nbformat"), metadata.get("kernelspec"))
    course = metadata.get("course")
    course = course if isinstance(course, dict) else {}
    return {"cells": cells, "metadata": {"course": {k: course.get(k) for k in ("lab", "version")}}}, flags


def _decode(data: bytes) -> tuple[str, list[str]]:
    """The text, and a flag for every encoding but plain UTF-8."""
    encoding = json.detect_encoding(data)  # type: ignore[attr-defined]
    flags = [] if encoding == "utf-8" else [f"encoded as {encoding[:6].upper()}"]
    flags = ["has a byte order mark"] if data.startswith(codecs.BOM_UTF8) else flags
    try:
        return data.decode(encoding), flags
    except UnicodeDecodeError:
        # an old editor on Windows: printable text, so no control characters, that holds an object
        controls = bytes(range(9)) + bytes(range(14, 32))
        if encoding != "utf-8" or data.translate(None, controls) != data or data.lstrip()[:1] != b"{":
            raise Unreadable("the file is not text in UTF-8") from None
    try:
        return data.decode("cp1252"), ["encoded as Windows-1252"]
    except UnicodeDecodeError:
        return data.decode("latin-1"), ["encoded as Latin-1"]


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside of strings, without building anything."""
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    brackets = outside.encode("utf-8", "replace").translate(None, NO_BRACKETS)
    return max(accumulate((1 if sign in b"[{" else -1 for sign in brackets), initial=0))


def _from_version_3(notebook: dict) -> dict:
    """The cells of an old notebook, whose code was called input and whose cells lay on worksheets."""
    sheets = notebook["worksheets"]
    cells: list[Any] = [None]
    if _is_old(sheets):
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
    if not all(isinstance(cell, dict) and isinstance(cell.get("cell_type"), str) for cell in cells):
        raise Unreadable("an old notebook that cannot be converted")
    return {
        **notebook,
        "cells": [{**cell, "source": cell.get("input", cell.get("source"))} for cell in cells],
    }


def _is_old(sheets: Any) -> bool:
    return isinstance(sheets, list) and all(
        isinstance(sheet, dict) and isinstance(sheet.get("cells"), list) for sheet in sheets
    )


def _strange(version: Any, kernel: Any) -> list[str]:
    """Flags about a format from the future and a kernel for another language; neither is used."""
    flags = []
    if isinstance(version, int) and version > 4:
        flags.append(f"notebook format {str(version)[:10]}, newer than 4")
    if isinstance(kernel, dict) and str(kernel.get("language", "python")).lower() != "python":
        flags.append(f"was set to a kernel for {_word(kernel['language'])} (not used)")
    return flags


def _word(value: Any) -> str:
    """A name that came from outside, short and on one line."""
    return " ".join(str(value)[:40].split()) if isinstance(value, (str, int, float)) else "?"


def _cell(cell: Any) -> dict:
    """A cell with nothing but kind, id, grade id, points and source, whatever was in the file."""
    cell = cell if isinstance(cell, dict) else {}
    source, metadata = cell.get("source"), cell.get("metadata")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    nbgrader = nbgrader if isinstance(nbgrader, dict) else {}
    points = nbgrader.get("points")
    return {
        "kind": _word(cell.get("cell_type")),
        "id": _name(cell.get("id")),
        "grade_id": _name(nbgrader.get("grade_id")),
        "points": points if points is None or isinstance(points, (int, float)) else "?",
        # half a surrogate pair is valid JSON and no valid text: nothing later could write it
        "source": source.encode("utf-8", "replace").decode() if isinstance(source, str) else "",
    }


def _name(value: Any) -> str:
    return value[:200].encode("utf-8", "replace").decode() if isinstance(value, str) else ""
