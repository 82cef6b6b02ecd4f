"""Put a student's answers into the instructor's notebook. Only source text of answers is taken.

Everything that decides points (setup, probes, seeds) is the instructor's. Answers are found by grade id,
then cell id, then anchor comment, so that copies which lost their metadata in Colab still count.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import nbformat

LARGEST_FILE = 20_000_000  # bytes
MOST_CELLS = 2_000
LONGEST_CELL = 200_000  # characters


class Unreadable(ValueError):
    """A file from which no notebook can be read; the text says why."""


@dataclass(frozen=True)
class Answer:
    """What was found for one exercise. source None: nothing. found_by: grade id, cell id or anchor."""

    source: str | None
    found_by: str = ""
    blank: bool = False
    flags: tuple[str, ...] = ()


@dataclass
class Merged:
    """Answers per exercise, flags about the file, and in wrong_lab why it is a notebook of another lab."""

    answers: dict[str, Answer]
    flags: list[str] = field(default_factory=list)
    wrong_lab: str = ""


def read(data: bytes) -> tuple[dict, list[str]]:
    """(notebook, flags) of the bytes of a submission. Raises Unreadable with the reason."""
    if not data.strip():
        raise Unreadable("the file is empty")
    if len(data) > LARGEST_FILE:
        raise Unreadable(f"the file has {len(data) / 1e6:.0f} MB; at most {LARGEST_FILE / 1e6:.0f} are read")
    text, flags = _decode(data)
    if text.lstrip()[:1] == "<":
        raise Unreadable("the file is a web page, not a notebook")
    try:
        notebook = json.loads(text)
    except RecursionError:
        raise Unreadable("the file is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"the file is not JSON ({str(error)[:80]})") from None
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
    return {"cells": cells, "metadata": metadata if isinstance(metadata, dict) else {}}, flags


def _decode(data: bytes) -> tuple[str, list[str]]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding, flags = "utf-16", ["encoded as UTF-16"]
    else:
        encoding, flags = "utf-8-sig", ["has a byte order mark"] if data[:3] == b"\xef\xbb\xbf" else []
    try:
        return data.decode(encoding), flags
    except UnicodeDecodeError:
        raise Unreadable("the file is not text in UTF-8") from None


def _from_version_3(notebook: dict) -> dict:
    try:
        return json.loads(
            json.dumps(nbformat.convert(nbformat.from_dict({"nbformat_minor": 0, **notebook}), 4))
        )
    except Exception as error:
        raise Unreadable(f"an old notebook that cannot be converted ({type(error).__name__})") from None


def _cell(cell: Any) -> dict:
    """A cell with nothing but kind, id, grade id, points and source, whatever was in the file."""
    cell = cell if isinstance(cell, dict) else {}
    source, metadata = cell.get("source"), cell.get("metadata")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    nbgrader = nbgrader if isinstance(nbgrader, dict) else {}
    return {
        "kind": str(cell.get("cell_type")),
        "id": str(cell.get("id", "")),
        "grade_id": str(nbgrader.get("grade_id", "")),
        "points": nbgrader.get("points"),
        "source": source if isinstance(source, str) else "",
    }


def merge(notebook: dict, solution: Any, student_copy: Any) -> Merged:
    """Find the answers of `notebook` (from `read`) to the exercises of a lab.

    solution, student_copy: the instructor's notebooks. Several cells for one exercise: those that are still
    the stub do not count, then the surest match, then the last one.
    """
    stubs = {
        cell.metadata["course"]["exercise"]: cell for cell in student_copy.cells if _role(cell) == "answer"
    }
    merged = Merged({name: _find(name, stub, notebook["cells"]) for name, stub in stubs.items()})
    merged.flags = _edited(notebook["cells"], student_copy, solution)
    course = notebook["metadata"].get("course")
    course, own = course if isinstance(course, dict) else {}, solution.metadata["course"]
    if course.get("lab") not in (None, own["lab"]):
        merged.wrong_lab = f"this is a notebook of lab {str(course['lab'])[:60]!r}"
    elif all(answer.source is None for answer in merged.answers.values()):
        merged.wrong_lab = "no answer cell of this lab was found"
    elif course.get("version") not in (None, own["version"]):
        merged.flags.append("made from another version of the lab")
    return merged


def _role(cell: Any) -> str:
    return cell.metadata.get("course", {}).get("role", "prose" if cell.cell_type != "code" else "context")


def _find(exercise: str, stub: Any, cells: list[dict]) -> Answer:
    anchor = re.compile(
        rf"\s*# ?exercise {re.escape(exercise)}[ \t]*(\n|$)"
    )  # a heading "## Exercise" is none
    grade_id, found = stub.metadata["nbgrader"]["grade_id"], []
    for cell in cells:
        if cell["grade_id"] == grade_id:
            found.append(("grade id", cell))
        elif cell["id"] == stub.id:
            found.append(("cell id", cell))
        elif anchor.match(cell["source"]):
            found.append(("anchor", cell))
    if not found:
        return Answer(None, flags=("not found",))
    written = [pair for pair in found if not _same_code(pair[1]["source"], stub.source)]
    if not written:
        return Answer(found[0][1]["source"], found[0][0], blank=True)
    surest = min(("grade id", "cell id", "anchor").index(how) for how, _ in written)
    best = [pair for pair in written if ("grade id", "cell id", "anchor").index(pair[0]) == surest]
    how, cell = best[-1]
    flags = [f"found by {how}"] if how != "grade id" else []
    flags += [f"{len(written)} cells with an answer, one taken"] if len(written) > 1 else []
    flags += [f"its cell was turned into {cell['kind'][:20]}"] if cell["kind"] != "code" else []
    return Answer(cell["source"], how, blank=not cell["source"].strip(), flags=tuple(flags))


def _same_code(one: str, other: str) -> bool:
    """Equal up to spaces at line ends and empty lines."""
    lines = ([line.rstrip() for line in text.splitlines() if line.strip()] for text in (one, other))
    return next(lines) == next(lines)


def _edited(cells: list[dict], student_copy: Any, solution: Any) -> list[str]:
    """Flags about changed cells that decide points in other tools; here those come from the instructor."""
    trusted = {c.metadata["nbgrader"]["grade_id"]: c for c in student_copy.cells if "nbgrader" in c.metadata}
    full = {cell.id: cell for cell in solution.cells}  # with hidden tests, as an instructor may try it
    known = {cell.id for cell in student_copy.cells} | set(trusted)
    flags, present = [], set()
    for cell in cells:
        own = trusted.get(cell["grade_id"])
        if own is not None and own.metadata["nbgrader"]["grade"]:
            present.add(cell["grade_id"])
            if not any(_same_code(cell["source"], c.source) for c in (own, full[own.id])):
                flags.append(f"{cell['grade_id']} was edited (not used)")
            if cell["points"] != own.metadata["nbgrader"]["points"]:
                flags.append(f"points of {cell['grade_id']} were edited (not used)")
        elif own is None and cell["grade_id"]:
            flags.append("has a grade cell of its own (not used)")
    missing = {name for name, cell in trusted.items() if cell.metadata["nbgrader"]["grade"]} - present
    flags += [f"{len(missing)} check cells are missing or lost their id (not needed)"] if missing else []
    texts = {re.sub(r"\s", "", cell.source) for cell in student_copy.cells}
    added = [
        cell
        for cell in cells
        if cell["kind"] == "code"
        and cell["source"].strip()
        and cell["id"] not in known
        and cell["grade_id"] not in known
        and not re.match(r"\s*# ?exercise ", cell["source"])
        and re.sub(r"\s", "", cell["source"]) not in texts
    ]
    flags += [f"{len(added)} added code cells are not run"] if added else []
    return list(dict.fromkeys(flags))
