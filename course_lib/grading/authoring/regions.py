"""Solution and hidden-test regions: what the student gets in their place. One transformation per function."""

import textwrap

from course_lib.grading.authoring.source import BEGIN, BEGIN_HIDDEN, BEGIN_STUB, END, END_HIDDEN, END_STUB


def stubbed(source: str, exercise: str) -> str:
    """The answer cell as the student gets it: every solution region becomes a stub.

    A region may open with its own stub, comment lines between ### STUB and ### END STUB, uncommented
    by one "# ". Otherwise, or where that stub raises nothing, it is
    `raise NotImplementedError("exercise 3.3: write this part")`.
    """
    region: list[str] | None
    lines, region, first = [], None, True
    for line in source.splitlines():
        mark = line.strip()
        if mark == BEGIN:
            region, indent = [], line[: len(line) - len(line.lstrip())]
        elif mark == END and region is not None:
            stub = _stub_lines(region)
            if not any("NotImplementedError" in part for part in stub):
                part = "write this part" if first else "and this part"
                stub.append(f'raise NotImplementedError("exercise {exercise}: {part}")')
            lines += [(indent + part).rstrip() for part in stub]
            region, first = None, False
        elif region is not None:
            region.append(line)
        else:
            lines.append(line)
    return "\n".join(lines)


def _stub_lines(region: list[str]) -> list[str]:
    """The uncommented lines between the stub markers of one region."""
    marks = [line.strip() for line in region]
    if BEGIN_STUB not in marks or END_STUB not in marks:
        return []
    block = textwrap.dedent(
        "\n".join(region[marks.index(BEGIN_STUB) + 1 : marks.index(END_STUB)])
    ).splitlines()
    return [line.removeprefix("#").removeprefix(" ") for line in block]


def solved(source: str) -> str:
    """The answer cell of the solution: regions stay marked as nbgrader wants them, stubs go."""
    return _without(source, BEGIN_STUB, END_STUB)


def without_hidden(source: str) -> str:
    """A check cell without its hidden tests."""
    return _without(source, BEGIN_HIDDEN, END_HIDDEN).rstrip()


def _without(source: str, begin: str, end: str) -> str:
    """The lines outside of the regions that two marks enclose; the marks go too."""
    lines, inside = [], False
    for line in source.splitlines():
        mark = line.strip()
        inside = inside or mark == begin
        if not inside:
            lines.append(line)
        inside = inside and mark != end
    return "\n".join(lines)


def removed_lines(source: str) -> list[str]:
    """The lines of solution and hidden regions, stubs excepted: what must not reach a student."""
    found, inside = [], False
    for line in solved(source).splitlines():
        mark = line.strip()
        if mark in (END, END_HIDDEN):
            inside = False
        if inside:
            found.append(line)
        if mark in (BEGIN, BEGIN_HIDDEN):
            inside = True
    return found
