"""Does a student copy give anything away? Every removed line is looked for in all that a student gets."""

import ast
import json
import re
import textwrap
from typing import Any

from course_lib.grading.authoring.answers import Attempts, code_lines
from course_lib.grading.authoring.regions import removed_lines, stubbed
from course_lib.grading.authoring.source import Source, parse

SHORTEST = 24  # characters without spaces; below that a line says nothing ("return loss", "import torch")
SHORTEST_ATTEMPT = 32  # other answers are not the solution; only their longer lines tell anything


def leaks(lab: Source, student: Any, bundle: dict, wrong: list[Attempts], right: list[Attempts]) -> list[str]:
    """One sentence for each line of a solution, hidden test or known answer found in copy or bundle."""
    places = {"the student copy": _all_text(student), "the bundle": _all_text(bundle)}
    public = {
        normalised(line)
        for cell in lab.cells
        if cell.role == "answer"
        for line in stubbed(cell.source, str(cell.exercise)).splitlines()
    }
    problems = []
    for label, shortest, lines in _secrets(lab, wrong, right):
        for line in dict.fromkeys(map(normalised, lines)):
            if line in public or not _telling(line, shortest):
                continue
            problems += [
                f"{lab.name}: a line of {label} occurs in {place}: {line[:80]}"
                for place, text in places.items()
                if line in text
            ]
    return problems


def _secrets(lab: Source, wrong: list[Attempts], right: list[Attempts]):
    for cell in lab.cells:
        if cell.role in ("answer", "check"):
            kind = "the solution" if cell.role == "answer" else "the hidden tests"
            lines = removed_lines(cell.source)
            yield f"{kind} of exercise {cell.exercise}", SHORTEST, lines + _statements(lines)
    yield "a wrong answer", SHORTEST_ATTEMPT, code_lines(wrong)
    yield "a right answer", SHORTEST_ATTEMPT, code_lines(right)


def _statements(lines: list[str]) -> list[str]:
    """The same code in Python's own formatting, so that a line that was only broken differently is found."""
    tree = parse(textwrap.dedent("\n".join(lines)))
    return ast.unparse(tree).splitlines() if tree else []


def normalised(line: str) -> str:
    """A line without comment, spaces and kinds of quotes."""
    return re.sub(r"\s+", "", re.sub(r"\s#.*$|^\s*#.*$", "", line)).replace('"', "'")


def _telling(line: str, shortest: int) -> bool:
    """True if a normalised line says something about a solution."""
    return len(line) >= shortest and not line.startswith(
        ("import", "from", "'''", "raiseNotImplementedError")
    )


def _all_text(value: Any) -> str:
    """Every string inside a notebook or bundle, normalised and joined."""
    found: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            for key, item in part.items():
                found.append(str(key))
                walk(item)
        elif isinstance(part, list):
            for item in part:
                walk(item)
        elif isinstance(part, str):
            found.append(part)

    walk(json.loads(json.dumps(value)))
    return "\n".join(re.sub(r"\s+", "", part).replace('"', "'") for part in found)
