"""Fault row 2: an upstream is slow, by turns, so that answers come out of order, or comes twice."""

import random

import pytest

from dnsguard.core.retry import MAX_ATTEMPTS
from tests.faults.driver import ALL, LOCAL, RIGHT, SECONDS, SENT_TO_TCP, Pair, under_load
from tests.support.metrics import read_samples
from tests.support.scripted import Peer, Replies, Script
from tests.support.truth import respond

SLOW = (0.2, 1.0)  # seconds: some are asked for once more before the answer comes
LATE = 'dnsguard_limited_total{limit="late"}'
LONGER = (0.2, 4.0) if SECONDS > 1 else SLOW


def late(least: float, most: float, *, times: int = 1) -> Script:
    """Return a script that tells the truth after a while, so many times."""
    chance = random.Random(5452)

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        answer = respond(query)
        return [(chance.uniform(least, most), answer) for _ in range(times)]

    return script


@pytest.mark.parametrize(
    "script",
    [late(*LONGER), late(0.0, 0.3, times=2)],
    ids=["slow", "out of order and twice"],
)
def test_only_what_must_be_asked_is_slow(pair: Pair, script: Script) -> None:
    with under_load(pair.server) as load:
        load.phase("calm").check_right(*ALL)
        pair.first.script = pair.second.script = script
        during = load.phase("both upstreams slow")
        pair.heal()
        during.check_right(*LOCAL)
        asked = during.outcomes("fresh", "alias")
        assert set(asked) <= {RIGHT, SENT_TO_TCP}
        # No pulse of late answers goes to a client that has many queries waiting.
        assert asked[SENT_TO_TCP] <= read_samples(pair.server.metrics())[LATE]
        assert during.asked(pair.first, pair.second) <= MAX_ATTEMPTS * len(
            during.of("fresh", "alias")
        )
        load.repeats(during, "fresh", "alias")


def test_a_slow_one_beside_a_quick_one(pair: Pair) -> None:
    with under_load(pair.server) as load:
        pair.first.script = late(*SLOW)
        during = load.phase("first upstream slow")
        during.check_right(*ALL)
        new = len(during.of("fresh", "alias"))
        # Most answers take longer than is waited for the first one.
        assert new / 2 < during.asked(pair.second) <= 2 * new
