"""Values as JSON: what a probe returns, written so that another process can compare it.

Arrays keep dtype and shape, NaN and infinities survive, dictionaries lose their order. Torch is
never imported here: a value can only be a tensor if somebody else already has.
"""

import hashlib
import math
import sys
from typing import Any

import numpy as np

from course_lib.lab.bundle import MIME

__all__ = ["MIME", "as_array", "describe", "dtype_name", "encode", "fingerprint"]

LARGEST_ARRAY = 10_000  # entries; a probe that returns more should return a summary
LONGEST_TEXT = 10_000
DEEPEST = 12


def encode(value: Any, depth: int = 0) -> dict:
    """A JSON-ready description of `value`.

    Numbers, text, None, lists, tuples, dictionaries, NumPy arrays, torch tensors, modules (their
    state) and exceptions are described by content; anything else only by the name of its type.
    Arrays above LARGEST_ARRAY entries keep dtype and shape and lose their values, so they equal nothing.
    """
    if depth > DEEPEST:
        return {"kind": "object", "type": "nested too deeply"}
    # type(...) is, not isinstance: a subclass can lie about what it equals or prints
    if value is None:
        return {"kind": "none"}
    if type(value) is bool:
        return {"kind": "bool", "value": value}
    if type(value) is int:
        return (
            {"kind": "int", "value": value} if abs(value) < 2**63 else {"kind": "object", "type": "huge int"}
        )
    if type(value) is float:
        return {"kind": "float", "value": _number(value)}
    if type(value) is str:
        return {"kind": "text", "value": value[:LONGEST_TEXT]}
    if isinstance(value, BaseException):
        return {"kind": "error", "type": type(value).__name__, "text": _message(value)}
    array = as_array(value)
    if array is not None:
        return _encode_array(array, dtype_name(value))
    if isinstance(value, (list, tuple)):
        return {"kind": "list", "items": [encode(item, depth + 1) for item in list(value)]}
    if isinstance(value, dict):
        items = sorted((str(key), encode(item, depth + 1)) for key, item in _pairs(value))
        return {"kind": "dict", "items": [list(pair) for pair in items]}
    if _is_module(value):
        state = {name: encode(tensor, depth + 1) for name, tensor in value.state_dict().items()}
        return {"kind": "module", "items": [[name, state[name]] for name in sorted(state)]}
    return {"kind": "object", "type": type(value).__name__}


def _pairs(value: dict):
    """Items of a dictionary, in an order that never compares the values themselves."""
    return sorted(dict.items(value), key=lambda pair: str(pair[0]))


def describe(value: Any) -> dict:
    """Only the shape of an answer, not its content: {"kind": ..., "shape": [...]}.

    kind: none, number (also an array without axes), array, list, dict, text, module or object.
    """
    if value is None:
        return {"kind": "none"}
    array_shape = getattr(value, "shape", None) if as_array(value) is not None else None
    if array_shape is not None:
        shape = [int(size) for size in array_shape]
        return {"kind": "array", "shape": shape} if shape else {"kind": "number"}
    if isinstance(value, (bool, int, float)):
        return {"kind": "number"}
    if isinstance(value, (list, tuple)):
        return {"kind": "list", "length": len(value), "items": [describe(item) for item in list(value)[:8]]}
    if isinstance(value, dict):
        return {"kind": "dict"}
    if isinstance(value, str):
        return {"kind": "text"}
    return {"kind": "module" if _is_module(value) else "object"}


def fingerprint(value: Any, depth: int = 0) -> str:
    """A hash of the content of numbers, arrays, tensors, modules and containers of them; "" for others.

    Two calls give the same string unless the content changed in between.
    """
    if depth > DEEPEST:
        return ""
    array = as_array(value)
    if array is not None:
        content = np.ascontiguousarray(array)
        return hashlib.sha256(str((content.dtype, content.shape)).encode() + content.tobytes()).hexdigest()
    if type(value) in (bool, int, float, str):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "|".join(fingerprint(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return "|".join(f"{key}={fingerprint(item, depth + 1)}" for key, item in _pairs(value))
    if _is_module(value):
        return "|".join(f"{key}={fingerprint(item)}" for key, item in value.state_dict().items())
    return ""


def as_array(value: Any) -> np.ndarray | None:
    """The NumPy array behind a tensor, array or NumPy scalar (bfloat16 as float32); None for the rest."""
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        return array if array.dtype.kind in "biufc" else None
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return None
    tensor = value.detach().cpu()
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return tensor.numpy()


def dtype_name(value: Any) -> str:
    """The dtype of an array or tensor without its library: float32, bfloat16, int64, bool."""
    return str(value.dtype).removeprefix("torch.")


def _encode_array(array: np.ndarray, dtype: str) -> dict:
    document: dict[str, Any] = {"kind": "array", "dtype": dtype, "shape": list(array.shape)}
    if array.size > LARGEST_ARRAY:
        return {**document, "values": None}
    if array.dtype.kind == "c":  # complex numbers: real and imaginary parts along a new last axis
        array = np.stack([array.real, array.imag], axis=-1)
    document["values"] = [_number(number) for number in array.reshape(-1).tolist()]
    return document


def _number(number: Any) -> Any:
    """A float as JSON can hold it, with the nine digits that a float32 has."""
    if type(number) is not float:
        return number
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    return float(f"{number:.9g}")


def _message(error: BaseException) -> str:
    """The text of an exception, whatever its own __str__ does."""
    try:
        return str(error)[:500]
    except BaseException:
        return ""


def _is_module(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)
