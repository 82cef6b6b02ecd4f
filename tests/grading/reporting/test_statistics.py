"""Item statistics against numbers worked out by hand and against NumPy."""

import numpy as np
import pytest

from course_lib.grading.reporting import report, statistics

from ..classroom import row, school


def people(*students):
    """Each student as {exercise: (points, status, mistake)}."""
    rows = [
        row(f"s{number}", name, points=points, status=status, mistake=mistake)
        for number, one in enumerate(students)
        for name, (points, status, mistake) in one.items()
    ]
    return report.people(rows, {})


RIGHT, WRONG = (20, "right", ""), (0, "wrong", "")


def test_difficulty_and_outcomes_are_counted():
    found = statistics.of_class(
        people(
            {"90.1": RIGHT, "90.2": RIGHT},
            {"90.1": RIGHT, "90.2": (0, "wrong", "axis")},
            {"90.1": WRONG, "90.2": (0, "timeout", "")},
            {"90.1": (0, "blank", ""), "90.2": (0, "missing", "")},
        ),
        {"90.1": 20, "90.2": 20},
    )
    first, second = found.items
    assert (first.difficulty, first.right, first.other, first.blank) == (0.5, 2, 1, 1)
    assert (second.difficulty, second.mistakes, second.stopped) == (0.25, {"axis": 1}, {"timeout": 1})
    for item in found.items:
        assert item.right + item.other + item.blank + sum(item.mistakes.values()) + sum(
            item.stopped.values()
        ) == (item.students)
    assert found.totals == [40, 20, 0, 0]
    assert (found.mean, found.quantile(0.5), found.quantile(1)) == (15, 10, 40)


def test_discrimination_is_the_correlation_with_the_other_exercises():
    _, rows, graded, _ = school(200, seed=3)
    names = ("90.1", "90.2", "90.3")
    table = np.array([[r["points"] for r in rows if r["exercise"] == name] for name in names], dtype=float)
    found = statistics.of_class(graded, dict.fromkeys(names, 20))
    for place, item in enumerate(found.items):
        rest = table.sum(0) - table[place]
        assert item.discrimination == pytest.approx(np.corrcoef(table[place], rest)[0, 1])
        assert item.discrimination != pytest.approx(np.corrcoef(table[place], table.sum(0))[0, 1])
        assert item.difficulty == pytest.approx((table[place] == 20).mean())
    assert found.mean == pytest.approx(table.sum(0).mean())
    for share in (0, 0.25, 0.5, 0.9, 1):
        assert found.quantile(share) == pytest.approx(np.quantile(table.sum(0), share))


def test_what_does_not_vary_has_no_discrimination():
    found = statistics.of_class(people(*[{"90.1": RIGHT, "90.2": RIGHT}] * 4), {"90.1": 20, "90.2": 20})
    assert [item.discrimination for item in found.items] == [None, None]
    assert statistics.correlation([1, 2], [1, 2]) is None
    assert statistics.correlation([1, 2, 3], [2, 4, 6]) == 1


def test_files_that_tell_nothing_are_left_out_and_counted():
    graded = people(
        {"90.1": RIGHT}, {"90.1": (0, "unreadable", "")}, {"90.1": (0, "wrong_lab", "")}, {"90.1": WRONG}
    )
    graded += report.people([row("later", status="not_run", retry=True)], {})
    found = statistics.of_class(graded, {"90.1": 20})
    assert (found.items[0].students, found.items[0].difficulty, found.left_out) == (2, 0.5, 3)


def test_a_class_of_nobody_has_statistics_too():
    found = statistics.of_class([], {"90.1": 20})
    assert (found.mean, found.quantile(0.5), found.items[0].difficulty) == (None, None, None)


def test_points_of_an_override_count():
    graded = people({"90.1": (20, "wrong", "sum")}, {"90.1": (7, "wrong", "")}, {"90.1": WRONG})
    (item,) = statistics.of_class(graded, {"90.1": 20}).items
    assert (item.right, item.mistakes, item.other) == (1, {}, 2)
