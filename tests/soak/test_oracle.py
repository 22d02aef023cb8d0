"""The judge of the soak finds what must not be, and excuses only what a fault explains."""

import pytest
from dns.rdatatype import TXT, A

from tests.soak import oracle as judging
from tests.soak.answers import (
    BLOCKED,
    CUT_OFF,
    LOST,
    ODDLY,
    REFUSED,
    SERVFAIL,
    STALE,
    TOLD,
    TRUNCATED,
)
from tests.soak.client import Report, Seen
from tests.soak.oracle import ENFORCE, OFF, Oracle, Window, describe
from tests.soak.questions import REGISTERED, STRANGER, UNREGISTERED, Question
from tests.support.list_server import marker

STAFF, GUEST = REGISTERED[0], UNREGISTERED[0]
CACHED = Question("cached", "c1.cached.example", A, STAFF)
BANNED = Question("blocked", "b1.blocked.example", A, STAFF)
SWITCHED = Question("toggled", "t1.toggled.example", A, STAFF)
ALIAS = Question("alias", "a1.alias.example", A, STAFF)


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(judging, "time", clock)
    return clock


@pytest.fixture
def oracle(clock: Clock) -> Oracle:
    return Oracle()


def finds(oracle: Oracle, question: Question, said: str, begin: float, end: float) -> bool:
    """Tell whether an answer is found to be one that must not be."""
    before = oracle.counts["violations"]
    oracle.take(Report([Seen(question, begin, end, said)], 0.0))
    oracle.finish()
    return oracle.counts["violations"] > before


@pytest.mark.parametrize(
    ("question", "right"),
    [
        (CACHED, TOLD),
        (BANNED, BLOCKED),
        (BANNED._replace(client=GUEST), TOLD),
        (ALIAS, BLOCKED),
        (ALIAS._replace(client=GUEST), TOLD),
        (Question("hosted", "h1.hosted.example", A, STAFF), BLOCKED),
        (SWITCHED, BLOCKED),
        (SWITCHED._replace(client=GUEST), TOLD),
        (Question("listed", "name1.listed.example", A, STAFF), BLOCKED),
        (Question("listed", marker(0), A, STAFF), BLOCKED),
        (Question("listed", marker(1), A, STAFF), TOLD),
        (Question("big", "l1.big.example", TXT, STAFF), TRUNCATED),
        (Question("big", "l1.big.example", TXT, STAFF, "tcp"), TOLD),
        (CACHED._replace(client=STRANGER), REFUSED),
        (CACHED._replace(kind="odd", odd=0), ODDLY),
    ],
)
def test_one_answer_is_right_in_times_of_calm(
    oracle: Oracle, question: Question, right: str
) -> None:
    for said in (TOLD, BLOCKED, REFUSED, TRUNCATED, ODDLY, SERVFAIL, STALE, LOST, CUT_OFF, "x"):
        assert finds(oracle, question, said, 1.0, 2.0) == (said != right)


def test_a_switched_policy_answers_as_before_until_it_is_in_force(
    oracle: Oracle, clock: Clock
) -> None:
    with oracle.toggled.change(OFF):
        clock.now = 110.0
        assert not finds(oracle, SWITCHED, BLOCKED, 90.0, 99.0)
        assert finds(oracle, SWITCHED, TOLD, 90.0, 99.0)
        assert not finds(oracle, SWITCHED, TOLD, 105.0, 106.0)
        assert not finds(oracle, SWITCHED, BLOCKED, 105.0, 106.0)
    assert not finds(oracle, SWITCHED, BLOCKED, 109.0, 112.0)
    assert finds(oracle, SWITCHED, BLOCKED, 111.0, 112.0)
    assert not finds(oracle, SWITCHED, TOLD, 111.0, 112.0)
    clock.now = 120.0
    with oracle.toggled.change(ENFORCE):
        clock.now = 121.0
    assert finds(oracle, SWITCHED, TOLD, 122.0, 123.0)


def test_a_new_version_is_in_force_when_the_update_returns(oracle: Oracle, clock: Clock) -> None:
    old, new = (Question("listed", marker(number), A, STAFF) for number in (0, 1))
    with oracle.version.change(1):
        clock.now = 110.0
    assert not finds(oracle, new, BLOCKED, 111.0, 112.0)
    assert not finds(oracle, old, TOLD, 111.0, 112.0)
    assert finds(oracle, new, TOLD, 111.0, 112.0)
    assert finds(oracle, old, BLOCKED, 111.0, 112.0)


def test_a_fault_explains_what_it_says_while_it_lasts(oracle: Oracle, clock: Clock) -> None:
    with oracle.window("upstreams dead", {SERVFAIL: 5.0, STALE: 30.0}):
        assert not finds(oracle, CACHED, SERVFAIL, 100.0, 101.0)
        clock.now = 110.0
    assert finds(oracle, CACHED, SERVFAIL, 98.0, 99.0)
    assert not finds(oracle, CACHED, SERVFAIL, 99.0, 100.5)
    assert not finds(oracle, CACHED, SERVFAIL, 114.0, 118.0)
    assert finds(oracle, CACHED, SERVFAIL, 116.0, 117.0)
    assert not finds(oracle, CACHED, STALE, 139.0, 139.5)
    assert finds(oracle, CACHED, STALE, 141.0, 142.0)
    assert finds(oracle, CACHED, LOST, 105.0, 113.0)
    assert oracle.excused == {"upstreams dead": {SERVFAIL: 3, STALE: 1}}


def test_nothing_explains_a_blocked_name_that_is_told(oracle: Oracle) -> None:
    with oracle.window("everything", {SERVFAIL: 9.0, STALE: 9.0, LOST: 9.0, CUT_OFF: 9.0}):
        for question in (BANNED, ALIAS, SWITCHED):
            assert finds(oracle, question, TOLD, 101.0, 102.0)
            assert finds(oracle, question, STALE, 101.0, 102.0)
        assert finds(oracle, CACHED, "wrong: 203.0.113.66", 101.0, 102.0)
        assert finds(oracle, CACHED._replace(kind="local"), SERVFAIL, 101.0, 102.0)


def test_a_name_that_is_blocked_needs_no_upstream(oracle: Oracle) -> None:
    with oracle.window("upstreams dead", {SERVFAIL: 5.0, TRUNCATED: 5.0}):
        for said in (SERVFAIL, TRUNCATED):
            assert finds(oracle, BANNED, said, 101.0, 102.0)
            assert finds(oracle, SWITCHED, said, 101.0, 102.0)
            assert not finds(oracle, ALIAS, said, 101.0, 102.0)


def test_a_death_does_not_lose_more_than_a_worker_has_in_hand(oracle: Oracle) -> None:
    with oracle.window("worker killed", {LOST: 0.0}):
        for _ in range(judging.MOST_LOST):
            assert not finds(oracle, CACHED, LOST, 99.0, 107.0)
        assert finds(oracle, CACHED, LOST, 99.0, 107.0)


def test_an_answer_is_judged_once_what_explains_it_is_known(oracle: Oracle, clock: Clock) -> None:
    oracle.take(Report([Seen(CACHED, 98.0, 100.0, STALE)], 0.0))
    clock.now += judging.JUDGED_AFTER
    oracle.take(Report([], 0.0))
    assert not oracle.counts
    oracle.add(Window("pause", {STALE: 9.0}, 98.0, 99.0))
    clock.now += 0.1
    oracle.take(Report([], 0.0))
    assert oracle.counts == {STALE: 1}


def test_a_violation_tells_what_is_needed_to_find_it(oracle: Oracle) -> None:
    with oracle.window("worker killed", {}):
        finds(oracle, CACHED, "wrong: 203.0.113.66", 101.0, 103.5)
    text = describe(oracle.violations, 100.0)
    assert text == (
        "at 3.5 s (faults lately: worker killed):\n"
        f"    {STAFF} asked c1.cached.example type A over udp (EDNS, cached): "
        "wrong: 203.0.113.66"
    )
