"""Tables and pages: one row each, no formulas, no scripts, and the newest readable file counts."""

import csv

import pytest

from course_lib.grading import report


def row(student="alice", exercise="1.1", **changes):
    values = {
        "student": student,
        "file": f"{student}.ipynb",
        "sha": "s",
        "exercise": exercise,
        "points": 0,
        "max": 10,
    }
    return {**values, "status": "wrong", "reason": "", "mistake": "", "flags": [], "retry": False, **changes}


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "a,b", 'a"b', "a\nb", "Ünïcode", "-", "\t=1"])
def test_any_name_gives_a_valid_table_without_formulas(tmp_path, name):
    report.results([row(name), row("bob")], tmp_path / "r.csv")
    first, second = table(tmp_path / "r.csv")
    assert first["student"][:1] not in ("=", "+", "-", "@")
    assert first["student"].lstrip("'") == name.replace("\n", " ").replace("\t", " ").strip("'")
    assert second["student"] == "bob"


def test_the_summary_adds_up_per_student(tmp_path):
    rows = [
        row(points=10, status="right"),
        row(exercise="1.2", points=5, max=5),
        row("bob"),
        row("bob", "1.2", max=5),
    ]
    people = report.people(rows, {})
    report.summary(people, ["1.1", "1.2"], tmp_path / "s.csv")
    alice, bob = table(tmp_path / "s.csv")
    assert (alice["total"], alice["max"], alice["1.1"], alice["1.2"]) == ("15", "15", "10", "5")
    assert bob["total"] == "0"


def test_the_newest_file_that_could_be_graded_counts_and_the_others_are_told():
    rows = [row(sha="old", points=10), row(sha="new", points=3), row(sha="broken", status="unreadable")]
    times = {
        ("alice", "alice.ipynb", sha): time for sha, time in (("old", 1.0), ("new", 2.0), ("broken", 3.0))
    }
    (person,) = report.people(rows, times)
    assert person["total"] == 3
    assert person["flags"] == ["3 files, alice.ipynb counts"]
    (person,) = report.people([row(sha="broken", status="unreadable")], times)
    assert person["total"] == 0


def test_a_page_shows_text_as_text(tmp_path):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}"
    rows = [row(evil, reason=evil, flags=[evil], exercise=evil)]
    (person,) = report.people(rows, {})
    page = report.feedback(person, evil, tmp_path).read_text()
    assert "<script" not in page
    assert "<img" not in page
    assert "49" not in page
    assert page.count("&lt;script&gt;") >= 5
    assert "default-src 'none'" in page


def test_pages_of_different_students_never_meet():
    names = ["a/b", "a b", "../a", "a", "A", "", "..", "x" * 500]
    pages = {report.page_name(name) for name in names}
    assert len(pages) == len(names)
    assert all("/" not in page and not page.startswith(".") and len(page) < 100 for page in pages)
