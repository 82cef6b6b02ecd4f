"""What lies in a folder of submissions without a row is told, and so is a folder of several people."""

import pytest

from course_lib.grading.keeping import intake, ledger
from course_lib.grading.keeping.remarks import remarks


def said(tmp_path, *names, lab="90_tiny"):
    """The sentences about a folder with these files, and folders that end with "/"."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in names:
        path = folder / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text("{}")
    with ledger.opened(out, lab):
        return remarks(folder, intake.take_all(folder, out), lab)


def test_hidden_files_and_folders_without_a_file_are_told(tmp_path):
    assert said(tmp_path, "a.ipynb", ".dot/lab.ipynb", "b/.ipynb", "c/", "d/deep/") == [
        "2 hidden files were not taken: .dot/lab.ipynb, b/.ipynb.",
        "3 folders without a notebook: b, c, d.",
    ]


def test_one_is_told_as_one_and_many_are_cut(tmp_path):
    assert said(tmp_path, ".a\n.ipynb", *(f"{n}/" for n in range(7))) == [
        "1 hidden file was not taken: .a?.ipynb.",
        "7 folders without a notebook: 0, 1, 2, 3, 4 and 2 more.",
    ]


@pytest.mark.parametrize(
    "name", ["a/.ipynb_checkpoints/a.ipynb", ".DS_Store", "a/.DS_Store", "__MACOSX/._a.ipynb", "__MACOSX/"]
)
def test_what_systems_leave_behind_is_silent(tmp_path, name):
    assert said(tmp_path, "a/lab.ipynb", name) == []


@pytest.mark.parametrize(
    "names",
    [
        ("section1/anna.ipynb", "section1/ben.ipynb", "section1/cleo.ipynb"),
        ("section1/Anna Arnold.ipynb", "section1/ben.ipynb", "section1/jasmine_cleo.ipynb"),
        ("section1/anna/lab.ipynb", "section1/ben/lab.ipynb", "section1/cleo.zip"),
    ],
)
def test_a_folder_of_several_people_is_told(tmp_path, names):
    (sentence,) = said(tmp_path, "dora.ipynb", *names)
    assert sentence.startswith("3 notebooks of different names in section1 are taken for one student: anna")
    assert sentence.endswith("cleo. If they are several people's, put each of them beside that folder.")


@pytest.mark.parametrize(
    "names",
    [
        ("anna/lab.ipynb", "anna/anna.ipynb"),
        ("anna/mytiny.ipynb", "anna/beginning.ipynb"),
        ("anna/lab.ipynb", "anna/lab (1).ipynb"),
        ("anna/work.ipynb", "anna/work (1).ipynb", "anna/data.csv"),
        ("anna/version a/x.ipynb", "anna/version b/x.ipynb"),
        ("Anna_7_assignsubmission_file/anna.ipynb", "Anna_7_assignsubmission_file/ben.ipynb"),
    ],
)
def test_several_files_of_one_person_are_not(tmp_path, names):
    assert said(tmp_path, *names) == []
