"""Comparing: tolerance, kinds, shapes, NaN; and that a hostile document is a difference, never a crash."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.lab.compare import difference, run_difference, same, same_runs
from course_lib.lab.values import encode


@pytest.mark.parametrize(
    ("expected", "got", "what"),
    [
        (1.0, 1.0 + 5e-5, None),
        (1.0, 1.001, "value"),
        (0.0, 5e-7, None),
        (0.0, 1e-5, "value"),
        (1.0, 1, None),  # a whole number where a float is expected
        (1, 1.0, "dtype"),  # but an index must be a whole number
        (True, 1, "dtype"),
        (1.0, True, "dtype"),
        (1.0, np.float32(1.0), None),
        (np.float32(1.0), np.float64(1.0), None),
        (1.0, np.ones(1), "shape"),
        (np.ones((2, 3)), np.ones((3, 2)), "shape"),
        (np.ones(3), [1.0, 1.0, 1.0], "kind"),
        (math.nan, math.nan, None),
        (1.0, math.nan, "nan"),
        (math.nan, 1.0, "value"),
        (math.inf, math.inf, None),
        (math.inf, -math.inf, "value"),
        (1.0, math.inf, "infinite"),
        ([1, 2], (1, 2), None),
        ([1, 2], [1, 2, 3], "shape"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, None),
        ({"a": 1}, {"a": 1, "b": 2}, "keys"),
        (None, None, None),
        (None, 1.0, "kind"),
        ("left", "left", None),
        ("left", "right", "value"),
        (ValueError("a"), ValueError("b"), None),
        (ValueError("a"), TypeError("a"), "kind"),
        (object(), object(), "kind"),
    ],
)
def test_what_differs(expected, got, what):
    found = difference(encode(expected), encode(got))
    assert (found and found.what) == what


def test_the_worst_entry_and_the_number_of_wrong_ones_are_told():
    found = difference(encode(np.zeros(5)), encode(np.array([0, 0.1, -3.0, 0, 0.2])))
    assert (found.entries, found.wrong, found.got) == (5, 3, -3.0)


def test_the_path_leads_to_the_place():
    found = difference(encode({"queue": [1.0, 2.0]}), encode({"queue": [1.0, 2.5]}))
    assert found.name == "queue[1]"


@pytest.mark.parametrize(
    ("expected", "got", "words"),
    [
        ("yes", "no", ("yes", "no")),
        ("no", "yes", ("no", "yes")),
        ("yes", "no, with another error", ("yes", "no, with another error")),
        ("yes", "anything", ("a text", "another text")),
        ("unchanged", "no", ("a text", "another text")),
    ],
)
def test_of_texts_only_the_agreed_answers_are_told(expected, got, words):
    found = difference(encode(expected), encode(got), name="mirrored")
    assert (found.what, found.expected, found.got) == ("value", *words)


@given(st.floats(-1e6, 1e6), st.floats(0, 2))
def test_tolerance_is_numpys(number, factor):
    got = number + factor * (1e-6 + 1e-4 * abs(number))
    a, b = encode(number)["value"], encode(got)["value"]  # after rounding to nine digits
    expected = abs(b - a) <= 1e-6 + 1e-4 * abs(a)
    assert same(encode(number), encode(got)) is bool(expected)


HOSTILE = [
    None,
    [],
    "x",
    7,
    {},
    {"kind": []},
    {"kind": "array"},
    {"kind": "array", "dtype": "float32", "shape": [], "values": [[]]},
    {"kind": "array", "dtype": {}, "shape": "x", "values": [1.0]},
    {"kind": "array", "dtype": "float32", "shape": [], "values": [{"value": 1.0}]},
    {"kind": "float", "value": "1.0"},
    {"kind": "float", "value": 10**400},
    {"kind": "float", "value": None},
    {"kind": "list", "items": 3},
    {"kind": "dict", "items": [[1]]},
    {"kind": "text", "value": ["no"]},
    {"kind": "text"},
    {"kind": "dict", "items": [["a", {}], [["b"], 1]]},
    {"kind": "module"},
    {"kind": "error", "type": [1]},
]


@pytest.mark.parametrize("got", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("expected", [1.0, np.ones(2), [1.0], {"a": 1}, None, "text"], ids=str)
def test_a_forged_document_is_a_difference(expected, got):
    assert difference(encode(expected), got) is not None


def test_runs_are_compared_by_name_and_by_seed():
    run = {"seed": 0, "values": {"loss": encode(1.0), "norm": encode(2.0)}}
    assert run_difference(run, {"seed": 0, "values": dict(reversed(run["values"].items()))}) is None
    assert run_difference(run, {"values": {"loss": encode(1.0)}}).name == "norm"
    assert run_difference(run, {"values": {**run["values"], "more": encode(1)}}).what == "keys"
    assert run_difference(run, {"error": encode(ValueError())}).what == "kind"
    assert run_difference(run, "forged").what == "kind"
    assert same_runs([run, run], [run, run])
    assert not same_runs([run, run], [run])
    assert not same_runs([run], None)


def test_names_are_compared_in_the_order_in_which_the_probe_made_them():
    kept = {"values": {name: encode(1.0) for name in ("high", "low", "slope")}}  # sorted, as in a bundle
    made = {"values": {name: encode(2.0) for name in ("slope", "low", "high")}}
    assert run_difference(kept, made).name == "slope"


def test_two_runs_that_raise_the_same_error_are_the_same():
    a, b = ({"error": encode(error)} for error in (ValueError("size 3"), ValueError("size 4")))
    assert run_difference(a, b) is None
    assert run_difference(a, {"error": encode(TypeError())}) is not None
