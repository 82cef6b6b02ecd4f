"""Files that students hand in by accident or on purpose: one small submission each, numbered as in the
catalogue of abuse cases, with the stated outcome. The exercise that is tampered with is 90.1 of the tiny lab.
"""

import io
import json
import stat
import zipfile
from dataclasses import dataclass

from ...conftest import ANSWERS, LAB, answer, student

RIGHT, WRONG, BLANK = ("right", "right"), ("wrong", "right"), ("blank", "blank")
UNREADABLE, WRONG_LAB = ("unreadable",) * 2, ("wrong_lab",) * 2
CHEAT = "# exercise 90.1\naverage = lambda numbers: 0.0"
BODY = {name: source.split("\n", 1)[1] for name, source in ANSWERS.items()}
EVIL = "raise SystemExit('this file was loaded')"
MARKUP = "<script>alert(1)</script><svg onload=alert(1)><img src=x onerror=alert(1)>"


@dataclass(frozen=True)
class Case:
    """content: a notebook, or bytes. told: words that stand in a reason or flag. file: its name."""

    number: str
    name: str
    content: dict | bytes
    outcome: tuple[str, ...] = RIGHT
    told: str = ""
    file: str = ""

    @property
    def path(self) -> str:
        """Where it lies in the folder of submissions."""
        return self.file or f"{self.student}.ipynb"

    @property
    def student(self) -> str:
        """Whose it is."""
        return self.file.split("/")[0].rsplit(".", 1)[0] if self.file else f"case_{self.number}_{self.name}"

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


def zipped(*members) -> bytes:
    """A zip archive of (name or ZipInfo, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content if isinstance(content, (str, bytes)) else json.dumps(content))
    return buffer.getvalue()


def changed(root, change, **answers) -> dict:
    """The right submission (or one with `answers`) after `change(notebook)`."""
    notebook = student(root, **answers)
    change(notebook)
    return notebook


def cells(notebook) -> dict:
    """The cells by their id."""
    return {cell["id"]: cell for cell in notebook["cells"]}


def all_cases(root) -> list[Case]:
    """Every case, made from the student copy of the tiny lab built under `root`."""
    return [*archives(root), *trusted_cells(root), *moved_answers(root), *formats(root), *files(root)]


def archives(root):
    """29, 30: archives with more in them than a notebook."""

    def case(name, data, outcome, told):
        return Case("30", name, data, outcome, told, f"zip_{name}.zip")

    good = student(root)
    extra = [(name, EVIL) for name in ("conftest.py", "numpy.py", "pytest.ini", "sitecustomize.py")]
    yield case("extra_files", zipped(("lab.ipynb", good), *extra), RIGHT, "also holds conftest.py")
    names = ("../out.ipynb", "/tmp/out.ipynb", "..\\out.ipynb", "C:/out.ipynb", "a/../../out.ipynb")
    leading_out = [(name, student(root, x90_1=CHEAT)) for name in names]
    yield case("names", zipped(("lab.ipynb", good), *leading_out), RIGHT, "5 files in the archive lead out")
    yield case("only_names", zipped(*leading_out), UNREADABLE, "no notebook (.ipynb) in the archive")
    link = zipfile.ZipInfo("lab.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    yield case("link", zipped((link, "/etc/passwd")), UNREADABLE, "no notebook")
    bomb = zipped(("lab.ipynb", b'{"cells": [' + b" " * 60_000_000))
    yield case("bomb", bomb, UNREADABLE, "no notebook in the archive can be read")
    inner = zipped(("lab.ipynb", good))
    yield case("nested", zipped(("lab.ipynb", inner)), UNREADABLE, "no notebook")
    yield case("cut", zipped(("lab.ipynb", good))[:-30], UNREADABLE, "archive is damaged")
    yield Case("30", "as_notebook", inner, RIGHT)


def trusted_cells(root):
    """32, 33, 35: cells that decide points elsewhere."""

    def delete(notebook):
        notebook["cells"] = [c for c in notebook["cells"] if not c["id"].startswith("check")]

    def edit(notebook):
        cells(notebook)["check-90-1"]["source"] = "print('right')"
        cells(notebook)["check-90-1"]["metadata"]["nbgrader"] |= {"points": 100, "locked": False}

    def forge(notebook):
        forged = {"grade_id": "bonus", "grade": True, "points": 1000, "locked": True, "solution": False}
        metadata = {"nbgrader": forged, "course": {"role": "check", "exercise": "90.1"}}
        notebook["cells"].append({"cell_type": "code", "source": "1", "metadata": metadata, "outputs": []})

    def setup(notebook):
        first = next(c for c in notebook["cells"] if c["cell_type"] == "code")
        first["source"] = "import course_lib.lab\ncheck = print\nimport builtins\nbuiltins.sum = len"

    yield Case("32", "checks_deleted", changed(root, delete), RIGHT, "2 check cells are missing")
    yield Case(
        "33", "check_edited", changed(root, edit, x90_1=CHEAT), WRONG, "check-90-1 was edited (not used)"
    )
    yield Case("33", "setup_edited", changed(root, setup), RIGHT)
    yield Case("35", "forged_grade_cell", changed(root, forge, x90_1=CHEAT), WRONG, "grade cell of its own")


def moved_answers(root):
    """34, 36, 38: answers that are not where, or what, they were."""

    def twice(notebook):
        notebook["cells"].append({**answer(notebook, "90.1"), "source": CHEAT})

    def split(notebook):
        cell = answer(notebook, "90.1")
        position = notebook["cells"].index(cell)
        cell["source"] = "# exercise 90.1\ndef total(numbers):\n    return sum(numbers)"
        rest = "def average(numbers):\n    return total(numbers) / len(numbers)"
        notebook["cells"].insert(position + 1, {**cell, "source": rest})

    def merge(notebook):
        first, second = answer(notebook, "90.1"), answer(notebook, "90.2")
        first["source"] += "\n\n" + second["source"]
        notebook["cells"].remove(second)

    def strip(notebook):
        for cell in notebook["cells"]:
            cell["metadata"] = {}
            del cell["id"]
        notebook["metadata"] = {}

    def strip_all(notebook):
        for exercise, source in BODY.items():
            answer(notebook, exercise)["source"] = source
        strip(notebook)

    def turn(kind):
        return lambda notebook: answer(notebook, "90.1").update(cell_type=kind)

    yield Case("34", "duplicated", changed(root, twice), WRONG, "2 cells with an answer, the last is taken")
    yield Case("34", "split", changed(root, split), RIGHT, "2 cells with one answer, joined")
    yield Case("34", "merged", changed(root, merge), RIGHT, "held several answers (taken apart)")
    yield Case("36", "colab", changed(root, strip), RIGHT, "found by anchor")
    yield Case("36", "nothing_left", changed(root, strip_all), RIGHT, "needs_review: found by name")
    yield Case("38", "markdown", changed(root, turn("markdown")), RIGHT, "turned into markdown")
    yield Case("38", "raw", changed(root, turn("raw")), RIGHT, "turned into raw")


def formats(root):
    """39 to 41, 45, 46, 48, 52: notebooks in every format, of other kernels and labs, with payloads."""

    def minor(number):
        return lambda notebook: notebook.update(nbformat=4, nbformat_minor=number)

    def same_ids(notebook):
        for cell in notebook["cells"]:
            cell["id"] = "same"

    def strange(notebook):
        notebook["cells"] += [None, 3, [], {"source": None}, {"cell_type": "code", "source": [1, None]}]
        for cell in notebook["cells"]:
            if isinstance(cell, dict):
                cell.pop("outputs", None)

    def kernel(notebook):
        notebook["metadata"]["kernelspec"] = {"name": "ir", "language": "R", "display_name": MARKUP}

    def course(**values):
        return lambda notebook: notebook["metadata"]["course"].update(values)

    def payload(notebook):
        output = {"output_type": "display_data", "metadata": {}}
        output["data"] = {"text/html": MARKUP, "application/javascript": "alert(1)", "image/svg+xml": MARKUP}
        notebook["cells"].append({"cell_type": "markdown", "source": MARKUP, "metadata": {}})
        notebook["cells"].append({"cell_type": "code", "source": "1", "metadata": {}, "outputs": [output]})

    for number in range(6):
        yield Case("39", f"v4_{number}", changed(root, minor(number)))
    yield Case("39", "same_ids", changed(root, same_ids))
    sources = [
        {"cell_type": "code", "input": s, "outputs": [], "language": "python"} for s in ANSWERS.values()
    ]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": sources}]}
    yield Case("40", "v3", old, RIGHT, "old notebook format")
    yield Case("41", "future", changed(root, lambda n: n.update(nbformat=99)), RIGHT, "notebook format 99")
    yield Case("41", "list", b"[1, 2]", UNREADABLE, "holds a list")
    yield Case("41", "strange_cells", changed(root, strange), RIGHT)
    yield Case("45", "kernel_of_r", changed(root, kernel), RIGHT, "set to a kernel for R (not used)")
    yield Case("46", "other_lab", changed(root, course(lab="04_masked")), WRONG_LAB, "of lab '04_masked'")
    yield Case(
        "46",
        "other_version",
        changed(root, course(version="older")),
        RIGHT,
        "the lab has changed since this copy",
    )
    yield Case("48", "blank", (root / "labs" / f"{LAB}.ipynb").read_bytes(), BLANK)
    yield Case("52", "payloads", changed(root, payload, x90_1=f"# exercise 90.1\n# {MARKUP}\n{BODY['90.1']}"))
    yield Case(
        "52",
        "error_payload",
        student(root, x90_1=f"raise ValueError('{MARKUP}')"),
        ("error", "right"),
        MARKUP,
    )


def files(root):
    """42, 43, 47, 53, 55: files that are no notebook, in other encodings, under other names."""
    good = student(root)
    text = json.dumps(student(root, x90_1=ANSWERS["90.1"] + "  # é"), ensure_ascii=False)
    yield Case("42", "empty", b"", UNREADABLE, "the file is empty")
    yield Case("42", "cut", json.dumps(good).encode()[:-200], UNREADABLE, "not JSON")
    yield Case("42", "login", b"<!doctype html><title>Log in</title>", UNREADABLE, "web page")
    yield Case("42", "binary", bytes(range(256)) * 20, UNREADABLE, "not text in UTF-8")
    yield Case("42", "deep", b'{"cells": ' + b"[" * 100_000, UNREADABLE, "nested too deeply")
    yield Case("42", "many_cells", {"cells": [{}] * 2001}, UNREADABLE, "2001 cells")
    yield Case(
        "42",
        "long_cell",
        changed(root, lambda n: n["cells"][0].update(source="x" * 200_001)),
        UNREADABLE,
        "200000",
    )
    yield Case(
        "42", "memory", b'{"cells": [' + b"[],{}," * 2_000_000 + b"0]}", UNREADABLE, "cells; at most 2000"
    )
    yield Case("43", "latin_1", text.encode("latin-1"), RIGHT, "encoded as Windows-1252")
    yield Case("43", "utf_16", text.encode("utf-16"), RIGHT, "encoded as UTF-16")
    yield Case("43", "byte_order_mark", b"\xef\xbb\xbf" + text.encode(), RIGHT, "byte order mark")
    yield Case(
        "43", "surrogates", json.dumps(good).replace("len(numbers)", "len(numbers)  # \\ud800").encode()
    )
    yield Case("47", "renamed", good, RIGHT, "", "renamed/final version (2).ipynb")
    # without a "downloaded" beside it nobody is joined with anybody; test_intake.py has the pairs
    yield Case("47", "browser", good, RIGHT, "", "downloaded (1).ipynb")
    yield Case("47", "not_named", good, RIGHT, "a notebook under another name", "textfile.ipynb.txt")
    yield Case("53", "formula", good, RIGHT, "", '=HYPERLINK("x"),\n1.ipynb')
    yield Case("55", "twin", good, RIGHT, "", "twin.ipynb")
