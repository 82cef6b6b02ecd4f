"""Where a probe says the same for every seed, points come from what the answer returned, not from words."""

import json

import pytest

from course_lib.grading import reference, unit
from course_lib.grading.running import run
from course_lib.lab import bundle

from ..conftest import ANSWERS, LAB, student

JUDGE = """def probe(answer, seed):
    import random

    draw = random.Random(seed)
    numbers = [draw.uniform(1, 2) for _ in range(5)]
    return {"right": "yes" if abs(answer(numbers) - sum(numbers) / 5) < 1e-9 else "no"}
"""
YES = {"right": {"kind": "text", "value": "yes"}}
FORGED = f"""
import course_lib.lab.probe, IPython.display
real = IPython.display.display
def display(data, **options):
    for content in data.values():
        for run in content["runs"]:
            run.pop("error", None)
            run["values"] = {YES!r}
        {{more}}
    real(data, **options)
IPython.display.display = display
def average(numbers):
    return 0.0
"""


@pytest.fixture(scope="module")
def job(_built):
    """The tiny lab with a probe that judges in the kernel."""
    known = reference.load(_built, LAB)
    known = reference.Lab(**{**vars(known), "bundle": json.loads(json.dumps(known.bundle))})
    entry = known.bundle["exercises"]["90.1"]
    entry |= {"probe": JUDGE, "wrong": [], "off_limits": []}
    entry["reference"] = [{"seed": seed, "values": YES} for seed in entry["seeds"]]
    expected = {name: other["reference"] for name, other in known.bundle["exercises"].items()}
    expected["90.1"] = [{"seed": seed, "values": YES} for seed in (*entry["seeds"], 4321)]
    return unit.job(known, expected, 120.0, None, "none")


def row(job, root, source):
    data = json.dumps(student(root, x90_1="# exercise 90.1\n" + source)).encode()
    return unit.attempt(data, job)["rows"][0]


def test_which_exercises_need_it(job):
    entry = job["bundle"]["exercises"]["90.1"]
    assert run.says_the_same(entry)
    other = {**entry, "reference": [*entry["reference"], {"seed": 9, "values": {"right": 1}}]}
    assert not run.says_the_same(other)
    for lab, names in (("03_contrastive", {"3.1"}), ("09_benchmarking", {"9.3"})):
        exercises = bundle.load(lab)["exercises"]
        assert {name for name in exercises if run.says_the_same(exercises[name])} == names


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        ANSWERS["90.1"], "average = lambda numbers: sum(numbers) / len(numbers)",
        "import functools\naverage = functools.partial(lambda power, x: sum(x) / len(x), 1)",
        "class Mean:\n    def __call__(self, numbers): return sum(numbers) / len(numbers)\naverage = Mean()",
    ],
)  # fmt: skip
def test_a_right_answer_keeps_its_points(job, built, source):
    found = row(job, built, source)
    assert (found["status"], found["points"], found["flags"]) == ("right", 40, [])


@pytest.mark.slow
def test_a_wrong_answer_stays_wrong(job, built):
    assert row(job, built, "def average(numbers): return numbers[0]")["status"] == "wrong"


@pytest.mark.slow
@pytest.mark.parametrize("more", ["pass", "content.pop('records')", "content['records'] = [3] * 4",
                                  "content['records'] = ['x'] * 4", "content['records'].pop()"])  # fmt: skip
def test_words_that_the_student_put_there_are_worth_nothing(job, built, more):
    found = row(job, built, FORGED.replace("{more}", more))
    assert (found["status"], found["points"]) == ("no_values", 0)
    (flag,) = found["flags"]
    assert flag.startswith("needs_review: the kernel says that average is right")
    assert found["reason"] == "what average returned does not give the values that came out of its kernel"
