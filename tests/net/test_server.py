"""What is counted of one upstream, and what is news of its health."""

import errno
import os
from array import array
from collections.abc import Iterator

import dns.message
import dns.rcode
import pytest

from dnsguard.core import counters
from dnsguard.core.generation import Upstream
from dnsguard.core.randomness import Randomness
from dnsguard.core.response import Response, TtlBounds, parse_response
from dnsguard.net.datagrams import Inbox
from dnsguard.net.health import FAILURES_UNTIL_DOWN, PROBE_EVERY, RESPONSES_UNTIL_UP, Probe
from dnsguard.net.precedence import Precedence
from dnsguard.net.server import Server
from tests.support.generations import Setup
from tests.support.loops import LoopThread, wait_for
from tests.support.scripted import TRUE, ScriptedUpstream, respond, silent, truncated
from tests.support.shell import Shell, make_query

START = 5
LATER = 1e9  # than any time of the machine's clock
UPSTREAM = Upstream("", "127.0.0.1", 9, tcp=False, trusted=False, counter=START)


class Watched:
    """A server with its page, and how often it was said to have changed."""

    def __init__(self, thread: LoopThread) -> None:
        self.page = array("Q", bytes(8 * 200))
        self.changes = 0
        self.server = Server(
            UPSTREAM,
            self.page,
            thread.loop,
            Inbox(clients=False),
            Randomness(os.urandom),
            Precedence(),
            self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1

    def errors(self) -> dict[str, int]:
        """Return the errors counted, by reason."""
        return {
            reason: self.page[START + number]
            for number, reason in enumerate(counters.UPSTREAM_ERRORS)
            if self.page[START + number]
        }

    def observed(self, start: int = START) -> int:
        """Return how many latencies were counted."""
        first = start + counters.UPSTREAM_SECONDS
        return sum(self.page[first : first + counters.HISTOGRAM_SIZE - 1])


@pytest.fixture
def watched() -> Iterator[Watched]:
    thread = LoopThread()
    yield Watched(thread)
    thread.close()


QUERY = make_query("www.example.org", id=4711)


def judged(data: bytes) -> Response:
    """Return what a message is taken for that should answer the query."""
    return parse_response(data, 4711, QUERY[12:], TtlBounds(), trusted=False)


ANSWER = judged(respond(QUERY, f"@ 60 A {TRUE}"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (respond(make_query("WWW.example.org", id=4711)), "mismatch"),
        (respond(QUERY, f"@ 60 A {TRUE}")[:-1], "malformed"),
        (truncated(QUERY), "truncated"),
        (respond(QUERY, rcode="SERVFAIL"), "servfail"),
        (respond(QUERY, rcode="REFUSED"), "refused"),
        (respond(QUERY, rcode="FORMERR"), "other_rcode"),
        (respond(QUERY, rcode="NOTIMP"), "other_rcode"),
    ],
)
def test_an_error_has_its_reason(watched: Watched, data: bytes, reason: str) -> None:
    watched.server.responded(judged(data), 0.1, 1.0)
    assert watched.errors() == {reason: 1}
    assert watched.observed() == 1


def test_an_answer_is_none(watched: Watched) -> None:
    watched.server.responded(ANSWER, 0.1, 1.0)
    assert (watched.errors(), watched.observed()) == ({}, 1)


def test_what_answers_something_else_is_no_news(watched: Watched) -> None:
    for _ in range(FAILURES_UNTIL_DOWN):
        watched.server.silent(2.0, 3.0)
    watched.server.responded(judged(b""), 0.1, 4.0)
    assert not watched.server.health.up
    assert watched.errors() == {"timeout": FAILURES_UNTIL_DOWN, "mismatch": 1}
    assert watched.observed() == 0


def test_down_and_up_are_changes(watched: Watched) -> None:
    for number in range(FAILURES_UNTIL_DOWN + 2):
        watched.server.failed(None, 2.0, 3.0)
        assert watched.changes == (number >= FAILURES_UNTIL_DOWN - 1)
    before = watched.changes
    for number in range(RESPONSES_UNTIL_UP + 2):
        watched.server.responded(ANSWER, 0.1, 4.0)
        up = number >= RESPONSES_UNTIL_UP - 1
        assert (watched.changes, watched.server.health.up) == (before + up, up)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_what_we_ran_out_of_is_no_news(watched: Watched, number: int) -> None:
    for _ in range(FAILURES_UNTIL_DOWN):
        watched.server.failed(OSError(number, ""), 2.0, 3.0)
    assert watched.server.health.up
    assert watched.errors() == {"network": FAILURES_UNTIL_DOWN}


def test_another_generation_may_count_elsewhere(watched: Watched) -> None:
    watched.server.configure(Upstream("", "127.0.0.1", 9, False, trusted=False, counter=100))
    watched.server.responded(ANSWER, 0.1, 1.0)
    watched.server.show_health(1.0)
    assert (watched.observed(), watched.observed(100)) == (0, 1)
    assert watched.page[100 + counters.UPSTREAM_STATE] == 1


def test_what_is_late_is_counted_and_doubted(watched: Watched) -> None:
    assert watched.server.health.probe_due(LATER)
    watched.server.late()
    assert watched.errors() == {"late": 1}
    assert watched.server.health.probe_due(LATER + PROBE_EVERY) == Probe.DOUBTFUL


@pytest.mark.parametrize(
    ("data", "probe"),
    [
        (respond(QUERY, f"@ 60 A {TRUE}"), Probe.NONE),
        (respond(QUERY, rcode="SERVFAIL"), Probe.DOUBTFUL),
        (respond(QUERY, rcode="SERVFAIL")[:4] + bytes(8), Probe.DOUBTFUL),
    ],
)
def test_an_error_is_doubted(watched: Watched, data: bytes, probe: Probe) -> None:
    assert watched.server.health.probe_due(LATER)
    watched.server.responded(judged(data), 0.1, LATER + PROBE_EVERY)
    assert watched.server.health.probe_due(LATER + PROBE_EVERY) == probe


def test_what_came_back_is_the_loop_of_one_upstream(watched: Watched) -> None:
    assert not watched.server.looped(START + 1, 1.0)
    assert watched.errors() == {}
    assert watched.server.looped(START, 1.0)
    assert (watched.errors(), watched.changes) == ({"loop": 1}, 1)
    watched.server.show_health(1.0)
    assert watched.page[START + counters.UPSTREAM_STATE] == counters.LOOPING
    assert not watched.server.looped(START, 1.5), "that is no news"


def test_tcp_connections_to_one_upstream_have_a_bound(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnsguard.net.server.MAX_STREAMS", 2)
    upstream.script = silent
    with Shell(Setup(upstreams=[upstream.tcp_url])) as shell, shell.datagrams() as client:
        for number in range(3):
            client.send(make_query(f"n{number}.example.org", id=number))
        refused = dns.message.from_wire(client.recv(4096))
        assert (refused.id, refused.rcode()) == (2, dns.rcode.SERVFAIL)
        wait_for(lambda: len(upstream.received) == 2, "the others are asked")
        assert shell.upstreams.servers[0].health.up, "that we have enough is no news of it"
