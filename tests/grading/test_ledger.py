"""The ledger: everything is copied first, nothing is overwritten, nothing is lost."""

import json
import os
import stat

import pytest

from course_lib.grading import ledger
from course_lib.grading.ledger import GraderError


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
        "carol (1).ipynb",
        ".hidden.ipynb",
        "bob/.ipynb_checkpoints/x",
    ):
        put(folder, name, name)
    found = ledger.intake(folder, out)
    assert [(one.student, one.file) for one in found] == [
        ("alice", "alice.ipynb"),
        ("bob", "bob/90_tiny.ipynb"),
        ("carol", "carol (1).ipynb"),
    ]
    assert found[2].flags == ("renamed by a browser",)


def test_originals_are_whole_read_only_and_written_once(tmp_path, out):
    folder = tmp_path / "in"
    put(folder, "alice.ipynb", "same")
    put(folder, "bob.ipynb", "same")
    alice, bob = ledger.intake(folder, out)
    assert alice.sha == bob.sha
    (original,) = (out / "originals").iterdir()
    assert original.read_text() == "same"
    assert stat.S_IMODE(original.stat().st_mode) == 0o444
    assert ledger.original(out, alice) == b"same"


def test_a_second_version_is_added_and_the_first_stays(tmp_path, out):
    folder = tmp_path / "in"
    put(folder, "alice.ipynb", "one")
    before = {path: path.read_bytes() for room in ("originals", "intake") for path in (out / room).iterdir()}
    ledger.intake(folder, out)
    put(folder, "alice.ipynb", "two")
    found = ledger.intake(folder, out)
    assert [one.student for one in found] == ["alice", "alice"]
    assert {ledger.original(out, one) for one in found} == {b"one", b"two"}
    assert ledger.intake(folder, out) == found
    assert all(path.read_bytes() == data for path, data in before.items())


def test_links_other_files_and_large_ones_are_rows_with_a_reason(tmp_path, out, monkeypatch):
    folder = tmp_path / "in"
    put(folder, "alice.txt")
    put(folder, "large.ipynb", "x" * 100)
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.ipynb")
    monkeypatch.setattr(ledger, "LARGEST_FILE", 50)
    found = {one.student: one.reason for one in ledger.intake(folder, out)}
    assert found == {
        "alice": "this is not a notebook (.ipynb)",
        "large": "the file has 0 MB",
        "link": "this is a link",
        "loop": "this is a link",
        "pipe": "this is no plain file",
    }
    assert "root:" not in "".join(p.read_text() for p in (out / "originals").iterdir())


def test_attempts_are_numbered_and_the_last_decides(out):
    key = ledger.key("sha", "lab")
    assert not ledger.finished(ledger.attempts(out, key))
    ledger.store(out, key, {"lost": "power", "rows": []})
    assert not ledger.finished(ledger.attempts(out, key))
    ledger.store(out, key, {"lost": "power again", "rows": []})
    assert ledger.finished(ledger.attempts(out, key))
    assert [one["number"] for one in ledger.attempts(out, key)] == [1, 2]
    other = ledger.key("sha", "another lab")
    ledger.store(out, other, {"lost": "", "rows": []})
    assert ledger.finished(ledger.attempts(out, other))


def test_a_damaged_attempt_counts_as_none(out):
    key = ledger.key("sha", "lab")
    (out / "attempts" / f"{key}-1.json").write_text('{"lost": ')
    assert ledger.attempts(out, key) == []
    ledger.store(out, key, {"lost": "", "rows": [1]})
    assert ledger.attempts(out, key)[-1]["rows"] == [1]
    assert (out / "attempts" / f"{key}-1.json").read_text() == '{"lost": '


def test_a_second_grader_and_another_lab_are_turned_away(out, tmp_path):
    with pytest.raises(GraderError, match="Another grader is working"), ledger.opened(out, "90_tiny"):
        pass
    done = tmp_path / "done"
    with ledger.opened(done, "90_tiny"):
        pass
    with pytest.raises(GraderError, match="results of another lab"), ledger.opened(done, "91_other"):
        pass
    assert json.loads((done / "lab.json").read_text()) == {"lab": "90_tiny"}


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GraderError, match="cannot be written"), ledger.opened(tmp_path / "file" / "out", "x"):
        pass
    with pytest.raises(GraderError, match="There is no folder"):
        ledger.intake(tmp_path / "nowhere", tmp_path)
