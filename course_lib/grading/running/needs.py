"""Which answers do later cells use? Those are run again when a new kernel has to take over, and are told."""

import ast
import re
from collections.abc import Mapping

from course_lib.lab import syntax
from course_lib.lab.chains import chains


def marked(cells: list[dict]) -> list[dict]:
    """The cells of a run, each answer with "needed": does a later cell, emit cells aside, use its names?"""
    used: set[str] = set()
    found = []
    for cell in reversed(cells):
        if cell["role"] == "answer":
            names = defined(cell["source"])
            cell = {**cell, "needed": names is None or bool(names & used)}
        if cell["role"] != "emit":
            used |= mentioned(cell["source"])
        found.append(cell)
    return found[::-1]


def defined(source: str) -> set[str] | None:
    """Names that a cell may bind: functions, classes, imports and every name that is assigned to.

    None if they cannot be known: the cell cannot be read, or imports *.
    """
    tree = syntax.tree(source)
    if tree is None:
        return None
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return None if "*" in names else names


def mentioned(source: str) -> set[str]:
    """Names that a cell reads; all its words if it is not plain Python, as a magic may use any of them."""
    tree = syntax.plain(source)
    if tree is None:
        return set(re.findall(r"[^\W\d]\w*", source))
    return {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def not_right(
    rows: list[dict], sources: Mapping[str, str | None], exercises: list[dict]
) -> dict[str, list[str]]:
    """{exercise: flags} where an answer that failed uses the name of an earlier one that is not right.

    sources: {exercise: answer}. exercises: of a `merge.outline`, in the order in which they run.
    """
    statuses = {row["exercise"]: row["status"] for row in rows}
    earlier: dict[str, str] = {}
    flags: dict[str, list[str]] = {}
    for one in exercises:
        name, source = one["exercise"], sources.get(one["exercise"])
        if statuses.get(name) in ("wrong", "error") and source and earlier:
            tree = syntax.tree(source)
            # what the answer calls so itself is not the other answer
            read = {dotted.partition(".")[0] for dotted, own in chains(tree) if not own} if tree else set()
            flags[name] = [
                f"uses {answer} of exercise {other}, which is not right"
                for answer, other in earlier.items()
                if answer in read and answer != one["answer"]
            ]
        if statuses.get(name) != "right":
            earlier[one["answer"]] = name
    return flags
