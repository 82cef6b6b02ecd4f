"""The grading commands, as an instructor types them: help, refusals and accidents are sentences."""

import errno
import fcntl
import os

import nbformat
import pytest

from course_lib import cli, files
from course_lib.grading import executors
from course_lib.grading.keeping import ledger
from course_lib.grading.reporting import report
from course_lib.grading.running import isolation, run
from course_lib.grading.walls import sandbox

from .conftest import LAB, save, student
from .fast import run_here


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(run, "run", run_here)
    monkeypatch.setattr(report.overview, "render", lambda *a: "")
    monkeypatch.setattr(isolation, "best", lambda: (sandbox.NAME, "full", "full: as if"))
    monkeypatch.setattr(executors, "Local", lambda workers: executors.Inline())


@pytest.fixture
def handed_in(built, tmp_path):
    save(student(built), tmp_path / "in" / "alice.ipynb")
    save(student(built, x90_1="# exercise 90.1\naverage = sum"), tmp_path / "in" / "bob.ipynb")
    return tmp_path / "in"


@pytest.fixture
def course_says(built, capsys):
    """Run the command line; gives (exit status, what it printed, its errors)."""

    def say(*arguments):
        status = cli.main(["--root", str(built), *map(str, arguments)])
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        assert output.err.count("\n") <= 1
        return status, output.out, output.err

    return say


def test_grade_override_and_regrade_from_the_command_line(course_says, handed_in, tmp_path):
    out = tmp_path / "out"
    status, said, _ = course_says("grade", LAB, handed_in, "--out", out)
    assert status == 0
    assert "2 submissions x 2 exercises = 4 rows, 4 written: nothing is missing." in said
    assert "Rows by isolation: 4 full." in said
    status, said, _ = course_says("override", out, "bob", "90.1", 10, "--reason", "nearly", "--by", "B.")
    assert (status, said) == (0, "bob, exercise 90.1: 10 points by hand (automatic: 0).\n")
    status, said, _ = course_says("regrade", LAB, out)
    assert status == 0
    assert "Nothing changed for anybody." in said


def test_a_source_that_was_changed_and_not_built_is_told_in_one_sentence(course, handed_in, tmp_path, capsys):
    def said(*arguments):
        assert cli.main(["--root", str(course), *map(str, arguments)]) == 0
        lines = capsys.readouterr().out.splitlines()
        return [line for line in lines if line.startswith(("labs/source/", "labs/wrong/"))]

    source, out = course / "labs" / "source" / f"{LAB}.py", tmp_path / "out"
    text = source.read_bytes()
    source.write_bytes(text)  # newer, and the same
    assert said("grade", LAB, handed_in, "--out", out) == []
    source.write_bytes(text + b"\n# changed\n")
    for command in (("grade", LAB, handed_in, "--out", out), ("regrade", LAB, out)):
        (sentence,) = said(*command)
        assert f"labs/source/{LAB}.py is not what the lab was built from" in sentence
        assert f"run `course build labs/{LAB}`" in sentence
    source.write_bytes(text)
    wrong = course / "labs" / "wrong" / f"{LAB}.py"
    mistakes = wrong.read_text()
    for changed in (mistakes.replace('"""', '"""Now then. ', 1), mistakes.encode("utf-16")):
        wrong.write_bytes(changed.encode() if isinstance(changed, str) else changed)
        (sentence,) = said("regrade", LAB, out)
        assert f"labs/wrong/{LAB}.py has other mistakes or hints than" in sentence
    wrong.write_text(mistakes + "\n# a comment\n")
    assert said("regrade", LAB, out) == []
    source.unlink()  # on a machine that only grades
    assert said("regrade", LAB, out) == []


def test_a_gradebook_is_filled_from_the_command_line(course_says, handed_in, tmp_path):
    course_says("grade", LAB, handed_in, "--out", tmp_path / "out")
    book, upload = tmp_path / "book.csv", tmp_path / "upload.csv"
    book.write_text("Student,ID,SIS Login ID,Section,Home 1 (7)\nA,1,alice,x,\nN,2,nora,x,5\n")
    arguments = ("export", tmp_path / "out", "--to", "canvas", "--gradebook", book, "--into", upload)
    status, said, _ = course_says(*arguments, "--column", "Home 1 (7)")
    assert status == 0
    assert upload.read_text() == book.read_text().replace("alice,x,", "alice,x,100")
    assert "no line of the gradebook fits: bob" in said
    assert f"Written: {upload}" in said


def test_an_old_lab_is_migrated_and_nothing_is_overwritten(course_says, tmp_path):
    kind = {"schema_version": 3, "grade_id": "add", "grade": False, "solution": True, "locked": False}
    source = "def add(a, b):\n    ### BEGIN SOLUTION\n    return a + b\n    ### END SOLUTION"
    cell = nbformat.v4.new_code_cell(source, metadata={"nbgrader": kind | {"task": False}})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "old.ipynb")
    into = tmp_path / "04_add.py"
    status, said, _ = course_says("migrate", tmp_path / "old.ipynb", "--into", into)
    assert status == 0
    assert "return a + b" in into.read_text()
    assert "course verify" in said
    status, _, error = course_says("migrate", tmp_path / "old.ipynb", "--into", into)
    assert status == 2
    assert "is there already" in error


@pytest.mark.parametrize("command", ["grade", "regrade", "override", "export", "migrate"])
def test_help_reads_well_and_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])
    text = capsys.readouterr().out
    assert stopped.value.code == 0
    assert f"example:\n  course {command} " in text
    assert "==SUPPRESS==" not in text
    assert max(map(len, text.splitlines())) <= 110


def test_runs_that_broke_off_are_told_by_the_exit_status(course_says, handed_in, tmp_path, monkeypatch):
    calls = []

    def breaks(work, bundle, **how):
        calls.append(1)
        return run_here(work, bundle) if len(calls) == 1 else run.Result([], "no power")

    monkeypatch.setattr(run, "run", breaks)
    status, said, _ = course_says("grade", LAB, handed_in, "--out", tmp_path / "out")
    assert status == 1
    assert "grade again to retry" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["grade", "91_none", "in", "--out", "out"], "no bundle for lab '91_none'"),
        (["grade", "91_none", "in", "--out", "out"], "(labs here: 90_tiny)"),
        (["grade", LAB, "nowhere", "--out", "out"], "There is no folder"),
        (["grade", LAB, "empty", "--out", "out"], "There is no file in"),
        (["grade", LAB, "in", "--out", "in/out"], "--out must lie outside the folder of submissions"),
        (["grade", LAB, "in", "--out", "file/out"], "cannot be written (Not a directory); name another"),
        (["grade", LAB, "in", "--out", "out", "--workers", "0"], "--workers and --deadline must be larger"),
        (["grade", LAB, "in", "--out", "out", "--deadline", "nan"], "1 and nan were given"),
        (["regrade", LAB, "out", "--deadline", "inf"], "1 and inf were given"),
        (["grade", LAB, "in", "--out", "out", "--executor", "ray"], "--executor ray is not known"),
        (["regrade", LAB, "empty"], "is no grading folder; name the --out folder of a `course grade`"),
        (["override", "empty", "a", "1", "1", "--reason", "r", "--by", "b"], "is no grading folder"),
        (["export", "empty", "--to", "long", "--into", "x.csv"], "is no grading folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(
    course_says, handed_in, tmp_path, monkeypatch, arguments, sentence
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    status, _, error = course_says(*arguments)
    assert status == 2
    assert sentence in error
    assert error.startswith(f"course {arguments[0]}: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; see the next test")
def test_a_folder_without_rights_is_a_sentence(course_says, handed_in, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert (
        "cannot be written" in course_says("grade", LAB, handed_in, "--out", tmp_path / "locked" / "out")[2]
    )


def test_an_output_folder_that_is_not_writable_is_a_sentence(course_says, handed_in):
    status, _, error = course_says("grade", LAB, handed_in, "--out", "/proc/results")
    assert status == 2
    assert "--out /proc/results cannot be written" in error


def test_a_second_grader_on_the_same_folder_is_turned_away(course_says, handed_in, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with open(out / ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, _, error = course_says("grade", LAB, handed_in, "--out", out)
        assert status == 2
        assert "Another grader is working in" in error
    assert course_says("grade", LAB, handed_in, "--out", out)[0] == 0


def test_a_full_disk_is_a_sentence_and_nothing_is_lost(course_says, handed_in, tmp_path, monkeypatch):
    def full(path, *rest):
        if path.parent.name == "attempts" and any(path.parent.glob("*.json")):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        files.write_whole(path, *rest)

    out = tmp_path / "out"
    monkeypatch.setattr(ledger, "write_whole", full)
    status, _, error = course_says("grade", LAB, handed_in, "--out", out)
    assert status == 2
    assert "Grading stopped: the disk is full" in error
    assert "What was graded is kept; make room and give the same command again" in error
    assert len(list((out / "attempts").glob("*.json"))) == 1
    monkeypatch.setattr(ledger, "write_whole", files.write_whole)
    status, said, _ = course_says("grade", LAB, handed_in, "--out", out)
    assert status == 0
    assert "1 graded now, 1 known from before" in said


def test_weak_isolation_needs_the_word(course_says, handed_in, tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "best", lambda: (None, "none", "none: bubblewrap is not installed."))
    status, _, error = course_says("grade", LAB, handed_in, "--out", tmp_path / "out")
    assert status == 2
    assert "here is none: bubblewrap is not installed. Only full is safe" in error
    assert "--allow-unsandboxed" in error
    status, said, _ = course_says("grade", LAB, handed_in, "--out", tmp_path / "out", "--allow-unsandboxed")
    assert status == 0
    assert "Rows by isolation: 4 none." in said


def test_names_of_files_cannot_steer_the_terminal(course_says, built, tmp_path):
    save(student(built), tmp_path / "in" / "a\x1b]0;evil\x07b.ipynb")
    _, said, _ = course_says("grade", LAB, tmp_path / "in", "--out", tmp_path / "out")
    assert "\x1b" not in said
    assert "a?]0;evil?b.ipynb" in said


def test_stopping_is_told_and_the_next_run_goes_on(built, handed_in, tmp_path, monkeypatch, capsys):
    calls = []

    def stops(work, bundle, **how):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run_here(work, bundle)

    monkeypatch.setattr(run, "run", stops)
    arguments = ["--root", str(built), "grade", LAB, str(handed_in), "--out", str(tmp_path / "out")]
    assert cli.main(arguments) == 130
    assert capsys.readouterr().err == "\ncourse grade: stopped.\n"
    assert cli.main(arguments) == 0
    assert "1 graded now, 1 known from before" in capsys.readouterr().out


def test_names_in_a_refusal_cannot_steer_the_terminal_either(course_says, built, tmp_path):
    save(student(built), tmp_path / "in" / "a\x1b]0;evil\x07b.ipynb")
    course_says("grade", LAB, tmp_path / "in", "--out", tmp_path / "out")
    arguments = ("override", tmp_path / "out", "evil", "90.1", 1, "--reason", "r", "--by", "b")
    status, _, error = course_says(*arguments)
    assert status == 2
    assert "did you mean a?]0;evil?b?" in error
    assert "\x1b" not in error
