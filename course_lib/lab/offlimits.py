"""Which names that an exercise forbids does a piece of code use? Read from its syntax, nothing is run.

A student's text is read here outside of all walls, so time and memory grow with its length and no faster.
"""

import ast
from collections.abc import Iterator

from course_lib.lab.syntax import tree

LONGEST = 200  # characters of the dotted name that an import or a renaming stands for; the rest is cut off


def off_limits_used(source: str, off_limits: list[str], context: str = "") -> list[str]:
    """The dotted names under `off_limits` that `source` uses, sorted; [] if `syntax.tree` cannot read it.

    "course_lib.losses" forbids the module and everything in it, however it is imported or renamed.
    context: code that ran before (its imports give names a meaning). Text such as
    `importlib.import_module("course_lib.losses")` counts; names computed at run time are not seen.
    """
    read, before = tree(source), tree(context)
    if read is None or not off_limits:
        return []
    imported = _imports(read)
    aliases = {**_imports(before), **imported}
    used = set(imported.values())
    for dotted in _chains(read):
        first, _, rest = dotted.partition(".")
        used.add(".".join(filter(None, (aliases.get(first, first), rest))))
    for node in ast.walk(read):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            used.add(node.value)
    found = {name for name in used if any(name == bad or name.startswith(bad + ".") for bad in off_limits)}
    # a point as the smallest letter: what begins with a name stands right behind it, no look at all pairs
    ordered = sorted(found, key=lambda name: name.replace(".", "\0"))
    behind = zip(ordered, [*ordered[1:], ""], strict=False)  # no names have one fewer behind them
    return sorted(name for name, after in behind if not after.startswith(name + "."))


def _imports(module: ast.Module | None) -> dict[str, str]:
    """{name in the code: dotted name it stands for} of every import statement and plain renaming."""
    found: dict[str, str] = {}
    for node in ast.walk(module) if module is not None else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                found[alias.asname or whole] = _cut(whole)
                if not alias.asname and whole != alias.name:
                    found[alias.name] = _cut(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            module = _cut(node.module)
            for alias in node.names:
                name = module if alias.name == "*" else _cut(f"{module}.{alias.name}")
                found[alias.asname or alias.name] = name
        elif (
            isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        ):
            dotted = _dotted(node.value)
            if dotted:
                first, _, rest = dotted.partition(".")
                if first in found:
                    found[node.targets[0].id] = _cut(".".join(filter(None, (found[first], rest))))
    return found


def _cut(name: str) -> str:
    """A dotted name of at most LONGEST characters, whole parts as far as there are any.

    A name is repeated wherever its alias is used: a long one in many places would fill the memory.
    """
    return name if len(name) <= LONGEST else name[:LONGEST].rpartition(".")[0] or name[:LONGEST]


def _chains(module: ast.Module) -> Iterator[str]:
    """The dotted name of each chain of attributes and each single name, but none of a chain's beginnings."""
    inside: set[ast.AST] = set()
    for node in ast.walk(module):  # what holds a node comes before it
        if isinstance(node, ast.Attribute):
            inside.add(node.value)
        if isinstance(node, (ast.Name, ast.Attribute)) and node not in inside:
            dotted = _dotted(node)
            if dotted:
                yield dotted


def _dotted(node: ast.AST) -> str:
    """ "a.b.c" of a chain of attributes that starts at a name, else ""."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
