"""A pause of the machine explains stale answers of that time, and nothing else."""

from itertools import count

import pytest
from dns.rdatatype import A

from tests.soak import pauses
from tests.soak.answers import LOST, SERVFAIL, STALE
from tests.soak.client import Seen
from tests.soak.oracle import Oracle
from tests.soak.pauses import NOTICED, PAUSE, TICK, Pauses
from tests.soak.questions import UNREGISTERED, Question
from tests.support.loops import wait_for

CACHED = Question("cached", "c1.cached.example", A, UNREGISTERED[0])


class Clock:
    """A clock that goes on by so many seconds each time it is looked at."""

    def __init__(self, step: float) -> None:
        self._times = (number * step for number in count())
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return next(self._times)


def watch(step: float, monkeypatch: pytest.MonkeyPatch) -> Oracle:
    """Return what is known of pauses after a few looks at such a clock."""
    oracle, clock = Oracle(), Clock(step)
    monkeypatch.setattr(pauses, "time", clock)
    with Pauses(oracle):
        wait_for(lambda: clock.looks >= 3, "the clock is looked at")
    return oracle


def test_a_pause_explains_what_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = watch(TICK + NOTICED + 1.0, monkeypatch)
    for said in (STALE, SERVFAIL, LOST):
        oracle.judge(Seen(CACHED, 0.5, 1.0, said))
    assert oracle.excused == {PAUSE: {STALE: 1}}
    assert oracle.counts["violations"] == 2


def test_the_usual_delay_is_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch(TICK + NOTICED / 2, monkeypatch).windows == []
