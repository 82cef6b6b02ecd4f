"""Which names that an exercise forbids does a piece of code use? Read from its syntax, nothing is run.

A student's text is read here outside of all walls, so time and memory grow with its length and no faster.
"""

import ast
from collections.abc import Mapping
from types import MappingProxyType

from course_lib.lab.chains import chains, dotted
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
    given = _imports(before)
    imported = _imports(read, {name: given[name] for name in given.keys() - _bound(read)})
    aliases = {**given, **imported}
    used = set(imported.values())
    for name, own in chains(read):
        first, _, rest = name.partition(".")
        # what the code calls `data` itself is not what the set-up imported under that name
        used.add(".".join(filter(None, ((imported if own else aliases).get(first, first), rest))))
    for node in ast.walk(read):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            used.add(node.value)
    found = {name for name in used if any(name == bad or name.startswith(bad + ".") for bad in off_limits)}
    # a point as the smallest letter: what begins with a name stands right behind it, no look at all pairs
    ordered = sorted(found, key=lambda name: name.replace(".", "\0"))
    behind = zip(ordered, [*ordered[1:], ""], strict=False)  # no names have one fewer behind them
    return sorted(name for name, after in behind if not after.startswith(name + "."))


def _bound(module: ast.Module) -> set[str]:
    """Every name that is a parameter, a function or a class, or is given a value anywhere."""
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
    return names


def _imports(code: ast.Module | None, given: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """{name in the code: dotted name it stands for} of every import statement and plain renaming.

    given: such names of code that ran before, which may be renamed too.
    """
    found: dict[str, str] = {}
    for node in ast.walk(code) if code is not None else ():
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
            first, _, rest = dotted(node.value).partition(".")
            renamed = found.get(first) or given.get(first)
            if renamed:
                found[node.targets[0].id] = _cut(".".join(filter(None, (renamed, rest))))
    return found


def _cut(name: str) -> str:
    """A dotted name of at most LONGEST characters, whole parts as far as there are any.

    A name is repeated wherever its alias is used: a long one in many places would fill the memory.
    """
    return name if len(name) <= LONGEST else name[:LONGEST].rpartition(".")[0] or name[:LONGEST]
