"""Running a probe: errors become documents, randomness is left as it was, arguments are watched."""

import random
import signal

import numpy as np
import pytest
import torch

from course_lib.lab import probe
from course_lib.lab.values import encode


def run(function, answer, seed=0, patience=None):
    return probe.run(function, answer, seed, patience)


def test_values_what_came_back_and_what_changed():
    def double_in_place(x, y):
        x *= 2
        return x.sum()

    found = run(lambda answer, seed: {"s": answer(np.ones(3), y=np.ones(2))}, double_in_place)
    assert found["values"] == {"s": encode(np.float64(6))}
    assert found["returned"] == [{"kind": "number"}]
    assert found["changed"] == ["x"]


def test_a_module_changed_by_its_function_is_noticed():
    def step(teacher, student):
        with torch.no_grad():
            teacher.weight.mul_(0.5)

    found = run(lambda answer, seed: {"r": answer(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))}, step)
    assert found["changed"] == ["teacher"]


@pytest.mark.parametrize("error", [ValueError, SystemExit, GeneratorExit, RecursionError])
def test_any_error_is_a_document(error):
    def answer():
        raise error("because")

    found = run(lambda answer, seed: {"x": answer()}, answer)
    assert found["error"]["type"] == error.__name__
    assert found["error"]["line"] == answer.__code__.co_firstlineno + 1
    assert "values" not in found


def test_the_user_can_still_interrupt():
    def answer():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(lambda answer, seed: {"x": answer()}, answer)


def test_an_endless_loop_ends_and_the_alarm_is_put_back():
    before = signal.getsignal(signal.SIGALRM)

    def answer():
        while True:
            pass

    assert run(lambda answer, seed: {"x": answer()}, answer, patience=0.05)["error"]["type"] == "TooSlow"
    assert signal.getsignal(signal.SIGALRM) is before


def test_global_randomness_is_seeded_for_the_answer_and_restored_for_the_student():
    def answer():
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    states = random.getstate(), torch.get_rng_state()
    first = run(lambda answer, seed: {"x": answer()}, answer, seed=3)
    assert run(lambda answer, seed: {"x": answer()}, answer, seed=3) == first
    assert run(lambda answer, seed: {"x": answer()}, answer, seed=4)["values"] != first["values"]
    assert random.getstate() == states[0]
    assert torch.equal(torch.get_rng_state(), states[1])


def test_a_probe_must_return_names_and_values():
    assert run(lambda answer, seed: [1], lambda: 1)["error"]["type"] == "TypeError"
    with pytest.raises(ValueError, match="must define probe"):
        probe.load_probe("x = 1", "3.3")


def test_a_class_is_passed_on_unwrapped():
    class Answer:
        pass

    assert run(lambda answer, seed: {"same": answer is Answer}, Answer)["values"]["same"]["value"] is True


def test_emit_displays_exactly_one_document(tiny, monkeypatch):
    import IPython.display

    from course_lib.lab import emit
    from course_lib.lab.values import MIME

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append((data, raw)))
    emit("90.1", lambda numbers: 1.0, [5, 6])
    ((data, raw),) = shown
    assert raw
    assert list(data) == [MIME]
    assert data[MIME]["exercise"] == "90.1"
    assert [one["seed"] for one in data[MIME]["runs"]] == [5, 6]
