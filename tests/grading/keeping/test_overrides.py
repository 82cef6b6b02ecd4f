"""Points set by hand: they need a reason and a name, outlive everything, and can be taken back."""

import json

import pytest

from course_lib.grading.keeping import overrides
from course_lib.grading.keeping.ledger import GraderError


@pytest.fixture
def out(tmp_path):
    (tmp_path / "overrides").mkdir()
    return tmp_path


def rows(points=30):
    common = {"exercise": "90.1", "max": 40, "flags": [], "points": points}
    found = [{**common, "student": name} for name in ("alice", "bob")]
    overrides.apply(found, {})
    return found


def decide(out, points, student="alice", exercise="90.1", reason="late", by="B."):
    return overrides.add(out, rows(), student, exercise, points, reason, by)


def test_the_last_decision_counts_and_all_are_kept(out):
    for points in ("5", "7.5", "12"):
        decide(out, points)
    assert [one.points for one in overrides.current(out).values()] == [12]
    assert len(list((out / "overrides").iterdir())) == 3
    decide(out, "automatic")
    assert overrides.current(out) == {}
    assert len(list((out / "overrides").iterdir())) == 4


def test_rows_get_the_points_and_keep_the_automatic_ones(out):
    decide(out, "40")
    found = rows()
    overrides.apply(found, overrides.current(out))
    alice, bob = found
    assert (alice["points"], alice["automatic"], alice["flags"]) == (40, 30, ["points set by hand: late"])
    assert (bob["points"], bob["automatic"], bob["flags"]) == (30, 30, [])


def test_automatic_points_that_moved_since_are_told(out):
    decide(out, "40")
    found = rows(points=0)
    overrides.apply(found, overrides.current(out))
    assert found[0]["points"] == 40
    assert "the automatic points went from 30 to 0 since then" in found[0]["flags"]


TIMES = {("alice", "a.ipynb", "first"): 100.0, ("alice", "a.ipynb", "second"): 200.0}


def of_file(sha, points):
    return [{**row, "file": "a.ipynb", "sha": sha} for row in rows(points)]


@pytest.mark.parametrize(
    ("set_for", "now", "automatic", "told"),
    [
        ("first", "second", 40, "for an older hand-in"),
        ("first", "second", 30, "for an older hand-in"),  # as before, but for other work
        ("first", "first", 40, "before the lab was graded again"),
        ("first", "first", 30, ""),
        ("first", "second", 10, ""),
        ("second", "first", 40, ""),  # the older file, which does not count
        (None, "second", 40, "for an older attempt"),
        (None, "second", 30, ""),
    ],
)
def test_a_newer_attempt_that_would_get_more_than_was_set_by_hand_asks_for_a_look(
    out, set_for, now, automatic, told
):
    overrides.add(out, of_file(set_for, 30), "alice", "90.1", "10", "copied", "B.")
    alice = of_file(now, automatic)[0]
    overrides.apply([alice], overrides.current(out), TIMES)
    assert (alice["points"], alice["automatic"]) == (10, automatic)
    review = [flag for flag in alice["flags"] if flag.startswith("needs_review: ")]
    assert len(review) == bool(told)
    if told:
        assert (
            f"10 points of exercise 90.1 were set by hand {told}; automatic would be {automatic}" in review[0]
        )
        assert review[0].endswith("now. Decide which counts, with `course override`")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"student": "carol"}, "There is no student 'carol'"),
        ({"student": "ALI"}, "did you mean alice"),
        ({"exercise": "9"}, "There is no exercise '9'; there are: 90.1."),
        ({"points": "41"}, "a number from 0 to 40"),
        ({"points": "-1"}, "a number from 0 to 40"),
        ({"points": "nan"}, "a number from 0 to 40"),
        ({"points": "ten"}, "a number from 0 to 40"),
        ({"reason": " "}, "needs a --reason"),
        ({"by": ""}, "needs a --reason"),
    ],
)
def test_what_cannot_be_decided_is_a_sentence(out, change, sentence):
    with pytest.raises(GraderError, match=sentence):
        decide(out, **{"points": "5", **change})
    assert list((out / "overrides").iterdir()) == []


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"student": "alice"}'])
def test_a_decision_that_was_damaged_is_never_passed_over(out, damage):
    decide(out, "5")
    (out / "overrides" / "000001.json").write_text(damage)
    with pytest.raises(GraderError, match=r"000001\.json is damaged.*give that `course override` again"):
        overrides.current(out)


@pytest.mark.parametrize(("points", "most", "counted"), [("40", 20, 20), ("40", 60, 40), ("5", 20, 5)])
@pytest.mark.parametrize("older", [False, True])
def test_points_at_most_that_changed_since_are_told_and_never_passed(out, points, most, counted, older):
    decide(out, points)
    path = out / "overrides" / "000001.json"
    if older:  # a record from before the maximum was written down
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "most"}))
    before = path.read_text()
    found = [{**row, "max": most} for row in rows(points=0)]
    overrides.apply(found, overrides.current(out))
    assert found[0]["points"] == counted
    told = [flag for flag in found[0]["flags"] if flag.startswith("needs_review")]
    then = "" if older else " of 40"
    said = f"needs_review: {points}{then} points of exercise 90.1 were set by hand, its maximum is {most} now"
    assert told == ([] if older and int(points) <= most else [f"{said}; {counted} are counted"])
    assert path.read_text() == before
