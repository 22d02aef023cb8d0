"""Whether an upstream is up: bookkeeping without a clock."""

from hypothesis import given
from hypothesis import strategies as st

from dnsguard.net.health import FAILURES_UNTIL_DOWN, PROBE_DOWN_EVERY, PROBE_EVERY, Health


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


def test_one_response_makes_it_up_again_and_forgives() -> None:
    health = Health(0.0)
    fail(health, 10)
    health.responded(3.0)
    assert health.up
    fail(health, FAILURES_UNTIL_DOWN - 1, sent=4.0, now=5.0)
    assert health.up


def test_silence_is_no_failure_when_something_else_was_answered_meanwhile() -> None:
    health = Health(0.0)
    health.responded(1.5)
    fail(health, 10, sent=1.0, now=2.0)
    assert health.up
    fail(health, FAILURES_UNTIL_DOWN, sent=1.6, now=3.0)
    assert not health.up


def test_a_new_one_is_probed_at_once_and_then_when_there_is_no_news() -> None:
    health = Health(100.0)
    assert health.probe_due(100.0)
    assert not health.probe_due(100.0 + PROBE_EVERY / 2)
    assert health.probe_due(100.0 + PROBE_EVERY)
    health.responded(100.0 + PROBE_EVERY + 1)
    assert not health.probe_due(100.0 + 2 * PROBE_EVERY)
    assert health.probe_due(101.0 + 2 * PROBE_EVERY)


def test_one_that_is_down_is_probed_often() -> None:
    health = Health(0.0)
    health.probe_due(0.0)
    fail(health, FAILURES_UNTIL_DOWN)
    assert health.probe_due(2.0)
    assert not health.probe_due(2.0 + PROBE_DOWN_EVERY / 2)
    assert health.probe_due(2.0 + PROBE_DOWN_EVERY)


@given(events=st.lists(st.sampled_from(["responded", "failed"]), min_size=1))
def test_is_down_exactly_after_three_failures_at_the_end(events: list[str]) -> None:
    health = Health(0.0)
    for number, event in enumerate(events, start=1):
        if event == "responded":
            health.responded(float(number))
        else:
            health.failed(number - 0.5, float(number))
    assert health.up == (events[-FAILURES_UNTIL_DOWN:] != ["failed"] * FAILURES_UNTIL_DOWN)
