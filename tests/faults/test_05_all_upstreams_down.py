"""Fault row 5: every upstream is down: what is known is told, the rest fails with a reason."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from dnsguard.core.resolver import FAILURE_TTL
from dnsguard.core.retry import MAX_ATTEMPTS
from tests.faults.driver import (
    ALL,
    FAILED,
    KINDS,
    LOCAL,
    STALE,
    UNREGISTERED,
    Pair,
    long,
    under_load,
)
from tests.scenarios.client import ask, compose
from tests.support.scripted import silent
from tests.support.steady_load import Kind
from tests.support.truth import BRIEF, truth

NO_REACHABLE_AUTHORITY, NETWORK_ERROR = 22, 23  # EDE (RFC 8914)
CACHED_ERROR = 13  # beside them, when the failure is remembered
REPEATS = 10
WORKERS = 2


@contextmanager
def silence(pair: Pair) -> Iterator[None]:
    """Have both upstreams say nothing."""
    pair.first.script = pair.second.script = silent
    yield
    pair.first.script = pair.second.script = truth


@contextmanager
def refusal(pair: Pair) -> Iterator[None]:
    """Have nobody where both upstreams were."""
    with pair.first.stopped(), pair.second.stopped():
        yield


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(silence, NO_REACHABLE_AUTHORITY, marks=long, id="silent"),
        pytest.param(refusal, NETWORK_ERROR, id="refusing"),
    ],
)
def test_what_is_known_is_told_and_the_rest_fails_with_a_reason(
    pair: Pair, fault: Callable[[Pair], AbstractContextManager[None]], reason: int
) -> None:
    # A name that was told as stale is so for half a minute: other names each time.
    names = [f"{BRIEF}-{reason}-{number}.example.org" for number in range(4)]
    brief = Kind("brief", UNREGISTERED, lambda turn: names[turn % len(names)])
    with under_load(pair.server, kinds=(*KINDS, brief), known=names) as load:
        load.phase("calm").check_right(*ALL)
        with fault(pair):
            pair.server.wait_for(lambda: pair.up() == [False, False])
            load.waits_for(lambda seen: seen.kind == "brief" and seen.outcome == STALE)
            ask_again_and_again(pair)
            during = load.phase("all upstreams down")
        during.check_right(*LOCAL)
        assert set(during.outcomes("brief")) == {STALE}
        failed = during.of("fresh", "alias")
        assert {query.outcome for query in failed} == {FAILED}
        assert all(reason in query.ede for query in failed)
        assert {code for query in failed for code in query.ede} <= {reason, CACHED_ERROR}
        load.recovers(*ALL)


def ask_again_and_again(pair: Pair) -> None:
    """Ask for one name that nobody knows: what failed is remembered, so it is seldom asked on."""
    start = time.monotonic()
    query = compose(f"unknown-{start}.example.org")
    for _ in range(REPEATS):
        ask(pair.server.places["127.0.0.1"], [query] * 4, source=UNREGISTERED)
    asked = [n for upstream in (pair.first, pair.second) for n in upstream.names if str(start) in n]
    times = 1 + (time.monotonic() - start) / FAILURE_TTL  # that it may be asked anew
    assert len(asked) <= WORKERS * MAX_ATTEMPTS * times
