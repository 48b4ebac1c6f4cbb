"""The machine's clock, set ahead and back: times never go back, and never stand still."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.adapters.clock import SystemClock

NOW = 1_800_000_000.0


class Machine:
    """Two clocks of one machine. `set` moves the wall's alone."""

    def __init__(self):
        self.wall, self.steady = NOW, 50.0
        self.clock = SystemClock(lambda: self.wall, lambda: self.steady)

    def passes(self, seconds):
        self.wall += seconds
        self.steady += seconds

    def set(self, seconds):
        self.wall += seconds


def test_it_tells_the_time_of_the_machine():
    machine = Machine()
    assert machine.clock.now() == NOW
    machine.passes(3)
    assert machine.clock.now() == NOW + 3
    machine.set(100)
    assert machine.clock.now() == NOW + 103


def test_behind_a_clock_that_was_set_back_it_goes_on_until_they_meet():
    machine = Machine()
    machine.clock.now()
    machine.set(-60)
    told = []
    for _ in range(13):
        told.append(machine.clock.now() - NOW)
        machine.passes(10)
    assert told == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 50, 60]
    machine.passes(20)
    assert machine.clock.now() == machine.wall


def test_a_floor_is_gone_on_from_where_it_is():
    machine = Machine()
    machine.clock.raise_floor(NOW + 1000)
    machine.passes(100)
    assert machine.clock.now() == NOW + 1000
    machine.passes(10)
    assert machine.clock.now() == NOW + 1005
    machine.clock.raise_floor(NOW + 2000)
    machine.passes(10)
    assert machine.clock.now() == NOW + 2000


def test_a_second_step_back_begins_its_own_pace():
    machine = Machine()
    machine.clock.now()
    machine.set(-10)
    machine.clock.now()
    machine.passes(1000)
    caught_up = machine.clock.now()
    machine.set(-10)
    assert machine.clock.now() == caught_up


MOVES = st.lists(
    st.tuples(st.sampled_from(["passes", "set", "raise"]), st.floats(-1e6, 1e6, allow_nan=False)), max_size=40
)


@given(MOVES)
def test_times_never_go_back_whatever_happens_to_the_clock(moves):
    machine, last = Machine(), 0.0
    for move, seconds in moves:
        if move == "passes":
            machine.passes(abs(seconds))
        elif move == "set":
            machine.set(seconds)
        else:
            machine.clock.raise_floor(machine.wall + seconds)
        now = machine.clock.now()
        assert now >= max(last, machine.wall)
        last = now


@pytest.mark.parametrize("behind", [1.0, 3600.0, 1e9])
def test_what_ends_in_time_ends_however_far_the_clock_was_set_back(behind):
    machine = Machine()
    start = machine.clock.now()
    machine.set(-behind)
    machine.clock.now()
    machine.passes(1200)
    assert machine.clock.now() >= start + 600
