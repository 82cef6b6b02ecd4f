"""Read the source of a lab: percent cells with a few keys on the marker line become cells with a role.

Marker line of an answer:  # %% exercise="3.3" points=15 off_limits=["course_lib.losses"] rtol=1e-4
and of the rest:           # %% tags=["probe"] exercise="3.3"     (hint, check, setup, train, use, figure)
"""

import ast
import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext

from course_lib.lab import syntax

ROLES = ("setup", "probe", "hint", "check", "train", "use", "figure")
SKIPPED_BY_GRADER = ("train", "use", "figure", "check")
NUMBERS = {"rtol": "1e-4", "atol": "1e-6", "timeout_s": "30"}  # settings from 0 on, and an example
SETTINGS = ("points", "off_limits", "rtol", "atol", "message", "next", "timeout_s", "visibility")
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
BEGIN_STUB, END_STUB = "### STUB", "### END STUB"


class SourceError(ValueError):
    """Something in a source file that has to be put right; `.problems` is a list of sentences."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Cell:
    """One cell of a source. role: answer, probe, hint, check, setup, train, use, figure, context or prose."""

    kind: str
    role: str
    exercise: str | None
    source: str
    metadata: dict
    settings: dict
    ordinal: int  # counts cells of the same role and exercise

    def identity(self, name: str) -> str:
        """A cell id that depends on nothing but name, role, exercise and ordinal."""
        if self.role in ("answer", "check") and self.ordinal == 0:
            return f"{self.role}-{slug(self.exercise)}"
        return hashlib.sha256(f"{name}/{self.role}/{self.exercise}/{self.ordinal}".encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Exercise:
    """Everything a source says about one exercise."""

    name: str
    answer: str  # the name that check is given
    probe: str
    hints: list[str]
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """A parsed lab or lecture: cells in order, exercises by their id, version (a hash of the text)."""

    name: str
    cells: list[Cell]
    exercises: dict[str, Exercise]
    version: str


def slug(exercise: str | None) -> str:
    """ "3.3" -> "3-3", as grade ids have no dots."""
    return re.sub(r"[^A-Za-z0-9]+", "-", str(exercise))


def read_cells(path: Path) -> list[Cell]:
    """The cells of a percent file, each with its role. Raises FileNotFoundError and SourceError."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no source {path}.")
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    cells: list[Cell] = []
    counts: dict[tuple, int] = {}
    for number, node in enumerate(notebook.cells, start=1):
        metadata = dict(node.metadata)
        metadata.pop("lines_to_next_cell", None)  # Jupytext's own note about blank lines
        exercise = metadata.pop("exercise", None)
        exercise = None if exercise is None else str(exercise)
        settings = {key: metadata.pop(key) for key in SETTINGS if key in metadata}
        tags = metadata.get("tags", [])
        if not isinstance(tags, list):
            raise SourceError([f'{path.name}, cell {number}: tags must be a list, tags=["probe"].'])
        role = _role(node.cell_type, tags, exercise, settings, node.source)
        key = role, exercise
        kind = "code" if node.cell_type == "code" else "markdown"
        cells.append(Cell(kind, role, exercise, node.source, metadata, settings, counts.get(key, 0)))
        counts[key] = counts.get(key, 0) + 1
    return cells


def _role(kind: str, tags: list, exercise: str | None, settings: dict, source: str) -> str:
    for role in ROLES:
        if role in tags:
            return role
    if kind != "code":
        return "prose"
    return "answer" if "points" in settings or BEGIN in source else "context"


def read_lecture(path: Path) -> Source:
    """A lecture: cells without exercises."""
    return Source(path.stem, read_cells(path), {}, version(path))


def version(path: Path) -> str:
    """A short hash of a source file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def read_lab(path: Path) -> Source:
    """A lab with its exercises. Raises SourceError with a sentence for everything missing or doubled."""
    cells = read_cells(path)
    problems = _regions(cells)
    exercises: dict[str, Exercise] = {}
    names = list(dict.fromkeys(cell.exercise for cell in cells if cell.exercise and cell.kind == "code"))
    for cell in cells:
        if cell.role in ("answer", "probe", "hint", "check") and not cell.exercise:
            start = cell.source.splitlines()[0] if cell.source else "(empty)"
            problems.append(
                f'the {cell.role} cell that starts with "{start}" has no exercise="..." on its marker line.'
            )
    for name in names:
        roles = {
            role: [c for c in cells if c.exercise == name and c.role == role]
            for role in ("answer", "probe", "check")
        }
        missing = [role for role, found in roles.items() if len(found) != 1]
        if missing:
            problems += [
                f"exercise {name} has {len(roles[r]) or 'no'} {r} cell{'s' * bool(roles[r])}; it needs one."
                for r in missing
            ]
            continue
        answer_cell, probe_cell, check_cell = (roles[role][0] for role in ("answer", "probe", "check"))
        answer, complaints = _answer_name(name, answer_cell.source, check_cell.source)
        problems += complaints
        hints = [c.source for c in cells if c.exercise == name and c.role == "hint"]
        settings = {**check_cell.settings, **answer_cell.settings}
        problems += [
            f"exercise {name}: {key}={json.dumps(settings[key])} is not a number from 0 on; "
            f"write {key}={example}."
            for key, example in NUMBERS.items()
            if key in settings and not _is_number(settings[key])
        ]
        if settings.get("visibility", "public") != "public":
            problems.append(
                f"exercise {name}: visibility={json.dumps(settings['visibility'])} would hide nothing; leave "
                f'it out. Every check is public, and what is hidden stands between "{BEGIN_HIDDEN}" and '
                f'"{END_HIDDEN}".'
            )
        exercises[name] = Exercise(name, answer, probe_cell.source, hints, settings)
    if problems:
        raise SourceError([f"{path.name}: {problem}" for problem in problems])
    return Source(path.stem, cells, exercises, version(path))


def _regions(cells: list[Cell]) -> list[str]:
    """Complaints about solution and hidden regions that are nested, unclosed or in the wrong cell."""
    problems = []
    for cell in cells:
        if cell.kind != "code":
            continue
        where = (
            f"the {cell.role} cell of exercise {cell.exercise}" if cell.exercise else f"a {cell.role} cell"
        )
        for begin, end in ((BEGIN, END), (BEGIN_HIDDEN, END_HIDDEN)):
            depth = 0
            for line in map(str.strip, cell.source.splitlines()):
                depth += (line == begin) - (line == end)
                if depth not in (0, 1):
                    problems.append(
                        f"{where} has a {end} without its beginning, or one region inside another."
                    )
                    break
            else:
                if depth:
                    problems.append(f"{where} has a {begin} that never ends.")
        if BEGIN in cell.source and cell.role != "answer":
            problems.append(f"{where} holds a solution region; only answer cells may.")
        if BEGIN_HIDDEN in cell.source and cell.role != "check":
            problems.append(f"{where} holds hidden tests; only check cells may.")
        if cell.role == "answer" and BEGIN not in cell.source:
            problems.append(f"{where} has no {BEGIN}.")
    return problems


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _answer_name(exercise: str, answer_source: str, check_source: str) -> tuple[str, list[str]]:
    """The name that check("3.3", name) is given, and complaints."""
    problems = []
    if not answer_source.startswith(f"# exercise {exercise}"):
        problems.append(
            f'the answer cell of exercise {exercise} must start with the line "# exercise {exercise}".'
        )
    name = ""
    tree, answer = parse(check_source), parse(answer_source)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "check" and len(node.args) == 2:
            first, second = node.args
            if (
                isinstance(first, ast.Constant)
                and str(first.value) == exercise
                and isinstance(second, ast.Name)
            ):
                name = second.id
    if not name:
        problems.append(
            f'the check cell of exercise {exercise} must call check("{exercise}", name_of_the_answer).'
        )
    elif answer is None or name not in {getattr(n, "name", None) for n in answer.body}:
        problems.append(
            f"the answer cell of exercise {exercise} does not define {name}, which its check cell checks."
        )
    return name, problems


def parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell, magics and shell lines left out; None if it is no Python."""
    return syntax.tree(source)
