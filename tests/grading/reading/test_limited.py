"""The limited process: it gives what merging gives, and no file hurts the process that asked."""

import json
import resource
import time

import pytest

from course_lib.grading import reference
from course_lib.grading.reading import limited, merge, parse

from ..conftest import ANSWERS, LAB, answer, student
from .test_archive import info, zipped


@pytest.fixture
def lab(built):
    known = reference.load(built, LAB)
    return merge.outline(known.solution, known.student, known.bundle)


def test_the_child_gives_what_merging_gives(built, lab):
    notebook = student(built)
    answer(notebook, "90.1")["metadata"] = {}
    data = json.dumps(notebook).encode()
    assert limited.take_in_child(data, lab) == limited.take(data, lab)


def test_the_outline_holds_no_answer(built, lab):
    assert "collected" not in json.dumps(lab)
    assert "maximum" not in json.dumps(lab)


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"[" * 100_000, b'{"cells": ['])
def test_reasons_come_through(lab, data):
    with pytest.raises(parse.Unreadable) as there:
        limited.take(data, lab)
    with pytest.raises(parse.Unreadable) as here:
        limited.take_in_child(data, lab)
    assert str(here.value) == str(there.value)


def test_a_reader_that_cannot_begin_is_not_the_students_fault(lab, monkeypatch, tmp_path):
    (tmp_path / "course_lib").mkdir()
    (tmp_path / "course_lib" / "__init__.py").write_text("import a_package_that_is_not_there")
    monkeypatch.setattr(limited.course_lib, "__file__", str(tmp_path / "course_lib" / "__init__.py"))
    with pytest.raises(RuntimeError, match=r"reading the file: ModuleNotFoundError.*a_package_that_is_not"):
        limited.take_in_child(b'{"cells": []}', lab)


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        b'{"cells": [' + b"[],{}," * 3_000_000 + b"[]]}",  # millions of objects: far more memory than bytes
        b'{"cells": ["' + b"\\u0041" * 3_000_000 + b'"]}',
        b'{"cells": [], "x": [' + b"1e9," * 4_500_000 + b"1]}",
    ],
    ids=["objects", "escapes", "numbers"],
)
def test_a_file_made_to_use_up_memory_costs_this_process_nothing(lab, data):
    limited.take_in_child(b'{"cells": []}', lab)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    try:
        merged = limited.take_in_child(data, lab)
    except parse.Unreadable:
        merged = None
    assert merged is None or merged.wrong_lab
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 150_000  # kilobytes: copies of the 20 MB that are sent
    assert time.monotonic() - started < 100


def test_a_child_that_is_killed_is_an_unreadable_file(lab, monkeypatch, tmp_path):
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o700)
    monkeypatch.setattr(limited.sys, "executable", str(killed))
    with pytest.raises(parse.Unreadable, match="more time or memory than is allowed"):
        limited.take_in_child(b'{"cells": []}', lab)


@pytest.mark.parametrize("parts", [100, 12_000])
@pytest.mark.parametrize("magic", ["", "%time\n"])
def test_an_answer_whose_syntax_fills_the_memory_is_not_read_outside(built, lab, parts, magic):
    name = ".".join(["a" * (90_000 // parts)] * parts)
    source = f"{magic}{ANSWERS['90.1']}\nif 0:\n    import {name}"
    data = json.dumps(student(built, x90_1=source)).encode()
    if parts == 100:
        assert limited.take_in_child(data, lab).answers["90.2"].source == ANSWERS["90.2"]
        return
    with pytest.raises(parse.Unreadable, match=r"exercise 90\.1: reading the file takes more time or memory"):
        limited.take_in_child(data, lab)


def test_a_defect_of_ours_is_not_told_as_the_files(lab):
    with pytest.raises(RuntimeError, match="reading the file: KeyError: 'exercises'"):
        limited.take_in_child(b'{"cells": []}', {"lab": "x"})


def test_an_old_notebook_is_read_in_the_child_too(lab):
    cells = [{"cell_type": "code", "input": source} for source in ANSWERS.values()]
    merged = limited.take_in_child(json.dumps({"worksheets": [{"cells": cells}]}).encode(), lab)
    assert {name: one.source for name, one in merged.answers.items()} == ANSWERS


def test_nothing_beside_the_submissions_is_imported(lab, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert limited.take_in_child(b'{"cells": []}', lab).wrong_lab


def test_an_archive_gives_its_notebook_of_this_lab(built, lab):
    mine, other = student(built), student(built, x90_1="# exercise 90.1\naverage = 'other'")
    other["metadata"]["course"]["lab"] = "04_masked"
    data = zipped(
        (info("mine.ipynb", 2020), json.dumps(mine)), (info("other.ipynb", 2024), json.dumps(other))
    )
    merged = limited.take(data, lab)
    assert {name: one.source for name, one in merged.answers.items()} == ANSWERS
    assert merged.wrong_lab == ""
    assert merged.flags == []


def test_of_two_notebooks_of_the_lab_the_newer_is_taken_and_told(built, lab):
    old, new = student(built), student(built, x90_1="# exercise 90.1\naverage = 'new'")
    data = zipped((info("z.ipynb", 2020), json.dumps(old)), (info("a.ipynb", 2024), json.dumps(new)))
    merged = limited.take(data, lab)
    assert merged.answers["90.1"].source.endswith("'new'")
    assert merged.flags == ["2 notebooks of this lab in the archive, a.ipynb counts"]


def test_a_blank_notebook_does_not_hide_an_older_one_with_answers(built, lab):
    blank = json.loads((built / "labs" / f"{LAB}.ipynb").read_text())
    data = zipped(
        (info("mine.ipynb", 2020), json.dumps(student(built))), (info("blank.ipynb", 2024), json.dumps(blank))
    )
    assert limited.take(data, lab).answers["90.1"].source == ANSWERS["90.1"]


def test_a_member_that_is_too_large_is_not_called_empty(built, lab):
    large = ("large.ipynb", b" " * 40_000_000)
    said = "large.ipynb has 40 MB; at most 20 are read. Clear the outputs of the notebook"
    with pytest.raises(parse.Unreadable, match=f"in the archive can be read: {said}"):
        limited.take(zipped(large), lab)
    (flag,) = limited.take(zipped(large, ("lab.ipynb", json.dumps(student(built)))), lab).flags
    assert flag.startswith(f"not read in the archive: {said}")


def test_an_archive_without_a_readable_notebook_has_a_reason(lab):
    with pytest.raises(parse.Unreadable, match="no notebook in the archive can be read: the file is empty"):
        limited.take(zipped(("a.ipynb", "")), lab)
    with pytest.raises(parse.Unreadable, match="no notebook in the archive can be read"):
        limited.take(zipped(("a.ipynb", zipped(("b.ipynb", "x")))), lab)
