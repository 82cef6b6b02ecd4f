"""A lab as its tests see it: cells, answers, probes, wrong and right answers, without the build tool."""

import ast
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

LABS = Path(__file__).parents[2] / "labs"
PUBLIC, HIDDEN = (0, 1, 2), (17, 4_711, 123_456)
RTOL, ATOL = 1e-4, 1e-6  # what check and grader allow unless the exercise says otherwise


class Cell(NamedTuple):
    marker: str
    source: str

    def value(self, key):
        """The value of key=... on the marker line, as text."""
        found = re.search(rf"\b{key}=(\"[^\"]*\"|\[[^\]]*\]|\S+)", self.marker)
        return found and found[1].strip('"')


class Lab:
    """name: of the file, "03_contrastive"; names: what its setup cell imports and answers may use;
    margins: two different answers differ by so many times the exercise's (rtol, atol)."""

    def __init__(self, name, names, margins):
        self.name, self.margins = name, margins
        self.exercises = [f"{int(name[:2])}.{number}" for number in range(1, 9)]
        self.source = self.cells("source")
        self.reference = dict(names)  # the names, and all reference answers
        for exercise in self.exercises:
            exec(self.of(exercise, "answer")[0].source, self.reference)
        self.wrong, self.right = self.attempts("wrong"), self.attempts("right")

    def __repr__(self):
        return self.name

    def cells(self, folder):
        text = (LABS / folder / f"{self.name}.py").read_text(encoding="utf-8")
        _, *parts = re.split(r"^# %%(.*)$", text, flags=re.MULTILINE)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return [Cell(marker.strip(), source.strip()) for marker, source in pairs]

    def of(self, exercise, role):
        """Source cells of an exercise: role is "answer", "probe", "hint" or "check"."""
        mine = [cell for cell in self.source if cell.value("exercise") == exercise]
        if role == "answer":
            return [cell for cell in mine if cell.value("points")]
        return [cell for cell in mine if f'"{role}"' in (cell.value("tags") or "")]

    def answer_name(self, exercise):
        return re.search(r"check\(\"[\d.]+\", (\w+)\)", self.of(exercise, "check")[0].source)[1]

    def answer(self, exercise):
        """The reference's function."""
        return self.reference[self.answer_name(exercise)]

    def attempts(self, folder):
        """{exercise: {name: function}} of labs/wrong or labs/right."""
        namespace, found = dict(self.reference), {exercise: {} for exercise in self.exercises}
        for cell in self.cells(folder):
            if "markdown" not in cell.marker:
                exec(cell.source, namespace)
            if exercise := cell.value("exercise"):
                prefix = self.answer_name(exercise) + "__"
                nodes = ast.parse(cell.source).body
                names = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
                found[exercise] |= {name: namespace[name] for name in names if name.startswith(prefix)}
        return found

    def run(self, exercise, answer, seed):
        """The values of the probe, or the type of the exception."""
        namespace = {}
        exec(self.of(exercise, "probe")[0].source, namespace)  # empty: a probe imports what it needs
        state = np.random.get_state()
        np.random.seed(seed)  # as check and grader do
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                values = namespace["probe"](answer, seed)
        except Exception as error:
            return {"error": type(error).__name__}
        finally:
            np.random.set_state(state)
        return {
            name: value.detach().clone() if isinstance(value, torch.Tensor) else value
            for name, value in values.items()
        }

    def tolerance(self, exercise):
        """(rtol, atol) of an exercise."""
        return float(self.of(exercise, "answer")[0].value("rtol") or RTOL), ATOL

    def same(self, a, b, exercise):
        """As the grader compares: same names, same texts, numbers within the exercise's tolerance."""
        tolerance = self.tolerance(exercise)
        return a.keys() == b.keys() and all(near(a[name], b[name], *tolerance) for name in a)

    def apart(self, a, b, exercise):
        """At least one value differs by far more than the tolerance."""
        limits = np.multiply(self.margins, self.tolerance(exercise))
        return a.keys() != b.keys() or any(not near(a[name], b[name], *limits) for name in a)


def near(a, b, rtol, atol):
    """Equal texts; numbers of one kind and shape, within the tolerance of b."""
    if isinstance(a, str) or isinstance(b, str):
        return a == b if type(a) is type(b) else False
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or (a.dtype.kind == "f") != (b.dtype.kind == "f"):
        return False
    return bool(np.allclose(b, a, rtol=rtol, atol=atol, equal_nan=True))
