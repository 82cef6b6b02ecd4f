"""The rooms of CONTRIBUTING.md: data flows one way, nothing heavy at import, files stay short."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "course_lib"
# each room and the rooms that it may import
ALLOWED = {
    "world": set(),
    "losses": set(),
    "models": set(),
    "arena": {"world"},
    "data": {"world"},
    "methods": {"losses", "models", "data"},
    "evaluate": {"models", "data"},
    "viz": {"world", "losses", "models", "data", "methods", "evaluate", "arena"},
    "training": {"world", "losses", "models", "data", "methods", "evaluate", "viz"},
    "checkpoints": {"models", "data", "methods", "evaluate", "training"},
    "lab": {"world", "losses", "models", "data", "methods", "evaluate", "arena", "viz", "training"},
    "grading": {"lab"},
}


def imported_rooms(path: Path) -> set[str]:
    """Rooms of course_lib that a file imports, anywhere in it."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: use absolute imports, so that the rooms stay visible"
            module = node.module or ""
            names = [module] + [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "course_lib" and len(parts) > 1 and parts[1] in ALLOWED:
                rooms.add(parts[1])
    return rooms


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_only_the_rooms_above_it(room):
    assert (LIBRARY / room).is_dir(), f"CONTRIBUTING.md names the room {room}"
    for path in sorted((LIBRARY / room).rglob("*.py")):
        below = imported_rooms(path) - ALLOWED[room] - {room}
        assert not below, f"{path.relative_to(ROOT)} imports {sorted(below)}"


def test_the_page_for_maintainers_lists_every_room():
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    folders = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    assert folders == set(ALLOWED)
    assert folders <= set(listed)


def test_what_every_room_may_import_imports_no_room():
    assert not imported_rooms(LIBRARY / "files.py")


def test_importing_the_library_loads_nothing_heavy():
    code = (
        "import sys, course_lib; "
        "heavy = {'torch', 'numpy', 'matplotlib', 'sklearn', 'lightning', 'pandas'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_grading_never_imports_torch():
    code = (
        "import sys, importlib, pkgutil, course_lib.grading as grading\n"
        "for module in pkgutil.walk_packages(grading.__path__, 'course_lib.grading.'):\n"
        "    importlib.import_module(module.name)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_files_are_short_and_have_honest_names():
    for path in sorted(LIBRARY.rglob("*.py")):
        assert path.stem not in {"utils", "util", "helpers", "misc"}, path
        lines = path.read_text().count("\n")
        assert lines <= 300, f"{path.relative_to(ROOT)} has {lines} lines: one idea, one file"


def test_every_room_has_tests_that_mirror_it():
    for room in ALLOWED:
        assert list((ROOT / "tests" / room).glob("test_*.py")), f"tests/{room} holds no test"


def test_viz_flows_from_arrays_over_figures_to_widgets():
    viz = LIBRARY / "viz"
    for path in sorted((viz / "arrays").glob("*.py")):
        text = path.read_text()
        assert "matplotlib" not in text, f"{path.name} draws; arrays do not"
        assert "course_lib.viz.widgets" not in text, path
        assert "_figures" not in text, path
    for path in sorted(viz.glob("*.py")):
        if path.stem != "__init__":
            assert "course_lib.viz.widgets" not in path.read_text(), f"{path.name} stands above the widgets"


def test_widgets_fetch_nothing_and_need_no_build():
    for path in sorted((LIBRARY / "viz" / "widgets").glob("*.js")):
        text = path.read_text()
        assert "import " not in text.replace("important ", ""), f"{path.name} imports: it would need a build"
        for word in ("http:", "https:", "fetch(", "XMLHttpRequest", "eval(", "innerHTML"):
            assert word not in text, f"{path.name} has {word}"
