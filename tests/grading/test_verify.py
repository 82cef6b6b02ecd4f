"""Verifying: a sound course passes, and each thing that can rot is found."""

import json

import pytest

from course_lib.grading import verify
from course_lib.grading.verify import Report

from .conftest import LAB, answer, edit


def change(path, edit_document):
    document = json.loads(path.read_text(encoding="utf-8"))
    edit_document(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def problems(root, name=LAB):
    return verify.verify(root, [name]).problems


@pytest.mark.slow
def test_a_sound_course_passes_and_says_what_was_done(built):
    said = []
    report = verify.verify(built, say=said.append)
    assert report.problems == []
    assert report.ok
    text = report.text
    for sentence in (
        "labs/solutions/90_tiny.ipynb passes nbval: 8 cells run, the output of 2 compared.",
        "labs/90_tiny.ipynb runs up to Cell 3 and stops with the stub of exercise 90.1.",
        "90_tiny 90.1: 2 wrong answers lose points, each by its hint; 1 right pass.",
        "90_tiny: the blank gets 0 points.",
        "90_tiny: the solution gets 100 points.",
        "lectures/90_talk.ipynb passes nbval: 2 cells run",
    ):
        assert sentence in text
    assert len(said) == len(report.lines)


def test_an_empty_report_is_not_ok():
    assert not Report().ok


@pytest.mark.slow
def test_rot_is_found(course):
    """Break many things at once; each has its own sentence."""
    bundle = course / "course_lib" / "lab" / "bundles" / f"{LAB}.json"
    solution = course / "labs" / "solutions" / f"{LAB}.ipynb"

    def break_bundle(document):
        wrong = document["exercises"]["90.1"]["wrong"]
        wrong[0]["hint"], wrong[1]["hint"] = wrong[1]["hint"], wrong[0]["hint"]
        reference = document["exercises"]["90.2"]["reference"]
        reference[0]["values"]["rows"]["values"][0] += 1

    def break_solution(notebook):
        check = next(c for c in notebook["cells"] if c["id"] == "check-90-1")
        check["outputs"][0]["text"] = ["right - 4 of 3 probes.\n"]

    change(bundle, break_bundle)
    change(solution, break_solution)
    edit(course / "lectures" / "90_talk.ipynb", "2 + 2", "2 / 0")
    found = "\n".join(problems(course) + problems(course, "90_talk"))
    edit(  # not before: nothing is graded with a student copy that the build did not write
        course / "labs" / f"{LAB}.ipynb",
        'raise NotImplementedError(\\"exercise 90.1: write this part\\")',
        "return 1",
    )
    found += str(verify._stops_at_stub(course, course / "labs" / "source" / f"{LAB}.py"))
    for sentence in (
        "labs/solutions/90_tiny.ipynb does not pass nbval. Cell 2",
        "labs/90_tiny.ipynb stops in Cell 7 with something else",
        "90_tiny 90.1: average__forgot_to_divide is told something else than its own hint",
        "90_tiny 90.2: check refuses the right answer unit_rows__linalg",
        "GraderError: Exercise 90.2: the solution no longer gives the values in the bundle",
        "lectures/90_talk.ipynb does not pass nbval. Cell 1",
    ):
        assert sentence in found, found


@pytest.mark.slow
def test_a_student_copy_with_an_answer_in_it_is_found(course):
    def give_away(notebook):
        answer(notebook, "90.1")["source"] = "# exercise 90.1\ndef average(n):\n    return sum(n) / len(n)"

    change(course / "labs" / f"{LAB}.ipynb", give_away)
    ((fine, sentence),) = verify._stops_at_stub(course, course / "labs" / "source" / f"{LAB}.py")
    assert not fine
    assert "labs/90_tiny.ipynb stops in Cell 7 with something else" in sentence


@pytest.mark.slow
def test_a_wrong_answer_that_no_check_sees_is_found(course):
    edit(
        course / "labs" / "wrong" / f"{LAB}.py",
        "return sum(numbers)\n",
        "return sum(numbers) / len(numbers)\n",
    )
    found = str(verify._answers(course, course / "labs" / "source" / f"{LAB}.py"))
    assert "check calls the wrong answer average__forgot_to_divide right" in found
    assert "the grader would give points to average__forgot_to_divide" in found


@pytest.mark.slow
def test_missing_files_are_sentences(course):
    (course / "labs" / f"{LAB}.ipynb").unlink()
    (course / "lectures" / "90_talk.ipynb").unlink()
    assert "lectures/90_talk.ipynb is missing; run `course build`." in problems(course, "90_talk")
    assert any("no student copy" in problem for problem in problems(course))
