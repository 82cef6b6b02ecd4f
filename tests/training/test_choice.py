"""Precision and layout are measured on a copy, or forced."""

import math

import pytest
import torch
from torch import nn

from course_lib.training import choice as module
from course_lib.training.batches import Batches
from course_lib.training.choice import Choice, choose, has_fast_bf16

from .stand_ins import Queue, pictures, same_state
from .test_fit import quick

CPU = torch.device("cpu")


def batches():
    return Batches(pictures(), None, 5, 3)


def with_convolutions():
    method = Queue()
    method.extra = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1))
    method.total_steps = 3
    return method


@pytest.fixture
def times(monkeypatch):
    """Seconds per step for each setting, instead of a measurement."""
    table = {}

    def look_up(method, batches, device, precision, channels_last, limit):
        return table[precision, channels_last]

    monkeypatch.setattr(module, "_time_steps", look_up)
    monkeypatch.setattr(module, "has_fast_bf16", lambda device: True)
    return table


def test_the_fastest_setting_wins_and_the_gain_is_over_plain_float32(times):
    times.update({("float32", False): 4.0, ("float32", True): 2.0, ("bf16", True): 1.0})
    found = choose(with_convolutions(), batches(), CPU)
    assert found == Choice("bf16", True, 1.0, 4.0)
    assert str(found) == "bf16, channels-last (4.0 x float32)"
    times["bf16", True] = 9.0
    assert choose(with_convolutions(), batches(), CPU) == Choice("float32", True, 2.0, 2.0)


def test_without_convolutions_the_layout_is_not_asked(times):
    times.update({("float32", False): 1.0, ("bf16", False): 2.0})
    assert choose(Queue(), batches(), CPU).channels_last is False


def test_a_setting_that_gives_nan_is_never_chosen(times):
    times.update({("float32", False): 4.0, ("bf16", False): math.inf})
    assert choose(Queue(), batches(), CPU).precision == "float32"


def test_forced_settings_are_kept_even_when_slow(times):
    times.update({("float32", True): 9.0, ("float32", False): 1.0, ("bf16", True): 5.0, ("bf16", False): 7.0})
    forced = choose(with_convolutions(), batches(), CPU, "float32", channels_last=True)
    assert (forced.precision, forced.channels_last) == ("float32", True)
    forced = choose(with_convolutions(), batches(), CPU, "bf16")
    assert (forced.precision, forced.channels_last) == ("bf16", True)


def test_without_fast_bf16_it_is_not_tried(times, monkeypatch):
    monkeypatch.setattr(module, "has_fast_bf16", lambda device: False)
    times.update({("float32", False): 1.0})  # a look-up of bf16 would fail
    assert choose(Queue(), batches(), CPU).precision == "float32"


def test_processes_that_must_agree_measure_nothing(times, monkeypatch):
    """`times` is empty: any look-up would fail."""
    assert choose(with_convolutions(), batches(), CPU, shared=True) == Choice("bf16", True)
    assert choose(Queue(), batches(), CPU, shared=True) == Choice("bf16", False)
    assert choose(Queue(), batches(), CPU, "float32", channels_last=True, shared=True).channels_last is True
    monkeypatch.setattr(module, "has_fast_bf16", lambda device: False)
    assert choose(with_convolutions(), batches(), CPU, shared=True) == Choice("float32", True)


def test_a_real_measurement_leaves_the_method_as_it_was():
    method, untouched = Queue(), Queue()
    method.total_steps = 3
    found = choose(method, batches(), CPU, "float32")
    assert found.seconds_per_step > 0
    assert same_state(method, untouched)
    assert method.lines_seen == []
    assert all(parameter.grad is None for parameter in method.parameters())


def test_a_method_that_cannot_be_copied_is_measured_and_put_back():
    method, untouched = Queue(), Queue()
    method.total_steps = 3
    method.kept = method.encoder.net[0].weight * 2  # not a leaf: deepcopy refuses
    assert choose(method, batches(), CPU, "float32").seconds_per_step > 0
    assert same_state(method, untouched)


def test_bf16_is_the_autocast_that_training_runs_in(tmp_path):
    kinds = []

    class Listening(Queue):
        def training_step(self, batch, index):
            kinds.append(self.encoder.net[0](torch.rand(2, 12)).dtype)
            return super().training_step(batch, index)

    quick(Listening(), folder=tmp_path / "a", precision="bf16", steps=1)
    quick(Listening(), folder=tmp_path / "b", precision="float32", steps=1)
    assert kinds == [torch.bfloat16, torch.float32]


def test_channels_last_reaches_the_weights(tmp_path):
    method = with_convolutions()
    method.extra[0] = nn.Conv2d(3, 4, 3)
    quick(method, folder=tmp_path, channels_last=True)
    assert method.extra[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_resume_keeps_the_stored_choice(tmp_path):
    quick(Queue(), folder=tmp_path, precision="bf16")
    run = quick(Queue(), folder=tmp_path, precision="auto", resume="last")
    assert run.summary()["precision"] == "bf16"


def test_other_devices_have_no_fast_bf16_by_default():
    assert has_fast_bf16(torch.device("meta")) is False
