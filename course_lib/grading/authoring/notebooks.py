"""Make notebooks from a parsed source: student copy, solution, lecture. Same source, same bytes."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import nbformat

from course_lib.files import write_whole
from course_lib.grading.authoring import copies
from course_lib.grading.authoring.regions import solved, stubbed, without_hidden
from course_lib.grading.authoring.source import Cell, Source, slug
from course_lib.lab.compare import ATOL, RTOL

TIMEOUT = 30.0  # seconds that one cell of a student may take in the grader, unless its author says otherwise
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def student(lab: Source, repository: dict[str, str] | None = None) -> Any:
    """The student copy: stubs instead of solutions, no probes, hints, hidden tests or outputs."""
    nodes = []
    for cell in lab.cells:
        if cell.role in ("probe", "hint"):
            continue
        text = cell.source
        if cell.role == "answer":
            text = stubbed(text, str(cell.exercise))
        elif cell.role == "check":
            text = without_hidden(text)
        elif cell.role == "setup":
            text = published(text, repository)
        nodes.append(_node(lab, cell, text))
    _add_badge(nodes, repository, f"labs/{lab.name}.ipynb")
    notebook = _notebook(nodes, lab, "student")
    notebook.metadata["course"]["cells"] = copies.digest(nodes)
    return notebook


def solution(lab: Source, repository: dict[str, str] | None = None) -> Any:
    """The solution, not yet executed: the same cells with their answers and hidden tests."""
    nodes = []
    for cell in lab.cells:
        if cell.role in ("probe", "hint"):
            continue
        text = cell.source
        if cell.role == "answer":
            text = solved(text)
        elif cell.role == "setup":
            text = published(text, repository)
        nodes.append(_node(lab, cell, text))
    _add_badge(nodes, repository, f"labs/{lab.name}.ipynb")
    return _notebook(nodes, lab, "solution")


def lecture(source: Source) -> Any:
    """A lecture, not yet executed. No badge for Colab: only the set-up cell of a lab installs the library."""
    return _notebook([_node(source, cell, cell.source) for cell in source.cells], source, "lecture")


def published(setup: str, repository: dict[str, str] | None) -> str:
    """A set-up cell whose `git+https://github.com/OWNER/NAME@BRANCH` is where the course is published."""
    if not repository:
        return setup
    address = f"git+https://github.com/{repository['name']}@{repository['branch']}"
    return re.sub(r"git\+https://github\.com/[\w.-]+/[\w.-]+@[\w./-]+", lambda _: address, setup)


def _node(source: Source, cell: Cell, text: str) -> Any:
    metadata = dict(cell.metadata)
    tags = list(metadata.pop("tags", []))
    if cell.role == "setup":
        tags.append("nbval-ignore-output")
    if cell.role == "check":
        tags.append("nbval-check-output")
    if tags:
        metadata["tags"] = list(dict.fromkeys(tags))
    if cell.role not in ("prose", "context"):
        metadata["course"] = {"role": cell.role}
    if cell.exercise in source.exercises:
        exercise = source.exercises[cell.exercise]
        metadata.setdefault("course", {"role": cell.role})["exercise"] = exercise.name
        if cell.role in ("answer", "check"):
            settings = exercise.settings
            metadata["course"] |= {
                "visibility": settings.get("visibility", "public"),
                "timeout_s": float(settings.get("timeout_s", TIMEOUT)),
                "rtol": float(settings.get("rtol", RTOL)),
                "atol": float(settings.get("atol", ATOL)),
                "message": settings.get("message", ""),
            }
            metadata["nbgrader"] = _nbgrader(cell.role, exercise.name, settings.get("points", 0))
    make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
    return make(text, id=cell.identity(source.name), metadata=metadata)


def _nbgrader(role: str, exercise: str, points: Any) -> dict:
    """nbgrader's cell metadata, schema 3."""
    grade = role == "check"
    metadata = {"schema_version": 3, "grade_id": f"{role}-{slug(exercise)}", "task": False}
    metadata |= {"solution": not grade, "grade": grade, "locked": grade}
    return {**metadata, "points": points} if grade else metadata


def _notebook(nodes: list, source: Source, kind: str) -> Any:
    course: dict[str, Any] = {"lab": source.name, "kind": kind, "version": source.version}
    if source.exercises:
        points = [exercise.settings.get("points") for exercise in source.exercises.values()]
        course["points"] = sum(
            value for value in points if isinstance(value, int)
        )  # lint complains about others
    metadata = {"kernelspec": dict(KERNEL), "language_info": {"name": "python"}, "course": course}
    notebook = nbformat.v4.new_notebook(cells=nodes, metadata=metadata)
    notebook.nbformat_minor = 5
    return notebook


def _add_badge(nodes: list, repository: dict[str, str] | None, path: str) -> None:
    """Put "open in Colab" above the first line, if the repository has a public address."""
    if not repository:
        return
    address = (
        f"https://colab.research.google.com/github/{repository['name']}/blob/{repository['branch']}/{path}"
    )
    badge = f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({address})"
    if nodes and nodes[0].cell_type == "markdown":
        nodes[0].source = f"{badge}\n\n{nodes[0].source}"
    else:
        nodes.insert(0, nbformat.v4.new_markdown_cell(badge, id="badge"))


def bundle_folder(root: Path) -> Path:
    """Where the bundles of a course lie."""
    return root / "course_lib" / "lab" / "bundles"


def repository_of(root: Path) -> dict[str, str] | None:
    """{"name": "owner/name", "branch"} from [tool.course] in pyproject.toml, None if it is not there."""
    try:
        text = (root / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return None
    table = re.search(r"^\[tool\.course\]\s*$(.*?)(?=^\[|\Z)", text, re.M | re.S)  # tomllib needs Python 3.11
    keys = dict(re.findall(r'^(\w+)\s*=\s*"([^"]*)"', table[1], re.M)) if table else {}
    name = keys.get("repository", "").removeprefix("https://github.com/").strip("/")
    return {"name": name, "branch": keys.get("branch", "main")} if name else None


def as_text(notebook: Any) -> str:
    """A notebook as the text of its file."""
    return nbformat.writes(notebook, version=4) + "\n"


def write(notebook: Any, path: Path) -> None:
    """Write a notebook so that nobody sees half of it."""
    write_whole(path, as_text(notebook))


def read(path: Path) -> Any | None:
    """A notebook that this room wrote before; None if there is none or it is damaged."""
    try:
        return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    except (OSError, ValueError, KeyError, nbformat.reader.NotJSONError, nbformat.ValidationError):
        return None


def execution_key(notebook: Any, *more: str) -> str:
    """A hash of what decides the outputs: the code cells in order (and, for a lab, its bundle)."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps([code, *more]).encode()).hexdigest()[:16]
