"""Put blocks together: setup, answers, probes, checks and points that `course build` understands."""

import ast
import math
import re
import tempfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from course_lib.grading.authoring.lint import TOTAL
from course_lib.grading.authoring.regions import stubbed
from course_lib.grading.authoring.source import BEGIN_HIDDEN, END_HIDDEN, SourceError, parse, read_lab
from course_lib.grading.migrate.blocks import (
    Plain,
    Question,
    as_function,
    assigned,
    defined,
    names_in,
    whole_region,
)
from course_lib.grading.migrate.probes import probe

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CHECK = "from course_lib.lab import check, hint  # noqa: F401"


def assemble(blocks: list, name: str) -> tuple[str, list[str]]:
    """(text of a source file, notes). blocks: `Plain` and `Question` in the order of the old lab."""
    notes: list[str] = []
    questions = [block for block in blocks if isinstance(block, Question)]
    points = scaled(questions, notes)
    imports = _imports(blocks)
    answers: set[str] = set()
    cells: list[Any] = []
    setup = next(
        (b for b in blocks if isinstance(b, Plain) and b.kind == "code" and "import" in b.source), None
    )
    if setup is None or blocks.index(setup) > blocks.index(questions[0]):
        cells.append(_code(CHECK, tags=["setup"]))
        setup = None
    for block in blocks:
        if isinstance(block, Question):
            new, names = _exercise(block, points[block.name], imports, notes)
            cells += new
            answers |= names
        elif block is setup and isinstance(block, Plain):
            cells.append(_code(f"{block.source}\n\n{CHECK}", tags=["setup"]))
        elif block.kind == "code":
            tags = block.tags or (["use"] if names_in(block.source) & answers else [])
            cells.append(_code(block.source, **({"tags": tags} if tags else {})))
        else:
            cells.append(nbformat.v4.new_markdown_cell(block.source))
    text = _text(cells, name, notes)
    notes.append(
        f"Save the text as labs/source/NN_{name}.py; write hints, and labs/wrong/NN_{name}.py with typical "
        f"wrong answers, whose docstrings tell students their mistake; then run `course build` "
        f"and `course verify`."
    )
    return text, notes + _complaints(text, name)


def scaled(questions: list[Question], notes: list[str]) -> dict[str, int]:
    """{exercise: points}: whole numbers that add up to what a lab has, in the proportions of the old lab."""
    old = {one.name: max(0.0, float(one.points)) for one in questions}
    total = sum(old.values())
    shares = {
        name: max(1.0, TOTAL * (value / total if total else 1 / len(old))) for name, value in old.items()
    }
    new = {name: math.floor(share) for name, share in shares.items()}
    order = sorted(shares, key=lambda name: new[name] - shares[name])
    for name in order[: max(0, TOTAL - sum(new.values()))]:
        new[name] += 1
    while sum(new.values()) > TOTAL:
        new[max(new, key=new.__getitem__)] -= 1
    if new != old:
        said = ", ".join(f"{name} {old[name]:g} -> {new[name]}" for name in old)
        notes.append(f"A lab has {TOTAL} points, so the points were scaled: {said}.")
    return new


def _exercise(
    question: Question, points: int, imports: dict[str, str], notes: list[str]
) -> tuple[list[Any], set[str]]:
    """(answer, probe and check cell, names that stand for the answer afterwards)."""
    name, where = question.name, f"exercise {question.name}"
    source, put_in = whole_region(question.answer.strip("\n"))
    if put_in:
        notes.append(f"{where}: no solution was marked; see whether the region begins and ends well.")
    tested = set().union(*(names_in(test.source) for test in question.tests)) if question.tests else set()
    functions, variables = defined(source), []
    if functions:
        known = [one for one in functions if one in tested] or functions[-1:]
        answer = known[0]
        if len(known) > 1:
            notes.append(f"{where}: its tests use {', '.join(known)}; a check takes one, here {answer}.")
    else:
        variables = [one for one in assigned(source) if one in tested] or assigned(source)[-1:]
        answer = "answer_" + re.sub(r"\W+", "_", name)
        if not variables:
            notes.append(f"{where}: the answer defines nothing that a check could be given; rewrite it.")
        source = as_function(source, answer, variables or ["None"])
        notes.append(
            f"{where}: the answer was {' and '.join(variables) or 'code'}, now the function {answer}."
        )
    text, left = probe(question, answer, variables, imports)
    notes.append(left)
    if parse(source) is None or parse(stubbed(source, name)) is None:
        notes.append(f"{where}: the answer or its stub is no Python any more; put its solution region right.")
    cells = [
        _code(f"# exercise {name}\n{source}", exercise=name, points=points),
        _code(text, tags=["probe"], exercise=name),
        _code(_check(question, answer, variables), tags=["check"], exercise=name),
    ]
    if variables:
        cells.append(_code(f"{', '.join(variables)} = {answer}()", tags=["use"]))
    return cells, {answer, *functions, *assigned(source), *variables}


def _check(question: Question, answer: str, variables: list[str]) -> str:
    """The check cell: the check, then the old tests, which carry no points any more."""
    lines = [f'check("{question.name}", {answer})']
    if variables and question.tests:
        lines.append(f"{', '.join(variables)} = {answer}()")
    lines += [test.source.strip("\n") for test in question.tests if not test.hidden]
    hidden = [test.source.strip("\n") for test in question.tests if test.hidden]
    return "\n".join(lines + ([BEGIN_HIDDEN, *hidden, END_HIDDEN] if hidden else []))


def _imports(blocks: list) -> dict[str, str]:
    """{name: the import statement that gives it} of all plain code."""
    found: dict[str, str] = {}
    for block in blocks:
        tree = parse(block.source) if isinstance(block, Plain) and block.kind == "code" else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    one = ast.unparse(type(node)(**{**dict(ast.iter_fields(node)), "names": [alias]}))
                    found[alias.asname or alias.name.partition(".")[0]] = one
    return found


def _code(source: str, **metadata: Any) -> Any:
    return nbformat.v4.new_code_cell(source, metadata=metadata)


def _text(cells: list[Any], name: str, notes: list[str]) -> str:
    """The cells in percent format, as the sources of this course are written."""
    for cell in cells:
        if cell.cell_type == "code" and re.search(r"^# *%%", cell.source, re.M):
            cell.source = re.sub(r"^# *%%", "# -%%", cell.source, flags=re.M)
            notes.append('A comment that starts with "# %%" would begin a new cell; it is "# -%%" now.')
    metadata = {"kernelspec": dict(KERNEL), "course": {"lab": name}}
    text = jupytext.writes(nbformat.v4.new_notebook(cells=cells, metadata=metadata), fmt="py:percent")
    return re.sub(r"^# +(format_version|jupytext_version):.*\n", "", text, flags=re.M)


def _complaints(text: str, name: str) -> list[str]:
    """What `course build` would say about the structure of the text."""
    with tempfile.TemporaryDirectory(prefix="course-migrate-") as folder:
        path = Path(folder) / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        try:
            read_lab(path)
        except SourceError as error:
            return [f"Still to put right: {problem}" for problem in error.problems]
    return []
