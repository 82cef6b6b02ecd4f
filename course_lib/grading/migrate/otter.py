"""Read the master notebook of an Otter assignment: blocks between raw cells, marks at the ends of lines."""

import ast
import re
from typing import Any

from course_lib.grading.authoring.source import parse
from course_lib.grading.migrate.blocks import ANSWER_HERE, Plain, Question, Test, exercise_name
from course_lib.grading.migrate.otter_lines import regions, with_prompt

_BLOCK = re.compile(r"^#\s*(ASSIGNMENT CONFIG|(?:BEGIN|END) (?:QUESTION|PROMPT|SOLUTION|TESTS))\s*$", re.I)
_OLD = re.compile(r"^```\s*\n?(BEGIN|END) (QUESTION|ASSIGN)", re.M)
_CONFIG = re.compile(
    r'^\s*("""|\'\'\')\s*# BEGIN TEST CONFIG\n(.*?)\n\s*\1;?\s*# END TEST CONFIG[^\n]*\n?', re.S
)
_TOOL = re.compile(r"^\s*(import otter\b.*|grader\s*=\s*otter\.Notebook\(.*|grader\.\w+\(.*)$", re.M)


def recognised(notebook: Any) -> bool:
    """True if a raw cell opens one of Otter's blocks, or a cell does in the format before that."""
    return any(
        (cell.cell_type == "raw" and _block(cell.source)) or _OLD.search(cell.source)
        for cell in notebook.cells
    )


def convert(notebook: Any) -> tuple[list, list[str]]:
    """(blocks in order, notes). Raises ValueError for the format of Otter before version 1."""
    if any(cell.cell_type != "raw" and _OLD.search(cell.source) for cell in notebook.cells):
        raise ValueError(
            "This is Otter's oldest format; bring it to raw-cell blocks with Otter's own converter."
        )
    reader = _Reader()
    for cell in notebook.cells:
        reader.take(cell)
    reader.close()
    return reader.blocks, reader.notes


class _Reader:
    """Walks over the cells and remembers in which block it is."""

    def __init__(self) -> None:
        self.blocks: list = []
        self.notes: list[str] = []
        self.taken: set[str] = set()
        self.config: dict | None = None  # of the question that is open
        self.section = ""
        self.parts: dict[str, list[Any]] = {}

    def take(self, cell: Any) -> None:
        """One cell: a mark, or a part of what is open."""
        mark = _block(cell.source) if cell.cell_type == "raw" else ""
        if mark == "BEGIN QUESTION":
            self.close()
            self.config = _yaml(cell.source, self.notes)
            self.parts = {"PROMPT": [], "SOLUTION": [], "TESTS": []}
        elif mark == "END QUESTION":
            self.close()
        elif mark.startswith("BEGIN "):
            self.section = mark.removeprefix("BEGIN ")
        elif mark:
            self.section = ""
        elif cell.cell_type == "raw":
            self.notes.append(f"A raw cell was left out: {cell.source[:60]!r}.")
        elif self.section and self.config is not None:
            self.parts[self.section].append(cell)
        elif not cell.source.lstrip().lower().startswith(("## ignore ##", "#ignore", "# ignore")):
            source = _TOOL.sub("", cell.source).strip("\n") if cell.cell_type == "code" else cell.source
            if source.strip():
                self.blocks.append(Plain("code" if cell.cell_type == "code" else "markdown", source))

    def close(self) -> None:
        """End the question that is open, if there is one."""
        config, self.config, self.section = self.config, None, ""
        if config is None:
            return
        name = exercise_name(str(config.get("name", "")), self.taken, len(self.taken) + 1)
        code = [cell.source for cell in self.parts["SOLUTION"] if cell.cell_type == "code"]
        prose = [cell.source for cell in self.parts["SOLUTION"] if cell.cell_type != "code"]
        prompts = [cell.source for cell in self.parts["PROMPT"] if cell.cell_type == "code"]
        self.blocks += [
            Plain("markdown", cell.source) for cell in self.parts["PROMPT"] if cell.cell_type != "code"
        ]
        tests = [_test(cell, name, self.notes) for cell in self.parts["TESTS"]]
        points = _points(config.get("points"), [points for _, points in tests])
        if config.get("manual"):
            self.notes.append(f"exercise {name} was graded by hand ({points:g} points).")
        if not code:
            model = "\n".join(prose).strip()
            self.blocks.append(Plain("markdown", ANSWER_HERE))
            self.notes.append(
                f"{name}: an answer in prose; the grader cannot read it, so it carries no points. "
                f"Ask for a value that a probe can look at, or grade it apart. Its model answer was: {model}"
            )
            return
        answer = "\n\n".join(map(regions, code))
        if prompts:
            answer = with_prompt("\n\n".join(code), "\n\n".join(prompts), name)
        self.blocks.append(Question(name, answer, [test for test, _ in tests if test.source.strip()], points))


def _block(source: str) -> str:
    """ "BEGIN QUESTION" and the like from the first line of a raw cell, else ""."""
    match = _BLOCK.match(source.strip().splitlines()[0].strip()) if source.strip() else None
    return match[1].upper() if match else ""


def _yaml(source: str, notes: list[str]) -> dict:
    try:
        import yaml
    except ImportError:
        raise ValueError("Otter's configuration is YAML; install pyyaml to read it.") from None
    try:
        found = yaml.safe_load(source)
    except yaml.YAMLError:
        notes.append(f"The configuration {source.strip()[:80]!r} is no YAML; it was left out.")
        return {}
    return found if isinstance(found, dict) else {}


def _test(cell: Any, name: str, notes: list[str]) -> tuple[Test, float | None]:
    """(a test as asserts, its points if it has its own)."""
    source, config = cell.source, {}
    if match := _CONFIG.match(source):
        config, source = _yaml(match[2], notes), source[match.end() :]
    first = source.lstrip().partition("\n")[0].strip().upper()
    hidden = bool(config.get("hidden")) or first in ("# HIDDEN", "# HIDDEN TEST")
    if first in ("# HIDDEN", "# HIDDEN TEST", "# TEST"):
        source = source.lstrip().partition("\n")[2]
    lines = [line for line in source.splitlines() if not re.search(r"#\s*IGNORE\s*$", line, re.I)]
    source = _asserted("\n".join(lines).strip("\n"), cell, name, notes)
    points = config.get("points")
    return Test(source, hidden), float(points) if isinstance(points, (int, float)) else None


def _asserted(source: str, cell: Any, name: str, notes: list[str]) -> str:
    """A test whose last line shows a value, as an assert; a function test_...(x), with its call."""
    tree = parse(source)
    last = tree.body[-1] if tree and tree.body else None
    if isinstance(last, ast.FunctionDef) and last.name.startswith("test"):
        return f"{source}\n{last.name}({', '.join(argument.arg for argument in last.args.args)})"
    if not isinstance(last, ast.Expr):
        return source
    shown = [
        "".join(output["data"].get("text/plain", ""))
        for output in cell.get("outputs", [])
        if output.get("output_type") == "execute_result"
    ]
    before, text = source.splitlines()[: last.lineno - 1], ast.unparse(last.value)
    if isinstance(last.value, ast.Compare) or shown == ["True"]:
        return "\n".join([*before, f"assert {text}"])
    if shown:
        return "\n".join([*before, f"assert repr({text}) == {shown[0]!r}"])
    notes.append(
        f"exercise {name}: the test {text[:60]!r} has no stored output, so what it expects is not known."
    )
    return source


def _points(asked: Any, of_tests: list[float | None]) -> float:
    """Points of a question: its own, a list, {"each": ...}, those of its tests, else one."""
    if isinstance(asked, dict):
        each = asked.get("each")
        return float(each) * max(1, len(of_tests)) if each is not None else float(asked.get("total") or 1)
    if isinstance(asked, list):
        return float(sum(value for value in asked if isinstance(value, (int, float))))
    if isinstance(asked, (int, float)):
        return float(asked)
    own = [points for points in of_tests if points is not None]
    return float(sum(own)) if own else 1.0
