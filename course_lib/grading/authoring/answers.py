"""Read labs/wrong and labs/right: percent cells whose functions are called `<answer>__<what it does>`."""

import ast
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.grading.authoring.source import Source, SourceError, parse, read_cells


@dataclass(frozen=True)
class Attempts:
    """The answers that one cell of labs/wrong or labs/right defines for an exercise.

    header: the cells without exercise (imports, helpers), which run first. hints: {name: its docstring}.
    """

    exercise: str
    header: str
    source: str
    hints: dict[str, str]


def read_attempts(path: Path, lab: Source, hints_needed: bool) -> list[Attempts]:
    """All attempts of a file, [] if there is none. Raises SourceError with sentences."""
    if not path.is_file():
        return []
    cells = [cell for cell in read_cells(path) if cell.kind == "code"]
    header = "\n".join(cell.source for cell in cells if not cell.exercise)
    label = f"{path.parent.name}/{path.name}"
    found, problems, names = [], [], set()
    for cell in cells:
        if not cell.exercise:
            continue
        if cell.exercise not in lab.exercises:
            problems.append(f"{label}: there is no exercise {cell.exercise} in {lab.name}.")
            continue
        tree: Any = parse(cell.source)
        if tree is None:
            problems.append(f"{label}: a cell of exercise {cell.exercise} is not Python.")
            continue
        prefix = lab.exercises[cell.exercise].answer + "__"
        hints = {
            node.name: _docstring(node) for node in tree.body if getattr(node, "name", "").startswith(prefix)
        }
        if not hints:
            problems.append(f"{label}: a cell of exercise {cell.exercise} defines nothing called {prefix}...")
        for name, hint in hints.items():
            if hints_needed and not hint:
                problems.append(f"{label}: {name} needs a docstring; it is the hint that the student reads.")
            if name in names:
                problems.append(f"{label}: {name} is defined twice.")
            names.add(name)
        found.append(Attempts(cell.exercise, header, cell.source, hints))
    if problems:
        raise SourceError(problems)
    return found


def _docstring(node: Any) -> str:
    return " ".join(inspect.cleandoc(ast.get_docstring(node) or "").split())


def code_lines(attempts: list[Attempts]) -> list[str]:
    """The lines of the attempts' own code without docstrings, comments and `def` lines."""
    lines = []
    for attempt in attempts:
        tree = parse(attempt.source)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
                node.body = node.body[1:] or [ast.Pass()]
        lines += ast.unparse(tree).splitlines() if tree else []
    return [line for line in lines if not line.lstrip().startswith(("def ", "class ", "@"))]
