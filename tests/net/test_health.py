"""Whether an upstream is up: bookkeeping without a clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.net.health import (
    FAILURES_UNTIL_DOWN,
    LOOP_SECONDS,
    MIN_PATIENCE,
    PROBE_DOWN_EVERY,
    PROBE_EVERY,
    PROBE_SUSPECT_EVERY,
    RESPONSES_UNTIL_UP,
    Health,
    Probe,
)


def fail(health: Health, times: int, sent: float = 1.0, now: float = 2.0) -> None:
    for _ in range(times):
        health.failed(sent, now)


def test_is_up_until_it_failed_three_times_in_a_row() -> None:
    health = Health(0.0)
    fail(health, FAILURES_UNTIL_DOWN - 1)
    assert health.up
    fail(health, 1)
    assert not health.up


def test_a_failure_at_the_moment_it_is_made_counts() -> None:
    health = Health(1.0)
    fail(health, FAILURES_UNTIL_DOWN, sent=1.0, now=1.0)
    assert not health.up


def test_one_that_falls_silent_is_suspect_once_a_second_while_it_is_up() -> None:
    health = Health(0.0)
    assert not health.is_suspect(1.0)
    fail(health, 1)
    assert health.is_suspect(2.0)
    assert not health.is_suspect(1.9 + PROBE_SUSPECT_EVERY)
    assert health.is_suspect(2.0 + PROBE_SUSPECT_EVERY)
    respond(health, 1)
    assert not health.is_suspect(9.0)
    fail(health, FAILURES_UNTIL_DOWN, sent=10.0, now=11.0)
    assert not health.is_suspect(11.0), "it is probed anyway"


def test_one_is_silent_that_fails_and_has_said_nothing_since() -> None:
    health = Health(0.0)
    assert not health.is_silent(0.5), "it was asked nothing"
    respond(health, 1, now=1.0)
    fail(health, 1, sent=1.5, now=2.0)
    assert health.is_silent(1.5)
    assert not health.is_silent(0.5)
    respond(health, 1)
    assert not health.is_silent(9.0)


def respond(health: Health, times: int, seconds: float = 0.1, now: float = 3.0) -> None:
    for _ in range(times):
        health.responded(seconds, now)


def test_three_responses_in_a_row_make_it_up_again() -> None:
    health = Health(0.0)
    fail(health, 10)
    respond(health, RESPONSES_UNTIL_UP - 1)
    fail(health, 1, sent=4.0, now=5.0)
    respond(health, RESPONSES_UNTIL_UP - 1, now=6.0)
    assert not health.up
    respond(health, 1, now=6.0)
    assert health.up


def test_a_response_forgives_failures() -> None:
    health = Health(0.0)
    fail(health, FAILURES_UNTIL_DOWN - 1)
    respond(health, 1)
    fail(health, FAILURES_UNTIL_DOWN - 1, sent=4.0, now=5.0)
    assert health.up


def test_silence_is_no_failure_when_something_else_was_answered_meanwhile() -> None:
    health = Health(0.0)
    health.responded(0.1, 1.5)
    fail(health, 10, sent=1.0, now=2.0)
    assert health.up
    fail(health, FAILURES_UNTIL_DOWN, sent=1.6, now=3.0)
    assert not health.up


def test_a_new_one_is_probed_at_once_and_then_when_there_is_no_news() -> None:
    health = Health(100.0)
    assert health.probe_due(100.0)
    assert not health.probe_due(100.0 + PROBE_EVERY / 2)
    assert health.probe_due(100.0 + PROBE_EVERY)
    health.responded(0.1, 100.0 + PROBE_EVERY + 1)
    assert not health.probe_due(100.0 + 2 * PROBE_EVERY)
    assert health.probe_due(101.0 + 2 * PROBE_EVERY)


def test_one_that_is_down_is_probed_often() -> None:
    health = Health(0.0)
    health.probe_due(0.0)
    fail(health, FAILURES_UNTIL_DOWN)
    assert health.probe_due(2.0)
    assert not health.probe_due(2.0 + PROBE_DOWN_EVERY / 2)
    assert health.probe_due(2.0 + PROBE_DOWN_EVERY)


def test_a_new_one_and_one_that_fails_are_doubtful() -> None:
    health = Health(0.0)
    assert health.probe_due(0.0) == Probe.DOUBTFUL
    assert health.probe_due(PROBE_EVERY) == Probe.ROUTINE
    health.doubt()
    assert health.probe_due(1.5 * PROBE_EVERY) == Probe.NONE
    assert health.probe_due(2 * PROBE_EVERY) == Probe.DOUBTFUL
    fail(health, FAILURES_UNTIL_DOWN)
    assert health.probe_due(3 * PROBE_EVERY) == Probe.DOUBTFUL
    assert health.probe_due(3 * PROBE_EVERY + PROBE_DOWN_EVERY) == Probe.DOUBTFUL


def test_doubt_does_not_wait_for_silence() -> None:
    health = Health(0.0)
    health.probe_due(0.0)
    health.doubt()
    respond(health, 1, now=PROBE_EVERY)
    assert health.probe_due(PROBE_EVERY) == Probe.DOUBTFUL


def test_a_loop_is_over_when_nothing_has_come_back_for_a_while() -> None:
    health = Health(0.0)
    assert not health.loops(0.0)
    health.looped(5.0)
    assert health.loops(5.0 + LOOP_SECONDS / 2)
    assert not health.loops(5.0 + LOOP_SECONDS)


def test_what_loops_is_probed_as_often_as_what_is_down() -> None:
    health = Health(0.0)
    health.probe_due(1.0)
    health.looped(1.0)
    assert health.probe_due(1.0 + PROBE_DOWN_EVERY) == Probe.DOUBTFUL
    assert health.up


def test_patience_is_what_is_usual_and_four_times_how_much_that_varies() -> None:
    health = Health(0.0)
    assert health.patience() == 0, "nothing is known"
    respond(health, 1, seconds=0.1)
    assert health.patience() == pytest.approx(0.1 + 4 * 0.05)
    respond(health, 100, seconds=0.1)
    assert health.patience() == pytest.approx(0.1)
    respond(health, 1, seconds=0.5)
    assert health.patience() == pytest.approx(0.15 + 4 * 0.1)
    respond(health, 200, seconds=0.001)
    assert health.patience() == MIN_PATIENCE


@given(events=st.lists(st.sampled_from(["responded", "failed"]), min_size=1))
def test_its_state_is_that_of_the_last_three_of_a_kind(events: list[str]) -> None:
    health = Health(0.0)
    up = True
    for number, event in enumerate(events, start=1):
        if event == "responded":
            health.responded(0.1, float(number))
        else:
            health.failed(number - 0.5, float(number))
        if events[:number][-3:] == [event] * 3:
            up = event == "responded"
        assert health.up == up
