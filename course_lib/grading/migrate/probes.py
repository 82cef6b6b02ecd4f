"""Begin a probe from the tests of an old lab: the calls of the answer whose arguments are known."""

import ast

from course_lib.grading.authoring.source import parse
from course_lib.grading.migrate.blocks import Question

HEAD = '    """TODO: say which inputs these are and what they tell apart."""'
SEEDS = (
    "    # TODO: make more inputs from seed. The grader draws its own seeds; with fixed inputs\n"
    "    # alone an answer could know the values by heart."
)


def probe(question: Question, answer: str, variables: list[str], imports: dict[str, str]) -> tuple[str, str]:
    """(source of the probe cell, a sentence about what is left to write).

    answer: the function that is checked. variables: what it returns, if it was variables before. imports:
    {name: import statement} of the lab. Hidden tests never enter: a probe travels to the students.
    """
    hidden = sum(test.hidden for test in question.tests)
    values, missed, needed = [], [], set()
    if variables:
        returned = "answer()"
        if len(variables) == 1:
            values = [f"{variables[0]!r}: {returned}"]
        else:
            values = [f"{name!r}: {returned}[{place}]" for place, name in enumerate(variables)]
    else:
        for test in question.tests:
            found = _calls(test.source, answer, imports) if not test.hidden else {}
            needed |= {name for names in found.values() for name in names}
            values += [line for line in map(_value, found) if line not in values]
            missed += [] if found or test.hidden else [test.source]
    body = [HEAD, *sorted({f"    {imports[name]}" for name in needed})]
    if not variables:
        body.append(SEEDS)
    for source in missed:
        body.append("    # TODO: no call of the answer with known arguments was found in this test:")
        body += [f"    #   {line}" for line in source.strip().splitlines()]
    if hidden:
        body.append(
            f"    # TODO: bring out what the hidden tests look at ({hidden}, kept in the check cell)."
        )
    if values:
        body += ["    return {", *(f"        {line}," for line in values), "    }"]
    else:
        body.append(f'    raise NotImplementedError("write the probe of exercise {question.name}")')
    count = f"{len(values)} value{'s' * (len(values) != 1)}"
    left = f"exercise {question.name}: the probe has {count} from the tests"
    todo = "write it" if not values else "draw inputs from seed" if not variables else "see whether they do"
    extra = (
        f", and bring out what {hidden} hidden {'test looks' if hidden == 1 else 'tests look'} at"
        if hidden
        else ""
    )
    return "\n".join(["def probe(answer, seed):", *body]), f"{left}; {todo}{extra}."


def _value(call: str) -> str:
    """The entry of one call, "name(arguments)": named after the call, made through `answer`."""
    return f"{call!r}: answer{call[call.index('(') :]}"


def _calls(source: str, answer: str, imports: dict[str, str]) -> dict[str, set[str]]:
    """{call of the answer: imported names in it} for calls with nothing in them but literals and modules."""
    tree = parse(source)
    found: dict[str, set[str]] = {}
    builtins = {
        "range",
        "list",
        "tuple",
        "dict",
        "set",
        "len",
        "sum",
        "min",
        "max",
        "abs",
        "float",
        "int",
        "str",
    }
    for node in ast.walk(tree) if tree else ():
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == answer):
            continue
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
        names = {one.id for part in parts for one in ast.walk(part) if isinstance(one, ast.Name)}
        scoped = any(
            isinstance(one, (ast.Lambda, ast.comprehension)) for part in parts for one in ast.walk(part)
        )
        if names <= set(imports) | builtins and not scoped:
            found.setdefault(ast.unparse(node), names & set(imports))
    return found
