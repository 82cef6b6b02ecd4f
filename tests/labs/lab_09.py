"""Lab 09 as its tests see it: cells, answers, probes, wrong and right answers, without the build tool."""

import ast
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

LABS = Path(__file__).parents[2] / "labs"
NAME = "09_benchmarking.py"
EXERCISES = [f"9.{number}" for number in range(1, 9)]
PUBLIC, HIDDEN = (0, 1, 2), (17, 4_711, 123_456)
RTOL, ATOL = 1e-4, 1e-6  # what check and grader allow unless the exercise says otherwise
MARGIN = 5  # two different answers differ by so many times the tolerance


class Cell(NamedTuple):
    marker: str
    source: str

    def value(self, key):
        """The value of key=... on the marker line, as text."""
        found = re.search(rf"\b{key}=(\"[^\"]*\"|\[[^\]]*\]|\S+)", self.marker)
        return found and found[1].strip('"')


def cells(folder):
    parts = re.split(r"^# %%(.*)$", (LABS / folder / NAME).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [
        Cell(marker.strip(), source.strip()) for marker, source in zip(parts[1::2], parts[2::2], strict=True)
    ]


SOURCE = cells("source")


def of(exercise, role):
    """Source cells of an exercise: role is "answer", "probe", "hint" or "check"."""
    mine = [cell for cell in SOURCE if cell.value("exercise") == exercise]
    if role == "answer":
        return [cell for cell in mine if cell.value("points")]
    return [cell for cell in mine if f'"{role}"' in (cell.value("tags") or "")]


def answer_name(exercise):
    return re.search(r"check\(\"[\d.]+\", (\w+)\)", of(exercise, "check")[0].source)[1]


def tolerance(exercise):
    """(rtol, atol) of an exercise."""
    return float(of(exercise, "answer")[0].value("rtol") or RTOL), ATOL


def answers():
    """Namespace with NumPy, as in the setup cell, and all reference answers."""
    namespace = {"np": np}
    for exercise in EXERCISES:
        exec(of(exercise, "answer")[0].source, namespace)
    return namespace


REFERENCE = answers()


def attempts(folder):
    """{exercise: {name: function}} of labs/wrong or labs/right."""
    namespace, found = dict(REFERENCE), {exercise: {} for exercise in EXERCISES}
    for cell in cells(folder):
        if "markdown" not in cell.marker:
            exec(cell.source, namespace)
        if cell.value("exercise"):
            prefix = answer_name(cell.value("exercise")) + "__"
            names = [node.name for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]
            found[cell.value("exercise")] |= {
                name: namespace[name] for name in names if name.startswith(prefix)
            }
    return found


WRONG, RIGHT = attempts("wrong"), attempts("right")


def run(exercise, answer, seed):
    """The values of the probe, or the type of the exception."""
    namespace = {}
    exec(of(exercise, "probe")[0].source, namespace)  # an empty namespace: a probe imports what it needs
    state = np.random.get_state()
    np.random.seed(seed)  # as check and grader do
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return namespace["probe"](answer, seed)
    except Exception as error:
        return {"error": type(error).__name__}
    finally:
        np.random.set_state(state)


def same(a, b, exercise):
    """As the grader compares: same names, same texts, numbers within the exercise's tolerance."""
    return a.keys() == b.keys() and all(_near(a[name], b[name], *tolerance(exercise)) for name in a)


def apart(a, b, exercise):
    """At least one value differs by far more than the tolerance."""
    rtol, atol = tolerance(exercise)
    return a.keys() != b.keys() or any(
        not _near(a[name], b[name], MARGIN * rtol, MARGIN * atol) for name in a
    )


def _near(a, b, rtol, atol):
    if isinstance(a, str) or isinstance(b, str):
        return a == b if type(a) is type(b) else False
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or (a.dtype.kind == "f") != (b.dtype.kind == "f"):
        return False
    return bool(np.allclose(b, a, rtol=rtol, atol=atol, equal_nan=True))
