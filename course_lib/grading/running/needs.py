"""Which answers do later cells use? Those are run again when a new kernel has to take over."""

import ast

from course_lib.grading.authoring.source import parse


def marked(cells: list[dict]) -> list[dict]:
    """The cells of a run, each answer with "needed": does a later cell, emit cells aside, use its names?"""
    used: set[str] = set()
    found = []
    for cell in reversed(cells):
        if cell["role"] == "answer":
            cell = {**cell, "needed": bool(defined(cell["source"]) & used)}
        if cell["role"] != "emit":
            used |= mentioned(cell["source"])
        found.append(cell)
    return found[::-1]


def defined(source: str) -> set[str]:
    """Names that a cell may bind: functions, classes, imports and every name that is assigned to."""
    names: set[str] = set()
    for node in _nodes(source):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return names


def mentioned(source: str) -> set[str]:
    """Names that a cell reads."""
    return {
        node.id for node in _nodes(source) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _nodes(source: str) -> list[ast.AST]:
    tree = parse(source)
    return list(ast.walk(tree)) if tree else []
