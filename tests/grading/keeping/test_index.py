"""The tables: the same as the files, rebuilt whenever they are missing or damaged, never in the way."""

import json
import sqlite3

import pytest

from course_lib.grading.keeping import intake, ledger, overrides
from course_lib.grading.keeping.index import Index


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("alice", "bob"):
        (folder / f"{name}.ipynb").write_text("same")
    (folder / "carol.docx").write_text("x")
    with ledger.opened(tmp_path / "out", "90_tiny"):
        intake.take_all(folder, tmp_path / "out")
        yield tmp_path / "out"


def attempt(points, status="right", **more):
    row = {"exercise": "90.1", "points": points, "max": 40, "status": status, "reason": "", "mistake": ""}
    return {
        "rows": [{**row, "flags": ["a", "b"]}],
        "flags": [],
        "lost": "",
        "status": "graded",
        "isolation": "full",
    } | more


def tables(out):
    with sqlite3.connect(out / "index.sqlite") as connection:
        names = ("lab", "submission", "attempt", "check_result", "override", "standing")
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


def filled(out):
    """An index to which attempts were added one by one."""
    handed_in = intake.known(out)
    keys = {one: "k" for one in handed_in if not one.reason}
    index = Index(out)
    index.submissions("digest", handed_in, keys)
    index.attempt(ledger.store(out, "k", attempt(0, "not_run", lost="power")))
    index.attempt(ledger.store(out, "k", attempt(3, "timeout")))
    index.attempt(ledger.store(out, "k", attempt(40)))
    index.attempt(ledger.store(out, "older", attempt(7)))
    return index, handed_in, keys


def test_the_tables_hold_what_the_files_hold(out):
    index, _, _ = filled(out)
    assert index.standing() == 2  # alice and bob handed in the same file; carol's was no notebook
    index.close()
    found = tables(out)
    assert found["lab"] == [("90_tiny", "digest")]
    assert [row[0] for row in found["submission"]] == ["alice", "bob", "carol"]
    assert len(found["attempt"]) == 4
    assert {(row[0], row[3], row[5]) for row in found["standing"]} == {
        ("alice", "90.1", 40.0),
        ("bob", "90.1", 40.0),
    }
    assert json.loads(found["check_result"][0][-1]) == ["a", "b"]


@pytest.mark.parametrize("damage", ["deleted", "empty", "half", "nonsense"])
def test_a_lost_or_damaged_index_is_rebuilt_from_the_files(out, damage):
    index, handed_in, keys = filled(out)
    index.close()
    before, path = tables(out), out / "index.sqlite"
    data = path.read_bytes()
    path.unlink()
    if damage != "deleted":
        path.write_bytes({"empty": b"", "half": data[: len(data) // 2], "nonsense": b"x" * 9999}[damage])
    again = Index(out)
    again.submissions("digest", handed_in, keys)
    again.close()
    assert again.problem == ""
    assert tables(out) == before


def test_points_set_by_hand_stand(out):
    index, handed_in, keys = filled(out)
    index.close()
    rows = [{"student": "alice", "exercise": "90.1", "automatic": 40, "max": 40}]
    overrides.add(out, rows, "alice", "90.1", "5", "late", "B.")
    overrides.add(out, rows, "alice", "90.1", "7.5", "less late", "B.")
    again = Index(out)
    again.submissions("digest", handed_in, keys)
    again.close()
    assert {row[0]: row[5] for row in tables(out)["standing"]} == {"alice": 7.5, "bob": 40.0}
    assert len(tables(out)["override"]) == 2


def test_tables_that_cannot_be_written_stop_nothing(out, monkeypatch):
    def full(*arguments):
        raise sqlite3.OperationalError("database or disk is full")

    index = Index(out)
    monkeypatch.setattr(Index, "_insert", full)
    index.attempt(ledger.store(out, "k", attempt(40)))
    index.attempt(ledger.store(out, "k", attempt(40)))
    assert "disk is full" in index.problem
    assert index.standing() is None
    index.close()
    assert "disk is full" in Index(out).problem


def test_attempts_with_a_strange_shape_stop_nothing(out):
    (out / "attempts" / "x-1.json").write_text('{"rows": 3}')
    index = Index(out)
    index.close()
    assert index.problem
