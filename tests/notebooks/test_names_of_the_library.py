"""Whatever a lab or lecture takes from the library is there: a renamed function is found without a run."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path for folder in ("labs", "lectures") for path in sorted((ROOT / folder / "source").glob("*.py"))
]


def missing(text):
    """Dotted names that a notebook's source takes from course_lib and that do not exist."""
    code = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in text.splitlines())
    tree, modules, absent = ast.parse(code), {}, []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] != "course_lib":
            continue
        home = importlib.import_module(node.module)
        for alias in node.names:
            try:
                found = getattr(home, alias.name)
            except AttributeError:
                try:
                    found = importlib.import_module(f"{node.module}.{alias.name}")
                except ImportError:
                    absent.append(f"{node.module}.{alias.name}")
                    continue
            if isinstance(found, ModuleType):
                modules[alias.asname or alias.name] = found
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            module = modules[node.value.id]
            if not hasattr(module, node.attr):
                absent.append(f"{module.__name__}.{node.attr}")
    return absent


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_every_name_is_there(path):
    assert missing(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "from course_lib.evaluate import similarity as s\ns.nearest(1)",
        "from course_lib.evaluate.similarity import nearest",
        "from course_lib import viz\nviz.no_such_figure",
    ],
)
def test_a_name_that_is_gone_is_found(text):
    assert len(missing(text)) == 1
