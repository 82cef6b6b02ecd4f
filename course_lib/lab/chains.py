"""The dotted names that code reads, and whether their first name is one that the code has bound itself.

Time and memory grow with the length of the code and no faster: it may be a stranger's.
"""

import ast
from collections.abc import Iterator
from typing import Any

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_Scope = Any  # (names, the scope around it), or None for the module


def chains(module: ast.Module) -> Iterator[tuple[str, bool]]:
    """(dotted name, own) of each chain of attributes and each single name that is read, none twice as a part.

    own: its first name is a parameter or a variable of the function around it, or the module gave it a value
    further up. What an import binds is not own.
    """
    own: set[str] = set()  # of the module, as far as it has been read
    waiting: list[tuple[ast.AST, _Scope]] = [(module, None)]
    while waiting:
        node, scope = waiting.pop()
        if isinstance(node, (ast.Name, ast.Attribute)):
            start, name = _start(node), dotted(node)
            if not isinstance(start, ast.Name):
                waiting.append((start, scope))
            elif start is not node or isinstance(start.ctx, ast.Load):
                yield name, start.id in own or _in(scope, start.id)
            elif scope is None and isinstance(start.ctx, ast.Store):
                own.add(start.id)
            continue
        if scope is None and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            own.add(node.name)
        waiting += reversed(list(_inside(node, scope)))


def dotted(node: ast.AST) -> str:
    """ "a.b.c" of a chain of attributes that starts at a name, else ""."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _start(node: ast.AST) -> ast.AST:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def _in(scope: _Scope, name: str) -> bool:
    while scope is not None:
        if name in scope[0]:
            return True
        scope = scope[1]
    return False


def _inside(node: ast.AST, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
    """What stands right inside of a node, as it is evaluated, each with its scope."""
    if isinstance(node, _FUNCTIONS):
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        inner = _names(node.args, body), scope
        # decorators, defaults and notes of kinds belong to what is around
        yield from ((part, scope) for part in _parts(node, without="body"))
        yield from ((part, inner) for part in body)
    elif isinstance(node, _COMPREHENSIONS):
        stored = (part for one in node.generators for part in ast.walk(one.target))
        inner = {part.id for part in stored if isinstance(part, ast.Name)}, scope
        first = node.generators[0]
        yield first.iter, scope
        for part in _parts(node):
            for piece in _parts(part) if isinstance(part, ast.comprehension) else [part]:
                if piece is not first.iter:
                    yield piece, inner
    else:
        # a name that a class gives a value is one of the class, not of the module
        yield from (
            (part, (set(), scope) if isinstance(node, ast.ClassDef) else scope) for part in _parts(node)
        )


def _parts(node: ast.AST, without: str = "") -> Iterator[ast.AST]:
    """The parts of a node; the value of an assignment and what a loop goes over come first."""
    for name, value in sorted(ast.iter_fields(node), key=lambda field: field[0] not in ("value", "iter")):
        if name == without:
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield part


def _names(arguments: ast.arguments, body: list[Any]) -> set[str]:
    """The parameters and variables of a function, without those of functions in it."""
    names = {part.arg for part in ast.walk(arguments) if isinstance(part, ast.arg)}
    elsewhere: set[str] = set()
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            elsewhere |= set(node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.comprehension):
            waiting += [node.iter, *node.ifs]  # its target is a variable of its own
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return names - elsewhere
