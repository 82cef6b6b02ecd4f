"""A bundle without a lab around it: made from answers written here, for exercises that take microseconds."""

import json
from types import SimpleNamespace

import pytest

from course_lib.files import write_whole
from course_lib.lab import attempts, bundle, probe

MEAN_PROBE = """
def probe(answer, seed):
    import random

    draw = random.Random(seed)
    numbers = [draw.uniform(1, 2) for _ in range(5)]
    return {"mean": answer(numbers), "one": answer([3.5 + seed])}
"""
ROWS_PROBE = """
def probe(answer, seed):
    import numpy as np

    matrix = np.random.default_rng(seed).normal(size=(4, 3))
    return {"rows": answer(matrix)}
"""
COUNTER_PROBE = """
def probe(answer, seed):
    counter = answer(start=seed)
    counter.add()
    return {"count": counter.count}
"""


def mean(numbers):
    return sum(numbers) / len(numbers)


def mean__sum(numbers):
    """You have the sum. How many numbers are there?"""
    return sum(numbers)


def mean__negative(numbers):
    """The sign is turned."""
    return -sum(numbers) / len(numbers)


def rows(matrix):
    import numpy as np

    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


class Counter:
    def __init__(self, start):
        self.count = start

    def add(self):
        self.count += 1


def entry(answer, name, source, points=50, wrong=(), hints=(), **settings):
    """A bundle entry for a reference answer."""
    seeds = [0, 1, 2]
    runs = probe.run_all(source, name, answer, seeds)
    values = {"answer": answer.__name__, "callable": True, "points": points, "probe": source, "seeds": seeds}
    values |= {"rtol": 1e-4, "atol": 1e-6, "message": "", "next": "", "off_limits": [], "hints": list(hints)}
    values |= {"changes": sorted({c for run in runs for c in run["changed"]}), "reference": runs}
    values["wrong"] = [
        {"name": w.__name__, "hint": w.__doc__, "runs": probe.run_all(source, name, w, seeds)} for w in wrong
    ]
    return values | settings


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Exercises 90.1 (mean), 90.2 (rows) and 90.3 (a class) in a bundle of their own, and an empty cache."""
    exercises = {
        "90.1": entry(mean, "90.1", MEAN_PROBE, 40, [mean__sum, mean__negative], ["Add.", "Divide."],
                      next="Next: rows.", off_limits=["statistics"]),
        "90.2": entry(rows, "90.2", ROWS_PROBE, 40, message="Think of the axis."),
        "90.3": entry(Counter, "90.3", COUNTER_PROBE, 20),
    }  # fmt: skip
    document = {"format": bundle.FORMAT, "lab": "90_tiny", "version": "0", "exercises": exercises}
    write_whole(tmp_path / "bundles" / "90_tiny.json", bundle.text(json.loads(json.dumps(document))))
    monkeypatch.setenv("COURSE_BUNDLES", str(tmp_path / "bundles"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_BUILDING", raising=False)
    monkeypatch.setattr(attempts, "_memory", None)
    monkeypatch.setattr(attempts, "_shown", {})
    monkeypatch.setattr(attempts, "_lab", None)
    return SimpleNamespace(bundle=document, folder=tmp_path / "bundles", cache=tmp_path / "cache")
