"""What a converter hands on: plain cells, and questions with an answer and its tests."""

import ast
import re
import textwrap
from dataclasses import dataclass, field

from course_lib.grading.authoring.source import BEGIN, END, parse

ANSWER_HERE = "*Your answer here.*"


@dataclass
class Plain:
    """A cell that is carried over as it is. kind: "code" or "markdown"."""

    kind: str
    source: str
    tags: list[str] = field(default_factory=list)


@dataclass
class Test:
    """A test of the old lab: code of asserts, or of expressions that give True."""

    source: str
    hidden: bool = False


@dataclass
class Question:
    """An answer cell with this course's solution regions, its tests and the points of the old lab."""

    name: str
    answer: str
    tests: list[Test] = field(default_factory=list)
    points: float = 0


def exercise_name(name: str, taken: set[str], number: int) -> str:
    """An id for an exercise from the old one: letters, digits, dots, dashes; unique; q3 if it was random."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")
    if not plain or re.fullmatch(r"cell-[0-9a-f]{8,}", plain):
        plain = f"q{number}"
    unique, count = plain, 1
    while unique in taken:
        count += 1
        unique = f"{plain}-{count}"
    taken.add(unique)
    return unique


def whole_region(source: str) -> tuple[str, bool]:
    """(the answer with a solution region, True if one had to be put in).

    Without marks everything inside the last function is the solution, its docstring excepted, or all of it.
    """
    if BEGIN in source:
        return source, False
    tree = parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []
    lines = source.splitlines()
    if not functions:
        return "\n".join([BEGIN, source, END]), True
    node = functions[-1]
    body = node.body[1:] if ast.get_docstring(node) is not None and len(node.body) > 1 else node.body
    first, last = body[0].lineno - 1, node.end_lineno or len(lines)
    if first < node.lineno:  # def f(x): return x
        return "\n".join([BEGIN, source, END]), True
    indent = " " * body[0].col_offset
    region = [indent + BEGIN, *lines[first:last], indent + END]
    return "\n".join([*lines[:first], *region, *lines[last:]]), True


def as_function(source: str, name: str, results: list[str]) -> str:
    """An answer that sets variables, as a function `name` that returns them."""
    inside = textwrap.indent(source.strip("\n"), "    ")
    what = " and ".join(results)
    return f'def {name}():\n    """Returns {what}."""\n{inside}\n    return {", ".join(results)}'


def names_in(source: str) -> set[str]:
    """All names that a piece of code reads."""
    tree = parse(source)
    return {
        node.id
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def defined(source: str) -> list[str]:
    """Functions and classes that a cell defines at its top level, in order."""
    tree = parse(source)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in (tree.body if tree else []) if isinstance(node, kinds)]


def assigned(source: str) -> list[str]:
    """Variables that a cell sets at its top level, in order."""
    tree = parse(source)
    found = []
    for node in tree.body if tree else []:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
            found += [part.id for part in parts if isinstance(part, ast.Name)]
    return list(dict.fromkeys(found))
