"""Reading sources: roles, exercises, and a sentence for everything an author can forget."""

import pytest

from course_lib.grading.authoring.answers import code_lines, read_attempts
from course_lib.grading.authoring.source import SourceError, read_lab

from ..conftest import FIXTURES, LAB, edit


def test_roles_and_exercises():
    lab = read_lab(FIXTURES / "labs" / "source" / f"{LAB}.py")
    roles = [cell.role for cell in lab.cells if cell.role not in ("prose", "hint")]
    exercise = ["answer", "probe", "check"]
    assert roles == ["setup", *exercise, "train", "context", *exercise, "figure"]
    first = lab.exercises["90.1"]
    assert (first.answer, first.hints) == (
        "average",
        ["Add them up first.", "Then divide by how many there are."],
    )
    assert first.settings["points"] == 40
    assert first.settings["off_limits"] == ["statistics"]
    assert "def probe" in first.probe


def test_identities_depend_on_role_and_exercise_only(tmp_path):
    path = tmp_path / f"{LAB}.py"
    path.write_text((FIXTURES / "labs" / "source" / f"{LAB}.py").read_text())
    before = {cell.source: cell.identity(LAB) for cell in read_lab(path).cells if cell.role != "prose"}
    edit(
        path,
        "# %% [markdown]\n# ## Exercise 90.2",
        "# %% [markdown]\n# More prose.\n\n# %% [markdown]\n# ## Exercise 90.2",
    )
    after = {cell.source: cell.identity(LAB) for cell in read_lab(path).cells if cell.role != "prose"}
    assert after == before
    assert after[next(s for s in after if s.startswith("# exercise 90.1"))] == "answer-90-1"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('tags=["probe"] exercise="90.1"', 'tags=["train"]', "exercise 90.1 has no probe cell; it needs"),
        ('tags=["check"] exercise="90.2"', 'tags=["use"]', "exercise 90.2 has no check cell"),
        ("# exercise 90.1\n", "", 'must start with the line "# exercise 90.1"'),
        ('check("90.1", average)', 'check("90.1", mean)', "does not define mean"),
        ('check("90.1", average)', 'check("90.3", average)', 'must call check("90.1", name_of_the_answer)'),
        ("/ len(numbers)\n    ### END SOLUTION", "", "has a ### BEGIN SOLUTION that never ends"),
        ("    collected = sum(numbers)\n", "    ### BEGIN SOLUTION\n", "one region inside another"),
        ("HELPER = 1e-12", "### BEGIN SOLUTION\nHELPER = 1\n### END SOLUTION", "has no exercise="),
        ('print("the mean', '### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS\nprint("the mean', "hidden tests"),
        ("points=40", 'points=40 rtol="small"', 'exercise 90.1: rtol="small" is not a number from 0 on'),
        ("points=40", 'points=40 visibility="hidden"', '90.1: visibility="hidden" would hide nothing; leave'),
        ("points=40", "points=40 atol=-1", "exercise 90.1: atol=-1 is not a number"),
        ("timeout_s=5", "timeout_s=true", "write timeout_s=30."),
        ('tags=["hint"] exercise="90.2"', 'tags=["hint"]', 'the hint cell that starts with "The length'),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(sources, old, new, sentence):
    path = sources / "labs" / "source" / f"{LAB}.py"
    edit(path, old, new)
    with pytest.raises(SourceError) as found:
        read_lab(path)
    assert any(sentence in problem for problem in found.value.problems), found.value.problems
    assert all(problem.startswith(f"{LAB}.py: ") for problem in found.value.problems)


def test_a_forgotten_answer_region_is_said(sources):
    path = sources / "labs" / "source" / f"{LAB}.py"
    for mark in (
        "    ### BEGIN SOLUTION\n    collected",
        "    return collected / len(numbers)\n    ### END SOLUTION",
    ):
        edit(path, mark, mark.replace("### BEGIN SOLUTION", "").replace("### END SOLUTION", ""))
    with pytest.raises(SourceError, match="has no ### BEGIN SOLUTION"):
        read_lab(path)


def test_wrong_answers_and_their_hints():
    lab = read_lab(FIXTURES / "labs" / "source" / f"{LAB}.py")
    found = read_attempts(FIXTURES / "labs" / "wrong" / f"{LAB}.py", lab, hints_needed=True)
    assert [one.exercise for one in found] == ["90.1", "90.2"]
    assert found[0].hints["average__forgot_to_divide"] == "You have the sum. How many numbers are there?"
    assert found[0].header == "import numpy as np"
    assert "return sum(numbers)" in "\n".join(code_lines(found))
    assert "How many numbers" not in "\n".join(code_lines(found))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("average__off_by_one", "mean__off_by_one", None),
        ('exercise="90.2"', 'exercise="90.7"', "there is no exercise 90.7 in 90_tiny"),
        (
            '    """You have the sum. How many numbers are there?"""\n',
            "",
            "average__forgot_to_divide needs a docstring",
        ),
        ("unit_rows__no_root", "unit_rows__columns", "unit_rows__columns is defined twice"),
        ("def unit_rows__", "def rows__", "defines nothing called unit_rows__"),
        ("return sum(numbers)\n", "return sum(\n", "is not Python"),
    ],
)
def test_what_is_wrong_with_wrong_answers_is_said(sources, old, new, sentence):
    lab = read_lab(sources / "labs" / "source" / f"{LAB}.py")
    path = sources / "labs" / "wrong" / f"{LAB}.py"
    edit(path, old, new)
    if sentence is None:  # a helper function, not an answer
        assert list(read_attempts(path, lab, hints_needed=True)[0].hints) == ["average__forgot_to_divide"]
        return
    if "twice" in sentence:
        path.write_text(
            path.read_text() + '\n# %% exercise="90.2"\ndef unit_rows__columns(m):\n    """x"""\n'
        )
    with pytest.raises(SourceError) as found:
        read_attempts(path, lab, hints_needed=True)
    assert any(sentence in problem for problem in found.value.problems)
