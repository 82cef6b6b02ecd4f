"""Otter's marks inside a solution cell, as this course's regions with their stubs."""

import re

from course_lib.grading.authoring.regions import stubbed
from course_lib.grading.authoring.source import BEGIN, BEGIN_STUB, END, END_STUB

_EDGE = re.compile(
    r"^\s*(?:\"\"\"|''')?;?\s*#\s*(BEGIN|END) (SOLUTION|PROMPT)( NO PROMPT)?\s*(?:\"\"\"|''')?\s*$", re.I
)
_SUFFIX = re.compile(r"^(?P<code>.*?)\s*#\s*SOLUTION(?P<bare> NO PROMPT)?\s*$", re.I)
_REMOVED = re.compile(r"^(?P<code>.*?)\s*#\s*(SEED|IGNORE)\s*$", re.I)
_ASSIGNMENT = re.compile(r"^(\s*[A-Za-z_][\w., \[\]\"']*(?::[^=]+)?=)(?!=)")


def regions(source: str) -> str:
    """The source of a solution cell with regions. Neighbouring marked lines become one region."""
    lines: list[str] = []
    solution: list[str] = []
    prompt: list[str] = []
    inside = ""

    def close() -> None:
        if solution or prompt:
            lines.extend(_region(solution, prompt))
            solution.clear()
            prompt.clear()

    for line in source.splitlines():
        edge, suffix, removed = _EDGE.match(line), _SUFFIX.match(line), _REMOVED.match(line)
        if edge:
            begins, what, bare = edge[1].upper() == "BEGIN", edge[2].upper(), bool(edge[3])
            if begins and what == "SOLUTION" and not bare:
                prompt.append(line[: len(line) - len(line.lstrip())] + "...")
            inside = what if begins else ""
        elif inside == "SOLUTION":
            solution.append(line)
        elif inside == "PROMPT":
            prompt.append(line)
        elif suffix and suffix["code"].strip():
            code = suffix["code"]
            solution.append(code)
            if not suffix["bare"]:
                prompt.append(_prompt(code))
        elif removed and removed["code"].strip():
            solution.append(removed["code"])
        else:
            close()
            lines.append(line)
    close()
    return "\n".join(lines)


def with_prompt(source: str, prompt: str, exercise: str) -> str:
    """A whole cell as solution, and a prompt cell as its stub."""
    raised = f'raise NotImplementedError("exercise {exercise}: write this part")'
    stub = re.sub(r"^(\s*)\.\.\.\s*$", rf"\g<1>{raised}", prompt.strip("\n"), flags=re.M)
    bare = re.sub(r"\s*#\s*SOLUTION( NO PROMPT)?\s*$", "", source.strip("\n"), flags=re.M | re.I)
    plain = "\n".join(line for line in bare.splitlines() if not _EDGE.match(line))
    return "\n".join([BEGIN, *_stub(stub.splitlines(), ""), plain, END])


def _prompt(code: str) -> str:
    """What a student sees in place of a line."""
    match = _ASSIGNMENT.match(code)
    return f"{match[1]} ..." if match else code[: len(code) - len(code.lstrip())] + "..."


def _region(solution: list[str], prompt: list[str]) -> list[str]:
    """The lines of one region. A stub keeps assignments and comments; of several dots one stays."""
    filled = [line for line in (solution or prompt) if line.strip()]
    indent = min((line[: len(line) - len(line.lstrip())] for line in filled), key=len, default="")
    kept: list[str] = []
    for line in prompt:
        if not (line.strip() == "..." and any(one.strip() == "..." for one in kept)):
            kept.append(line if line.strip() != "..." else indent + "...")
    stub = _stub(kept, indent) if kept else []
    new = [indent + BEGIN, *stub, *(solution or [indent + "pass"]), indent + END]
    fits = _python(stubbed("\n".join(new), "?"), indent)
    return new if fits or not stub else [indent + BEGIN, *(solution or [indent + "pass"]), indent + END]


def _python(text: str, indent: str) -> bool:
    """True if a region's stub stands as code at its place."""
    body = "\n".join(line if line.startswith(indent) else indent + line for line in text.splitlines())
    try:
        compile("if 1:\n" + "\n".join(f" {line}" for line in body.splitlines()), "<stub>", "exec")
    except SyntaxError as error:
        return "outside function" in str(error)
    return True


def _stub(lines: list[str], indent: str) -> list[str]:
    """Stub lines behind this course's marks, each a comment."""
    inside = [f"{indent}# {line.removeprefix(indent)}".rstrip() for line in lines]
    return [indent + BEGIN_STUB, *inside, indent + END_STUB]
