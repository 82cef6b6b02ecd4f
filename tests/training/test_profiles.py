"""Profiles, and the calibration that lab.setup prints."""

import types

import pytest

from course_lib.training import calibrate, choose_profile, profiles


def test_the_argument_beats_the_variable_and_quick_is_the_default(monkeypatch):
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    assert choose_profile().name == "quick"
    monkeypatch.setenv("COURSE_PROFILE", "full")
    assert choose_profile().name == "full"
    assert choose_profile("quick").name == "quick"
    monkeypatch.setenv("COURSE_PROFILE", "")
    assert choose_profile().name == "quick"


def test_quick_counts_minutes_and_full_counts_epochs():
    assert profiles.PROFILES["quick"].minutes == 1
    assert profiles.PROFILES["full"].minutes is None
    assert profiles.PROFILES["full"].epochs == 200


def test_unknown_profiles_name_their_source(monkeypatch):
    with pytest.raises(ValueError, match='profile="fast" was given; choose "quick"'):
        choose_profile("fast")
    monkeypatch.setenv("COURSE_PROFILE", "Quick")
    with pytest.raises(ValueError, match='COURSE_PROFILE="Quick" was given'):
        choose_profile()


def pretend(monkeypatch, seconds_per_pass):
    """A machine on which each pass of the workload takes the given times in turn."""
    now = [0.0]
    durations = iter(seconds_per_pass)

    def work():
        now[0] += next(durations)

    monkeypatch.setattr(profiles, "_workload", lambda device: work)
    monkeypatch.setattr(profiles, "time", types.SimpleNamespace(perf_counter=lambda: now[0]))


def test_speed_is_the_best_slice_relative_to_the_reference(monkeypatch):
    one = 1 / profiles.REFERENCE_RATE
    pretend(monkeypatch, [5.0] + [2 * one] * 10_000)
    assert calibrate(0.5, "cpu").speed == pytest.approx(0.5)
    pretend(
        monkeypatch, [5.0] + [1.0] * 3 + [one / 4] * 10_000
    )  # first pass and a burst of load do not count
    machine = calibrate(0.5, "cpu")
    assert machine.speed == pytest.approx(4)
    assert machine.minutes(6) == pytest.approx(1.5)


def test_a_real_calibration_is_positive():
    machine = calibrate(0.02, "cpu")
    assert machine.speed > 0
    assert "threads" in machine.device
    with pytest.raises(ValueError, match="seconds=0"):
        calibrate(0)


def test_the_profile_decides_what_fit_does_without_minutes_and_steps(tmp_path, monkeypatch):
    from .stand_ins import Queue
    from .test_fit import quick

    short = profiles.Profile("quick", None, 3, 5, "three epochs")
    monkeypatch.setitem(profiles.PROFILES, "quick", short)
    run = quick(Queue(), steps=None, batch_size=None, folder=tmp_path)
    assert run.steps == 3 * (20 // 5)
