"""One timer for all: what is due comes out once, never early, at most two ticks late."""

import math

from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core.wheel import HORIZON, TICK, Wheel

WAITS = st.lists(st.floats(0.0, HORIZON - 2 * TICK), min_size=1, max_size=30)
STEPS = st.lists(st.floats(0.0, 1.0), max_size=30)


@given(start=st.floats(0.0, 1e6), waits=WAITS, steps=STEPS)
def test_comes_out_when_it_is_due(start: float, waits: list[float], steps: list[float]) -> None:
    wheel = Wheel(start)
    for number, wait in enumerate(waits):
        wheel.add(number, start + wait, start)
    left = set(range(len(waits)))
    now = start
    for step in [*steps, 2 * HORIZON]:
        now += step
        for number in wheel.due(now):
            assert start + waits[number] <= now
            left.remove(number)
        assert all(start + waits[number] > now - 2 * TICK for number in left)
        assert (wheel.size, set(wheel.things())) == (len(left), left)
    assert not left


@given(waits=WAITS, removed=st.sets(st.integers(0, 29)))
def test_what_was_removed_does_not(waits: list[float], removed: set[int]) -> None:
    wheel = Wheel(7.0)
    slots = [wheel.add(number, 7.0 + wait, 7.0) for number, wait in enumerate(waits)]
    removed &= set(range(len(waits)))
    for number in removed:
        wheel.remove(number, slots[number])
    assert set(wheel.due(math.ceil(7.0 + HORIZON))) == set(range(len(waits))) - removed
    assert wheel.size == 0
    wheel.remove(0, slots[0])  # it is out already
    assert wheel.size == 0


def test_nothing_is_late_after_a_pause_in_which_nothing_waited() -> None:
    wheel = Wheel(0.0)
    wheel.add("first", 1000.0 + 1.0, 1000.0)
    assert wheel.due(1000.5) == []
    assert wheel.due(1001.0 + 2 * TICK) == ["first"]


def test_what_is_due_already_comes_with_the_next_tick() -> None:
    wheel = Wheel(10.0)
    wheel.add("late", 3.0, 10.0)
    assert wheel.due(10.0 + 2 * TICK) == ["late"]


def test_what_is_due_beyond_the_horizon_comes_at_the_horizon() -> None:
    wheel = Wheel(10.0)
    wheel.add("far", 1e9, 10.0)
    assert wheel.due(10.0 + HORIZON - 2 * TICK) == []
    assert wheel.due(10.0 + HORIZON + 2 * TICK) == ["far"]


def test_what_is_added_while_others_come_out_waits_its_time() -> None:
    wheel = Wheel(0.0)
    wheel.add("first", 0.1, 0.0)
    assert wheel.due(3.0) == ["first"]
    wheel.add("second", 3.4, 3.0)
    assert wheel.due(3.3) == []
    assert wheel.due(3.5) == ["second"]
