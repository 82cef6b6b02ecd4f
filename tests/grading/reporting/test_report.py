"""Tables and pages: one row each, no formulas, no scripts, nothing hidden, the newest readable file."""

import csv
import itertools
import re
import time
from pathlib import Path

import pytest

from course_lib.grading.reporting import report, statistics, statuses
from course_lib.grading.reporting.pages import figures, student
from course_lib.grading.summary import Summary

from .. import classroom


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
    (flag,) = person["flags"]
    assert flag.startswith("3 files, alice.ipynb counts (alice.ipynb of 19")
    assert [part.split(": ")[1] for part in flag.rstrip(")").split("; ")] == [
        "the file could not be read", "3 points", "10 points",
    ]  # fmt: skip
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


def students_page(tmp_path, rows, **attempt):
    (person,) = report.people(rows, {})
    return report.feedback(person, classroom.LAB, tmp_path, attempt).read_text()


def test_a_page_holds_points_the_fitting_hint_and_the_own_answer_as_text(tmp_path):
    hint = "You have the sum. How many numbers are there?"
    answer = "def average(x):\n\treturn sum(x)  # <b>&amp;"
    rows = [row(reason=hint, mistake="average__sum"), row(exercise="1.2", points=10, status="right")]
    page = students_page(tmp_path, rows, answers={"1.1": answer, "1.2": "x = 2"})
    assert f'<p class="hint"><bdi>{hint}</bdi></p>' in page
    assert "<pre><code>def average(x):\n    return sum(x)  # &lt;b&gt;&amp;amp;</code></pre>" in page
    assert "x = 2" in page
    assert "10 of 20 points" in page
    assert "average__sum" not in page  # names of known mistakes are the instructor's


@pytest.mark.parametrize(("status", "changed", "times"), [
    ("unreadable", {}, 1), ("wrong_lab", {}, 1), ("error", {}, 2), ("unreadable", {"status": "error"}, 2),
    ("unreadable", {"flags": ["points set by hand: saw it on paper"], "points": 5}, 2),
])  # fmt: skip
def test_why_nothing_of_a_file_was_graded_is_said_once(status, changed, times):
    two = [row(exercise=name, status=status, reason="no <cells> are left", sha="") for name in ("1.1", "1.2")]
    two[1] |= changed
    (person,) = report.people(two, {})
    page = student.render(person, "lab")
    assert page.count("no &lt;cells&gt; are left") == times
    assert ("About your file" in page) == (times == 1)
    assert all(f"Exercise {name}: " in page for name in ("1.1", "1.2"))


@pytest.mark.parametrize("answers", [None, {}, {"1.1": None}, {"1.1": 7}, {"9.9": "x"}, {"1.1": " "}])
def test_a_page_without_known_answers_is_whole_too(tmp_path, answers):
    page = students_page(tmp_path, [row(status="blank", reason="not started")], answers=answers)
    assert "<pre>" not in page
    assert page.count("not started") == 2  # table and heading; not once more as a reason


def test_nothing_hidden_is_on_a_page_wherever_it_was_planted(tmp_path):
    secrets = {"seeds": [987654321], "expected": 3.14159, "inputs": ["PLANT-1"], "digest": "PLANT-2"}
    secrets |= {"values_digest": "PLANT-3", "probe": "PLANT-4", "mistake": "PLANT-5"}
    rows = [
        row(**secrets, status="error", reason="ValueError: 987654321 and 555444", flags=["saw 987654321"])
    ]
    known, _, _, _ = classroom.school(1)
    known.bundle["exercises"]["90.1"] |= {"reference": ["PLANT-6"], "seeds": [0], "hints": ["PLANT-7"]}
    attempt = {
        "sha": "s",
        "rows": rows,
        "lost": "PLANT-8",
        "seeds": {"1.1": [987654321, 12], "1.2": [555444]},
    }
    report.write_all(known, tmp_path, rows, report.people(rows, {}), [attempt])
    (page,) = (tmp_path / "feedback").iterdir()
    text = page.read_text()
    for secret in ("PLANT", "987654321", "3.14159", "555444", "seed"):
        assert secret not in text
    assert "ValueError: (hidden) and (hidden)" in text


def test_only_the_seed_itself_is_blackened(tmp_path):
    rows = [row(reason="12 of 5554441 entries, 1.555444, 555444.", status="error")]
    page = students_page(tmp_path, rows, seeds={"1.1": [12, 555444]})
    assert "12 of 5554441 entries, 1.555444, (hidden)." in page


def test_a_page_stays_small_whatever_was_handed_in(tmp_path):
    rows = [
        row(exercise=f"1.{n}", reason="r" * 100_000, flags=["f" * 100_000] * 500, student="n" * 100_000)
        for n in range(40)
    ]
    page = students_page(tmp_path, rows, answers={f"1.{n}": "<&>'\"" * 40_000 for n in range(40)})
    assert len(page.encode()) < 1_000_000
    assert "more characters)" in page


def test_signs_that_disguise_a_text_are_spelled_out(tmp_path):
    page = students_page(
        tmp_path, [row("a\u202eb\x00\x1b[31m\u200b")], answers={"1.1": "x = 1 \u2066# \u202e\r\ud800"}
    )
    assert not {*"\u202e\x00\x1b\u200b\u2066\ud800"} & {*page}
    assert "a\\u{202e}b\\u{0}\\u{1b}[31m\\u{200b}" in page


def test_pages_forbid_everything_but_their_own_style(tmp_path):
    known, rows, people, attempts = classroom.school(3)
    report.write_all(known, tmp_path, rows, people, attempts)
    for path in [tmp_path / "class.html", *(tmp_path / "feedback").iterdir()]:
        page = path.read_text()
        assert "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'" in page
        assert not re.search(
            r"<(script|iframe|object|embed|link|base|form|svg)|\son\w+=|(src|href)=.?(http|//|javascript)",
            page,
        )
        assert '<html lang="en">' in page
        heads = [int(level) for level in re.findall(r"<h(\d)", page)]
        assert heads[0] == 1
        assert heads.count(1) == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(heads))
        assert "<th>" not in page
        assert (
            "<img" not in page or len(re.findall(r'<img src="data:image/png[^>]* alt="[^"]{40,}"', page)) == 3
        )
    assert "img-src data:" in (tmp_path / "class.html").read_text()


def test_the_class_page_tells_an_instructor_what_to_look_at(tmp_path):
    known, rows, _, attempts = classroom.school(120, seed=5)
    hers = lambda name: [one for one in rows if one["student"] == name]  # noqa: E731
    for one in hers("student_001"):
        one |= {"status": "unreadable", "points": 0, "reason": "the file is empty", "mistake": ""}
    for one in hers("student_002"):
        one |= {"status": "not_run", "retry": True, "points": 0, "mistake": ""}
    for one in hers("student_003") + hers("student_004"):
        one["sha"] = "same"
    attempts[hers("student_005")[0]["sha"]]["status"] = "needs_review"
    for one in rows:
        one["isolation"] = "partial" if one["student"] == "student_006" else "full"
    people = report.people(rows, {})
    report.write_all(known, tmp_path, rows, people, attempts)
    page = (tmp_path / "class.html").read_text()
    found = statistics.of_class(people, dict.fromkeys(("90.1", "90.2", "90.3"), 20))
    assert found.left_out == 2
    assert "Left out of all numbers below, because no file could be graded: 2 students." in page
    assert "<strong>full</strong> (119 files), <strong>partial</strong> (1 file)" in page
    assert "Not graded to the end: 1 file; run the grader again." in page
    assert "ask these students for their notebook" in page
    assert "Answers to review: those of 4 students" in page  # every fortieth, and the one by its status
    assert 'href="feedback/student-001-' not in page  # named where it is needed, in the list of files
    assert "the file is empty" in page
    assert re.search(r"<strong>2 of 11\d students; rare in this class</strong>", page)
    sums = sum(item.mistakes.get("sum", 0) for item in found.items)
    assert f'<td>sum</td><td class="share">{sums} (' in page
    assert "You have the sum. How many numbers are there?" in page
    for item in found.items:
        assert f'<td class="share">{100 * item.difficulty:.0f} %</td>' in page
        assert f'<td class="share">{item.discrimination:.2f}'.rstrip("0") in page


def test_exercises_that_stand_out_are_named_worst_first(tmp_path):
    rows = []
    for number in range(40):
        able = number >= 20
        points = {"90.1": able, "90.2": able and number % 4 == 0, "90.3": not able and number % 8 == 0}
        rows += [
            row(f"s{number}", name, max=20, points=20 * right, status="right" if right else "wrong")
            for name, right in points.items()
        ]
    known, people = classroom.lab(), report.people(rows, {})
    report.write_all(known, tmp_path, rows, people)
    page = (tmp_path / "class.html").read_text()
    assert "frequent in 90.3 (37 of 40), 90.2 (35 of 40), 90.1 (20 of 40); a new wrong answer" in page
    assert "Hard: 90.3 (8 % right), 90.2 (12 % right)." in page
    assert re.search(r"Does not go along with the other exercises: 90\.3 \(correlation -0\.\d+\);", page)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_class_of_hardly_anybody_has_a_page(tmp_path, count):
    known, rows, people, attempts = classroom.school(count)
    report.write_all(known, tmp_path, rows, people, attempts)
    assert f"{count} student" in (tmp_path / "class.html").read_text()


def test_pictures_show_what_their_words_say():
    _, _, people, _ = classroom.school(50, seed=2)
    found = statistics.of_class(people, dict.fromkeys(("90.1", "90.2", "90.3"), 20))
    for draw, about in (
        (figures.scores, found),
        (figures.outcomes, found.items),
        (figures.difficulty, found.items),
    ):
        png, alt = draw(about)
        assert png.startswith(b"\x89PNG")
        assert draw(about) == (png, alt)  # the same numbers, the same bytes
    assert f"mean {found.mean:.1f} of 60 points" in figures.scores(found)[1]
    assert f"90.1: {100 * found.items[0].difficulty:.0f} % right" in figures.outcomes(found.items)[1]


def test_the_same_results_write_no_page_again(tmp_path):
    known, rows, people, attempts = classroom.school(5)
    report.write_all(known, tmp_path, rows, people, attempts)
    before = {
        path: path.stat().st_mtime_ns
        for path in [*tmp_path.glob("*.html"), *(tmp_path / "feedback").iterdir()]
    }
    before[tmp_path / "results.json"] = (tmp_path / "results.json").stat().st_mtime_ns
    people[2]["rows"][0] |= {"points": 1}
    report.write_all(known, tmp_path, rows, people, attempts)
    changed = [path for path, moment in before.items() if path.stat().st_mtime_ns != moment]
    assert sorted(path.name[:11] for path in changed) == ["class.html", "results.jso", "student-002"]


@pytest.mark.parametrize("shape", [dict, list, "several"])
def test_attempts_may_come_in_any_order_and_the_last_one_counts(tmp_path, shape):
    known, rows, people, attempts = classroom.school(2)
    older = [{**one, "answers": {"90.1": "older = 1"}} for one in attempts.values()]
    given = {
        dict: attempts,
        list: [*older, *attempts.values()],
        "several": {sha: [old, attempts[sha]] for sha, old in zip(attempts, older, strict=True)},
    }[shape]
    report.write_all(known, tmp_path, rows, people, given)
    for page in (tmp_path / "feedback").iterdir():
        assert "older" not in page.read_text()


def test_a_class_of_three_hundred_takes_seconds(tmp_path):
    known, rows, people, attempts = classroom.school(300, exercises=[f"3.{n}" for n in range(1, 9)])
    report.write_all(*classroom.school(1)[:1], tmp_path, rows[:8], people[:1])  # Matplotlib is loaded once
    started = time.process_time()
    report.write_all(known, tmp_path, rows, people, attempts)
    assert time.process_time() - started < 15  # about 3 on an idle machine
    assert len(list((tmp_path / "feedback").iterdir())) == 300


def test_an_error_that_calls_itself_a_defect_of_the_grader_is_none(tmp_path):
    known, rows, people, attempts = classroom.school(3)
    rows[0] |= {"status": "error", "reason": "grader: no points for me"}
    report.write_all(known, tmp_path, rows, people, attempts)
    assert "The grader itself failed" not in (tmp_path / "class.html").read_text()
    rows[0] |= {"status": "not_run", "reason": "grader: KeyError: 'x'"}
    report.write_all(known, tmp_path, rows, people, attempts)
    assert "The grader itself failed for 1 student" in (tmp_path / "class.html").read_text()


def test_a_blank_file_that_counts_over_one_with_answers_is_to_be_reviewed():
    rows = [row(file="full.ipynb", points=10, status="right"), row(file="blank.ipynb", status="blank")]
    times = {("alice", "full.ipynb", "s"): 1.0, ("alice", "blank.ipynb", "s"): 2.0}
    (person,) = report.people(rows, times)
    assert person["total"] == 0
    assert "needs_review: the file that counts is blank, an older one has answers" in person["flags"]
    assert "blank.ipynb of 19" in person["flags"][0]
    assert ": blank;" in person["flags"][0]
    summary = Summary("lab", Path("out"), people=[person], submissions=2)
    assert "1 student has an answer that a person should look at" in summary.text


def test_a_file_called_review_asks_nobody_to_look():
    assert not statuses.needs_review("the archive also holds peer_review.txt (not taken)")
    flagged = row(flags=["the archive also holds peer_review.txt (not taken)"])
    people = report.people([flagged], {})
    assert report.overview._review(people, {}) == 0


def test_flags_of_a_file_and_of_several_files_count_as_to_be_reviewed(tmp_path):
    known, rows, _, attempts = classroom.school(40, seed=5)
    before = report.overview._review(report.people(rows, {}), attempts)
    hers = next(one for one in rows if one["student"] == "student_007")
    hers["about_file"] = ["needs_review: taken for a browser's copy, as a file of anna is there too"]
    people = report.people(rows, {})
    assert report.overview._review(people, attempts) == before + 1
    people[9]["flags"] = [*people[9]["flags"], "needs_review: the file that counts is blank"]
    assert report.overview._review(people, attempts) == before + 2
    report.write_all(known, tmp_path, rows, people, attempts)
    assert f"Answers to review: those of {before + 2} students" in (tmp_path / "class.html").read_text()
