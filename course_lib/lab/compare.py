"""Are two encoded values the same? Tolerance, shapes, dtype kinds, NaN; plain Python, no torch.

The grader compares what a hostile kernel sent, so nothing here trusts the form of `got`.
"""

import math
from dataclasses import dataclass
from typing import Any

RTOL = 1e-4
ATOL = 1e-6
# what a probe may answer to the question that a name asks; only these texts are ever shown to a student
ANSWERS = ("yes", "no", "no, with another error")


@dataclass(frozen=True)
class Difference:
    """The first place in which two values differ.

    name: the path of the value, "loss" or "queue[2]". what: kind, dtype, shape, keys, nan, infinite,
    too_large or value. expected, got: for "value" two numbers, or two of ANSWERS; otherwise words
    that describe the two, never another text that came from outside.
    """

    name: str
    what: str
    expected: Any
    got: Any
    entries: int = 1
    wrong: int = 1


def difference(
    expected: Any, got: Any, rtol: float = RTOL, atol: float = ATOL, name: str = ""
) -> Difference | None:
    """The first difference between two documents of `values.encode`, or None when they are the same.

    A number a and its expectation b agree when |a - b| <= atol + rtol |b|; NaN equals NaN and an
    infinity the same infinity. A whole number may stand where a float is expected, not the other way
    round, and bool stands only for bool; precisions (float32, float64) are not compared. A number and
    an array without axes are the same thing, so are a list and a tuple; dictionaries have no order.
    """
    if not isinstance(got, dict) or not isinstance(expected, dict):
        return Difference(name, "kind", kind_in_words(expected), kind_in_words(got))
    left, right = _flat(expected), _flat(got)
    if left is not None or right is not None:
        return _array_difference(left, right, expected, got, rtol, atol, name)
    kind = expected.get("kind")
    if kind != got.get("kind"):
        return Difference(name, "kind", kind_in_words(expected), kind_in_words(got))
    if kind == "list":
        return _list_difference(expected, got, rtol, atol, name)
    if kind in ("dict", "module"):
        return _dict_difference(expected, got, rtol, atol, name)
    if kind in ("error", "object"):
        same = expected.get("type") == got.get("type") and kind == "error"
        return None if same else Difference(name, "kind", kind_in_words(expected), kind_in_words(got))
    if kind == "text" and expected.get("value") != got.get("value"):
        texts = expected.get("value"), got.get("value")
        if all(text in ANSWERS for text in texts):
            return Difference(name, "value", *texts)
        return Difference(name, "value", "a text", "another text")
    return None


def same(expected: Any, got: Any, rtol: float = RTOL, atol: float = ATOL) -> bool:
    """True when `difference` finds none; also for whole runs: lists of {"values": ...} per seed."""
    return difference(expected, got, rtol, atol) is None


def run_difference(expected: dict, got: Any, rtol: float = RTOL, atol: float = ATOL) -> Difference | None:
    """Compare two runs of a probe on one seed: {"values": {name: encoded}} or {"error": {...}}.

    Names are compared in the order of `got`, in which the probe made them (a bundle keeps them sorted); a
    name that only one of the two has is a difference too.
    """
    if not isinstance(got, dict):
        return Difference("", "kind", "values", "nothing")
    if "error" in expected or "error" in got:
        left, right = expected.get("error"), got.get("error")
        if isinstance(left, dict) and isinstance(right, dict) and left.get("type") == right.get("type"):
            return None
        return Difference("", "kind", kind_in_words(left), kind_in_words(right))
    values = got.get("values")
    if not isinstance(values, dict):
        return Difference("", "kind", "values", "nothing")
    for name in dict.fromkeys([*values, *expected["values"]]):
        if name not in expected["values"]:
            continue
        if name not in values:
            return Difference(name, "keys", "a value", "none")
        found = difference(expected["values"][name], values[name], rtol, atol, name)
        if found is not None:
            return found
    extra = sorted(set(values) - set(expected["values"]))
    return Difference(str(extra[0]), "keys", "none", "a value") if extra else None


def same_runs(expected: list, got: Any, rtol: float = RTOL, atol: float = ATOL) -> bool:
    """True when two lists of runs agree on every seed."""
    if not isinstance(got, list) or len(got) != len(expected):
        return False
    return all(run_difference(a, b, rtol, atol) is None for a, b in zip(expected, got, strict=True))


def kind_in_words(document: Any) -> str:
    """An encoded value (or a description of one) in words: "a (8, 8) array", "a number", "nothing"."""
    if not isinstance(document, dict):
        return "nothing"
    kind = document.get("kind")
    if kind == "array":
        shape = document.get("shape")
        if shape == []:
            return "a number"
        return f"an array of shape {_shape(shape)}"
    words = {
        "none": "None",
        "bool": "True or False",
        "int": "a number",
        "float": "a number",
        "number": "a number",
    }
    words |= {"text": "a text", "list": "a list", "dict": "a dictionary", "module": "a module"}
    if kind == "error":
        return f"an error ({document.get('type')})"
    if kind == "object":
        return f"an object of type {document.get('type', 'unknown')}"
    return words.get(str(kind), "something unreadable")


def _shape(shape: Any) -> str:
    sizes = [str(size) for size in shape] if isinstance(shape, list) else ["?"]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def _flat(document: dict) -> tuple[str, Any, Any] | None:
    """(kind of number, shape, flat values) of a number or an array; None for anything else."""
    kind = document.get("kind")
    if kind in ("bool", "int", "float"):
        return {"bool": "bool", "int": "whole", "float": "float"}[kind], [], [document.get("value")]
    if kind != "array":
        return None
    dtype = str(document.get("dtype"))
    number = (
        "bool"
        if dtype == "bool"
        else "whole"
        if "int" in dtype
        else "complex"
        if "complex" in dtype
        else "float"
    )
    return number, document.get("shape"), document.get("values")


def _array_difference(left, right, expected, got, rtol, atol, name) -> Difference | None:
    words = kind_in_words(expected), kind_in_words(got)
    if left is None or right is None:
        return Difference(name, "kind", *words)
    if left[1] != right[1]:
        return Difference(name, "shape", *words)
    if left[0] != right[0] and (left[0], right[0]) != ("float", "whole"):
        return _dtype_difference(left, right, name)
    if not isinstance(left[2], list) or not isinstance(right[2], list) or len(left[2]) != len(right[2]):
        return Difference(name, "too_large", *words)
    worst, wrong, what = None, 0, "value"
    for a, b in zip(left[2], right[2], strict=True):
        a, b = _as_float(a), _as_float(b)
        if b is None or a is None:
            return Difference(name, "kind", words[0], "something that is no number")
        if a == b or (math.isnan(a) and math.isnan(b)):
            continue
        if math.isfinite(a) and math.isfinite(b) and abs(a - b) <= atol + rtol * abs(a):
            continue
        wrong += 1
        if math.isnan(b) and not math.isnan(a):
            worst, what = (a, b), "nan"
        elif what == "value" and math.isinf(b) and math.isfinite(a):
            worst, what = (a, b), "infinite"
        elif what == "value" and (worst is None or not abs(a - b) <= abs(worst[0] - worst[1])):
            worst = a, b
    if worst is not None and left[0] != right[0]:
        return _dtype_difference(left, right, name)
    return None if worst is None else Difference(name, what, worst[0], worst[1], len(left[2]), wrong)


def _dtype_difference(left, right, name: str) -> Difference:
    names = {"bool": "True or False", "whole": "whole numbers", "float": "decimal numbers"}
    return Difference(name, "dtype", names.get(left[0], left[0]), names.get(right[0], right[0]))


def _as_float(number: Any) -> float | None:
    if isinstance(number, str) and number in ("nan", "inf", "-inf"):
        return float(number)
    try:
        return float(number) if isinstance(number, (bool, int, float)) else None
    except OverflowError:
        return None


def _list_difference(expected, got, rtol, atol, name) -> Difference | None:
    left, right = expected.get("items"), got.get("items")
    if not isinstance(right, list) or len(left) != len(right):
        size = len(right) if isinstance(right, list) else "?"
        return Difference(name, "shape", f"a list of {len(left)}", f"a list of {size}")
    for index, (a, b) in enumerate(zip(left, right, strict=True)):
        found = difference(a, b, rtol, atol, f"{name}[{index}]")
        if found is not None:
            return found
    return None


def _dict_difference(expected, got, rtol, atol, name) -> Difference | None:
    try:
        left, right = dict(expected["items"]), dict(got["items"])
    except (KeyError, TypeError, ValueError):
        return Difference(name, "kind", kind_in_words(expected), "something unreadable")
    if set(left) != set(right):
        return Difference(name, "keys", f"the names {sorted(left)}", f"the names {sorted(map(str, right))}")
    for key in left:
        found = difference(left[key], right[key], rtol, atol, f"{name}[{key!r}]" if name else str(key))
        if found is not None:
            return found
    return None
