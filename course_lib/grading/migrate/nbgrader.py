"""Read the source notebook of an nbgrader assignment: its cell metadata and its regions."""

import re
from typing import Any

from course_lib.grading.authoring.source import BEGIN, BEGIN_HIDDEN, END, END_HIDDEN
from course_lib.grading.migrate.blocks import ANSWER_HERE, Plain, Question, Test, exercise_name

# nbgrader looks for the words anywhere in a line
_MARKS = (("BEGIN SOLUTION", BEGIN), ("END SOLUTION", END))
_HIDDEN = (("BEGIN HIDDEN TESTS", BEGIN_HIDDEN), ("END HIDDEN TESTS", END_HIDDEN))
_SCHEME = re.compile(r"^.*BEGIN MARK SCHEME.*\n(?:.*\n)*?.*END MARK SCHEME.*\n?", re.M)


def recognised(notebook: Any) -> bool:
    """True if a cell has nbgrader's metadata."""
    return any(isinstance(cell.metadata.get("nbgrader"), dict) for cell in notebook.cells)


def convert(notebook: Any) -> tuple[list, list[str]]:
    """(blocks in order, notes). A question is an answer cell with the test cells behind it."""
    blocks: list = []
    notes: list[str] = []
    taken: set[str] = set()
    question: Question | None = None
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader")
        meta = meta if isinstance(meta, dict) else {}
        solution, grade = bool(meta.get("solution")), bool(meta.get("grade"))
        grade_id, points = str(meta.get("grade_id", "")), _points(meta)
        if cell.cell_type == "raw":
            notes.append(f"A raw cell was left out: {cell.source[:60]!r}.")
        elif meta.get("task") or (cell.cell_type != "code" and (solution or grade)):
            blocks.append(_by_hand(cell, grade_id, points, bool(meta.get("task")), notes))
        elif solution and (question is None or question.tests or grade):
            name = exercise_name(grade_id, taken, len(taken) + 1)
            question = Question(name, _marked(cell.source, _MARKS), points=points if grade else 0)
            blocks.append(question)
            if grade:
                notes.append(
                    f"exercise {name} was graded by hand ({points:g} points); its probe has to do it."
                )
                question = None
        elif solution and question is not None:
            question.answer += "\n\n" + _marked(cell.source, _MARKS)
            notes.append(f"exercise {question.name}: the answer cell {grade_id} was put together with it.")
        elif grade and question is None:
            blocks.append(Plain("code", cell.source, ["use"]))
            notes.append(f"The tests {grade_id} stand before any answer; they became a cell of their own.")
        elif grade and question is not None:
            question.tests += _tests(cell.source)
            question.points += points
        else:
            blocks.append(Plain("code" if cell.cell_type == "code" else "markdown", cell.source))
    for block in blocks:
        if isinstance(block, Question) and not block.tests and not block.points:
            notes.append(f"exercise {block.name} had no tests and no points.")
    return blocks, notes


def _points(meta: dict) -> float:
    try:
        return float(meta.get("points") or 0)
    except (TypeError, ValueError):
        return 0.0


def _by_hand(cell: Any, grade_id: str, points: float, task: bool, notes: list[str]) -> Plain:
    """A cell that people read and grade: the question stays, a model answer goes into the notes."""
    source, scheme = _SCHEME.subn("", cell.source)
    kept: list[str] = []
    removed: list[str] = []
    inside = False
    for line in source.splitlines():
        if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
            inside = "BEGIN SOLUTION" in line
        else:
            (removed if inside else kept).append(line)
    marked = bool(removed) or task
    model = "\n".join(removed) if marked else source
    said = f"{points:g} points by hand" if points else "no points"
    notes.append(
        f"{grade_id or 'a cell'}: an answer in prose ({said}); the grader cannot read it, so it carries none."
        + (" Ask for a value that a probe can look at, or grade it apart." if points else "")
        + (f" Its model answer was: {model.strip()}" if model.strip() else "")
        + (" Its mark scheme was left out." if scheme else "")
    )
    text = "\n".join(kept).strip() if marked else ""
    return Plain("markdown", f"{text}\n\n{ANSWER_HERE}".strip())


def _marked(source: str, marks: tuple) -> str:
    """The source with this course's marks, at the indentation of the old ones."""
    lines = []
    for line in source.splitlines():
        for words, mark in marks:
            if words in line and line.lstrip().startswith("#"):
                line = line[: len(line) - len(line.lstrip())] + mark
        lines.append(line)
    return "\n".join(lines)


def _tests(source: str) -> list[Test]:
    """The visible and the hidden part of a test cell."""
    visible: list[str] = []
    hidden: list[str] = []
    inside = False
    for line in _marked(source, _HIDDEN).splitlines():
        if line.strip() in (BEGIN_HIDDEN, END_HIDDEN):
            inside = line.strip() == BEGIN_HIDDEN
        else:
            (hidden if inside else visible).append(line)
    found = [Test("\n".join(visible)), Test("\n".join(hidden), hidden=True)]
    return [test for test in found if test.source.strip()]
