"""Grading a class: honest, careless and hostile submissions in one batch, each with its stated outcome."""

import csv
import json
import stat
import time

import pytest

from course_lib import grading
from course_lib.grading import batch
from course_lib.grading.keeping.ledger import GraderError
from course_lib.grading.running import run

from .conftest import ANSWERS, LAB, answer, edit, save, student

RIGHT = ("right", "right")
DIED = ("kernel_died", "right", "the kernel died")  # later exercises get a new kernel
HEAD = "# exercise 90.1\n"
FORGE = """
import IPython.display as d, course_lib.lab.values as v
def forged(seeds):
    value = {"kind": "float", "value": 1.5}
    return {"exercise": "90.1", "runs": [{"seed": s, "values": {"mean": value, "one": value}} for s in seeds]}
"""
# name: (source of 90.1, status of 90.1, status of 90.2, something that reason or flags of 90.1 must hold)
CODE = {
    "noisy": (
        "import sys, threading, warnings\n"
        "def average(numbers):\n    print('x' * 100); warnings.warn('w'); print('e', file=sys.stderr)\n"
        "    threading.Thread(target=print, args=('late',)).start()\n    return sum(numbers) / len(numbers)",
        *RIGHT, "",
    ),
    "other_dtype": ("def average(numbers):\n    return np.float32(np.mean(numbers))", *RIGHT, ""),
    "off_limits": (
        "from statistics import mean\ndef average(numbers):\n    return mean(numbers)", *RIGHT,
        "uses statistics.mean, off limits here",
    ),
    "forgot": ("def average(numbers):\n    return sum(numbers)", "wrong", "right", "How many numbers"),
    "public_only": (
        "def average(numbers):\n    return sum(numbers) / len(numbers) if numbers[0] < 999 else 0.0",
        "wrong", "right", "wrong on others",
    ),
    "syntax": ("def average(numbers)\n    return 1", "error", "right", "SyntaxError"),
    "raises": ("def average(numbers):\n    return numbers[99]", "wrong", "right", "IndexError"),
    "reads_input": ("average = input('points? ')", "error", "right", "StdinNotImplemented"),
    "quits": ("import sys\nsys.exit(0)", "error", "right", "SystemExit"),
    "exits": ("import os\nos._exit(0)", *DIED),
    "exits_later": ("import os\ndef average(numbers):\n    os._exit(0)", *DIED),
    "segfault": ("import ctypes\nctypes.string_at(0)", *DIED),
    "loops": ("while True:\n    pass", "timeout", "right", "stopped after 5 seconds"),
    "loops_later": ("def average(numbers):\n    while True: pass", "timeout", "right", "stopped after 5"),
    "will_not_stop": (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "timeout", "right", "stopped after 5 seconds",
    ),
    "floods": ("while True: print('x' * 100_000)", "output_limit", "right", "more"),
    "one_large_print": ("print('x' * 20_000_000)", "output_limit", "right", "more"),
    "shows_documents": (
        FORGE + "def average(numbers):\n    d.display({v.MIME: forged(range(6))}, raw=True)\n"
        "    return sum(numbers) / len(numbers)",
        "no_values", "right", "documents",
    ),
    "replaces_emit": (
        FORGE + "import course_lib.lab as lab\n"
        "lab.emit = lambda e, a, seeds: d.display({v.MIME: forged(seeds)}, raw=True)\naverage = print",
        "wrong", "right", "",
    ),
    "replaces_document": (
        FORGE
        + "import course_lib.lab.probe as p\np.document = lambda e, a, seeds: forged(seeds)\naverage = print",
        "wrong", "right", "",
    ),
    "always_equal": (
        "class Equal(float):\n    __eq__ = lambda s, o: True\n    __hash__ = float.__hash__\n"
        "    __sub__ = __rsub__ = lambda s, o: 0.0\ndef average(numbers):\n    return Equal()",
        "wrong", "right", "",
    ),
    "patches_the_comparison": (
        "import course_lib.lab.compare as c, json\nc.difference = lambda *a, **k: None\n"
        "c.same_runs = lambda *a, **k: True\naverage = lambda n: 0.0",
        "wrong", "right", "",
    ),
    "breaks_the_kernel": ("import json\njson.loads = None", "timeout", "right", "stopped after 5 seconds"),
    "looks_for_values": (
        "import json, os, pathlib\nf = pathlib.Path(os.environ['COURSE_BUNDLES']) / '90_tiny.json'\n"
        "known = json.loads(f.read_text())['exercises']['90.1']\nknown['reference']",
        "error", "right", "KeyError: 'reference'",
    ),
    "looks_around": (
        "import os\nassert not [n for n in os.listdir('.') if n[0] != '.'], os.listdir('.')\n"
        "assert not [v for v in os.environ.values() if 'submissions' in v]\n" + ANSWERS["90.1"][len(HEAD):],
        *RIGHT, "",
    ),
    "writes_files": (
        "for n in ('conftest.py', 'pytest.ini', 'sitecustomize.py', 'results.json', 'numpy.py'):\n"
        "    open(n, 'w').write('raise SystemExit(3)')\n" + ANSWERS["90.1"][len(HEAD):],
        *RIGHT, "",
    ),
    "strips_ids_of_messages": (
        "k = get_ipython().kernel\nk.session.send(k.iopub_socket, 'status', {'execution_state': 'idle'},"
        " parent=k.get_parent())\n" + ANSWERS["90.1"][len(HEAD):],
        *RIGHT, "",
    ),
    "comment_markers": ("# NBVAL_SKIP\n# NBVAL_IGNORE_OUTPUT\naverage = lambda n: 0.0", "wrong", "right", ""),
    "deep_json": (
        FORGE + "import course_lib.lab.probe as p\nx = []\nfor _ in range(100_000):\n    x = [x]\n"
        "p.document = lambda *a: {'exercise': '90.1', 'runs': x}\naverage = print",
        "wrong", "right", "",
    ),
}  # fmt: skip


def files(built, folder):
    """The submissions that are no code: {student: expected statuses}."""
    honest = student(built)
    for n in range(2):
        save(honest, folder / f"honest_{n}.ipynb")
    (folder / "blank.ipynb").write_bytes((built / "labs" / f"{LAB}.ipynb").read_bytes())
    (folder / "solution.ipynb").write_bytes((built / "labs" / "solutions" / f"{LAB}.ipynb").read_bytes())
    stripped = student(built)
    for cell in stripped["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    save({"cells": stripped["cells"]}, folder / "colab.ipynb")
    cheater = student(built, x90_1=HEAD + "average = 3")
    for cell in cheater["cells"]:
        if cell["id"] == "check-90-1":
            cell["source"] = "print('right - 3 of 3 probes.')"
            cell["metadata"]["nbgrader"] |= {"points": 1000, "locked": False}
    save(cheater, folder / "cheater.ipynb")
    renamed = student(built)
    answer(renamed, "90.1")["cell_type"] = "markdown"
    save(renamed, folder / "dora" / "final version (2).ipynb")
    other = student(built)
    other["metadata"]["course"]["lab"] = "04_masked"
    save(other, folder / "other_lab.ipynb")
    (folder / "not_json.ipynb").write_text("hello")
    (folder / "login.ipynb").write_text("<!doctype html>")
    (folder / "empty.ipynb").write_text("")
    (folder / "binary.ipynb").write_bytes(bytes(range(256)))
    save([1, 2], folder / "list.ipynb")
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    (folder / "notes.docx").write_bytes(b"PK")
    save(honest, folder / "=SUM(A1).ipynb")
    unreadable = dict.fromkeys(
        ("not_json", "login", "empty", "binary", "list", "link", "notes"), ("unreadable",) * 2
    )
    rights = dict.fromkeys(("honest_0", "honest_1", "solution", "colab", "dora", "=SUM(A1)"), RIGHT)
    rest = {"blank": ("blank",) * 2, "cheater": ("wrong", "right"), "other_lab": ("wrong_lab",) * 2}
    return {**unreadable, **rights, **rest}


@pytest.fixture(scope="module")
def graded(built, tmp_path_factory):
    base = tmp_path_factory.mktemp("grading")
    folder = base / "submissions"
    folder.mkdir()
    expected = files(built, folder)
    for name, (source, first, second, _) in CODE.items():
        save(student(built, x90_1=HEAD + source), folder / f"{name}.ipynb")
        expected[name] = (first, second)
    summary = grading.grade(LAB, folder, base / "out", root=built, workers=2, allow_unsandboxed=True)
    return summary, expected, folder


def rows_of(summary, name):
    return {row["exercise"]: row for row in summary.rows if row["student"] == name}


@pytest.mark.slow
def test_every_submission_ends_as_stated(graded):
    summary, expected, _ = graded
    found = {name: tuple(row["status"] for row in rows_of(summary, name).values()) for name in expected}
    assert found == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", CODE)
def test_the_reason_is_told(graded, name):
    row = rows_of(graded[0], name)["90.1"]
    assert CODE[name][3] in row["reason"] + "; ".join(row["flags"])


@pytest.mark.slow
def test_points_are_given_for_right_and_for_nothing_else(graded):
    for row in graded[0].rows:
        assert row["points"] == (row["max"] if row["status"] == "right" else 0)
        assert row["max"] == {"90.1": 40, "90.2": 60}[row["exercise"]]


@pytest.mark.slow
def test_the_balance_holds_and_is_said(graded):
    summary, expected, _ = graded
    assert summary.complete
    assert summary.submissions == len(expected)
    assert f"{len(expected)} submissions x 2 exercises = {2 * len(expected)} rows" in summary.text
    assert "nothing is missing" in summary.text


@pytest.mark.slow
def test_tables_and_pages_hold_everybody(graded):
    summary, expected, _ = graded
    with open(summary.out / "results.csv", newline="") as file:
        long = list(csv.DictReader(file))
    assert len(long) == 2 * len(expected)
    assert {row["student"].lstrip("'") for row in long} == set(expected)
    assert next(row for row in long if row["student"] == "forgot")["mistake"] == "average__forgot_to_divide"
    with open(summary.out / "summary.csv", newline="") as file:
        wide = {row["student"]: row for row in csv.DictReader(file)}
    assert wide["solution"]["total"] == "100"
    assert wide["blank"]["total"] == "0"
    assert wide["forgot"]["total"] == "60"
    assert len(list((summary.out / "feedback").glob("*.html"))) == len(expected)


@pytest.mark.slow
def test_flags_tell_what_was_found(graded):
    rows = {name: rows_of(graded[0], name)["90.1"] for name in ("cheater", "dora", "colab")}
    flags = {name: "; ".join(row["flags"]) for name, row in rows.items()}
    assert "check-90-1 was edited (not used)" in rows["cheater"]["about_file"]
    assert "points of check-90-1 were edited (not used)" in rows["cheater"]["about_file"]
    assert "turned into markdown" in flags["dora"]
    assert "found by anchor" in flags["colab"]


@pytest.mark.slow
def test_nothing_hidden_is_in_what_students_get(graded, built):
    summary, _, _ = graded
    bundle = json.loads((built / "course_lib/lab/bundles" / f"{LAB}.json").read_text())["exercises"]
    values = [run["values"]["mean"]["value"] for run in bundle["90.1"]["reference"]]
    assert len(values) == 3
    pages = {page.name: page.read_text() for page in (summary.out / "feedback").iterdir()}
    for secret in ("isfinite", "def probe", *map(str, values)):
        assert secret not in "".join(pages.values())
    # one of the files is the solution itself, and a page shows what was handed in
    assert "HELPER" not in "".join(text for name, text in pages.items() if not name.startswith("solution-"))


@pytest.mark.slow
def test_grading_again_grades_nothing_and_changes_nothing(graded, built, monkeypatch):
    summary, _, folder = graded
    before = {
        p: (p.read_bytes(), p.stat().st_mtime_ns)
        for r in ("attempts", "originals")
        for p in (summary.out / r).iterdir()
    }
    monkeypatch.setattr(run, "run", lambda *a, **k: pytest.fail("a kernel was started"))
    again = grading.grade(LAB, folder, summary.out, root=built)
    assert again.rows == summary.rows
    assert (again.graded, again.resumed) == (0, len(list((summary.out / "attempts").glob("*-1.json"))))
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in before} == before
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o444 for p in (summary.out / "originals").iterdir())


@pytest.mark.slow
def test_no_kernel_is_left(graded):
    import psutil

    left = [p for p in psutil.process_iter(["cmdline"]) if "course-run-" in " ".join(p.info["cmdline"] or [])]
    assert left == []


@pytest.mark.slow
def test_a_dead_kernel_is_noticed_at_once(built):
    known = batch.load(built, LAB)
    seeds = {"90.1": [0], "90.2": [0]}
    work = run.cells(
        known.solution, {"90.1": "import os\nos._exit(1)", "90.2": ANSWERS["90.2"]}, known.bundle, seeds
    )
    for cell in work:
        cell["timeout_s"] = 120
    started = time.monotonic()
    result = run.run(work, known.bundle)
    line = result.of("answer", "90.1")
    assert line["status"] == "kernel_died"
    assert line["seconds"] < 10  # of 120, also on a busy machine
    assert time.monotonic() - started < 60
    assert result.of("emit", "90.2")["status"] == "ok"  # in a new kernel


@pytest.mark.slow
def test_the_deadline_of_the_notebook_ends_many_slow_cells(built):
    known = batch.load(built, LAB)
    answers = {
        "90.1": "import time\ntime.sleep(2.5)\naverage = len",
        "90.2": "time.sleep(2.5)\nunit_rows = len",
    }
    work = run.cells(known.solution, answers, known.bundle, {"90.1": [0], "90.2": [0]})
    result = run.run(work, known.bundle, deadline=3.0)
    assert [line["status"] for line in result.lines][-1] == "not_run"
    assert "whole notebook" in result.lines[-1]["reason"] + result.lines[-2]["reason"]


@pytest.mark.slow
def test_a_reference_that_changed_stops_grading_with_a_sentence(course, tmp_path):
    save(student(course), tmp_path / "in" / "alice.ipynb")
    edit(course / "labs" / "solutions" / f"{LAB}.ipynb", "collected / len(numbers)", "collected / 7")
    with pytest.raises(
        GraderError, match=r"Exercise 90\.1: the solution no longer gives the values in the bundle"
    ):
        grading.grade(LAB, tmp_path / "in", tmp_path / "out", root=course, allow_unsandboxed=True)
