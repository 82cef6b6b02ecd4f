"""`check` and `hint`: run the probe of an exercise on an answer and say what the values mean.

The values are compared with those of the reference, and then with those of every typical wrong
answer: a student is told which mistake was made, not just that one was. Nothing here is worth
points; those are given outside the student's process.
"""

import inspect
import re
import textwrap
from dataclasses import dataclass
from typing import Any

from course_lib.lab import attempts, bundle, explain, probe
from course_lib.lab.compare import run_difference, same_runs
from course_lib.lab.session import in_grader

LINE = 100  # letters; a notebook breaks longer lines in the middle of a word


@dataclass(frozen=True)
class Verdict:
    """What `check` found: right or not, the sentence for the student, the name of a known mistake."""

    right: bool
    text: str
    mistake: str | None = None


def check(exercise: str, answer: Any) -> None:
    """Print within a second whether `answer` is right, and if not, what is wrong with it.

    exercise: its number, "3.3". answer: the function or class itself, not a call of it.
    Raises ValueError for an exercise that does not exist. In the grader it does nothing: a call that stands
    in the cell of an answer must not cost its points.
    """
    if in_grader():
        return
    lab, _ = bundle.find(exercise, attempts.current_lab())
    verdict = diagnose(exercise, answer)
    attempts.count(lab, exercise, verdict.right)
    print(wrapped(verdict.text))


def hint(exercise: str) -> None:
    """Print the next hint of an exercise: the first at the first call, then one step further each time.

    In the grader it does nothing, as `check`.
    """
    if in_grader():
        return
    lab, entry = bundle.find(exercise, attempts.current_lab())
    hints = entry["hints"]
    if not hints:
        print(f"Exercise {exercise} has no hints; check says what is wrong with what you have.")
        return
    step = min(attempts.hints_seen(lab, exercise), len(hints) - 1)
    attempts.hint_seen(lab, exercise, step + 1)
    print(wrapped(f"hint {step + 1} of {len(hints)}: {hints[step]}"))


def wrapped(text: str) -> str:
    """The text with every long line broken between words; short lines stay as they are."""
    lines = [
        textwrap.wrap(line, LINE, break_long_words=False, break_on_hyphens=False) or [""]
        for line in text.split("\n")
    ]
    return "\n".join(part for line in lines for part in line)


def diagnose(exercise: str, answer: Any) -> Verdict:
    """Run the probe on the public seeds and compare; prints nothing and counts nothing."""
    lab, entry = bundle.find(exercise, attempts.current_lab())
    if entry.get("callable", True) and not callable(answer):
        name = entry["answer"]
        return _not_yet(
            lab,
            exercise,
            entry,
            f'check needs {name} itself, not what it returns: check("{exercise}", {name}).',
        )
    runs = probe.run_all(entry["probe"], exercise, answer, entry["seeds"], probe.PATIENCE)
    tolerance = entry["rtol"], entry["atol"]
    if _all_of_type(runs, "NotImplementedError"):
        return Verdict(
            False, f"not started yet - write exercise {exercise} and run its cell, then this one again."
        )
    if same_runs(entry["reference"], runs, *tolerance):
        return Verdict(True, _praise(exercise, entry, answer, runs))
    for wrong in entry["wrong"]:
        if same_runs(wrong["runs"], runs, *tolerance):
            return _not_yet(lab, exercise, entry, wrong["hint"], wrong["name"])
    return _not_yet(lab, exercise, entry, _explanation(entry, runs, tolerance))


def _praise(exercise: str, entry: dict, answer: Any, runs: list[dict]) -> str:
    total = len(entry["seeds"])
    text = f"right - {total} of {total} probes."
    used = bundle.off_limits_used(_source(answer), entry["off_limits"]) or _modules_used(
        answer, entry["off_limits"]
    )
    if used:
        text = (
            f"right values - but {', '.join(used)} is off limits in this exercise; the grader will report it."
        )
    changed = sorted({name for run in runs for name in run["changed"]} - set(entry["changes"]))
    if changed:
        text += f" One thing: {entry['answer']} changes its argument {' and '.join(changed)} in place."
    if entry.get("next") and not used:
        text += " " + entry["next"]
    return text


def _not_yet(lab: str, exercise: str, entry: dict, text: str, mistake: str | None = None) -> Verdict:
    total = len(entry["hints"])
    offer = ""
    if total:
        step = min(attempts.hints_seen(lab, exercise) + 1, total)
        offer = f' (hint {step} of {total}: hint("{exercise}"))'
    return Verdict(False, f"not yet - {text}{offer}", mistake)


def _explanation(entry: dict, runs: list[dict], tolerance: tuple[float, float]) -> str:
    """The most useful sentence about values that match no known mistake."""
    name, total = entry["answer"], len(runs)
    for index, (expected, run) in enumerate(zip(entry["reference"], runs, strict=True)):
        found = run_difference(expected, run, *tolerance)
        if found is None:
            continue
        returned = explain.returned(name, expected["returned"], run["returned"])
        if returned:
            return returned
        if "error" in run:
            return explain.error(name, run["error"])
        changed = sorted(set(run["changed"]) - set(entry["changes"]))
        if changed:
            return (
                f"{name} changes its argument {' and '.join(changed)} in place, so its caller finds other "
                f"values afterwards; work on a copy instead of writing into what you were given."
            )
        if found.what == "value" and explain.constant(entry["reference"], runs, tolerance):
            return f"{name} gives the same values whatever it is given; does it use all its arguments?"
        right = sum(
            run_difference(a, b, *tolerance) is None for a, b in zip(entry["reference"], runs, strict=True)
        )
        sentence = explain.difference(found)
        where = f"{right} of {total} probes are right; " if right else ""
        message = f" {entry['message']}" if entry.get("message") else ""
        return f"{where}on probe {index + 1}: {sentence}{message}"
    return "the values differ."


def _all_of_type(runs: list[dict], error: str) -> bool:
    return all(run.get("error", {}).get("type") == error for run in runs)


def _source(answer: Any) -> str:
    """The source of an answer where Python can find it, else ""."""
    try:
        return inspect.cleandoc("\n" + inspect.getsource(answer))
    except (OSError, TypeError):
        return ""


def _modules_used(answer: Any, off_limits: list[str]) -> list[str]:
    """Names under `off_limits` behind a function's globals: an import in another cell is found here."""
    code, namespace = getattr(answer, "__code__", None), getattr(answer, "__globals__", {})
    used = set()
    for name in code.co_names if code is not None else ():
        value = namespace.get(name)
        home = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
        if isinstance(home, str) and re.match(r"[\w.]+$", home):
            used.add(home)
    return sorted(
        home for home in used if any(home == bad or home.startswith(bad + ".") for bad in off_limits)
    )
