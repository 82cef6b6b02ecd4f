"""Flow diagrams drawn from the code that runs: one box for each call, one arrow for each value handed on.

``read_flow`` parses the source of a short function, so a diagram cannot say anything that its code does not.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

INPUT = "#e8e8ee"
BOX = "#2a788e"  # viridis, a third of the way
MARKED = "#b0413e"


@dataclass(frozen=True)
class Step:
    """One call: the function's name as written, the values that go in, the name of what comes out.

    inputs: (step or parameter that made the value, text on the arrow). ``output`` is "" for a value that has
    no name because it is handed on at once.
    """

    function: str
    inputs: tuple[tuple[str, str], ...]
    output: str


@dataclass(frozen=True)
class Flow:
    """Parameters and steps of a function in the order in which they run; a step is named "1", "2", ..."""

    name: str
    parameters: tuple[str, ...]
    steps: tuple[Step, ...]


def read_flow(function: Callable) -> Flow:
    """The calls of a function and the values between them, read from its source.

    function: straight-line code; assignments ``name = call(...)``, ``a, b = call(...)``, plain expressions
    and one return. A method ``x.embed(y)`` is the box "embed" into which x and y go. Constants draw no arrow.
    Raises ValueError for loops, branches and other statements: a diagram of those would hide something.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise ValueError(f"read_flow: {function!r} is not a plain function written with def.")
    parameters = tuple(one.arg for one in (*tree.args.args, *tree.args.kwonlyargs))
    reader = _Reader({name: (name, name) for name in parameters})
    for statement in tree.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # the docstring
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            names = [part.id for part in ast.walk(target) if isinstance(part, ast.Name)]
            values = reader.value(statement.value, ", ".join(names))
            for name in names:
                reader.known[name] = (values[0][0], name) if values else ("", name)
        elif isinstance(statement, (ast.Expr, ast.Return)) and statement.value is not None:
            reader.value(statement.value, "result" if isinstance(statement, ast.Return) else "")
        else:
            kind = type(statement).__name__
            raise ValueError(
                f"read_flow: line {statement.lineno} of {tree.name} is a {kind}; only calls are drawn."
            )
    used = {source for step in reader.steps for source, _ in step.inputs}
    return Flow(tree.name, tuple(name for name in parameters if name in used), tuple(reader.steps))


class _Reader:
    """Walks expressions and notes the calls."""

    def __init__(self, known: dict[str, tuple[str, str]]):
        self.known = known
        self.steps: list[Step] = []

    def value(self, node: ast.expr, output: str = "") -> list[tuple[str, str]]:
        """Where the values in an expression come from: [(source, text on the arrow)]."""
        if isinstance(node, ast.Call):
            return [(self.call(node, output), output)]
        if isinstance(node, ast.Name):
            return [self.known[node.id]] if node.id in self.known else []
        if isinstance(node, ast.Attribute):
            return [(source, f"{text}.{node.attr}".lstrip(".")) for source, text in self.value(node.value)]
        found = []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                found += [pair for pair in self.value(child) if pair not in found]
        return found

    def call(self, node: ast.Call, output: str) -> str:
        inputs: list[tuple[str, str]] = []
        name = ast.unparse(node.func)
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            if owner:  # a method of a value: the value goes in as well
                inputs, name = owner, node.func.attr
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            inputs += [pair for pair in self.value(argument) if pair not in inputs]
        self.steps.append(Step(name, tuple(inputs), output))
        return str(len(self.steps))


def draw_flows(functions: Mapping[str, Callable], mark: str = "labels", width: float = 13.0):
    """Draw functions below each other, title by title: boxes are the calls, arrows the values.

    mark: an arrow whose text contains this word is drawn thick and red. Returns (figure, {title: Flow}).
    """
    from matplotlib.figure import Figure

    flows = {title: read_flow(function) for title, function in functions.items()}
    columns = max(len(flow.steps) for flow in flows.values())
    figure = Figure(figsize=(width, 2.6 * len(flows)), dpi=100, layout="constrained")
    for axis, (title, flow) in zip(
        figure.subplots(len(flows), 1, squeeze=False)[:, 0], flows.items(), strict=True
    ):
        _draw(axis, flow, mark, columns)
        axis.set_title(title, fontsize=14, loc="left")
    return figure, flows


def _draw(axis, flow: Flow, mark: str, columns: int) -> None:
    """Steps from left to right on one line; parameters above, over the step that needs them first."""
    from matplotlib.patches import FancyBboxPatch

    first = {
        name: next(number for number, step in enumerate(flow.steps) if name in dict(step.inputs))
        for name in flow.parameters
    }
    place: dict[str, tuple[float, float]] = {}
    for number in range(len(flow.steps)):
        mine = [name for name in flow.parameters if first[name] == number]
        for position, name in enumerate(mine):
            shift = (position - (len(mine) - 1) / 2) * 0.9 / max(len(mine), 1)
            raised = 0.15 * (-1) ** position if len(mine) > 2 else 0.0  # every other name higher up
            place[name] = (number + shift, 1.0 - raised)
        place[str(number + 1)] = (float(number), 0.0)
    axis.set(xlim=(-0.6, columns - 0.1), ylim=(-0.35, 1.35))
    axis.axis("off")
    for number, step in enumerate(flow.steps):
        x, y = place[str(number + 1)]
        box = FancyBboxPatch(
            (x - 0.28, y - 0.2), 0.56, 0.4, boxstyle="round,pad=0.02", color=BOX, mutation_aspect=1
        )
        axis.add_patch(box)
        axis.text(x, y, _broken(step.function), color="white", ha="center", va="center", fontsize=12)
        for source, text in step.inputs:
            _arrow(axis, place[source], (x, y), text, mark, source in flow.parameters)
        if number == len(flow.steps) - 1 and step.output:
            _arrow(axis, (x, y), (x + 0.95, y), step.output, mark, False)
    for name in flow.parameters:
        axis.text(
            *place[name],
            _broken(name),
            ha="center",
            va="center",
            fontsize=12,
            bbox={"fc": INPUT, "ec": "none"},
        )


def _arrow(axis, start, end, text: str, mark: str, from_above: bool) -> None:
    important = bool(mark) and mark in text
    style = {"arrowstyle": "-|>", "color": MARKED if important else "#444444", "lw": 3 if important else 1.5}
    if from_above:
        start, end = (
            (start[0], start[1] - 0.17),
            (end[0] + 0.5 * max(-0.5, min(0.5, start[0] - end[0])), end[1] + 0.22),
        )
        axis.annotate("", end, start, arrowprops=style)
        return
    far = end[0] - start[0] > 1.01 and start[1] == end[1]
    style |= {"connectionstyle": "arc3,rad=0.35"} if far else {}
    below = 0.2 if far else 0.0
    axis.annotate(
        "", (end[0] - 0.3, end[1] - below / 2), (start[0] + 0.3, start[1] - below / 2), arrowprops=style
    )
    height = -0.42 if far else 0.06
    axis.text(
        (start[0] + end[0]) / 2,
        start[1] + height,
        text,
        ha="center",
        va="bottom",
        fontsize=11,
        color=style["color"],
    )


def _broken(name: str) -> str:
    """A long name on two lines, broken at an underscore or a dot near its middle."""
    if len(name) <= 13:
        return name
    places = [index for index, letter in enumerate(name) if letter in "_."]
    if not places:
        return name
    cut = min(places, key=lambda index: abs(index - len(name) / 2)) + 1
    return name[:cut] + "\n" + name[cut:]
