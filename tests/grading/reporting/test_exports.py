"""Exports: every name survives and none is a formula; a gradebook changes in one column and nowhere else."""

import csv
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course_lib.grading.reporting import exports, report, spreadsheet
from course_lib.grading.reporting.exports import people
from course_lib.grading.reporting.exports.rawcsv import RawTable

from ..classroom import LAB, lab, row

TRIGGERS = "=+-@＝＋－＠"
KINDS = ("long", "wide", "moodle", "nbgrader")


def folder(base, rows, **attempt):
    """A grading folder with these rows."""
    out = Path(base) / "out"
    attempts = [{"sha": one["sha"], "isolation": "full", **attempt} for one in rows]
    report.write_all(lab(), out, rows, report.people(rows, {}), attempts)
    return out


def graded(*students, points=20):
    """Rows of students, each (name, points of 90.1)."""
    rows = []
    for one in students:
        name, own = one if isinstance(one, tuple) else (one, points)
        for exercise in ("90.1", "90.2", "90.3"):
            mine = own if exercise == "90.1" else 0
            rows.append(row(name, exercise, points=mine, status="right" if mine == 20 else "wrong"))
    return rows


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def starts_a_formula(cell):
    """As a spreadsheet reads it, whichever sign it splits lines at."""
    seen = "".join(sign if sign not in ";|\t\r\n" else "," for sign in cell).split(",")
    invisible = "".join(map(chr, range(32))) + '\x7f\u00a0\u00ad\u200b\u200e\u200f\u202e\u2060\ufeff "'
    return cell[:1] in ("\t", "\r") or any(part.lstrip(invisible)[:1] in tuple(TRIGGERS) for part in seen)


hostile = st.lists(
    st.sampled_from([*TRIGGERS, *"'\";,|\t\r\n ", "\ufeff", "\u200b", "a", "cmd|' /C calc'!A0", "1"]),
    max_size=8,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))), hostile))
@example("'=x")
@example("''\t=1")
@example("a;=HYPERLINK(1)")
@example("\ufeff@x")
@example('"+1')
def test_any_text_survives_and_never_starts_a_formula(text):
    cell = spreadsheet.safe(text)
    assert not starts_a_formula(cell)
    assert spreadsheet.plain(cell) == text
    with tempfile.TemporaryDirectory() as base:
        path = Path(base) / "t.csv"
        spreadsheet.write(path, [["name", "n"], [text, -3.5]])
        assert table(path)[1] == [cell, "-3.5"]
        assert spreadsheet.read(path) == [{"name": text, "n": "'-3.5"[1:]}]


@settings(max_examples=40, deadline=None)
@given(hostile.filter(lambda name: name.strip()))
def test_any_name_survives_every_export(name):
    with tempfile.TemporaryDirectory() as base:
        rows = [{**one, "reason": name, "flags": [name]} for one in graded(name, "bob")]
        out = Path(base) / "out"
        out.mkdir()
        content = {"lab": name, "exercises": {"90.1": 20}, "isolation": [name], "rows": rows}
        listed = [{**one, "rows": [rows.index(r) for r in one["rows"]]} for one in report.people(rows, {})]
        (out / "results.json").write_text(json.dumps({**content, "people": listed}))
        for kind in KINDS:
            cells = [cell for line in table(exports.export(out, kind, Path(base) / kind)) for cell in line]
            assert not [cell for cell in cells if starts_a_formula(cell)]
            assert name in [spreadsheet.plain(cell) for cell in cells]
        folder_ = exports.export(out, "gradescope", Path(base) / "g")
        about = [json.loads(path.read_text())["extra_data"]["student"] for path in folder_.iterdir()]
        assert sorted(about) == sorted({name, "bob"})


def test_numbers_stay_numbers(tmp_path):
    out = folder(tmp_path, graded(("alice", 7.5)))
    (line,) = table(exports.export(out, "wide", tmp_path / "w.csv"))[1:]
    assert line[:9] == ["alice", "alice.ipynb", LAB, "7.5", "60", "7.5", "0", "0", "wrong"]


def test_long_has_a_row_per_student_and_exercise(tmp_path):
    out = folder(tmp_path, graded("alice", "bob"))
    head, *lines = table(exports.export(out, "long", tmp_path / "l.csv"))
    assert len(lines) == 6
    first = dict(zip(head, lines[0], strict=True))
    assert (first["student"], first["exercise"], first["points"], first["isolation"]) == (
        "alice", "90.1", "20", "full",
    )  # fmt: skip


def test_nbgraders_eleven_columns(tmp_path):
    out = folder(tmp_path, graded("ada@uni.edu"))
    one = {"student": "ada@uni.edu", "file": "ada@uni.edu.ipynb", "sha": row("ada@uni.edu")["sha"]}
    (out / "intake").mkdir()
    (out / "intake" / "1.json").write_text(json.dumps({**one, "modified": 86400.0}))
    (out / "intake" / "2.json").write_text("{")
    head, line = table(exports.export(out, "nbgrader", tmp_path / "n.csv"))
    assert ",".join(head) == (
        "assignment,duedate,timestamp,student_id,last_name,first_name,email,"
        "raw_score,late_submission_penalty,score,max_score"
    )
    expected = [
        LAB,
        "",
        "1970-01-02 00:00:00",
        one["student"],
        "",
        "",
        one["student"],
        "20.0",
        "0.0",
        "20.0",
        "60.0",
    ]
    assert line == expected


def test_moodle_has_grade_and_feedback_together(tmp_path):
    out = folder(tmp_path, graded("ada@uni.edu", "12345"))
    head, ada, other = table(exports.export(out, "moodle", tmp_path / "m.csv"))
    assert head == ["ID number", "Email address", "Grade", "Maximum grade", "Feedback comments"]
    assert sorted(line[:2] for line in (ada, other)) == [["", "ada@uni.edu"], ["12345", ""]]
    assert ada[2:4] == ["20", "60"]
    assert "90.1: 20 of 20, right | 90.2: 0 of 20, not right yet" in ada[4]


def test_gradescope_documents(tmp_path):
    out = folder(tmp_path, graded("alice", "bob"))
    both = json.loads(exports.export(out, "gradescope", tmp_path / "g.json").read_text())
    assert set(both) == {"alice", "bob"}
    one = both["alice"]
    assert one["score"] == sum(test["score"] for test in one["tests"]) == 20
    assert [test["max_score"] for test in one["tests"]] == [20, 20, 20]
    assert {test["visibility"] for test in one["tests"]} == {"visible"}
    single = folder(tmp_path / "single", graded("alice"))
    assert json.loads(exports.export(single, "gradescope", tmp_path / "r.json").read_text())["score"] == 20


CANVAS = (
    b"\xef\xbb\xbfStudent,ID,SIS User ID,SIS Login ID,Section,Quiz 90 (11),Lab 90: Made (12),Final Score\r\n"
    b",,,,,Manual Posting,,\r\n"
    b'"    Points Possible",,,,,10,100,(read only)\r\n'
    b'"Byron, Ada ",101,u1,ada@uni.edu,"S ""1"", a",  3,12,5\r\n'
    b'"M\xc3\xbcller, J\xc3\xb6rg",102,u2,jmueller,S1,=1+1,,5\r\n'
    b'"O\'Neil, Bo",103,u3,bo,"two\r\nlines",,"EX",5\r\n'
    b'"Twin, A",104,u4,tina,S1,,,\r\n'
    b'"Student, Test",105,,f00,S1,,,'
)


def cells_of(data):
    return RawTable(data).rows


def canvas(tmp_path, *students, data=CANVAS, column=None):
    """(bytes that came out, notes)."""
    out = folder(tmp_path, graded(*students))
    (tmp_path / "book.csv").write_bytes(data)
    said = []
    into = exports.export(
        out, "canvas", tmp_path / "filled.csv", tmp_path / "book.csv", column=column, say=said.append
    )
    assert (tmp_path / "book.csv").read_bytes() == data
    return into.read_bytes(), said


def test_canvas_changes_one_column_and_keeps_every_other_byte(tmp_path):
    filled, said = canvas(tmp_path, ("ada", 7.5), "jmueller", "103", "nobody")
    expected = CANVAS.replace(b",  3,12,5", b",  3,7.5,5").replace(b"=1+1,,5", b"=1+1,20,5")
    expected = expected.replace(b',,"EX",5', b",,20,5")
    assert filled == expected
    text = " ".join(said)
    assert 'The column "Lab 90: Made (12)" was filled for 3 of 5 students.' in text
    assert "no line of the gradebook fits: nobody" in text
    assert "without points here: Twin, A, Student, Test" in text
    assert "2 older, different scores were replaced: 103 (EX -> 20), ada (12 -> 7.5)." in text
    assert "The lab has 60 points, the gradebook says 100" in text
    assert (tmp_path / "filled-notes.txt").read_text().splitlines() == said


def test_of_many_replaced_scores_the_first_are_named(tmp_path):
    data = "Student,ID,SIS Login ID,Section,Lab 90 (1)\n"
    data += "".join(f"N,{n},login{n},A,1\n" for n in range(12))
    _, said = canvas(tmp_path, *(f"login{n}" for n in range(12)), data=data.encode())
    assert said[1].startswith("12 older, different scores were replaced: login0 (1 -> 20), login1 (1 -> 20)")
    assert said[1].endswith("login9 (1 -> 20) and 2 more.")
    _, said = canvas(tmp_path, "login3", data=data.encode())
    assert "1 older, different score was replaced: login3 (1 -> 20)." in said


def test_a_gradebook_that_nobody_fits_stays_as_it_is(tmp_path):
    assert canvas(tmp_path, "nobody")[0] == CANVAS


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.text("a\"',;= \r\né", max_size=6), min_size=2, max_size=4), min_size=1, max_size=5),
    st.sampled_from([",", ";"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_raw_table_gives_its_own_bytes_and_reads_as_csv_does(rows, delimiter, end):
    quoted = end.join(delimiter.join('"' + c.replace('"', '""') + '"' for c in line) for line in rows)
    data = f"A{delimiter}B{end}{quoted}".encode()
    read = RawTable(data)
    assert read.bytes() == data
    assert read.rows[1:] == rows
    read.put(1, 5, 'x"y')
    assert RawTable(read.bytes()).rows[1][5] == 'x"y'


@pytest.mark.parametrize(
    ("student", "line"),
    [
        ("ada@uni.edu", 1), ("ADA@UNI.EDU", 1), ("ada", 1), ("u1", 1), ("101", 1), ("Ada_Byron", 1),
        ("byron ada", 1), ("byronada_101_999_lab", 1), ("byronada_LATE_101_999_lab", 1),
        ("byronada_101", 1), ("byronada_102", 2), ("jmueller@uni.edu", 2),
        ("Jörg Müller", 2), ("Jo\u0308rg Mu\u0308ller", 2), ("Participant 7", 3),
        ("Bo O'Neil_7_assignsubmission_file_lab", 3), ("10", None), ("", None), ("u", None),
        ("mueller", None), ("byronada_999", None),
    ],
)  # fmt: skip
def test_names_find_their_line(student, line):
    lines = {1: ["ada@uni.edu", "u1", "101"], 2: ["jmueller", "u2", "102"], 3: ["bo", "u3", "Participant 7"]}
    names = {1: "Byron, Ada", 2: "Müller, Jörg", 3: "O'Neil, Bo"}
    platform = "Moodle" if "_assign" in student else "Canvas"
    numbers = {line: keys[2] for line, keys in lines.items()}
    found, failed = people.match([student], lines, names, platform, numbers)
    assert found == ({student: line} if line else {})
    assert bool(failed) == (line is None)


@pytest.mark.parametrize("student", ["smithbob_LATE_124_457_lab-1", "smithbob_124"])
def test_the_number_of_a_canvas_file_is_the_canvas_id_and_nobody_elses_other_number(tmp_path, student):
    head = b"Student,ID,SIS User ID,SIS Login ID,Section,Lab 90 (1)\n"
    data = head + b'"Smith, Bob",124,90124,bsmith,A,\n"Wrong, Person",5551,124,wperson,A,\n'
    filled, _ = canvas(tmp_path, student, data=data)
    assert filled == data.replace(b"bsmith,A,", b"bsmith,A,20")
    gone = data.replace(b"Bob,124", b"Bob,125").replace(b'Bob",124', b'Bob",125')
    filled, said = canvas(tmp_path, student, data=gone)
    assert filled == gone
    assert "no line of the gradebook has the number 124 of Canvas: " + student in " ".join(said)


@pytest.mark.parametrize("student", ["Ada Byron_7_assignsubmission_file", "Ada Byron_7"])
def test_the_number_of_a_moodle_folder_is_the_participant_and_nobody_elses_id_number(tmp_path, student):
    data = "Identifier,Full name,ID number,Email address,Grade\n"
    data += "Participant 7,Ada Byron,900,ada@uni.edu,\nParticipant 8,Bo Smith,7,bo@uni.edu,\n"
    out = folder(tmp_path, graded(student))
    (tmp_path / "sheet.csv").write_text(data)
    into = exports.export(out, "moodle", tmp_path / "f.csv", tmp_path / "sheet.csv")
    assert [line[4] for line in cells_of(into.read_bytes())[1:]] == ["20", ""]
    (tmp_path / "sheet.csv").write_text(data.replace("Participant 7", "Participant 17"))
    into = exports.export(out, "moodle", tmp_path / "f.csv", tmp_path / "sheet.csv")
    assert [line[4] for line in cells_of(into.read_bytes())[1:]] == ["", ""]


@pytest.mark.parametrize(
    ("student", "names", "line"),
    [
        ("Bo ONeil_7", {1: "O'Neil, Bo", 2: "Ada"}, 1),
        ("Participant_7", {}, 1),  # marked without names
        ("meier_7", {1: "Ada Byron", 2: "Eva Meier"}, None),  # chosen by its student: not participant 7
        ("meier_24", {1: "Ada Byron", 2: "Eva Meier"}, 2),  # a login
        ("Ada Byron_8", {1: "Ada Byron", 2: "Eva Meier"}, None),  # a namesake
    ],
)
def test_a_number_of_moodle_without_its_folder_needs_the_name_beside_it(student, names, line):
    lines = {1: ["Participant 7", "ada@uni.edu"], 2: ["Participant 9", "meier_24@uni.edu"]}
    numbers = {place: keys[0] for place, keys in lines.items()}
    found, failed = people.match([student], lines, names, "Moodle", numbers)
    assert found == ({student: line} if line else {})
    assert bool(failed) == (line is None)


def test_who_cannot_be_told_apart_is_not_filled_in():
    lines = {1: ["a", "x"], 2: ["b", "x"], 3: ["c", "z"]}
    found, failed = people.match(["x", "c", "C"], lines, {1: "Lee, Ann", 2: "Ann Lee", 3: ""})
    assert found == {}
    assert "several lines" in failed["x"]
    assert "another student" in failed["c"]
    assert "another student" in failed["C"]
    found, failed = people.match(["annlee", "a"], lines, {1: "Lee, Ann", 2: "Ann Lee", 3: ""})
    assert found == {"a": 1, "annlee": 2}


@pytest.mark.parametrize(
    ("titles", "wanted", "place"),
    [
        ("Lab 90 (1),Other (2)", None, 5), ("Quiz 90 (1),Lab 90 (2)", None, 6), ("90_made,Lab 90", None, 5),
        ("Made 90 (3),Lab 91", None, 5), ("Lab 89,Lab 900", None, "No column fits"),
        ("Quiz 90,Lab 9", None, "No column"),
        ("Lab 90 (1),lab_90 again (2)", None, "Several columns fit"),
        ("A (1),B (2)", "B", 6), ("A,B", "B (2)", "No column"),
    ],
)  # fmt: skip
def test_the_column_is_found_or_asked_for(tmp_path, titles, wanted, place):
    data = f"Student,ID,SIS User ID,SIS Login ID,Section,{titles}\nx,1,2,ada,S,,\n".encode()
    if isinstance(place, str):
        with pytest.raises(ValueError, match=place):
            canvas(tmp_path, "ada", data=data, column=wanted)
    else:
        assert cells_of(canvas(tmp_path, "ada", data=data, column=wanted)[0])[1][place] == "20"


def test_a_column_that_canvas_computes_is_never_filled(tmp_path):
    data = b"Student,ID,SIS User ID,SIS Login ID,Section,Lab 90\n"
    data += b"    Points Possible,,,,,(read only)\nx,1,2,ada,S,\n"
    with pytest.raises(ValueError, match="No column fits"):
        canvas(tmp_path, "ada", data=data)


def test_what_was_not_graded_is_not_filled_in_as_zero(tmp_path):
    rows = [row("ada", e, status="unreadable") for e in ("90.1", "90.2", "90.3")]
    rows += [row("bo", e, status="not_run", retry=True) for e in ("90.1", "90.2", "90.3")]
    out = folder(tmp_path, rows)
    (tmp_path / "book.csv").write_bytes(CANVAS)
    said = []
    into = exports.export(out, "canvas", tmp_path / "f.csv", tmp_path / "book.csv", say=said.append)
    assert into.read_bytes() == CANVAS
    assert "no notebook of this lab could be read: ada" in " ".join(said)
    assert "not graded to the end: bo" in " ".join(said)


def test_moodles_worksheet_is_filled_with_grade_and_feedback(tmp_path):
    head = "Identifier,Full name,ID number,Email address,Status,Grade,Maximum grade,Grade can be changed,"
    head += "Last modified (submission),Feedback comments\n"
    data = head + (
        'Participant 7,Ada Byron,,ada@uni.edu,Submitted,,"60,00",Yes,"Monday, 1 May",old\n'
        "Participant 8,Bo O'Neil,,bo@uni.edu,Submitted,11.00,60.00,No,-,\n"
    )
    out = folder(
        tmp_path, [{**one, "reason": "=1+1"} for one in graded("Ada Byron_7_assignsubmission_file_x", "bo")]
    )
    (tmp_path / "sheet.csv").write_text(data)
    said = []
    into = exports.export(out, "moodle", tmp_path / "f.csv", tmp_path / "sheet.csv", say=said.append)
    _, ada, bo = cells_of(into.read_bytes())
    assert ada[5] == "20"
    assert ada[9].startswith("90.1: 20 of 20, right: =1+1")
    assert into.read_text().endswith(data.splitlines()[2] + "\n")
    assert bo[5] == "11.00"
    assert "the grade is locked in Moodle: bo" in " ".join(said)
    assert "gradebook says" not in " ".join(said)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (("xlsx",), "There is no export 'xlsx'; there are long, wide, canvas"),
        (("canvas",), "Canvas takes back only its own gradebook"),
        (("wide", "o.csv", "book.csv"), "fills no gradebook"),
        (("canvas", "book.csv", "book.csv"), "needs another name"),
        (("canvas", "o.csv", "empty.csv"), "is no gradebook of Canvas"),
        (("canvas", "o.csv", "other.csv"), "is no gradebook of Canvas"),
        (("canvas", "o.csv", "wide16.csv"), "save it as CSV in UTF-8"),
        (("canvas", "o.csv", "open.csv"), "quotation mark"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence_and_nothing_is_written(tmp_path, monkeypatch, call, sentence):
    monkeypatch.chdir(tmp_path)
    out = folder(tmp_path, graded("alice"))
    Path("book.csv").write_bytes(CANVAS)
    Path("empty.csv").write_bytes(b"")
    Path("other.csv").write_bytes(b"a,b\n1,2\n")
    Path("wide16.csv").write_bytes("Student".encode("utf-16"))
    Path("open.csv").write_bytes(b'Student,ID\n"a,1\n')
    kind, into, book = (*call, "o.csv", None)[:3] if len(call) == 1 else (*call, None)[:3]
    with pytest.raises(ValueError, match=sentence):
        exports.export(out, kind, into, book)
    assert not os.path.exists("o.csv")


def test_a_folder_without_results_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"There are no results in .*; grade first"):
        exports.export(tmp_path, "long", tmp_path / "x.csv")


def test_the_tables_are_enough_to_export_from(tmp_path):
    rows = graded(("=alice", 7.5), "bob;=1")
    out = folder(tmp_path, rows)
    whole = {
        kind: exports.export(out, kind, tmp_path / f"{kind}.csv").read_text() for kind in ("wide", "moodle")
    }
    (out / "results.json").unlink()
    (out / "lab.json").write_text(json.dumps({"lab": LAB}))
    for kind, text in whole.items():
        assert exports.export(out, kind, tmp_path / "again.csv").read_text() == text


@pytest.mark.parametrize("points", [15, 0])
def test_points_by_hand_reach_the_gradebook_where_no_file_could_be_read(tmp_path, points):
    rows = [row("ada", e, status="unreadable") for e in ("90.1", "90.2", "90.3")]
    rows[0] |= {"points": points, "flags": ["points set by hand: seen on paper"]}
    out = folder(tmp_path, rows)
    (tmp_path / "book.csv").write_bytes(CANVAS)
    into = exports.export(out, "canvas", tmp_path / "f.csv", tmp_path / "book.csv")
    assert into.read_bytes() == CANVAS.replace(b",  3,12,5", f",  3,{points},5".encode())


def test_from_the_tables_alone_the_version_that_counts_is_told(tmp_path):
    rows = [{**one, "sha": sha} for sha, own in (("a", 20), ("b", 5)) for one in graded(("alice", own))]
    times = {("alice", "alice.ipynb", sha): at for at, sha in enumerate("ab")}
    out = tmp_path / "out"
    report.write_all(lab(), out, rows, report.people(rows, times), [])
    whole = exports.export(out, "moodle", tmp_path / "whole.csv").read_text()
    assert "90.1: 5 of 20" in whole
    (out / "results.json").unlink()
    (out / "lab.json").write_text(json.dumps({"lab": LAB}))
    assert exports.export(out, "moodle", tmp_path / "again.csv").read_text() == whole


@pytest.mark.parametrize("source", ["results.json", "tables"])
def test_hidden_seeds_reach_no_student_through_an_export(tmp_path, source):
    rows = [{**one, "reason": "ValueError: 987654321", "status": "error"} for one in graded("Ada Byron")]
    out = folder(tmp_path, rows)
    (out / "attempts").mkdir()
    attempt = {"sha": rows[0]["sha"], "seeds": {"90.1": [987654321, 12]}}
    (out / "attempts" / "k-1.json").write_text(json.dumps(attempt))
    (out / "attempts" / "k-2.json").write_text("[1]")
    if source == "tables":
        (out / "results.json").unlink()
        (out / "lab.json").write_text(json.dumps({"lab": LAB}))
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Identifier,Full name,Grade,Feedback comments\nParticipant 7,Ada Byron,,\n")
    written = [
        exports.export(out, "moodle", tmp_path / "m.csv"),
        exports.export(out, "moodle", tmp_path / "f.csv", sheet),
        exports.export(out, "gradescope", tmp_path / "g.json"),
    ]
    for path in written:
        assert "987654321" not in path.read_text()
        assert "ValueError: (hidden)" in path.read_text()


def test_points_by_hand_are_explained_and_not_contradicted(tmp_path):
    rows = graded("Ada Byron")
    rows[0] |= {"points": 7, "flags": ["points set by hand: half right"]}
    rows[1] |= {"points": 20, "reason": "other axis", "flags": ["points set by hand: seen in class"]}
    out = folder(tmp_path, rows)
    said = exports.export(out, "moodle", tmp_path / "m.csv").read_text()
    assert "90.1: 7 of 20, set by hand: half right | 90.2: 20 of 20, set by hand: seen in class | " in said
    document = json.loads(exports.export(out, "gradescope", tmp_path / "g.json").read_text())
    assert document["tests"][0]["output"] == "set by hand: half right"
    (page,) = (out / "feedback").iterdir()
    text = page.read_text()
    assert text.count("set by hand") == 4  # of two exercises, in the table and in the heading
    assert '<p class="hint"><bdi>seen in class</bdi></p>' in text
    assert text.count("not right yet") == 2  # of the third exercise


@pytest.mark.parametrize("kind", ["moodle", "nbgrader", "gradescope"])
def test_who_has_no_points_is_left_out_of_every_system_alike(tmp_path, kind):
    rows = graded("ada@uni.edu")
    rows += [row("lab", e, status="unreadable") for e in ("90.1", "90.2", "90.3")]
    rows += [row("bo", e, status="wrong_lab") for e in ("90.1", "90.2", "90.3")]
    rows += [row("cy", e, status="not_run", retry=True) for e in ("90.1", "90.2", "90.3")]
    said = []
    into = exports.export(folder(tmp_path, rows), kind, tmp_path / "x.json", say=said.append)
    text = into.read_text()
    assert "20" in text
    assert not [name for name in ("lab,", "bo", "cy") if name in text]
    assert said == [
        "Left out, no notebook of this lab could be read: lab, bo.",
        "Left out, not graded to the end: cy.",
    ]
    assert (tmp_path / "x-notes.txt").read_text().splitlines() == said


def test_a_folder_as_the_file_to_write_is_a_sentence(tmp_path):
    out = folder(tmp_path, graded("alice"))
    with pytest.raises(ValueError, match=r"is a folder; name the file to write, for example .*wide\.csv"):
        exports.export(out, "wide", tmp_path)


NO_EXPORT = {
    "lab.ipynb": b'{"cells": []}',
    "handed_in.zip": b"PK\x03\x04\x00",
    "notes.txt": b"call Bo back\n",
    "roster.csv": b"name,login\nAda,ada\n",
    "seminar.csv": b"student,topic\nada,jigsaw\n",
    "attendance.csv": b"student,lab,present\nada,3,yes\n",
    "letter.csv": '"never closed'.encode("utf-16"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NO_EXPORT)
def test_a_file_that_is_no_earlier_export_is_never_overwritten(tmp_path, kind, name):
    out, into = folder(tmp_path, graded("alice")), tmp_path / name
    into.write_bytes(NO_EXPORT[name])
    with pytest.raises(ValueError, match="is there already and is no earlier export"):
        exports.export(out, kind, into)
    assert into.read_bytes() == NO_EXPORT[name]


@pytest.mark.parametrize("kind", KINDS)
def test_an_earlier_export_and_an_empty_file_are_written_over(tmp_path, kind):
    out, into = folder(tmp_path, graded("alice")), tmp_path / "again.csv"
    into.write_bytes(b"")
    exports.export(out, kind, into)
    before = into.read_bytes()
    exports.export(out, kind, into)
    assert into.read_bytes() == before != b""


def test_a_filled_gradebook_is_written_over_and_a_notebook_is_not(tmp_path):
    assert canvas(tmp_path, "alice") == canvas(tmp_path, "alice")
    (tmp_path / "lab.ipynb").write_text("{}")
    with pytest.raises(ValueError, match="is no earlier export"):
        exports.export(tmp_path / "out", "canvas", tmp_path / "lab.ipynb", tmp_path / "book.csv")


def test_notes_that_somebody_else_wrote_beside_it_stay(tmp_path):
    out, notes = folder(tmp_path, graded("alice")), tmp_path / "lab-notes.txt"
    notes.write_text("call Bo back\n")
    with pytest.raises(ValueError, match=r"lab-notes\.txt is there already"):
        exports.export(out, "moodle", tmp_path / "lab.csv")
    assert notes.read_text() == "call Bo back\n"
    assert not (tmp_path / "lab.csv").exists()
    assert exports.export(out, "wide", tmp_path / "lab.csv").exists()  # which writes no notes


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ValueError, match="is no earlier export"):
        exports.export(folder(tmp_path, graded("alice")), "wide", tmp_path / "pipe.csv")


def test_the_documents_of_gradescope_are_written_over_and_other_json_is_not(tmp_path):
    out, into = folder(tmp_path, graded("alice", "bob")), tmp_path / "all.json"
    for _ in range(2):
        exports.export(out, "gradescope", into)
    for other in ('{"lab": "03"}', "[]", "{"):
        into.write_text(other)
        with pytest.raises(ValueError, match="is no earlier export"):
            exports.export(out, "gradescope", into)
        assert into.read_text() == other
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is no earlier export"):
        exports.export(out, "gradescope", tmp_path / "file")


@pytest.mark.parametrize(
    "name",
    [
        *("", "originals", "attempts/000001.json", "intake/new.csv", "feedback/wide.csv", "results.csv"),
        *("summary.csv", "results.json", "lab.json", "class.html", "index.sqlite", "changes-1.csv", ".lock"),
    ],
)
@pytest.mark.parametrize("kind", ["wide", "gradescope"])
def test_nothing_is_written_over_what_the_grader_keeps(tmp_path, kind, name):
    out = folder(tmp_path, graded("alice"))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="belongs to the grading folder, where the grader keeps its own"):
        exports.export(out, kind, tmp_path / "out" / ".." / "out" / name)
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert exports.export(out, kind, out / "upload.csv") == out / "upload.csv"


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path):
    out = folder(tmp_path, graded("alice"))
    (tmp_path / "file").write_text("")
    (tmp_path / "book.csv").write_bytes(CANVAS)
    for call in (("wide", None), ("canvas", tmp_path / "book.csv")):
        with pytest.raises(ValueError, match=r"x\.csv cannot be written \(.+\); name a file in a folder in"):
            exports.export(out, call[0], "/proc/none/x.csv", call[1])
    with pytest.raises(ValueError, match=r"The gradebook .*none\.csv cannot be read \(No such file"):
        exports.export(out, "canvas", tmp_path / "x.csv", tmp_path / "none.csv")
