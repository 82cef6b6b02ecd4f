"""The schedule ends on time: driven with a made-up clock."""

import pytest

from course_lib.training.deadline import Deadline


def drive(deadline, seconds_per_step):
    """Steps until done; returns the number of steps and the time that passed."""
    clock, steps, places = 0.0, 0, []
    while not deadline.done:
        clock += seconds_per_step(steps)
        places.append(deadline.step(clock))
        steps += 1
        assert steps < 10_000
    return steps, clock, places


def test_without_a_time_every_step_is_one():
    steps, _, places = drive(Deadline(37), lambda step: 1.0)
    assert steps == 37
    assert places == list(range(1, 38))


def test_a_machine_that_keeps_its_pace_takes_every_step():
    assert drive(Deadline(100, seconds=100), lambda step: 1.0)[0] == 100
    assert drive(Deadline(100, seconds=100), lambda step: 1.03)[0] == 100


@pytest.mark.parametrize("slower", [1.5, 3, 10])
def test_a_slower_machine_ends_on_time_with_the_schedule_at_its_end(slower):
    steps, clock, places = drive(Deadline(200, seconds=200), lambda step: 1.0 if step < 50 else slower)
    assert 200 / slower <= steps < 200
    assert clock <= 1.1 * 200
    assert places == sorted(places)
    assert places[-1] == 200


def test_after_a_short_burst_of_load_the_strides_are_one_again():
    deadline = Deadline(1000, seconds=1000)
    steps, clock, _ = drive(deadline, lambda step: 5.0 if 100 <= step < 104 else 0.97)
    assert steps > 950
    assert clock <= 1.05 * 1000


def test_when_time_is_already_over_the_next_step_is_the_last():
    deadline = Deadline(100, seconds=10)
    for second in range(6):
        deadline.step(20.0 * (second + 1))
    assert deadline.done
