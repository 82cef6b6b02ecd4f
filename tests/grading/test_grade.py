"""What is round a run: resuming, retrying, regrading, points by hand, refusals. Without kernels, so fast."""

import csv
import errno
import json
import os
import shutil

import pytest

from course_lib import files, grading
from course_lib.grading import batch, executors, regrade, results, unit
from course_lib.grading.keeping import ledger
from course_lib.grading.keeping.ledger import GraderError
from course_lib.grading.reporting import report
from course_lib.grading.running import run

from .conftest import ANSWERS, LAB, save, student
from .fast import run_here

HEAD = "# exercise 90.1\n"
SUM = HEAD + "def average(numbers):\n    return sum(numbers)"


class Here(executors.Inline):
    """This process, with walls that need no trying."""

    def isolation(self):
        return "local-provisioner", "full", "full: as if"


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(run, "run", run_here)
    monkeypatch.setattr(report.overview, "render", lambda *a: "")  # pictures of a class take a second


@pytest.fixture
def handed_in(built, tmp_path):
    folder = tmp_path / "in"
    save(student(built), folder / "alice.ipynb")
    save(student(built, x90_1=SUM), folder / "bob.ipynb")
    shutil.copy(built / "labs" / f"{LAB}.ipynb", folder / "carol.ipynb")
    (folder / "dora.ipynb").write_text("<html>")
    return folder


def grade(root, folder, out, lab=LAB, **more):
    return grading.grade(lab, folder, out, root=root, **{"executor": Here(), **more})


def points(summary):
    return {(row["student"], row["exercise"]): row["points"] for row in summary.rows}


def statuses(summary):
    return {row["student"]: row["status"] for row in summary.rows if row["exercise"] == "90.1"}


def test_a_class_in_rows(built, handed_in, tmp_path):
    said = []
    summary = grade(built, handed_in, tmp_path / "out", say=said.append)
    assert statuses(summary) == {"alice": "right", "bob": "wrong", "carol": "blank", "dora": "unreadable"}
    assert points(summary)["bob", "90.2"] == 60
    assert {row["isolation"] for row in summary.rows} == {"full", unit.NOT_RUN}
    assert summary.complete
    assert "4 submissions x 2 exercises = 8 rows, 8 written: nothing is missing." in summary.text
    assert "Rows by isolation: 4 full, 4 nothing was run." in summary.text
    assert "Isolation of students' code: full: as if." in said
    assert any("1 of 4: " in line and " left" in line for line in said)
    assert any("4 of 4: " in line and " left" not in line for line in said)


def test_an_attempt_holds_all_that_is_needed_later(built, handed_in, tmp_path):
    grade(built, handed_in, tmp_path / "out")
    attempts = [json.loads(p.read_text()) for p in (tmp_path / "out" / "attempts").iterdir()]
    assert sorted(one["status"] for one in attempts) == ["blank", "graded", "graded", "unreadable"]
    alice = next(one for one in attempts if one["answers"] == ANSWERS)
    assert alice["isolation"] == "full"
    assert {len(seeds) for seeds in alice["seeds"].values()} == {3}
    assert all(len(row["values_digest"]) == 16 for row in alice["rows"])
    bob = next(one for one in attempts if one["answers"].get("90.1") == SUM)
    digests = [{row["exercise"]: row["values_digest"] for row in one["rows"]} for one in (alice, bob)]
    assert digests[0]["90.1"] != digests[1]["90.1"]
    assert digests[0]["90.2"] == digests[1]["90.2"]


def test_equal_files_are_run_once_and_everybody_has_rows(built, handed_in, tmp_path):
    shutil.copy(handed_in / "alice.ipynb", handed_in / "erik.ipynb")
    summary = grade(built, handed_in, tmp_path / "out")
    assert statuses(summary)["erik"] == "right"
    assert len(list((tmp_path / "out" / "attempts").iterdir())) == 4
    assert summary.complete


def test_grading_again_adds_only_what_is_new(built, handed_in, tmp_path, monkeypatch):
    first = grade(built, handed_in, tmp_path / "out")
    save(student(built, x90_1=HEAD + "average = max"), handed_in / "erik.ipynb")
    second = grade(built, handed_in, tmp_path / "out")
    assert (second.graded, second.resumed) == (1, 4)
    assert points(first).items() <= points(second).items()
    monkeypatch.setattr(run, "run", lambda *a, **k: pytest.fail("a kernel was started"))
    third = grade(built, handed_in, tmp_path / "out")
    assert (third.graded, third.rows) == (0, second.rows)
    assert len(list((tmp_path / "out" / "runs").iterdir())) == 2


def test_other_limits_or_another_environment_are_other_attempts(built, handed_in, tmp_path, monkeypatch):
    grade(built, handed_in, tmp_path / "out")
    assert grade(built, handed_in, tmp_path / "out", deadline=5.0).graded == 4
    monkeypatch.setattr(ledger, "environment", lambda: "another numpy")
    assert grade(built, handed_in, tmp_path / "out").graded == 4
    assert len(list((tmp_path / "out" / "attempts").iterdir())) == 12


def test_a_run_that_breaks_off_is_tried_twice_and_then_accounted_for(built, handed_in, tmp_path, monkeypatch):
    known = batch.load(built, LAB)
    expected = batch.expectations(known)
    monkeypatch.setattr(batch, "expectations", lambda *a: expected)
    monkeypatch.setattr(run, "run", lambda *a, **k: run.Result([], "the machine was switched off"))
    first = grade(built, handed_in, tmp_path / "out")
    assert first.pending == 4
    assert "grade again to retry" in first.text
    assert first.complete
    second = grade(built, handed_in, tmp_path / "out")
    assert (second.pending, second.graded) == (0, 2)
    assert statuses(second)["alice"] == "not_run"
    monkeypatch.setattr(run, "run", lambda *a, **k: pytest.fail("tried a third time"))
    assert grade(built, handed_in, tmp_path / "out").graded == 0


def test_what_ran_out_of_time_is_run_again_alone_at_the_end(built, handed_in, tmp_path, monkeypatch):
    calls = []

    class Watched(Here):
        def attempts(self, job, units, alone=False):
            calls.append((len(units), alone))
            yield from super().attempts(job, units, alone)

    def slow_at_first(work, bundle, **how):
        result = run_here(work, bundle, **how)
        if "sum(numbers)" in work[2]["source"] and "len" not in work[2]["source"] and len(calls) == 1:
            for line in result.lines:
                line |= {"status": "timeout"} if line["exercise"] == "90.1" else {}
        return result

    monkeypatch.setattr(run, "run", slow_at_first)
    said = []
    summary = grade(built, handed_in, tmp_path / "out", executor=Watched(), say=said.append)
    assert calls == [(4, False), (1, True)]
    assert statuses(summary)["bob"] == "wrong"
    bob = [row for row in summary.rows if row["student"] == "bob"]
    assert "ran out of time, run again alone" in bob[0]["flags"]
    tries = [json.loads(p.read_text()) for p in sorted((tmp_path / "out" / "attempts").glob("*-[12].json"))]
    assert sum(one["status"] == "timeout" for one in tries) == 1
    assert "1 ran out of time and is run once more, alone." in said
    told = [line.partition(":")[0] for line in said if ".ipynb, " in line]
    assert told == [*(f"{number} of 4" for number in (1, 2, 3, 4)), "1 of 1 again"]
    assert any(line.startswith("1 of 1 again: bob.ipynb, ") for line in said)


@pytest.mark.parametrize(
    ("statuses", "place"),
    [({"90.2": "timeout"}, "90.2"), ({"90.1": "not_run", "90.2": "not_run"}, "file")],
    ids=["an answer was slow", "the time for the file was over"],
)
def test_each_flag_stands_where_it_belongs(built, tmp_path, monkeypatch, statuses, place):
    notebook, runs = student(built), []
    notebook["cells"].append({"cell_type": "code", "source": "print('mine')"})
    save(notebook, tmp_path / "in" / "alice.ipynb")

    def slow_at_first(work, bundle, **how):
        result = run_here(work, bundle, **how)
        runs.append(work)
        for line in result.lines if len(runs) == 2 else ():  # the first run is that of the solution
            line["status"] = statuses.get(line["exercise"], line["status"])
        return result

    monkeypatch.setattr(run, "run", slow_at_first)
    summary = grade(built, tmp_path / "in", tmp_path / "out")
    flags = {"90.1": [], "90.2": [], "file": ["1 added code cell is not run"]}
    flags[place].append(results.AGAIN)
    assert [row["flags"] for row in summary.rows] == [flags["90.1"], flags["90.2"]]
    assert [row["about_file"] for row in summary.rows] == [flags["file"], []]
    with open(tmp_path / "out" / "results.csv", newline="") as file:
        told = [row["flags"] for row in csv.DictReader(file)]
    assert told[0] == "; ".join(f"file: {flag}" for flag in flags["file"])
    assert told[1] == "; ".join(flags["90.2"])
    assert summary.people[0]["flags"] == [*flags["file"], *flags["90.2"]]
    (page,) = (path.read_text() for path in (tmp_path / "out" / "feedback").iterdir())
    about, _, answers = page.partition("Your answers")
    assert about.partition("About your file")[2].count("<li>") == len(flags["file"])
    assert answers.count("note: ") == len(flags["90.2"])


def test_a_defect_of_the_grader_costs_one_submission_not_the_batch(built, handed_in, tmp_path, monkeypatch):
    real, calls = unit.limited.take_in_child, []

    def breaks_once(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("a defect")
        return real(*arguments)

    monkeypatch.setattr(unit.limited, "take_in_child", breaks_once)
    summary = grade(built, handed_in, tmp_path / "out")
    assert summary.complete
    assert sum("grader: RuntimeError: a defect" in row["reason"] for row in summary.rows) == 2


@pytest.fixture
def mended(course):
    """The tiny course after its author made exercise 90.1 worth 50 points."""
    path = course / "course_lib" / "lab" / "bundles" / f"{LAB}.json"
    bundle = json.loads(path.read_text())
    bundle["exercises"]["90.1"]["points"] = 50
    path.write_text(json.dumps(bundle))
    return course


def test_regrading_adds_attempts_and_says_what_changed(handed_in, tmp_path, mended, built):
    out = tmp_path / "out"
    grade(built, handed_in, out)
    results.set_by_hand(out, "alice", "90.1", "33", "a slip", "B.", built)
    rooms = ("attempts", "originals", "overrides")
    before = {p: p.read_bytes() for room in rooms for p in (out / room).iterdir()}
    summary = regrade.regrade(LAB, out, root=mended, executor=Here())
    assert points(summary)["alice", "90.1"] == 33
    flags = next(r["flags"] for r in summary.rows if (r["student"], r["exercise"]) == ("alice", "90.1"))
    assert "the automatic points went from 40 to 50 since then" in flags
    assert [
        (c["student"], c["exercise"], c["before"], c["after"], c["override"]) for c in summary.changes
    ] == [("alice", "90.1", 40, 50, 33)]
    assert "alice, exercise 90.1: 40 (right) -> 50 (right); 33 set by hand stay" in regrade.in_words(
        summary.changes
    )
    with open(out / "changes-1.csv", newline="") as file:
        assert [row["student"] for row in csv.DictReader(file)] == ["alice"]
    assert {p: p.read_bytes() for p in before} == before
    assert len(list((out / "attempts").iterdir())) == 8
    again = regrade.regrade(LAB, out, root=mended, executor=Here())
    assert (again.graded, again.changes) == (0, [])
    assert regrade.in_words(again.changes) == "Nothing changed for anybody."
    back = regrade.regrade(LAB, out, root=built, executor=Here())
    assert [(c["before"], c["after"]) for c in back.changes] == [(50, 40)]


def test_changes_hold_exercises_that_are_new_or_gone():
    old = {"points": 5, "status": "right"}
    row = {"student": "a", "file": "a", "sha": "s", "exercise": "new", "points": 3, "automatic": 3}
    row["status"] = "right"
    found = regrade.changes({("s", "gone"): old}, [row])
    assert [(one["exercise"], one["before"], one["after"]) for one in found] == [
        ("new", "", 3),
        ("gone", 5, ""),
    ]
    assert "nothing -> 3 (right)" in regrade.in_words(found)
    assert "5 (right) -> no longer there" in regrade.in_words(found)
    assert "  a, exercise new" in regrade.in_words(found)
    both = [found[0], {**found[0], "file": "old.ipynb"}, {**found[0], "student": "b"}]
    lines = regrade.in_words(both).splitlines()[1:]  # whose file it was, where a student has several
    assert [line.split(", ")[0].strip() for line in lines] == ["a (a)", "a (old.ipynb)", "b"]


def test_points_by_hand_are_in_all_tables_at_once(built, handed_in, tmp_path):
    out = tmp_path / "out"
    grade(built, handed_in, out)
    said = results.set_by_hand(out, "bob", "90.1", "10", "nearly", "B.", built)
    assert said == "bob, exercise 90.1: 10 points by hand (automatic: 0)."
    with open(out / "summary.csv", newline="") as file:
        assert {row["student"]: row["total"] for row in csv.DictReader(file)}["bob"] == "70"
    summary = grade(built, handed_in, out)
    assert (summary.graded, points(summary)["bob", "90.1"]) == (0, 10)
    results.set_by_hand(out, "bob", "90.1", "automatic", "taken back", "B.", built)
    assert points(grade(built, handed_in, out))["bob", "90.1"] == 0


def test_points_by_hand_after_a_change_of_the_lab_wait_for_regrading(mended, built, handed_in, tmp_path):
    grade(built, handed_in, tmp_path / "out")
    said = results.set_by_hand(tmp_path / "out", "bob", "90.1", "10", "nearly", "B.", mended)
    assert "The lab has changed since it was graded: run `course regrade" in said
    assert points(regrade.regrade(LAB, tmp_path / "out", root=mended, executor=Here()))["bob", "90.1"] == 10


def test_less_than_full_isolation_is_refused_without_the_word(built, handed_in, tmp_path, monkeypatch):
    class Open(executors.Inline):
        def isolation(self):
            return None, "partial", "partial: the network can be reached"

    with pytest.raises(GraderError, match=r"is partial: the network can be reached.*--allow-unsandboxed"):
        grade(built, handed_in, tmp_path / "out", executor=Open())
    with pytest.raises(GraderError, match="unknown: local-provisioner was named by hand"):
        grade(built, handed_in, tmp_path / "out", provisioner="local-provisioner")
    assert list((tmp_path / "out" / "attempts").iterdir()) == []
    assert len(list((tmp_path / "out" / "originals").iterdir())) == 4
    summary = grade(built, handed_in, tmp_path / "out", executor=Open(), allow_unsandboxed=True)
    assert {row["isolation"] for row in summary.rows} == {"partial", unit.NOT_RUN}


@pytest.mark.parametrize("room", ["attempts", "originals", "intake", "feedback", "results.csv"])
def test_a_full_disk_stops_with_a_sentence_and_loses_nothing(built, handed_in, tmp_path, monkeypatch, room):
    whole = grade(built, handed_in, tmp_path / "whole")
    out, real, written = tmp_path / "out", files.write_whole, []

    def full(path, *rest, **more):
        if room in path.parts[-2:]:
            written.append(path)
            if len(written) > (1 if room != "results.csv" else 0):
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *rest, **more)

    for module in ("keeping.ledger", "keeping.intake", "reporting.report", "reporting.spreadsheet"):
        monkeypatch.setattr(f"course_lib.grading.{module}.write_whole", full)
    with pytest.raises(GraderError, match=r"Grading stopped: the disk is full.*give the same command again"):
        grade(built, handed_in, out)
    for module in ("keeping.ledger", "keeping.intake", "reporting.report", "reporting.spreadsheet"):
        monkeypatch.setattr(f"course_lib.grading.{module}.write_whole", real)
    kept = {path: path.read_bytes() for path in (out / "attempts").iterdir()}
    assert points(grade(built, handed_in, out)) == points(whole)
    assert {path: path.read_bytes() for path in kept} == kept


def test_full_temporary_space_is_nobodys_result(built, handed_in, tmp_path, monkeypatch):
    def full(*arguments, **how):
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")

    expected = batch.expectations(batch.load(built, LAB))
    monkeypatch.setattr(batch, "expectations", lambda *a: expected)
    monkeypatch.setattr(run, "run", full)
    with pytest.raises(GraderError, match=r"the disk is full \(/tmp/x\)"):
        grade(built, handed_in, tmp_path / "out")
    monkeypatch.setattr(run, "run", run_here)
    assert statuses(grade(built, handed_in, tmp_path / "out"))["alice"] == "right"


def test_the_balance_is_held_against_the_files(built, handed_in, tmp_path, monkeypatch):
    real = results.standing
    monkeypatch.setattr(results, "standing", lambda *a: real(*a)[:-1])
    with pytest.raises(GraderError, match=r"(?s)The balance does not hold.*A ROW is missing"):
        grade(built, handed_in, tmp_path / "out")
    monkeypatch.setattr(
        results, "standing", lambda *a: [*real(*a)[:-1], real(*a)[0]]
    )  # one lost, one doubled
    with pytest.raises(GraderError, match="The balance does not hold"):
        grade(built, handed_in, tmp_path / "out")


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (
            lambda root, base: {"lab": "91_none"},
            r"There is no bundle for lab '91_none'.*\(labs here: 90_tiny\)",
        ),
        (lambda root, base: {"lab": "91_none"}, "There is no bundle for lab '91_none'.*course build"),
        (lambda root, base: (root / "labs" / f"{LAB}.ipynb").unlink(), "no student copy"),
        (lambda root, base: {"folder": base / "nowhere"}, "There is no folder"),
        (lambda root, base: {"folder": base / "bare"}, "There is no file in"),
        (lambda root, base: {"out": base / "in" / "out"}, "must lie outside"),
        (lambda root, base: {"out": base / "in"}, "must lie outside"),
    ],
)
def test_what_stops_grading_is_a_sentence(course, tmp_path, prepare, sentence):
    save(student(course), tmp_path / "in" / "alice.ipynb")
    (tmp_path / "bare").mkdir()
    changes = prepare(course, tmp_path)
    options = {"lab": LAB, "folder": tmp_path / "in", "out": tmp_path / "out"} | (changes or {})
    with pytest.raises(GraderError, match=sentence):
        grade(course, options["folder"], options["out"], options["lab"])


def test_points_by_hand_are_set_beside_those_of_the_file_that_counts(built, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for moment, source in enumerate((ANSWERS["90.1"], SUM), start=1):  # it was right before it was changed
        path = save(student(built, x90_1=source), folder / "alice.ipynb")
        os.utime(path, (moment, moment))
        grade(built, folder, out)
    said = results.set_by_hand(out, "alice", "90.1", "10", "nearly", "B.", built)
    assert said == "alice, exercise 90.1: 10 points by hand (automatic: 0)."
    (person,) = grade(built, folder, out).people
    assert (person["total"], "points set by hand: nearly" in person["flags"]) == (70, True)
    assert not [flag for flag in person["flags"] if "since then" in flag]


def test_one_cell_that_uses_a_thousand_forbidden_names_stops_nobody(built, handed_in, tmp_path, monkeypatch):
    row = unit.compare.row
    monkeypatch.setattr(unit.compare, "row", lambda *a: {**row(*a), "flags": ["f" * 200_000]})
    summary = grade(built, handed_in, tmp_path / "out")  # flags of an attempt that an older grader stored
    assert summary.complete
    assert points(summary)["alice", "90.1"] == 40


def test_a_solution_that_stops_on_a_fresh_input_is_no_measure(built, handed_in, tmp_path, monkeypatch):
    def stops(work, bundle, **how):
        result = run_here(work, bundle, **how)
        runs = result.of("emit", "90.1")["documents"][0]["runs"]
        runs[-1] = {"seed": runs[-1]["seed"], "error": {"kind": "error", "type": "IndexError", "text": ""}}
        return result

    monkeypatch.setattr(run, "run", stops)
    with pytest.raises(GraderError, match=r"90\.1: the solution stops with IndexError on the fresh input of"):
        grade(built, handed_in, tmp_path / "out")


def test_a_list_of_changes_is_never_overwritten(mended, built, handed_in, tmp_path):
    out = tmp_path / "out"
    grade(built, handed_in, out)
    for number in (2, 7):
        (out / f"changes-{number}.csv").write_text("older")
    regrade.regrade(LAB, out, root=mended, executor=Here())
    assert {path.name for path in out.glob("changes-*")} == {f"changes-{n}.csv" for n in (2, 7, 8)}
    assert (out / "changes-2.csv").read_text() == "older"


def test_every_grading_draws_its_own_inputs(built):
    known = batch.load(built, LAB)
    several = [batch.expectations(known) for _ in range(2)]
    for name, entry in known.bundle["exercises"].items():
        one, other = ([run["seed"] for run in found[name]] for found in several)
        assert one[:3] == other[:3] == entry["seeds"]
        assert len({*one, *other}) == 9


USES_TOTAL = HEAD + "def average(numbers):\n    return total(numbers) / len(numbers)"


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("def total(numbers):\n    return sum(numbers)", True),
        ("%matplotlib inline\nfrom math import fsum as total", True),
        ("%%writefile total.py\ndef total(numbers):\n    return sum(numbers)", False),
        ("print(total)", False),
    ],
)
def test_a_name_from_a_cell_that_is_not_run_gets_a_look(built, tmp_path, cell, told):
    notebook = student(built, x90_1=USES_TOTAL)
    notebook["cells"].insert(1, {"cell_type": "code", "source": cell})
    save(notebook, tmp_path / "in" / "alice.ipynb")
    summary = grade(built, tmp_path / "in", tmp_path / "out")
    first, second = summary.rows
    assert (first["status"], second["status"]) == ("wrong", "right")
    assert first["flags"] == ["needs_review: total is defined in a cell that is not run"] * told
    assert second["flags"] == []


def test_a_name_that_was_added_to_the_set_up_gets_a_look(built, tmp_path):
    notebook = student(built, x90_1=USES_TOTAL.replace("total", "fsum"))
    set_up = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    set_up["source"] = "".join(set_up["source"]) + "\nfrom math import fsum"
    save(notebook, tmp_path / "in" / "alice.ipynb")
    first, _ = grade(built, tmp_path / "in", tmp_path / "out").rows
    assert first["flags"] == ["needs_review: fsum is defined in a cell that is not run"]


def test_what_was_not_taken_stands_at_the_end(built, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    save(student(built), folder / ".dot" / "lab.ipynb")
    (folder / "bob").mkdir()
    told = ["1 hidden file was not taken: .dot/lab.ipynb.", "1 folder without a notebook: bob."]
    with pytest.raises(GraderError, match="There is no file in ") as refusal:
        grade(built, folder, out)
    assert str(refusal.value).endswith(" ".join(told))
    save(student(built), folder / "alice.ipynb")
    assert grade(built, folder, out).text.split("\n")[-3:-1] == told


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (SUM, "def unit_rows(matrix):\n    return matrix / average(matrix)", True),
        (SUM, "def unit_rows(matrix):\n    return matrix / average(", False),
        (SUM, "def unit_rows(matrix):\n    average = sum\n    return matrix / average(matrix)", False),
        (ANSWERS["90.1"], "def unit_rows(matrix):\n    return matrix / average(matrix)", False),
    ],
)
def test_what_an_answer_uses_that_is_not_right_is_told(built, tmp_path, first, second, told):
    save(student(built, x90_1=first, x90_2=f"# exercise 90.2\n{second}"), tmp_path / "in" / "alice.ipynb")
    _, row = grade(built, tmp_path / "in", tmp_path / "out").rows
    assert (row["status"] in ("wrong", "error"), row["points"]) == (True, 0)
    assert row["flags"] == ["uses average of exercise 90.1, which is not right"] * told
