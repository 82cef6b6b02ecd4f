"""From what a kernel sent to points: full points for all seeds right, and nothing for anything forged."""

import json

import pytest

from course_lib.grading.reading.merge import Answer
from course_lib.grading.running import compare
from course_lib.grading.running.run import Result
from course_lib.lab import bundle, explain, probe

from ..conftest import ANSWERS, LAB

SEEDS = [0, 1, 2, 5000, 6000]


@pytest.fixture
def entry(built):
    return bundle.load(LAB, built / "course_lib" / "lab" / "bundles")["exercises"]["90.1"]


def average(numbers):
    return sum(numbers) / len(numbers)


def runs(entry, answer, seeds=SEEDS):
    return json.loads(json.dumps(probe.run_all(entry["probe"], "90.1", answer, seeds)))


def grade(entry, documents, source=ANSWERS["90.1"], **emitted):
    lines = [
        {"role": "answer", "exercise": "90.1", "status": "ok", "reason": ""},
        {"role": "emit", "exercise": "90.1", "status": "ok", "reason": "", "documents": documents, **emitted},
    ]
    return compare.row(
        "90.1", entry, Answer(source), Result(lines), runs(entry, average), "import statistics"
    )


def document(entry, answer, **changes):
    return {"exercise": "90.1", "runs": runs(entry, answer), **changes}


def test_all_seeds_right_gives_all_points(entry):
    row = grade(entry, [document(entry, average)])
    assert (row["status"], row["points"], row["max"], row["flags"]) == ("right", 40, 40, [])


def test_right_on_the_public_seeds_only_gives_none(entry):
    row = grade(entry, [document(entry, lambda n: average(n) if n[0] < 1000 else 0.0)])
    assert (row["status"], row["points"]) == ("wrong", 0)
    assert "right on the inputs that check uses, wrong on others" in row["reason"]


def test_a_known_mistake_is_named(entry):
    row = grade(entry, [document(entry, sum)])
    assert (row["mistake"], row["reason"]) == (
        "average__forgot_to_divide",
        "You have the sum. How many numbers are there?",
    )


def test_an_unknown_mistake_gets_the_sentence_of_check(entry):
    assert '"mean" is' in grade(entry, [document(entry, lambda n: 1.2 * average(n))])["reason"]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("NameError: name 'average' is not defined", "there is no average after your cell was run"),
        (
            "ValueError: hidden inputs [1.5, 2.5]",
            "the values of average could not be taken out of the kernel",
        ),
    ],
)
def test_an_error_while_values_are_taken_tells_nothing_of_hidden_inputs(entry, reason, told):
    row = grade(entry, [], status="error", reason=reason)
    assert (row["status"], row["points"], row["reason"]) == ("error", 0, told)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            "SyntaxError: '[' was never closed (53146533.py, line 11)",
            "SyntaxError: '[' was never closed (line 11 of your answer)",
        ),
        (
            "IndentationError: unexpected indent (<ipython-input-1-a>, line 2)",
            "IndentationError: unexpected indent (line 2 of your answer)",
        ),
        ("ValueError: mine (a.py, line 3)", "ValueError: mine (a.py, line 3)"),
    ],
)
def test_an_error_of_syntax_has_the_line_of_the_answer(entry, reason, told):
    line = {"role": "answer", "exercise": "90.1", "status": "error", "reason": reason}
    assert explain.stopped(reason) == told
    row = compare.row("90.1", entry, Answer("x"), Result([line]), runs(entry, average), "")
    assert (row["status"], row["points"], row["reason"]) == ("error", 0, told)


def test_a_name_from_a_cell_that_is_not_run_is_told_what_to_do(entry):
    def uses_helper(numbers):
        return my_mean(numbers)  # noqa: F821

    reason = grade(entry, [document(entry, uses_helper)])["reason"]
    assert reason.startswith("name 'my_mean' is not defined (line ")
    assert "only the answer cells and the lab's own set-up are run" in reason
    assert "been run" not in reason
    while_defined = explain.stopped("NameError: name 'my_mean' is not defined")
    assert "only the answer cells and the lab's own set-up are run" in while_defined


def stub(numbers):
    raise NotImplementedError


def test_a_stub_that_was_renamed_is_still_blank(entry):
    assert grade(entry, [document(entry, stub)])["status"] == "blank"


@pytest.mark.parametrize("count", [0, 2, 100])
def test_more_or_fewer_documents_than_one_give_nothing(entry, count):
    row = grade(entry, [document(entry, average)] * count)
    assert (row["status"], row["points"]) == ("no_values", 0)
    assert f"{count} documents" in row["reason"]


NAN = {"kind": "float", "value": "nan"}
FORGED = {
    "no object": lambda d: "right",
    "empty": lambda d: {},
    "other exercise": lambda d: {**d, "exercise": "90.2"},
    "other seeds": lambda d: {**d, "runs": d["runs"][:3]},
    "seeds in another order": lambda d: {**d, "runs": d["runs"][::-1]},
    "right values under other seeds": lambda d: {
        **d,
        "runs": [{**run, "seed": run["seed"] + 1} for run in d["runs"]],
    },
    "no runs": lambda d: {**d, "runs": {}},
    "runs of text": lambda d: {**d, "runs": ["right"] * 5},
    "no values": lambda d: {**d, "runs": [{"seed": run["seed"]} for run in d["runs"]]},
    "values of text": lambda d: {**d, "runs": [{**run, "values": "right"} for run in d["runs"]]},
    "error of text": lambda d: {**d, "runs": [{"seed": run["seed"], "error": "x"} for run in d["runs"]]},
    "error of lists": lambda d: {**d, "runs": [{"seed": s, "error": {"type": [s]}} for s in SEEDS]},
    "points": lambda d: {**d, "runs": [{**run, "values": {}, "points": 40} for run in d["runs"]]},
    "nan": lambda d: {**d, "runs": [{**run, "values": {"mean": NAN, "one": NAN}} for run in d["runs"]]},
    "only public": lambda d: {**d, "runs": [d["runs"][i % 3] | {"seed": s} for i, s in enumerate(SEEDS)]},
}  # fmt: skip


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_document_gives_nothing_and_breaks_nothing(entry, how):
    row = grade(entry, [FORGED[how](document(entry, average))])
    assert row["points"] == 0
    assert row["status"] in ("wrong", "no_values")
    assert isinstance(row["reason"], str)


@pytest.mark.parametrize("status", ["error", "timeout", "kernel_died", "output_limit", "not_run", "surprise"])
def test_a_cell_that_did_not_end_well_gives_nothing(entry, status):
    row = grade(entry, [document(entry, average)], status=status, reason="because")
    assert row["points"] == 0
    assert row["status"] == (status if status != "surprise" else "error")
    told = "the values of average could not be taken out of the kernel"
    assert row["reason"] == (told if row["status"] == "error" else "because")


STOPS = "average(3)  # to try it\nraise ValueError"


@pytest.mark.parametrize("status", ["error", "timeout"])
@pytest.mark.parametrize(
    ("answer", "source", "looked_at"),
    [
        (average, f"{ANSWERS['90.1']}\n{STOPS}", True),
        (sum, f"{ANSWERS['90.1']}\n{STOPS}", False),  # wrong as well: nobody has to look
        (average, STOPS, False),  # the name is of another cell
    ],
)
def test_a_right_answer_with_a_failing_line_below_it_asks_for_a_look(
    entry, status, answer, source, looked_at
):
    lines = [
        {"role": "answer", "exercise": "90.1", "status": status, "reason": "ValueError: "},
        {"role": "emit", "exercise": "90.1", "status": "ok", "documents": [document(entry, answer)]},
    ]
    row = compare.row("90.1", entry, Answer(source), Result(lines), runs(entry, average), "")
    assert (row["status"], row["points"]) == (status, 0)
    said = "needs_review: its cell defines average and then stops; average itself gives the right values"
    assert row["flags"] == ([f"{said}, which would be 40 points"] if looked_at else [])


def test_values_are_not_taken_for_right_where_none_came_back(entry):
    lines = [
        {"role": "answer", "exercise": "90.1", "status": "kernel_died", "reason": "it died"},
        {"role": "emit", "exercise": "90.1", "status": "not_run", "reason": "", "documents": []},
    ]
    row = compare.row("90.1", entry, Answer(ANSWERS["90.1"]), Result(lines), runs(entry, average), "")
    assert (row["status"], row["points"], row["flags"]) == ("kernel_died", 0, [])


def test_off_limits_names_are_flagged_and_keep_their_points(entry):
    source = "# exercise 90.1\ndef average(numbers):\n    return statistics.mean(numbers)"
    row = grade(entry, [document(entry, average)], source)
    assert row["points"] == 40
    assert row["flags"] == ["uses statistics.mean, off limits here"]


@pytest.mark.parametrize(
    "used",
    [["statistics." + "x" * 150_000], [f"statistics.x{n}" for n in range(500)]],
    ids=["long", "many"],
)
def test_a_flag_about_names_stays_short_however_many_there_are(entry, used):
    source = "# exercise 90.1\naverage = lambda n: sum(n) / len(n)\nused = [" + ",".join(used) + "]"
    (flag,) = grade(entry, [document(entry, average)], source)["flags"]
    assert flag.startswith("uses statistics.x")
    assert flag.endswith("off limits here")
    assert len(flag) < 600
    assert ("and 495 more" in flag) == (len(used) > 1)


@pytest.mark.parametrize(
    ("source", "reason", "flagged"),
    [
        ("import statistics\n$ who knows\naverage = statistics.fmean", "", True),
        ("average = 3", "", False),
        ("def average(:", "SyntaxError: invalid syntax (1.py, line 1)", False),
    ],
)
def test_an_answer_that_cannot_be_searched_needs_a_look(entry, source, reason, flagged):
    line = {"role": "answer", "exercise": "90.1", "status": "error" if reason else "ok", "reason": reason}
    row = compare.row("90.1", entry, Answer(source), Result([line]), runs(entry, average), "")
    flag = "needs_review: it could not be searched for names that are off limits"
    assert row["flags"] == [flag] * flagged
    assert (
        compare.row("90.1", {**entry, "off_limits": []}, Answer(source), Result([line]), [], "")["flags"]
        == []
    )


def test_beside_magics_names_that_are_off_limits_are_found(entry):
    source = "files = !ls\nseven = (17\n   % 10)\nimport statistics\naverage = statistics.fmean\naverage?"
    row = grade(entry, [document(entry, average)], source)
    assert row["flags"] == ["uses statistics.fmean, off limits here"]
