"""Write down what an answer did, so that a process without the student's code can judge it again.

Some probes cannot return numbers that all right answers share, because right answers draw differently: they
look at what came back and return words, the same words for every seed. Such words prove nothing outside, for
whoever can change the kernel can also say them. What the answer returned, the `Record`, proves it: the same
probe judges that once more, with the same inputs, where the student's code never ran. To forge a record that
passes is to solve the exercise.
"""

import base64
import builtins
import functools
import inspect
import json
import math
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.lab.values import DEEPEST, as_array, dtype_name, fingerprint

LARGEST = 64_000_000  # bytes of all arrays of a record
KINDS = "biuf"  # of numpy's dtypes that may come back: truth, whole numbers, floats


class Record:
    """Everything that crossed the border of an answer, call by call; `text` makes it one string."""

    def __init__(self) -> None:
        self.calls: list[dict] = []
        self.bytes = bytearray()

    def of(self, answer: Any) -> Any:
        """A function that does what `answer` does and is written down here. Classes stay as they are.

        Of each call: what came back or was raised, what functions among the arguments were asked, and which
        arrays among the arguments were changed in place.
        """
        if inspect.isclass(answer) or not callable(answer):
            return answer

        @functools.wraps(answer, updated=())
        def call(*args, **named):
            places: dict[Any, Any] = {**dict(enumerate(args)), **named}
            before = {place: fingerprint(value) for place, value in places.items()}
            asked: list[list] = []
            for place, value in places.items():
                if inspect.isfunction(value):
                    places[place] = self._noting(value, place, asked)
            one: dict[str, Any] = {"asked": asked}
            self.calls.append(one)
            try:
                result = answer(
                    *(places[place] for place in range(len(args))), **{name: places[name] for name in named}
                )
            except Exception as error:
                one["raised"] = type(error).__name__
                raise
            changed = [p for p in before if as_array(places[p]) is not None]
            changed = [place for place in changed if fingerprint(places[place]) != before[place]]
            one["changed"] = [[place, self._packed(places[place])] for place in changed]
            one["returned"] = self._packed(result)
            return result

        return call

    def _noting(self, function: Callable, place: Any, asked: list[list]) -> Callable:
        @functools.wraps(function)
        def noting(*args, **named):
            asked.append([place, self._packed(list(args)), self._packed(named)])
            return function(*args, **named)

        return noting

    def _packed(self, value: Any, depth: int = 0) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return {"is": value}
        array = as_array(value)
        if array is not None:
            start = len(self.bytes)
            if start + array.nbytes > LARGEST:
                return {"lost": "too much"}
            self.bytes += np.ascontiguousarray(array).tobytes()
            kind = type(value).__module__.partition(".")[0]
            scalar = isinstance(value, np.generic)
            where = {"dtype": array.dtype.str, "shape": list(array.shape), "start": start}
            return {"array": dtype_name(value), "from": kind, "scalar": scalar, **where}
        if depth < DEEPEST and isinstance(value, (list, tuple)):
            items = [self._packed(item, depth + 1) for item in list(value)]
            return {"tuple" if isinstance(value, tuple) else "list": items}
        if depth < DEEPEST and isinstance(value, dict):
            return {"dict": [[str(key), self._packed(item, depth + 1)] for key, item in dict.items(value)]}
        return {"lost": type(value).__name__}

    def text(self) -> str:
        """The record as one string of plain signs."""
        whole = json.dumps(self.calls).encode()
        parts = len(whole).to_bytes(8, "big") + whole + bytes(self.bytes)
        return base64.b85encode(zlib.compress(parts, 1)).decode()


class NotRecorded(Exception):
    """The answer was called in another way than is written down, or a value in the record cannot be read."""


def replayed(text: str) -> Callable:
    """A function that gives back, call by call, what a `Record` holds. Raises NotRecorded where it cannot.

    text: of `Record.text`, from a process that is not trusted: only numbers, text and arrays of numbers are
    made from it, at most LARGEST bytes.
    """
    calls, data = _read(text)
    waiting = iter(calls)

    def answer(*args, **named):
        one = next(waiting, None)
        if not isinstance(one, dict):
            raise NotRecorded("the answer was called more often than it was written down")
        places: dict[Any, Any] = {**dict(enumerate(args)), **named}
        try:
            for place, given, options in one.get("asked", []):
                places[place](*_unpacked(given, data), **_unpacked(options, data))
            for place, content in one.get("changed", []):
                places[place][...] = _unpacked(content, data)
            raised = one.get("raised")
            result = None if raised else _unpacked(one["returned"], data)
        except (LookupError, TypeError, AttributeError) as error:
            raise NotRecorded(f"{type(error).__name__}: {error}") from None
        if raised:
            kind = getattr(builtins, str(raised), RuntimeError)
            raise (kind if inspect.isclass(kind) and issubclass(kind, Exception) else RuntimeError)
        return result

    return answer


def _read(text: str) -> tuple[list, bytes]:
    unpack = zlib.decompressobj()
    try:
        parts = unpack.decompress(base64.b85decode(text), 2 * LARGEST)
        length = int.from_bytes(parts[:8], "big")
        calls = json.loads(parts[8 : 8 + length])
    except (ValueError, zlib.error, RecursionError) as error:
        raise NotRecorded(f"the record cannot be read ({error})") from None
    if not isinstance(calls, list):
        raise NotRecorded("the record is no list of calls")
    return calls, parts[8 + length :]


def _unpacked(value: Any, data: bytes) -> Any:
    if not isinstance(value, dict) or "lost" in value:
        raise NotRecorded(f"a value was not written down: {value}"[:100])
    if "is" in value:
        return value["is"]
    if "dict" in value:
        return {str(key): _unpacked(item, data) for key, item in value["dict"]}
    for kind in (list, tuple):
        if kind.__name__ in value:
            return kind(_unpacked(item, data) for item in value[kind.__name__])
    return _array(value, data)


def _array(value: dict, data: bytes) -> Any:
    """A NumPy array, one of its scalars, or a tensor where a tensor was written down."""
    try:
        dtype, shape, start = (
            np.dtype(str(value["dtype"])),
            tuple(map(int, value["shape"])),
            int(value["start"]),
        )
        if dtype.kind not in KINDS or min(shape, default=0) < 0 or start < 0:
            raise ValueError(f"{dtype}, {shape}, {start}")
        array = np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape).copy()
    except (ValueError, TypeError, KeyError) as error:
        raise NotRecorded(f"an array cannot be read ({error})"[:200]) from None
    if value.get("from") != "torch":
        return array[()] if value.get("scalar") is True else array
    torch = sys.modules.get("torch")
    if torch is None:
        raise NotRecorded("there is no torch here")
    return torch.from_numpy(array).to(getattr(torch, str(value.get("array")), torch.float32))
