"""A graded class without kernels: students of different ability, with rows and attempts like the batch's."""

import hashlib
import random
from types import SimpleNamespace

from course_lib.grading.reporting import report

LAB = "90_made"
MISTAKES = {
    "90.1": ("sum", "You have the sum. How many numbers are there?"),
    "90.2": ("axis", "The other axis."),
}


def lab(exercises=("90.1", "90.2", "90.3"), points=20):
    """What `reference.load` gives, as far as reports read it."""
    entries = {
        name: {
            "points": points,
            "wrong": [{"name": n, "hint": h} for n, h in [MISTAKES.get(name, ("none", ""))] if h],
        }
        for name in exercises
    }
    cells = [
        SimpleNamespace(
            metadata={"course": {"role": "answer", "exercise": name}},
            source=f'# exercise {name}\ndef f(x):\n    """Do it."""\n    raise NotImplementedError("{name}")',
        )
        for name in exercises
    ]
    return SimpleNamespace(
        name=LAB, bundle={"exercises": entries}, student=SimpleNamespace(cells=cells), digest="d"
    )


def row(student="alice", exercise="90.1", **changes):
    """One row as the batch makes it."""
    sha = hashlib.sha256(student.encode(errors="replace")).hexdigest()
    values = {"student": student, "file": f"{student}.ipynb", "sha": sha, "exercise": exercise, "points": 0}
    values |= {"max": 20, "status": "wrong", "reason": "", "mistake": "", "flags": [], "retry": False}
    return {**values, **changes}


def school(count, seed=0, exercises=("90.1", "90.2", "90.3")):
    """(lab, rows, people, attempts) of `count` students; later exercises are harder."""
    draw, known = random.Random(seed), lab(exercises)
    rows, attempts = [], {}
    for number in range(count):
        name, ability = f"student_{number:03d}", draw.gauss(0.8, 1)
        answers = {}
        for place, exercise in enumerate(exercises):
            fits = ability + draw.gauss(0, 0.7) > 0.25 * place
            answers[exercise] = (
                f"# exercise {exercise}\ndef f(x):\n    total = {number}\n    return x + total"
            )
            new = row(name, exercise)
            if fits:
                new |= {"status": "right", "points": 20}
            elif draw.random() < 0.5 and exercise in MISTAKES:
                new |= {"mistake": MISTAKES[exercise][0], "reason": MISTAKES[exercise][1]}
            elif draw.random() < 0.3:
                new |= {"status": draw.choice(["timeout", "error", "kernel_died"]), "reason": "stopped"}
            elif draw.random() < 0.4:
                new |= {"status": "blank", "reason": "not started"}
            rows.append(new)
        if number % 40 == 0:
            rows[-1]["flags"] = ["needs review: the answer was found by its order"]
        sha = rows[-1]["sha"]
        attempts[sha] = {"sha": sha, "answers": answers, "isolation": "full", "rows": [], "flags": []}
    return known, rows, report.people(rows, {}), attempts
