"""A record of what an answer did stands in for the answer, and holds nothing but numbers and texts."""

import base64
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.lab import probe
from course_lib.lab.compare import same_runs
from course_lib.lab.replay import NotRecorded, Record, replayed


def again(function, answer, seed=0):
    """(the run with the answer, the run with its record)."""
    record = Record()
    first = probe.run(function, answer, seed, record=record)
    return first, probe.run(function, replayed(record.text()), seed)


def assert_same(function, answer):
    for seed in range(3):
        first, second = again(function, answer, seed)
        assert first.get("error", {}).get("type") == second.get("error", {}).get("type")
        assert same_runs([first], [second], 0, 0), (first, second)
    return second


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, -0.5, float("nan"), "words", np.float32(2.5), np.arange(6).reshape(2, 3)[:, ::-1],
        np.zeros((0, 3)), np.array(True), torch.arange(4)[::2], torch.ones(2, 3).T.bfloat16(),
        torch.tensor(float("inf")), [1, (torch.ones(2), {"a": np.ones(1)})],
    ],
)  # fmt: skip
def test_whatever_comes_back_comes_back_again(value):
    kept = []
    assert_same(lambda answer, seed: {"x": kept.append(answer(seed)) or kept[-1]}, lambda seed: value)
    assert type(kept[-1]) is type(value) is type(kept[0])
    if isinstance(value, torch.Tensor):
        assert kept[-1].dtype == value.dtype


@given(st.lists(st.floats(allow_nan=False), max_size=5), st.booleans())
def test_lists_and_tuples_of_numbers(numbers, as_tuple):
    value = tuple(numbers) if as_tuple else numbers
    record = Record()
    record.of(lambda: value)()
    assert replayed(record.text())() == value


def test_what_was_asked_of_a_function_is_asked_again():
    def judge(answer, seed):
        seen = []

        def statistic(rows, scale=1):
            seen.append(float(rows.sum()) * scale)
            return seen[-1]

        back = answer(np.arange(5.0) + seed, statistic)
        return {"seen": seen, "back": back}

    def answer(rows, statistic):
        return max(statistic(rows[:3]), statistic(rows, scale=2))

    assert assert_same(judge, answer)["values"]["seen"]["items"][1]["value"] == 40


def test_an_argument_that_was_changed_is_changed_again():
    def judge(answer, seed):
        images, rows = torch.ones(2, 2), np.ones(3)
        answer(images, rows=rows)
        return {"images": images, "rows": rows}

    def answer(images, rows):
        images[0, 0], rows[1] = 7, 8

    assert assert_same(judge, answer)["values"]["rows"]["values"] == [1, 8, 1]


def test_an_error_that_the_probe_catches_is_raised_again():
    def judge(answer, seed):
        try:
            return {"raised": answer(seed)}
        except ValueError:
            return {"raised": "yes"}

    def refuses(seed):
        raise ValueError("no")

    class Own(Exception):
        pass

    def fails(seed):
        raise Own

    assert assert_same(judge, refuses)["values"]["raised"]["value"] == "yes"
    first, second = again(judge, fails)
    assert "error" in first
    assert "error" in second


def test_what_cannot_be_written_down_is_not_made_up():
    judge = lambda answer, seed: {"x": answer() is not None}  # noqa: E731
    first, second = again(judge, lambda: object())
    assert first["values"]["x"]["value"] is True
    assert second["error"]["type"] == "NotRecorded"


def test_more_calls_than_were_written_down():
    record = Record()
    record.of(lambda: 1)()
    answer = replayed(record.text())
    assert answer() == 1
    with pytest.raises(NotRecorded, match="more often"):
        answer()


def packed(calls: str, data: bytes = b"") -> str:
    parts = len(calls).to_bytes(8, "big") + calls.encode() + data
    return base64.b85encode(zlib.compress(parts)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "", "\u00fc", "not zlib", packed("{}"), packed("[" * 5000), packed('[{"returned": []}]'),
        packed("[3]"),
        packed('[{"asked": [[5, {"list": []}, {"dict": []}]]}]'), packed('[{"changed": [["x", {"is": 1}]]}]'),
        packed('[{"returned": {"array": "float32", "dtype": "<f4", "shape": [9], "start": 0}}]'),
        packed('[{"returned": {"array": "object", "dtype": "O", "shape": [1], "start": 0}}]', bytes(8)),
        packed('[{"returned": {"array": "load", "from": "torch", "dtype": "<f4", "shape": [1], "start": 0}}]',
               bytes(4)),
        packed('[{"raised": "SystemExit"}]'), packed('[{"raised": "open"}]'),
    ],
)  # fmt: skip
def test_a_forged_record_gives_nothing(text):
    with pytest.raises((NotRecorded, RuntimeError)):
        replayed(text)(1, 2)


def test_a_class_stays_as_it_is():
    assert Record().of(dict) is dict
