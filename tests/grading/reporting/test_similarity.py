"""What answers share: found where it is rare, explained where it is chance, blind to names and layout."""

import pytest

from course_lib.grading.reporting import report, similarity

from ..classroom import row

STUB = '# exercise 90.1\ndef f(x):\n    """Do it."""\n    raise NotImplementedError("90.1")'
LONG = """# exercise 90.1
def f(numbers):
    total = 0.0
    for index, number in enumerate(numbers):
        if index % 2 == 0 and number > 0:
            total += number * 0.5
        else:
            total -= abs(number) / (index + 1)
    return max(total, 0.0)"""
COPIED = '''# exercise 90.1
# all my own work
def f(values):
    """Mine."""
    s: float = 0.0
    for k, v in enumerate(values):
        if k%2==0 and v>0:
            s += v*0.5   # half
        else:
            s -= abs(v)/(k+1)
    return max(s, 0.0)'''


def graded(answers, **changes):
    """(people, submissions) of {student: source}; equal shas only where asked for."""
    rows = [row(name, **(changes.get(name, {}))) for name in answers]
    attempts = {one["sha"]: {"answers": {"90.1": answers[one["student"]]}} for one in rows}
    return report.people(rows, {}), attempts


def others(count):
    return {
        f"o{n}": LONG.replace("0.5", f"{n}.25").replace("abs(number)", f"number ** {n}") for n in range(count)
    }


def found(answers, kind="answer", **changes):
    people, attempts = graded(answers, **changes)
    return [one for one in similarity.signals(people, attempts, {"90.1": STUB}) if one.kind == kind]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (LONG, COPIED, True),
        (LONG, LONG.replace("0.5", "0.6"), False),
        (LONG, LONG.replace("abs", "float"), False),
        ("def f(a, b):\n    return a - b", "def f(b, a):\n    return b - a", True),
        ("def f(a, b):\n    return a - b", "def f(a, b):\n    return b - a", False),
        ("def f(x): return np.mean(x)", "def f(x): return np.sum(x)", False),
        (
            "def f(x):\n  return g(x)\ndef g(y): return y",
            "def f(q):\n  return h(q)\ndef h(z): return z",
            True,
        ),
        ("x = (", "x  =  (  # comment", False),
        ("x = (\n# a\n", "x =(\n\n# b", True),
        ("import numpy as np\nnp.sum", "import numpy as n\nn.sum", True),
    ],
)
def test_normal_form_sees_the_code_and_nothing_else(one, other, same):
    assert (similarity.normalised(one)[0] == similarity.normalised(other)[0]) is same


def test_a_copied_answer_with_other_names_is_told_and_how_rare_it_is():
    (signal,) = found({"alice": LONG, "bob": COPIED, **others(30)})
    assert signal.students == ("alice", "bob")
    assert signal.telling
    assert signal.note.startswith("2 of 32 students, ")
    assert "rare in this class" in signal.note


def test_a_right_one_liner_that_many_have_is_no_hint_at_anything():
    short = "def f(x):\n    return x + 1"
    (signal,) = found({"alice": short, "bob": short, **others(30)})
    assert not signal.telling
    assert "by chance" in signal.note
    (signal,) = found({**{f"s{n}": LONG for n in range(10)}, **others(30)})
    assert not signal.telling
    assert "10 of 40 students" in signal.note
    assert "common source" in signal.note


def test_the_stub_and_blank_answers_are_no_signal():
    assert found({"a": STUB, "b": STUB.replace('"""Do it."""', '"""Other."""'), "c": "", "d": "  "}) == []


def test_equal_files_are_told():
    same = {"a": {"sha": "s" * 64}, "b": {"sha": "s" * 64}}
    (signal,) = found({"a": LONG, "b": LONG, **others(30)}, "file", **same)
    assert (signal.students, signal.telling) == (("a", "b"), True)
    blank = {name: {"sha": "s" * 64, "status": "blank"} for name in "ab"}
    assert found({"a": STUB, "b": STUB}, "file", **blank) == []


def test_equal_wrong_values_are_told_unless_a_known_mistake_explains_them():
    digest = {"values_digest": "d1"}
    answers = {"a": LONG, "b": LONG + "  # x", **others(30)}
    (signal,) = found(answers, "values", a=digest, b=digest, o1={"values_digest": "d2"})
    assert signal.telling
    assert signal.note.startswith("2 of 3 students")
    known = {**digest, "mistake": "sum"}
    (signal,) = found(answers, "values", a=known, b=known)
    assert not signal.telling
    assert "a known mistake (sum)" in signal.note
    assert found(answers, "values", a={**digest, "status": "right"}, b={**digest, "status": "right"}) == []


def test_hostile_answers_cost_nothing():
    deep = "x = " + "(" * 5000 + ")" * 5000
    chain = "x = " + "+".join("1" * 9000)
    nested = "\n".join(" " * n + "if 1:" for n in range(95)) + "\n" + " " * 95 + "pass"
    for source in (deep, chain, nested, "x" * 200_000, "\0", "\ud800", "lambda:" * 3000 + "0"):
        form, size = similarity.normalised(source)
        assert isinstance(form, str)
        assert size >= 0
    people, attempts = graded({"a": deep, "b": chain, "c": 3, "d": None})
    assert similarity.signals(people, attempts, {"90.1": STUB}) == []
