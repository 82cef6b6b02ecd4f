"""What answers of different students share. Information for a conversation, never a penalty.

Three signals: the same file, the same code once names, comments and layout are taken away, and the same wrong
values. Each says how many students share it out of how many and how much code it is: a right one-liner, or
the values of a known mistake, are the same by chance.
"""

import ast
import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from course_lib.grading.authoring.source import parse

LONGEST = 20_000  # characters; longer answers are compared as text
SMALL = 30  # nodes of code beyond the stub; below that equal answers say little
COMMON = 0.05  # share of students; what more of them share says little
SIGNS = {"file": "the same file", "answer": "the same code", "values": "the same wrong values"}


@dataclass(frozen=True)
class Signal:
    """Students who share something.

    kind: "file", "answer" or "values". of: students who handed in something of this sort. size: nodes of
    code beyond the stub, 0 where it is not code. telling: rare and long enough not to be chance alone.
    """

    kind: str
    exercise: str
    students: tuple[str, ...]
    of: int
    size: int
    telling: bool
    note: str


def signals(people: list[dict], submissions: Mapping[str, Mapping], stubs: dict[str, str]) -> list[Signal]:
    """All signals of a class, the telling ones first.

    people: as `report.people` gives them. submissions: {sha of a file: its attempt, with "answers" and rows
    that may hold "values_digest"}. stubs: {exercise: source of the student copy}.
    """
    files, answers, values = defaultdict(set), defaultdict(set), defaultdict(set)
    sizes: dict[tuple[str, str], int] = {}
    counts: dict[tuple[str, str], int] = defaultdict(int)
    normal = {name: normalised(stub) for name, stub in stubs.items()}
    forms: dict[str, list[tuple[str, str]]] = {}
    for person in people:
        sha, student = person["rows"][0].get("sha", ""), person["student"]
        attempt = submissions.get(sha, {})
        if sha not in forms:
            forms[sha] = _forms(attempt.get("answers") or {}, normal, sizes)
        if sha and any(row["status"] not in ("blank", "unreadable") for row in person["rows"]):
            files["", sha].add(student)
            counts["file", ""] += 1
        for exercise, form in forms[sha]:
            answers[exercise, form].add(student)
            counts["answer", exercise] += 1
        for row in person["rows"]:
            if row.get("values_digest") and row["status"] == "wrong":
                values[row["exercise"], f"{row['values_digest']}\0{row['mistake']}"].add(student)
                counts["values", row["exercise"]] += 1
    found = []
    for kind, groups in (("file", files), ("answer", answers), ("values", values)):
        for (exercise, form), students in groups.items():
            if len(students) > 1:
                size = sizes.get((exercise, form), 0)
                mistake = form.partition("\0")[2] if kind == "values" else ""
                found.append(_signal(kind, exercise, students, counts[kind, exercise], size, mistake))
    return sorted(found, key=lambda one: (not one.telling, len(one.students), -one.size, one.students))


def _forms(answers: dict[str, Any], stubs: dict, sizes: dict) -> list[tuple[str, str]]:
    found = []
    for exercise, source in answers.items():
        if not isinstance(source, str) or not source.strip():
            continue
        form, size = normalised(source)
        stub, given = stubs.get(exercise, ("", 0))
        if form != stub:
            name = hashlib.sha256(form.encode(errors="replace")).hexdigest()
            sizes[exercise, name] = max(0, size - given)
            found.append((exercise, name))
    return found


def _signal(kind: str, exercise: str, students: set, of: int, size: int, mistake: str) -> Signal:
    rare = len(students) <= max(2, math.ceil(COMMON * of))
    if kind == "answer" and size < SMALL:
        telling, why = False, "so little code is often the same by chance"
    elif mistake:
        telling, why = False, f"a known mistake ({mistake}), which many make on their own"
    elif not rare:
        telling, why = False, "so many share it that it may come from the lecture or a common source"
    else:
        telling, why = True, "rare in this class"
    share = f"{len(students)} of {of} students"
    code = f", {size} nodes of code" if kind == "answer" else ""
    return Signal(kind, exercise, tuple(sorted(students)), of, size, telling, f"{share}{code}; {why}")


def normalised(source: str) -> tuple[str, int]:
    """(code without layout, comments, docstrings, annotations and own names, its number of nodes).

    Names that the code itself binds become v0, v1, ... in the order in which they occur; names from outside,
    attributes and keyword arguments stay. Code that is no Python is compared without spaces and comments.
    """
    tree = parse(source) if len(source) <= LONGEST else None
    if tree is not None:
        try:
            tree = _Plain(_own_names(tree)).visit(tree)
            return ast.dump(tree, annotate_fields=False), sum(1 for _ in ast.walk(tree))
        except RecursionError:
            pass
    lines = (re.sub(r"\s+", "", line) for line in source.splitlines() if not line.lstrip().startswith("#"))
    text = "\n".join(filter(None, lines))
    return text, len(re.findall(r"\w+|\S", text[:LONGEST]))


def _own_names(tree: ast.AST) -> dict[str, str]:
    """{name that the code binds: v0, v1, ...} in the order in which they occur."""
    bound = {name for node in ast.walk(tree) if (name := _binds(node))}
    order: dict[str, str] = {}
    for node in _in_order(tree):
        name = getattr(node, "id", None) or _binds(node)
        if name in bound:
            order.setdefault(name, f"v{len(order)}")
    return order


def _binds(node: ast.AST) -> str | None:
    """The name that a node binds, if any."""
    if isinstance(node, ast.Name):
        return None if isinstance(node.ctx, ast.Load) else node.id
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, ast.alias):
        return node.asname
    return getattr(node, "name", None)  # of a function, a class or an exception


def _in_order(node: ast.AST):
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _in_order(child)


class _Plain(ast.NodeTransformer):
    """Renames own names and drops docstrings and annotations."""

    def __init__(self, names: dict[str, str]):
        self.names = names

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Rename wherever a name stands, then go on inside."""
        for attribute in ("id", "name", "asname") + (("arg",) if isinstance(node, ast.arg) else ()):
            if getattr(node, attribute, None) in self.names:
                setattr(node, attribute, self.names[getattr(node, attribute)])
        for attribute in ("annotation", "returns", "type_comment"):
            if hasattr(node, attribute) and not isinstance(node, ast.AnnAssign):
                setattr(node, attribute, None)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
        return super().generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """`a: int = 1` is `a = 1`."""
        if node.value is None:
            return ast.Pass()
        return self.visit(ast.Assign(targets=[node.target], value=node.value))
