"""setup: says where it runs, seeds what can be seeded, refuses what it does not know."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from course_lib.lab import attempts, setup


@pytest.fixture(autouse=True)
def _no_measurement(monkeypatch):
    monkeypatch.setenv("COURSE_GRADING", "1")
    monkeypatch.delenv("COURSE_PROFILE", raising=False)


def draws():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_two_set_ups_draw_the_same(capsys):
    setup("90_tiny", seed=4)
    first = draws()
    setup("90_tiny", seed=4)
    assert draws() == first
    setup("90_tiny", seed=5)
    assert draws() != first


def test_it_prints_lab_device_profile_and_time(capsys):
    found = setup("90_tiny")
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert line.startswith("90_tiny on ")
    assert "'quick'" in line
    assert found.profile == "quick"
    assert found.device in ("cpu", "cuda", "mps")
    assert found.minutes("simclr") == 1.0
    assert "about 1 minute." in line


def test_the_profile_comes_from_the_argument_then_from_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "full")
    assert setup("90_tiny").profile == "full"
    assert setup("90_tiny").minutes() is None
    assert setup("90_tiny", profile="quick").profile == "quick"


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="profile is 'fast'; use one of 'quick', 'full'"):
        setup("90_tiny", profile="fast")


def test_the_lab_is_remembered_for_check(tiny, capsys):
    setup("90_tiny")
    assert attempts.current_lab() == "90_tiny"
    setup("01_a_lecture")
    assert attempts.current_lab() is None


def test_the_speed_is_measured(monkeypatch, capsys):
    from course_lib.training import profiles

    monkeypatch.delenv("COURSE_GRADING")
    monkeypatch.setattr(profiles, "calibrate", lambda device: profiles.Machine("CPU", 2.0, 2))
    assert setup("90_tiny").speed == 2.0
    assert "2.0 x the speed" in capsys.readouterr().out


def test_a_notebook_without_training_neither_loads_torch_nor_speaks_of_minutes():
    code = (
        "import sys; from course_lib.lab import setup; found = setup('90_tiny', trains=False); "
        "assert 'torch' not in sys.modules and found.speed is None and found.minutes() is None"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "90_tiny: nothing is trained here; seed 0.\n"
