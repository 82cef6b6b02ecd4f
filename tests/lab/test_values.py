"""Encoding: what survives the way to JSON, what is refused, and that nothing depends on order or process."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from course_lib.lab import values
from course_lib.lab.compare import difference
from course_lib.lab.values import describe, encode, fingerprint


def through_json(value):
    return json.loads(json.dumps(encode(value), allow_nan=False))


def test_a_tensor_keeps_dtype_and_shape():
    encoded = through_json(torch.tensor([[1.5, math.nan], [math.inf, -math.inf]]))
    assert encoded == {
        "kind": "array",
        "dtype": "float32",
        "shape": [2, 2],
        "values": [1.5, "nan", "inf", "-inf"],
    }


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.bool])
def test_every_dtype_is_named(dtype):
    assert through_json(torch.ones(2, dtype=dtype))["dtype"] == str(dtype).removeprefix("torch.")


def test_a_tensor_with_gradient_and_its_numpy_twin_say_the_same():
    tensor = torch.tensor([0.1, 0.2, 1 / 3], requires_grad=True)
    assert through_json(tensor) == through_json(tensor.detach().numpy())


def test_float32_is_written_with_the_digits_it_has():
    for number in (0.1, 1 / 3, 1e-20, 16777217.0):
        assert np.float32(through_json(np.float32(number))["values"][0]) == np.float32(number)


def test_dictionaries_lose_their_order_and_keep_their_names():
    assert encode({"b": 1, "a": None}) == encode({"a": None, "b": 1})
    assert [name for name, _ in encode({"b": 1, "a": None})["items"]] == ["a", "b"]


def test_a_module_is_its_state():
    layer = torch.nn.Linear(2, 1)
    names = [name for name, _ in through_json(layer)["items"]]
    assert names == ["bias", "weight"]


def test_errors_and_strangers_are_named_not_shown():
    class Odd:
        def __eq__(self, other):
            return True

        __hash__ = None

    assert encode(ValueError("no")) == {"kind": "error", "type": "ValueError", "text": "no"}
    assert encode(Odd()) == {"kind": "object", "type": "Odd"}


def test_a_subclass_of_float_cannot_pass_for_a_number():
    class Liar(float):
        def __repr__(self):
            return "3.5"

    assert encode(Liar(1.0))["kind"] == "object"


def test_an_array_that_is_too_large_equals_nothing_not_even_itself():
    encoded = encode(np.zeros(values.LARGEST_ARRAY + 1))
    assert encoded["values"] is None
    assert difference(encoded, encoded).what == "too_large"


def test_endless_nesting_ends():
    loop = []
    loop.append(loop)
    json.dumps(encode(loop))
    assert fingerprint(loop) == fingerprint(loop)


@given(arrays.arrays(np.float64, arrays.array_shapes(max_dims=3, max_side=3), elements=st.floats(width=64)))
def test_any_array_equals_itself_after_the_way_through_json(array):
    assert difference(through_json(array), through_json(array.copy())) is None


def test_descriptions_tell_a_number_from_an_array_and_a_tuple():
    assert describe(torch.tensor(1.0)) == {"kind": "number"} == describe(2)
    assert describe(torch.zeros(2, 3)) == {"kind": "array", "shape": [2, 3]}
    assert describe((torch.zeros(2), None))["items"] == [{"kind": "array", "shape": [2]}, {"kind": "none"}]


def test_a_fingerprint_changes_with_one_weight():
    layer = torch.nn.Linear(3, 3)
    before = fingerprint(layer)
    assert fingerprint(layer) == before
    with torch.no_grad():
        layer.weight[1, 2] += 1e-3
    assert fingerprint(layer) != before


def test_encoding_and_comparing_never_load_torch():
    code = (
        "import sys\nfrom course_lib.lab import values, compare, bundle\n"
        "import numpy\nvalues.encode({'a': numpy.ones(3), 'b': [1, None]})\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
