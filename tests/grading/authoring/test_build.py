"""Building: same bytes in every process, nothing of a solution for students, a sentence for every fault."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import course_lib
from course_lib.grading.authoring import build, notebooks
from course_lib.lab import bundle as bundles

from ..conftest import LAB, answer, edit

LIBRARY = Path(course_lib.__file__).parents[1]
SOURCE, WRONG, RIGHT = (f"labs/{room}/{LAB}.py" for room in ("source", "wrong", "right"))


def files(root):
    """Every generated file and its bytes."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in (".ipynb", ".json")
    }


def read(root, name):
    return json.loads((root / name).read_text(encoding="utf-8"))


def test_what_a_student_gets(built):
    copy = read(built, f"labs/{LAB}.ipynb")
    text = json.dumps(copy)
    for secret in (
        "BEGIN SOLUTION",
        "collected",
        "np.maximum",
        "HIDDEN",
        "isfinite",
        "def probe",
        "Add them up",
    ):
        assert secret not in text
    assert all(cell.get("outputs", []) == [] for cell in copy["cells"])
    assert all(cell.get("execution_count") is None for cell in copy["cells"])
    first = "".join(copy["cells"][0]["source"])
    assert "colab.research.google.com/github/someone/tiny-course/blob/main/labs/90_tiny.ipynb" in first
    assert "".join(answer(copy, "90.2")["source"]).endswith(
        'lengths = ...  # (N, 1)\n    raise NotImplementedError("exercise 90.2: divide by the lengths")'
    )


def test_metadata_are_those_of_nbgrader_nbval_and_the_course(built):
    cells = {cell["id"]: cell for cell in read(built, f"labs/solutions/{LAB}.ipynb")["cells"]}
    grade = {"grade_id": "check-90-1", "grade": True, "locked": True, "points": 40, "schema_version": 3}
    assert cells["check-90-1"]["metadata"]["nbgrader"] == {**grade, "solution": False, "task": False}
    assert cells["check-90-1"]["metadata"]["tags"] == ["check", "nbval-check-output"]
    assert cells["answer-90-1"]["metadata"]["nbgrader"]["solution"] is True
    course = cells["answer-90-2"]["metadata"]["course"]
    assert (course["exercise"], course["rtol"], course["timeout_s"]) == ("90.2", 1e-5, 5.0)
    whole = read(built, f"labs/{LAB}.ipynb")["metadata"]["course"]
    assert (whole["lab"], whole["points"], whole["kind"]) == (LAB, 100, "student")


def test_nbformat_finds_the_notebooks_valid(built):
    import nbformat

    for name in (f"labs/{LAB}.ipynb", f"labs/solutions/{LAB}.ipynb", "lectures/90_talk.ipynb"):
        nbformat.validate(nbformat.read(built / name, as_version=4))


def test_solution_and_lecture_are_executed_and_the_checks_say_right(built):
    solution = read(built, f"labs/solutions/{LAB}.ipynb")
    said = ["".join(c["outputs"][0]["text"]) for c in solution["cells"] if c["id"].startswith("check-")]
    assert said == ["right - 3 of 3 probes. Next: the mean of many lists.\n", "right - 3 of 3 probes.\n"]
    talk = read(built, "lectures/90_talk.ipynb")["cells"]
    assert talk[0]["metadata"] == {"slideshow": {"slide_type": "slide"}}
    assert "two and two is 4" in "".join(talk[-1]["outputs"][0]["text"])


def test_the_bundle_holds_values_and_no_code_but_the_probes(built):
    bundle = read(built, f"course_lib/lab/bundles/{LAB}.json")
    entry = bundle["exercises"]["90.1"]
    assert [w["name"] for w in entry["wrong"]] == ["average__forgot_to_divide", "average__off_by_one"]
    assert entry["reference"][0]["values"]["one"] == {"kind": "float", "value": 3.5}
    assert entry["next"] == "Next: the mean of many lists."
    assert "sum(numbers)" not in json.dumps(bundle)


@pytest.mark.slow
def test_the_same_bytes_in_every_process(built, tmp_path):
    for seed in ("0", "4711"):
        root = tmp_path / seed
        for room in ("labs/source", "labs/wrong", "labs/right", "lectures/source"):
            shutil.copytree(built / room, root / room)
        shutil.copy(built / "pyproject.toml", root)
        code = "from course_lib.grading.authoring import build; "
        code += f"assert build.build({str(root)!r}, execute=False) == []"
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(LIBRARY)}
        subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)
    one, two = files(tmp_path / "0"), files(tmp_path / "4711")
    assert one == two
    same = [f"labs/{LAB}.ipynb", f"course_lib/lab/bundles/{LAB}.json"]
    assert {name: one[name] for name in same} == {name: files(built)[name] for name in same}


def test_a_clean_check_writes_nothing(built):
    before = {path: path.stat().st_mtime_ns for path in built.rglob("*")}
    assert build.build(built, check=True) == []
    assert {path: path.stat().st_mtime_ns for path in built.rglob("*")} == before


def change_notebook(path, change):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change(notebook)
    path.write_text(
        json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8"
    )


CHANGES = {
    "copy edited": (
        f"labs/{LAB}.ipynb",
        lambda n: n["cells"][3].update(source=["x"]),
        "labs/90_tiny.ipynb is not what",
    ),
    "copy executed": (
        f"labs/{LAB}.ipynb",
        lambda n: n["cells"][1].update(execution_count=1),
        "is not what its source",
    ),
    "bundle value": (
        f"course_lib/lab/bundles/{LAB}.json",
        lambda b: b["exercises"]["90.1"]["reference"][0]["values"]["one"].update(value=3.6),
        "bundles/90_tiny.json is not what its source gives",
    ),
    "solution edited": (
        f"labs/solutions/{LAB}.ipynb",
        lambda n: n["cells"][3].update(source=["average = 3"]),
        "labs/solutions/90_tiny.ipynb: cell 4 is not what its source gives",
    ),
    "not executed": (
        "lectures/90_talk.ipynb",
        lambda n: n["cells"][-1].update(execution_count=None, outputs=[]),
        "lectures/90_talk.ipynb: cell 3 was not executed in order",
    ),
    "wrong order": (
        "lectures/90_talk.ipynb",
        lambda n: n["cells"][-1].update(execution_count=7),
        "was not executed in order",
    ),
    "an error shown": (
        "lectures/90_talk.ipynb",
        lambda n: n["cells"][-1].update(
            outputs=[{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}]
        ),
        "cell 3 shows an error",
    ),
    "cell gone": ("lectures/90_talk.ipynb", lambda n: n["cells"].pop(), "has 2 cells, its source gives 3"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_check_finds_every_change_of_a_generated_file(course, change):
    name, edit_notebook, sentence = CHANGES[change]
    change_notebook(course / name, edit_notebook)
    found = build.build(course, check=True)
    assert any(sentence in problem for problem in found), found


def test_check_finds_missing_files_and_changed_sources(course):
    (course / f"labs/{LAB}.ipynb").unlink()
    (course / "lectures/90_talk.ipynb").unlink()
    assert build.build(course, check=True) == [
        "labs/90_tiny.ipynb is missing; run `course build`.",
        "lectures/90_talk.ipynb is missing or damaged; run `course build`.",
    ]
    edit(course / SOURCE, "# A tiny lab", "# A small lab")
    assert any(
        "made from another version" in p or "cell 1 is not" in p for p in build.build(course, check=True)
    )


@pytest.mark.slow
def test_outputs_are_kept_when_only_prose_changes_and_renewed_when_code_does(course):
    path = course / "lectures/90_talk.ipynb"
    change_notebook(path, lambda n: n["cells"][-1]["outputs"][0].update(text=["kept\n"]))
    edit(course / "lectures/source/90_talk.py", "# # A talk", "# # A better talk")
    assert build.build(course, ["lectures/90_talk"]) == []
    assert "kept" in path.read_text()
    assert "A better talk" in path.read_text()
    edit(course / "lectures/source/90_talk.py", "2 + 2", "2 + 3")
    assert build.build(course, ["lectures/90_talk"]) == []
    assert "two and two is 5" in path.read_text()


def test_a_change_of_prose_needs_no_execution_of_the_lab(course):
    edit(course / SOURCE, "# A tiny lab", "# A small lab")
    assert build.build(course, [f"labs/{LAB}"], execute=False) == []
    assert build.build(course, [f"labs/{LAB}"], check=True) == []


def test_last_digits_from_another_machine_do_not_change_the_bundle(course):
    path = course / f"course_lib/lab/bundles/{LAB}.json"
    bundle = json.loads(path.read_text())
    bundle["exercises"]["90.1"]["reference"][1]["values"]["one"]["value"] = 4.50000001
    path.write_text(bundles.text(bundle))
    before = path.read_bytes()
    assert build.build(course, [f"labs/{LAB}"], check=True) == []
    assert build.build(course, [f"labs/{LAB}"], execute=False) == []
    assert path.read_bytes() == before


MEAN, UNIT = "return collected / len(numbers)", "return matrix / np.maximum(lengths, HELPER)"
PROSE = "# Two exercises"  # a line of prose in the student copy
FAULTS = {
    "points": (SOURCE, "points=60", "points=50", "the points add up to 90; a lab has 100."),
    "no points": (SOURCE, "points=60", 'points="many"', "exercise 90.2 has points='many'"),
    "same as reference": (
        WRONG,
        "return sum(numbers)\n",
        "return sum(numbers) / len(numbers)\n",
        "average__forgot_to_divide gives the values of the reference",
    ),
    "two alike": (
        WRONG,
        "return sum(numbers) / max(len(numbers) - 1, 1)",
        "return sum(numbers) * 1.0",
        "average__forgot_to_divide and average__off_by_one give the same values",
    ),
    "right differs": (
        RIGHT,
        "np.mean(numbers)",
        "np.median(numbers)",
        "the right answer average__with_numpy",
    ),
    "reference raises": (SOURCE, MEAN, "return collected / 0", "stops with ZeroDivisionError"),
    "probe raises": (SOURCE, "draw = random.Random", "draw = rnadom.Random", "stops with NameError"),
    "no probe": (SOURCE, "def probe(", "def test(", "must define probe(answer, seed)"),
    "too much": (SOURCE, '"rows": rows', '"rows": np.zeros(20_000)', "more than 10,000 numbers"),
    "context fails": (SOURCE, "HELPER = 1e-12", "HELPER = 1 / 0", "stops with ZeroDivisionError"),
    "wrong cannot run": (WRONG, "import numpy as np", "import numpyy", "cannot be run, ModuleNotFoundError"),
    "leak in prose": (
        SOURCE,
        PROSE,
        f"# `{MEAN}`",
        "the solution of exercise 90.1 occurs in the student copy",
    ),
    "leak in a comment": (
        SOURCE,
        "HELPER = 1e-12",
        "HELPER = 1e-12  # np.sqrt( (matrix ** 2).sum(axis=1,keepdims=True) )\n#lengths = "
        "np.sqrt((matrix ** 2).sum(axis = 1, keepdims = True))",
        "the solution of exercise 90.2 occurs in the student copy",
    ),
    "leak as a string": (
        SOURCE,
        "HELPER = 1e-12",
        f"HELPER = 1e-12\nx = '{UNIT}'",
        "the solution of exercise 90.2 occurs in the student copy",
    ),
    "leak of hidden tests": (
        SOURCE,
        PROSE,
        "# assert np.isfinite(unit_rows(np.zeros((2, 2)))).all()",
        "the hidden tests of exercise 90.2 occurs in the student copy",
    ),
    "leak in a hint": (
        SOURCE,
        "# Then divide by how many there are.",
        f"# `{MEAN}`",
        "the solution of exercise 90.1 occurs in the bundle",
    ),
    "leak of a right answer": (
        SOURCE,
        PROSE,
        "# `return matrix / np.linalg.norm(matrix, axis=1)[:, None]`",
        "a right answer occurs in the student copy",
    ),
    "leak of a wrong answer": (
        SOURCE,
        PROSE,
        "# `return sum(numbers) / max(len(numbers) - 1, 1)`",
        "a wrong answer occurs in the student copy",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_lab_is_a_sentence_and_nothing_is_written(sources, fault):
    name, old, new, sentence = FAULTS[fault]
    edit(sources / name, old, new)
    found = build.build(sources, [f"labs/{LAB}"], execute=False)
    assert any(sentence in problem for problem in found), found
    assert files(sources) == {}


@pytest.mark.slow
def test_a_solution_that_fails_is_said_and_not_stored(course):
    before = files(course)
    edit(course / SOURCE, 'print("the mean', 'raise OSError("disk")\nprint("the mean')
    found = build.build(course, [f"labs/{LAB}"])
    assert found == ["labs/solutions/90_tiny.ipynb: cell 6 stops with OSError: disk"]
    assert files(course)[f"labs/solutions/{LAB}.ipynb"] == before[f"labs/solutions/{LAB}.ipynb"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("print(hex(0x7f1234567890))", "cell 3 shows an address in memory (0x7f1234567890)"),
        ("import pathlib; print(pathlib.Path.home() / 'x')", "cell 3 shows a folder of this machine"),
        ("import os; print(os.getcwd())", "cell 3 shows a folder of this machine"),
    ],
)
@pytest.mark.slow
def test_outputs_that_belong_to_this_machine_are_refused(sources, line, sentence):
    edit(sources / "lectures/source/90_talk.py", 'print("two and two is", 2 + 2)', line)
    found = build.build(sources, ["90_talk"])
    assert [p for p in found if sentence in p], found
    assert files(sources) == {}


@pytest.mark.slow
def test_progress_bars_warnings_and_widgets_are_not_stored(sources):
    line = (
        "import sys, ipywidgets, IPython.display\nprint('bar', file=sys.stderr)\nprint('a'); print('b')\n"
        "IPython.display.display(ipywidgets.IntSlider())"
    )
    edit(sources / "lectures/source/90_talk.py", 'print("two and two is", 2 + 2)', line)
    assert build.build(sources, ["90_talk"]) == []
    notebook = read(sources, "lectures/90_talk.ipynb")
    assert [output["text"] for output in notebook["cells"][-1]["outputs"]] == [["a\n", "b\n"]]
    assert "widgets" not in notebook["metadata"]


def test_names_choose_and_unknown_names_are_sentences(course):
    assert [p.stem for p in build.sources(course)] == [LAB, "90_talk"]
    assert [p.stem for p in build.sources(course, [f"labs/{LAB}", LAB])] == [LAB]
    with pytest.raises(FileNotFoundError, match=r"no source for '04_masked'.*there are: 90_talk, 90_tiny"):
        build.build(course, ["04_masked"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[tool.course]\nrepository = "a/b"\nbranch = "x"\n[tool.ruff]\n', {"name": "a/b", "branch": "x"}),
        ('[tool.course]\nrepository = "https://github.com/a/b"', {"name": "a/b", "branch": "main"}),
        ('[tool.course]\n[tool.other]\nrepository = "a/b"', None),
        ("", None),
    ],
)
def test_the_repository_of_the_badge(tmp_path, text, expected):
    (tmp_path / "pyproject.toml").write_text(text)
    assert notebooks.repository_of(tmp_path) == expected
