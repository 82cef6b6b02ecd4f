"""A cell is taken apart only where it holds two answers, never because of a comment."""

import pytest

from course_lib.grading.reading.apart import split_at_anchors

from ..conftest import ANSWERS

EXERCISES = [{"exercise": "90.1", "answer": "average"}, {"exercise": "90.2", "answer": "unit_rows"}]
FIRST, SECOND = ANSWERS["90.1"], ANSWERS["90.2"]
HEAD, _, BODY = SECOND.partition("\n")


def parts(source):
    cells, flags = split_at_anchors([{"id": "a", "grade_id": "b", "source": source}], EXERCISES)
    assert bool(flags) is (len(cells) > 1)
    assert [(cell["id"], cell["grade_id"]) for cell in cells] == [("", "") if flags else ("a", "b")] * len(
        cells
    )
    return [cell["source"] for cell in cells]


@pytest.mark.parametrize(
    "source",
    [
        FIRST + "\n\n# exercise done\nprint(1)",
        "# exercise one\n" + FIRST,
        "# exercise 90.1\ndef average(n):\n    total = sum(n)\n# exercise solution\n    return total",
        "# exercise 90.1\ndef average(numbers):\n    total = sum(numbers)\n# exercise 90.2\n    return total",
        f"{HEAD}\n# builds on\n# exercise 90.1\n{BODY}",
        f"# builds on\n# exercise 90.1\n{SECOND}",
        '# exercise 90.1\ndef average(numbers):\n    """As in\n# exercise 90.2\n"""\n    return 0',
        f"{FIRST}\n# the same as in\n# exercise 90.2\nprint(average([1]))",
        f"{FIRST}\n'''\n{SECOND}\n'''",
    ],
)
def test_a_cell_with_one_answer_stays_whole(source):
    assert parts(source) == [source]


def test_two_answers_are_taken_apart():
    assert parts(f"{FIRST}\n\n{SECOND}") == [FIRST, SECOND]
    assert parts(f"{SECOND}\n{FIRST}\n\n{SECOND}\n") == [SECOND, FIRST, SECOND]
    assert parts(f"%matplotlib inline\n{FIRST}\n{SECOND}") == [f"%matplotlib inline\n{FIRST}", SECOND]


def test_of_a_cell_that_is_no_python_the_whole_answer_is_kept():
    broken = f"{HEAD}\ndef unit_rows(matrix:\n    return 3"
    assert parts(f"{FIRST}\n\n{broken}") == [FIRST, broken]
