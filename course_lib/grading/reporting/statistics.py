"""Item statistics of a graded class: how hard is each exercise, does it tell good from weak, who erred how.

Plain arithmetic over the people of `report.people`. A student whose file could not be read, is of another lab
or is still to be graded tells nothing about an exercise and is left out; how many these are is told.
"""

import math
from collections import Counter
from dataclasses import dataclass

from course_lib.grading.reporting.statuses import NO_NOTEBOOK, STARTED_NOT, pending


@dataclass(frozen=True)
class Item:
    """One exercise over all students who count.

    difficulty: share of students with full points, so a small number is a hard exercise. discrimination:
    correlation of its points with the points of all other exercises; None where one of them does not vary.
    mistakes: {name of a known mistake: students}. stopped: {status: students} of answers without values.
    """

    exercise: str
    most: float
    students: int
    right: int
    mistakes: dict[str, int]
    other: int
    stopped: dict[str, int]
    blank: int
    difficulty: float | None
    discrimination: float | None


@dataclass(frozen=True)
class Statistics:
    """Totals of the students who count, the items in the order of the lab, and how many were left out."""

    totals: list[float]
    most: float
    items: list[Item]
    left_out: int

    @property
    def mean(self) -> float | None:
        """Mean of the totals, None without students."""
        return sum(self.totals) / len(self.totals) if self.totals else None

    def quantile(self, share: float) -> float | None:
        """The total below which a share of the students lies, interpolated; None without students."""
        ordered = sorted(self.totals)
        if not ordered:
            return None
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def of_class(people: list[dict], exercises: dict[str, float]) -> Statistics:
    """Statistics of a class. people: as `report.people` gives them. exercises: {name: points at most}."""
    counting = [person for person in people if _counts(person)]
    points = {
        name: [sum(row["points"] for row in person["rows"] if row["exercise"] == name) for person in counting]
        for name in exercises
    }
    totals = [float(sum(one)) for one in zip(*points.values(), strict=True)] if counting and points else []
    items = []
    for name, most in exercises.items():
        rows = [row for person in counting for row in person["rows"] if row["exercise"] == name]
        rest = [total - own for total, own in zip(totals, points[name], strict=True)]
        items.append(_item(name, most, rows, correlation(points[name], rest)))
    return Statistics(totals, float(sum(exercises.values())), items, len(people) - len(counting))


def _counts(person: dict) -> bool:
    rows = person["rows"]
    return bool(rows) and not any(row["status"] in NO_NOTEBOOK or pending(row) for row in rows)


def _item(name: str, most: float, rows: list[dict], discrimination: float | None) -> Item:
    full = [row["points"] >= row["max"] for row in rows]
    missed = [row for row, right in zip(rows, full, strict=True) if not right]
    mistakes = Counter(row["mistake"] for row in missed if row["mistake"])
    wrong = sum(row["status"] in ("wrong", "right") and not row["mistake"] for row in missed)
    blank = sum(row["status"] in STARTED_NOT for row in missed)
    stopped = Counter(
        row["status"]
        for row in missed
        if row["status"] not in ("wrong", "right", *STARTED_NOT) and not row["mistake"]
    )
    share = sum(full) / len(rows) if rows else None
    return Item(
        name,
        most,
        len(rows),
        sum(full),
        dict(mistakes.most_common()),
        wrong,
        dict(stopped.most_common()),
        blank,
        share,
        discrimination,
    )


def correlation(one: list[float], other: list[float]) -> float | None:
    """Pearson's correlation; None for fewer than three pairs or where a side does not vary."""
    count = len(one)
    if count < 3:
        return None
    means = sum(one) / count, sum(other) / count
    left, right = [value - means[0] for value in one], [value - means[1] for value in other]
    spread = math.sqrt(sum(value * value for value in left) * sum(value * value for value in right))
    if spread < 1e-9:
        return None
    return max(-1.0, min(1.0, sum(a * b for a, b in zip(left, right, strict=True)) / spread))
