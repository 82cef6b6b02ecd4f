"""Intake: everything is copied first, under its hash, and every file becomes a submission of somebody."""

import os
import stat

import pytest

from course_lib.grading.keeping import intake, ledger
from course_lib.grading.keeping.ledger import GraderError
from course_lib.grading.keeping.owners import owners


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    with ledger.opened(folder, "90_tiny"):
        yield folder


def put(folder, name, text="{}"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_files_and_folders_become_students(tmp_path, out):
    folder = tmp_path / "in"
    for name in (
        "alice.ipynb",
        "bob/90_tiny.ipynb",
        "carol.ipynb",
        "carol (1).ipynb",
        ".hidden.ipynb",
        "bob/.ipynb_checkpoints/x",
    ):
        put(folder, name, name)
    found = intake.take_all(folder, out)
    assert [(one.student, one.file) for one in found] == [
        ("alice", "alice.ipynb"),
        ("bob", "bob/90_tiny.ipynb"),
        ("carol", "carol (1).ipynb"),
        ("carol", "carol.ipynb"),
    ]
    assert found[2].flags == ("needs_review: taken for a browser's copy, as a file of carol is there too",)
    assert not any(one.flags for one in found if one is not found[2])


def test_originals_are_whole_read_only_and_written_once(tmp_path, out):
    folder = tmp_path / "in"
    put(folder, "alice.ipynb", "same")
    put(folder, "bob.ipynb", "same")
    alice, bob = intake.take_all(folder, out)
    assert alice.sha == bob.sha
    (original,) = (out / "originals").iterdir()
    assert original.read_text() == "same"
    assert stat.S_IMODE(original.stat().st_mode) == 0o444
    assert intake.original(out, alice.sha) == b"same"


def test_a_second_version_is_added_and_the_first_stays(tmp_path, out):
    folder = tmp_path / "in"
    put(folder, "alice.ipynb", "one")
    intake.take_all(folder, out)
    before = {path: path.read_bytes() for room in ("originals", "intake") for path in (out / room).iterdir()}
    assert len(before) == 2
    put(folder, "alice.ipynb", "two")
    found = intake.take_all(folder, out)
    assert [one.student for one in found] == ["alice", "alice"]
    assert {intake.original(out, one.sha) for one in found} == {b"one", b"two"}
    assert intake.take_all(folder, out) == found
    assert all(path.read_bytes() == data for path, data in before.items())


def test_links_other_files_and_large_ones_are_rows_with_a_reason(tmp_path, out, monkeypatch):
    folder = tmp_path / "in"
    put(folder, "alice.txt")
    put(folder, "large.ipynb", "x" * 100)
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.ipynb")
    monkeypatch.setattr(intake, "LARGEST_FILE", 50)
    found = {one.student: one.reason for one in intake.take_all(folder, out)}
    assert found == {
        "alice": "this is not a notebook (.ipynb)",
        "large": "the file has 0 MB; at most 20 are read. "
        "Clear the outputs of the notebook, save it and hand it in again",
        "link": "this is a link",
        "loop": "this is a link",
        "pipe": "this is no plain file",
    }
    assert "root:" not in "".join(p.read_text() for p in (out / "originals").iterdir())


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path, out):
    with pytest.raises(GraderError, match="There is no folder"):
        intake.take_all(tmp_path / "nowhere", out)


@pytest.mark.parametrize(
    ("name", "advice"), [("alice.ipynb", "put it into a folder"), ("all.zip", "unpack it into a folder")]
)
def test_a_file_in_place_of_the_folder_is_told_as_what_it_is(tmp_path, out, name, advice):
    file = put(tmp_path, name)
    with pytest.raises(GraderError, match=rf"{name} is a file; a folder is expected .*: {advice} of its own"):
        intake.take_all(file, out)


def test_a_file_that_is_too_large_twice_is_one_file(tmp_path, out, monkeypatch):
    monkeypatch.setattr(intake, "LARGEST_FILE", 50)
    for moment, size in enumerate((2_000_000, 3_000_000), start=1):
        os.utime(put(tmp_path / "in", "large.ipynb", "x" * size), (moment, moment))
        found = intake.take_all(tmp_path / "in", out)
    assert [one.reason.partition(";")[0] for one in found] == ["the file has 3 MB"]
    assert len(list((out / "intake").iterdir())) == 2


def test_archives_and_notebooks_under_other_names_are_taken(tmp_path, out):
    folder = tmp_path / "in"
    put(folder, "alice.zip", "PK")
    put(folder, "bob.ipynb.txt", '{"cells": []}')
    put(folder, "carol.IPYNB")
    taken = intake.take_all(folder, out)
    assert [one.student for one in taken] == ["alice", "bob", "carol"]
    found = {one.file: (one.reason, one.flags) for one in taken}
    assert found == {
        "alice.zip": ("", ()),
        "bob.ipynb.txt": ("", ("a notebook under another name",)),
        "carol.IPYNB": ("", ()),
    }


def test_names_that_are_no_text_stay_apart(tmp_path, out):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (b"\xff.ipynb", b"\xfe.ipynb"):
        with open(os.path.join(os.fsencode(folder), name), "w") as file:
            file.write("same")
    assert [one.student for one in intake.take_all(folder, out)] == ["\\udcfe", "\\udcff"]


def test_one_name_in_two_ways_of_writing_accents_is_one_student(tmp_path, out):
    folder = tmp_path / "in"
    put(folder, "Andr\u00e9.ipynb", "one")
    put(folder, "Andre\u0301/lab.ipynb", "two")
    assert [one.student for one in intake.take_all(folder, out)] == ["Andr\u00e9"] * 2


def test_what_a_loss_of_power_damaged_is_written_anew(tmp_path, out):
    folder = tmp_path / "in"
    put(folder, "alice.ipynb", "the answer")
    (one,) = intake.take_all(folder, out)
    (record,), (original,) = (out / "intake").iterdir(), (out / "originals").iterdir()
    original.chmod(0o644)
    for path in (record, original):
        path.write_text("")
    with pytest.raises(GraderError, match="is damaged, so it is not known whose file this was"):
        intake.known(out)
    with pytest.raises(GraderError, match="is damaged; hand the file in again"):
        intake.original(out, one.sha)
    assert intake.take_all(folder, out) == [one]
    assert intake.original(out, one.sha) == b"the answer"


def test_a_version_that_comes_back_is_the_newest_again(tmp_path, out):
    folder = tmp_path / "in"
    for moment, text in enumerate(("one", "two", "one"), start=1):
        os.utime(put(folder, "alice.ipynb", text), (moment, moment))
        found = intake.take_all(folder, out)
    assert [(intake.original(out, one.sha), one.modified) for one in found] == [(b"two", 2.0), (b"one", 3.0)]
    os.utime(folder / "alice.ipynb", (9, 9))  # copied without its time: it is still the same version
    assert intake.take_all(folder, out) == found


def students(folder, out, *names):
    """{file: student} after these files were handed in."""
    for name in names:
        put(folder, name, name)
    return {one.file: one.student for one in intake.take_all(folder, out)}


def test_a_later_version_from_canvas_is_the_same_students(tmp_path, out):
    first = students(tmp_path / "in", out, "doejane_123_456_mine.ipynb", "doejane_124_457_mine.ipynb")
    assert set(first.values()) == {"doejane_123", "doejane_124"}
    later = (
        "doejane_LATE_123_999_mine-1.ipynb",
        "doejane_123_998_readme.txt",
        "doejane_123_456_mine (1).ipynb",
    )
    found = students(tmp_path / "in", out, *later)
    assert {found[name] for name in later} == {"doejane_123"}
    assert not any(one.flags for one in intake.known(out))
    put(tmp_path / "in", "doejane_123_1001_other.ipynb", "o")
    flags = {one.file: one.flags for one in intake.take_all(tmp_path / "in", out)}
    assert flags["doejane_123_1001_other.ipynb"] == (
        "needs_review: notebooks of different names (mine, other) are of doejane_123",
    )


def test_names_that_only_look_like_those_of_canvas_stay_apart(tmp_path, out):
    names = ("lab_03_2024_anna", "lab_03_2024_ben", "hw_3_1_cleo", "hw_4_1_cleo", "03_contrastive_dora")
    found = students(tmp_path / "in", out, *(f"{name}.ipynb" for name in names))
    assert set(found.values()) == set(names)


def test_the_folders_that_moodle_makes_of_one_hand_in_are_one_students(tmp_path, out):
    names = (
        "Ada Byron_123_assignsubmission_file/lab.ipynb",
        "Ada Byron_123_assignsubmission_onlinetext/onlinetext.html",
        "Bo Lee_124_assignsubmission_file_/my lab-2.ipynb",
        "Cy Ray_125_assignsubmission_file_my lab-2.ipynb",  # without folders
    )
    found = students(tmp_path / "in", out, *names)
    assert [found[name] for name in names] == ["Ada Byron_123", "Ada Byron_123", "Bo Lee_124", "Cy Ray_125"]
    assert not any(one.flags for one in intake.known(out))


def test_who_was_taken_under_the_name_of_a_moodle_folder_keeps_it():
    file = "Ada Byron_123_assignsubmission_{}/lab.ipynb"
    before = {file.format("file"): "Ada Byron_123_assignsubmission_file"}
    found = owners([file.format("file"), file.format("onlinetext")], before)
    assert {student for student, _ in found.values()} == {"Ada Byron_123_assignsubmission_file"}


def test_two_students_told_apart_by_a_number_stay_two(tmp_path, out):
    found = students(tmp_path / "in", out, "Max Meier (1).ipynb", "Max Meier (2).ipynb", "Eva (3)/lab.ipynb")
    assert set(found.values()) == {"Max Meier (1)", "Max Meier (2)", "Eva (3)"}
    assert not any(one.flags for one in intake.known(out))
    # the one without a number comes later: nobody changes, and a person is asked to look
    found = students(tmp_path / "in", out, "Max Meier.ipynb", "Max Meier (1).ipynb")
    assert found["Max Meier (1).ipynb"] == "Max Meier (1)"
    put(tmp_path / "in", "Max Meier (1).ipynb", "changed")
    assert {one.student for one in intake.take_all(tmp_path / "in", out) if "(1)" in one.file} == {
        "Max Meier (1)"
    }
    (plain,) = (one for one in intake.known(out) if one.student == "Max Meier")
    assert plain.flags == (
        "needs_review: not joined with Max Meier (1), Max Meier (2), taken earlier as another student",
    )


def test_a_copy_is_one_also_if_the_plain_file_was_handed_in_earlier(tmp_path, out):
    students(tmp_path / "in", out, "mine.ipynb")
    (tmp_path / "in" / "mine.ipynb").unlink()
    assert set(students(tmp_path / "in", out, "mine (1).ipynb", "mine (1) (1).ipynb").values()) == {"mine"}
