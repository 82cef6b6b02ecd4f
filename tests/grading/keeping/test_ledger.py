"""The ledger: everything is copied first, nothing is overwritten, nothing is lost."""

import json

import pytest

from course_lib.grading.keeping import ledger
from course_lib.grading.keeping.ledger import GraderError


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    with ledger.opened(folder, "90_tiny"):
        yield folder


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
    with pytest.raises(GraderError, match="the results of 90_tiny"), ledger.opened(done, "91_other"):
        pass
    assert json.loads((done / "lab.json").read_text()) == {"lab": "90_tiny"}


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GraderError, match="cannot be written"), ledger.opened(tmp_path / "file" / "out", "x"):
        pass


def row(status, points=0):
    return {"exercise": "90.1", "status": status, "points": points}


def attempt(*rows, lost=""):
    return {"lost": lost, "rows": list(rows), "status": "interrupted" if lost else "graded"}


def test_what_ran_out_of_time_is_run_once_more_and_both_are_kept(out):
    key = ledger.key("sha", "lab")
    ledger.store(out, key, attempt(row("timeout"), row("right", 60)))
    assert not ledger.finished(ledger.attempts(out, key))
    ledger.store(out, key, attempt(row("right", 40), row("right", 60)))
    tries = ledger.attempts(out, key)
    assert ledger.finished(tries)
    assert len(tries) == 2
    assert ledger.decisive(tries)["rows"][0]["points"] == 40
    ledger.store(out, ledger.key("other"), attempt(row("timeout")))
    ledger.store(out, ledger.key("other"), attempt(row("timeout")))
    assert ledger.finished(ledger.attempts(out, ledger.key("other")))


def test_a_run_that_broke_off_never_takes_the_place_of_one_that_did_not():
    slow, lost = attempt(row("timeout"), row("right", 60)), attempt(row("not_run"), lost="power")
    assert ledger.decisive([slow, lost]) == slow
    assert not ledger.finished([slow, lost])
    assert ledger.finished([slow, lost, lost])
    assert ledger.finished([lost, attempt(row("right"))])
    assert ledger.decisive([lost, lost]) == lost


def test_the_key_depends_on_all_that_decides_points(monkeypatch):
    base = ledger.key("sha", "digest", "environment", "600")
    others = [
        ledger.key("sha2", "digest", "environment", "600"),
        ledger.key("sha", "digest2", "environment", "600"),
    ]
    others += [
        ledger.key("sha", "digest", "environment2", "600"),
        ledger.key("sha", "digest", "environment", "9"),
    ]
    monkeypatch.setattr(ledger, "VERSION", "next")
    others.append(ledger.key("sha", "digest", "environment", "600"))
    assert len({base, *others}) == 6


def test_the_environment_is_python_and_what_can_change_a_value(monkeypatch):
    ledger.environment.cache_clear()
    before = ledger.environment()
    ledger.environment.cache_clear()
    monkeypatch.setattr(ledger.metadata, "version", lambda name: "2" if name == "numpy" else "1")
    assert ledger.environment() != before
    ledger.environment.cache_clear()


def test_a_damaged_marker_is_written_anew_and_a_foreign_folder_is_none(tmp_path):
    with ledger.opened(tmp_path / "out", "90_tiny"):
        (tmp_path / "out" / "lab.json").write_text("")
    with ledger.opened(tmp_path / "out", "90_tiny"):
        assert ledger.lab_of(tmp_path / "out") == "90_tiny"
    with pytest.raises(GraderError, match="is no grading folder"):
        ledger.lab_of(tmp_path)


def test_numbered_records_are_never_overwritten(tmp_path):
    first = ledger.add_numbered(tmp_path, {"a": 1})
    second = ledger.add_numbered(tmp_path, {"a": 2})
    first.unlink()
    third = ledger.add_numbered(tmp_path, {"a": 3})
    (tmp_path / "000004.json").write_text("{")
    assert [second.name, third.name] == ["000002.json", "000003.json"]
    assert ledger.numbered(tmp_path) == [{"a": 2}, {"a": 3}]
    assert ledger.add_numbered(tmp_path, {}).name == "000005.json"


def test_half_written_files_of_a_killed_grader_are_swept_away(tmp_path):
    with ledger.opened(tmp_path / "out", "90_tiny"):
        (tmp_path / "out" / "attempts" / ".x-1.json.a8f").write_text('{"rows"')
        (tmp_path / "out" / "attempts" / "x-1.json").write_text("{}")
    with ledger.opened(tmp_path / "out", "90_tiny"):
        assert [path.name for path in (tmp_path / "out" / "attempts").iterdir()] == ["x-1.json"]
