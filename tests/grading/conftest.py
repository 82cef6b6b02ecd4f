"""A tiny course without torch, built once; and student notebooks made from its student copy."""

import json
import shutil
from pathlib import Path

import pytest

from course_lib.grading.authoring import build

FIXTURES = Path(__file__).parent / "fixtures"
LAB = "90_tiny"
ANSWERS = {
    "90.1": "# exercise 90.1\ndef average(numbers):\n    return sum(numbers) / len(numbers)",
    "90.2": (
        "# exercise 90.2\ndef unit_rows(matrix):\n    return matrix / np.linalg.norm(matrix, axis=1)[:, None]"
    ),
}


@pytest.fixture(scope="session")
def _built(tmp_path_factory):
    root = tmp_path_factory.mktemp("course") / "root"
    shutil.copytree(FIXTURES, root, ignore=shutil.ignore_patterns("__pycache__"))
    assert build.build(root) == []
    return root


@pytest.fixture(scope="session")
def built(_built):
    """The built tiny course; tests that change it take `course`."""
    return _built


@pytest.fixture
def course(_built, tmp_path):
    """A copy of the built tiny course, to be changed."""
    root = tmp_path / "root"
    shutil.copytree(_built, root)
    return root


@pytest.fixture
def sources(tmp_path):
    """The sources of the tiny course, not built."""
    root = tmp_path / "root"
    shutil.copytree(FIXTURES, root, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def edit(path: Path, old: str, new: str) -> None:
    """Replace text in a file; the text must be there once or more."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def student(root: Path, **answers: str) -> dict:
    """The student copy as a dictionary; keys like x90_1 replace an answer, others keep the right ANSWERS."""
    notebook = json.loads((root / "labs" / f"{LAB}.ipynb").read_text(encoding="utf-8"))
    for exercise, source in ANSWERS.items():
        answer(notebook, exercise)["source"] = answers.get("x" + exercise.replace(".", "_"), source)
    return notebook


def answer(notebook: dict, exercise: str) -> dict:
    """The answer cell of an exercise."""
    return next(c for c in notebook["cells"] if c.get("id") == f"answer-{exercise.replace('.', '-')}")


def save(notebook: object, path: Path) -> Path:
    """Write a notebook as a student would hand it in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path
