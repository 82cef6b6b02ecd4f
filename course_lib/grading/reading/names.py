"""What does the cell of a student define? Read from its syntax; nothing is run."""

import ast
import re

from course_lib.lab.syntax import run_elsewhere, tree

LONGEST = 20_000  # characters of a cell whose syntax is read; of a longer one its lines are


def defines(source: str, name: str) -> bool:
    """True if a cell defines `name` at its top level: by its syntax, or by its lines if it is no Python."""
    if not name or name not in source or run_elsewhere(source):  # which costs less than syntax
        return False
    found = tree(source) if len(source) <= LONGEST else None
    if found is not None:
        return name in bound(found)
    name = re.escape(name)
    pattern = rf"^(?:(?:async )?def {name}\b|class {name}\b|{name}[ \t]*(?::[^=\n]*)?=(?!=))"
    return re.search(pattern, source, re.M) is not None


def all_defined(source: str) -> set[str]:
    """The names that a cell defines at its top level; none if it is no Python or too long to be read."""
    found = tree(source) if len(source) <= LONGEST and not run_elsewhere(source) else None
    return bound(found) if found is not None else set()


def switched_off(kind: str, source: str) -> bool:
    """True for a cell that does nothing: it is text, for another program, or all in quotes or comments."""
    if kind != "code" or run_elsewhere(source):
        return True
    found = tree(source) if len(source) <= LONGEST else None
    return found is not None and all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in found.body
    )


def bound(module: ast.Module) -> set[str]:
    """Names that the statements of a module bind, also those inside of if, for, while, with and try."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(module.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Constant) and not node.test.value:
            waiting += node.orelse  # what stands below `if False:` is switched off
        elif not isinstance(node, (ast.Lambda, ast.comprehension)) and not _only_noted(node):
            waiting += ast.iter_child_nodes(node)
    return names


def _only_noted(node: ast.AST) -> bool:
    """`answer: float` names a kind and gives no value."""
    return isinstance(node, ast.AnnAssign) and node.value is None
