"""Sentences of a patient tutor about values that differ. They never contain addresses, paths or times."""

import math
import re
from typing import Any

from course_lib.lab.compare import ANSWERS, Difference, kind_in_words, run_difference

_IN_THE_GRADER = (
    "only the answer cells and the lab's own set-up are run when it is graded, so what an answer needs "
    "belongs in its own cell. Or is it spelled otherwise?"
)


def error(name: str, document: dict, graded: bool = False) -> str:
    """What an exception in the student's answer means.

    graded: it was raised in the grader, where cells that a student added are not run.
    """
    kind, text, line = _clean(document.get("type")), _clean(document.get("text", "")), document.get("line")
    where = f" (line {line} of your cell)" if isinstance(line, int) and line else ""
    if kind == "NotImplementedError":
        return f"one part of {name} is not written yet{where}."
    if kind == "TooSlow":
        return f"{name} still ran after ten seconds; the inputs are tiny, so look for a loop that never ends."
    if kind == "NameError" and graded:
        return f"{text}{where}: {_IN_THE_GRADER}"
    if kind == "NameError":
        return f"{text}{where}: is it spelled as you defined it, and has the cell that defines it been run?"
    if kind == "TypeError" and "positional argument" in text:
        return f"{text}{where}: keep the arguments of the stub as they are."
    if kind == "AttributeError" and "NoneType" in text:
        return f"something inside {name} is None{where}: {text}. Did a helper forget its return?"
    if kind == "KeyError":
        return f"{name} looked for the key {text}, which is not there{where}."
    if kind in ("RuntimeError", "ValueError", "IndexError") and re.search(
        r"size|shape|dimension|bounds", text
    ):
        return f"shapes do not fit{where}: {text}"
    return f"{name} stopped with {kind}{where}: {text}" if text else f"{name} stopped with {kind}{where}."


def stopped(reason: str) -> str:
    """ "SyntaxError: invalid syntax (1234.py, line 3)" of a graded cell, in words that help its author.

    The file is one that IPython made up; anything but an error of syntax or of a name stays as it is.
    """
    if re.match(r"(Syntax|Indentation|Tab)Error: ", reason):
        return re.sub(r" \([^()]{1,200}, line (\d+)\)$", r" (line \1 of your answer)", reason)
    return f"{reason}: {_IN_THE_GRADER}" if reason.startswith("NameError: ") else reason


def returned(name: str, expected: list[dict], got: list[dict]) -> str:
    """A sentence if an answer came back as the wrong sort of thing (None, wrong shape), else ""."""
    for right, yours in zip(expected, got, strict=False):
        if right == yours:
            continue
        if yours["kind"] == "none":
            return f"{name} gave back None; did you forget return?"
        if right["kind"] == "none":
            return (
                f"{name} gave back {_thing(yours)}; it should give back nothing and change what it is given."
            )
        if right["kind"] == "number" and yours["kind"] == "array":
            shape = kind_in_words(yours).removeprefix("an array of ")
            return f"{shape} came back; {name} gives one number."
        if right["kind"] == "array" and yours["kind"] == "array":
            yours_words, right_words = (
                kind_in_words(side).removeprefix("an array of ") for side in (yours, right)
            )
            return f"{yours_words} came back from {name}; {right_words} is right here."
        if right["kind"] == "list" and yours["kind"] == "list" and right["length"] == yours["length"]:
            inner = returned(name, right["items"], yours["items"])
            if inner:
                return inner
            continue
        if right["kind"] != yours["kind"]:
            return f"{name} gave back {_thing(yours)}; it should give back {_thing(right)}."
        if right["kind"] == "list":
            return f"{name} gave back {yours['length']} things; {right['length']} are asked for."
    return ""


def difference(found: Difference) -> str:
    """Where two values differ and how far, without telling the right value."""
    value = f'"{found.name}"' if found.name else "the value"
    if found.what == "value" and isinstance(found.expected, float):
        return _distance(value, found)
    if found.what == "value" and {found.expected, found.got} <= set(ANSWERS):
        return f'{value}: yours says "{found.got}", it should be "{found.expected}".'
    if found.what == "nan":
        return f"{value} is nan: a logarithm of zero, 0/0, or inf - inf on the way?"
    if found.what == "infinite":
        return f"{value} is infinite: a division by zero, or an exp of a large number?"
    if found.what in ("shape", "kind"):
        return f"{value} is {found.got}; it should be {found.expected}."
    if found.what == "dtype":
        return f"{value} holds {found.got}; it should hold {found.expected}."
    if found.what == "too_large":
        return f"{value} is far too large to compare: {found.got}."
    return f"{value} differs."


def constant(reference: list[dict], runs: list[dict], tolerance: tuple[float, float]) -> bool:
    """True if the student's values are the same on every seed while the reference's are not."""
    if len(runs) < 2 or any("error" in run for run in runs):
        return False
    still = all(run_difference(runs[0], run, *tolerance) is None for run in runs[1:])
    return still and any(run_difference(reference[0], run, *tolerance) is not None for run in reference[1:])


def _distance(value: str, found: Difference) -> str:
    right, yours = found.expected, found.got
    if found.entries > 1:
        far = _two(abs(yours - right))
        return f"{found.wrong} of the {found.entries} entries of {value} differ, by up to {far}."
    if right == 0 or not math.isfinite(right):
        return f"{value} is off by {_two(abs(yours - right))}."
    ratio = yours / right
    if abs(ratio + 1) < 1e-3:
        return f"{value} has the right size and the wrong sign."
    if ratio < 0:
        return f"{value} has the wrong sign."
    if ratio > 1.5 or ratio < 0.67:
        return f"{value} is {_two(ratio)} times what it should be."
    return f"{value} is {_two(abs(ratio - 1) * 100)} % too {'large' if (yours > right) else 'small'}."


def _two(number: float) -> str:
    """Two significant digits, the same text on every machine."""
    return f"{number:.2g}"


def _thing(description: dict[str, Any]) -> str:
    if description["kind"] == "list":
        return f"a tuple or list of {description['length']}"
    return kind_in_words(description)


def _clean(text: Any) -> str:
    """The message of an exception without addresses and paths, on one line."""
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", str(text))
    text = re.sub(r"(?<![\w.])/(?:[\w.+-]+/)+", "", text)
    return " ".join(text.split())[:300]
