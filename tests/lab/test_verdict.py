"""What check says: one test per sentence, and none of them depends on time, place or process."""

import json
import re

import numpy as np
import pytest

from course_lib.lab import attempts, bundle, check, compare, explain, hint
from course_lib.lab.values import encode
from course_lib.lab.verdict import diagnose

from . import conftest


def said(exercise, answer):
    return diagnose(exercise, answer).text


def test_right_and_what_comes_next(tiny):
    verdict = diagnose("90.1", conftest.mean)
    assert verdict.right
    assert verdict.text == "right - 3 of 3 probes. Next: rows."


def test_another_right_way_is_right_too(tiny):
    assert diagnose("90.1", lambda numbers: float(np.mean(numbers))).right


@pytest.mark.parametrize("wrong", [conftest.mean__sum, conftest.mean__negative])
def test_each_mistake_gets_its_own_hint_and_no_other(tiny, wrong):
    verdict = diagnose("90.1", wrong)
    assert (verdict.right, verdict.mistake) == (False, wrong.__name__)
    assert verdict.text == f'not yet - {wrong.__doc__} (hint 1 of 2: hint("90.1"))'
    for other in {conftest.mean__sum, conftest.mean__negative} - {wrong}:
        assert other.__doc__ not in verdict.text


def stub(numbers):
    raise NotImplementedError("exercise 90.1: write this part")


def nothing(numbers):
    numbers[0] / 2


def typo(numbers):
    return sum(numbres) / len(numbers)  # noqa: F821


def extra_argument(numbers, more):
    return 1.0


def constant(numbers):
    return 3.0


def sorts(numbers):
    numbers.sort()
    return sum(numbers) / (len(numbers) + 1)


def nan(numbers):
    return float("nan")


def infinite(numbers):
    return float("inf")


def as_list(numbers):
    return [sum(numbers) / len(numbers)]


def a_bit_large(numbers):
    return 1.1 * conftest.mean(numbers)


def slow_text(numbers):
    return "3"


def crash(numbers):
    raise ZeroDivisionError(f"in {object()} of /home/somebody/lab.py")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (stub, "not started yet"),
        (nothing, "mean gave back None; did you forget return?".replace("mean", "mean")),
        (typo, "name 'numbres' is not defined (line 2 of your cell)"),
        (extra_argument, "keep the arguments of the stub"),
        (constant, "gives the same values whatever it is given"),
        (sorts, "changes its argument numbers in place"),
        (nan, '"mean" is nan'),
        (infinite, '"mean" is infinite'),
        (as_list, "mean gave back a tuple or list of 1; it should give back a number."),
        (a_bit_large, '"mean" is 10 % too large.'),
        (slow_text, "mean gave back a text; it should give back a number."),
        (crash, "mean stopped with ZeroDivisionError"),
    ],
)
def test_a_sentence_for_every_accident(tiny, answer, sentence):
    text = said("90.1", answer)
    relative = re.sub(r"line \d+", "line 2", text)
    assert sentence in relative
    assert not diagnose("90.1", answer).right
    assert "0x" not in text
    assert "/home" not in text
    assert text == said("90.1", answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda m: m / np.linalg.norm(m, axis=0), "Think of the axis."),
        (lambda m: conftest.rows(m).T, "shape (3, 4) came back from rows; shape (4, 3) is right here."),
        (
            lambda m: conftest.rows(m).sum(),
            "rows gave back a number; it should give back an array of shape (4, 3).",
        ),
        (lambda m: m @ m, "shapes do not fit"),
        (
            lambda m: conftest.rows(m).astype(int),
            '"rows" holds whole numbers; it should hold decimal numbers.',
        ),
    ],
)
def test_arrays_are_told_by_shape_and_by_entries(tiny, answer, sentence):
    assert sentence in said("90.2", answer)


def test_the_right_value_is_never_given_away(tiny):
    right = tiny.bundle["exercises"]["90.1"]["reference"][0]["values"]["mean"]["value"]
    for answer in (constant, a_bit_large, conftest.mean__sum, nan):
        assert f"{right:.3f}" not in said("90.1", answer)


@pytest.mark.parametrize(
    ("expected", "got", "sentence"),
    [
        ("yes", "no", '"image kept": yours says "no", it should be "yes".'),
        ("no", "yes", '"image kept": yours says "yes", it should be "no".'),
        ("unchanged", "changed", '"image kept" differs.'),
        ("yes", "/home/somebody", '"image kept" differs.'),
    ],
)
def test_a_yes_or_no_is_told_and_no_other_text(expected, got, sentence):
    found = compare.difference(encode(expected), encode(got), name="image kept")
    assert explain.difference(found) == sentence


def test_some_probes_right_is_said(tiny):
    text = said("90.2", lambda m: conftest.rows(m) * (1 if m[0, 0] > 0.2 else 2))
    assert re.search(r"1 of 3 probes are right; on probe \d: \d+ of the 12 entries", text)


def test_a_call_instead_of_the_function(tiny):
    assert 'check needs mean itself, not what it returns: check("90.1", mean).' in said("90.1", 3.5)


def test_a_class_can_be_an_answer(tiny):
    class Stuck(conftest.Counter):
        def add(self):
            pass

    assert diagnose("90.3", conftest.Counter).right
    assert '"count" is' in said("90.3", Stuck)


def test_off_limits_names_are_named(tiny):
    import statistics

    def mean_by_library(numbers):
        return statistics.mean(numbers)

    verdict = diagnose("90.1", mean_by_library)
    assert verdict.right
    assert "statistics" in verdict.text
    assert "off limits" in verdict.text
    assert "Next" not in verdict.text


def test_a_right_answer_that_spoils_its_input_is_told(tiny):
    def in_place(matrix):
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        return matrix

    verdict = diagnose("90.2", in_place)
    assert verdict.right
    assert "changes its argument matrix in place" in verdict.text


def test_an_unknown_exercise_lists_those_that_exist(tiny):
    with pytest.raises(ValueError, match=r"no exercise '9\.9'; there are 90\.1, 90\.2, 90\.3"):
        check("9.9", conftest.mean)


def test_check_prints_one_line_and_counts(tiny, capsys):
    check("90.1", conftest.mean__sum)
    check("90.1", conftest.mean)
    check("90.1", conftest.mean)
    assert capsys.readouterr().out.count("\n") == 3
    stored = json.loads((tiny.cache / "attempts.json").read_text())
    assert stored["90_tiny/90.1"] == {"attempts": 2, "right": True}
    assert attempts.progress("90_tiny")["90.1"]["attempts"] == 2


def test_long_sentences_break_between_words_and_short_lines_stay():
    from course_lib.lab.verdict import LINE, wrapped

    sentence = "Your values grow with the length of the vectors: " * 5
    lines = wrapped(sentence.strip()).split("\n")
    assert max(map(len, lines)) <= LINE
    assert " ".join(lines) == sentence.strip()
    table = "  1.0  2.0\n\n  3.0  4.0"
    assert wrapped(table) == table
    assert wrapped("x" * 150) == "x" * 150  # a name or a path is not cut


def test_hints_come_one_after_the_other(tiny, capsys):
    for _ in range(3):
        hint("90.1")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["hint 1 of 2: Add.", "hint 2 of 2: Divide.", "hint 2 of 2: Divide."]
    assert 'hint 2 of 2: hint("90.1")' in said("90.1", conftest.mean__sum)
    hint("90.2")
    assert "has no hints" in capsys.readouterr().out


def test_a_cache_that_cannot_be_written_stops_nobody(tiny, monkeypatch, capsys):
    tiny.cache.write_text("a file where the folder should be")
    check("90.1", conftest.mean)
    assert "right" in capsys.readouterr().out


def test_a_damaged_cache_is_ignored(tiny, capsys):
    tiny.cache.mkdir()
    (tiny.cache / "attempts.json").write_text('{"90_tiny/90.1": 3, "x"')
    check("90.1", conftest.mean)
    assert "right" in capsys.readouterr().out


def test_building_counts_no_attempts(tiny, monkeypatch):
    monkeypatch.setenv("COURSE_BUILDING", "1")
    check("90.1", conftest.mean)
    assert not (tiny.cache / "attempts.json").exists()


@pytest.mark.parametrize("exercise", ["90.1", "9.9"])
def test_the_grader_hears_nothing_from_check_and_hint(tiny, monkeypatch, capsys, exercise):
    stripped = json.dumps(bundle.stripped(tiny.bundle))
    (tiny.folder / "90_tiny.json").write_text(stripped)  # all that the grader's kernel has
    monkeypatch.setenv("COURSE_GRADING", "1")
    assert check(exercise, conftest.mean) is None
    assert hint(exercise) is None
    assert capsys.readouterr() == ("", "")
    assert not (tiny.cache / "attempts.json").exists()
