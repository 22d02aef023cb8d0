"""Row 11: pointer loops and compression bombs, in what an upstream sends and in queries.

With them every other class of message that an upstream can send to do harm.
"""

import random
import time
from collections.abc import Iterator

import pytest

from dnsguard.core.forward import Forward
from dnsguard.core.protocol import Transport
from dnsguard.core.response import TtlBounds, parse_response
from dnsguard.core.wire import skip_name
from tests.support.captures import captured
from tests.support.data import needs_shared
from tests.support.gateway import Gateway, packed
from tests.support.generations import Setup
from tests.support.hostile_answers import (
    ADDRESS,
    ANSWERS,
    Reply,
    hostile_answers,
    question_of,
    saying,
)
from tests.support.hostile_queries import QUERIES, hostile_queries
from tests.support.replay import MOST, SEED, Besieged, besieged
from tests.support.shell import make_query

# Times the CPU time of the largest honest response, twice what the worst message takes: what takes
# the square of a message's records or octets takes a hundred times as much.
MOST_TIMES = 10
ALL = 1_000_000
SETUP = Setup(lists={"one": ["blocked.example", "203.0.113.0/24"]}, off_switches={})


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with besieged(tmp_path_factory.mktemp("city")) as started:
        yield started


def test_every_query_is_answered_whatever_the_upstream_says(target: Besieged) -> None:
    corpus = [reply for kind in ANSWERS for reply in hostile_answers(kind, SEED, MOST)]
    with target.unharmed():
        target.replay_answers(corpus, tcp=False)
        with target.growing_little():
            target.replay_answers(corpus, tcp=True)


@needs_shared("pcap")
def test_every_dns_payload_of_the_captures_as_an_answer(target: Besieged) -> None:
    datagrams, segments = captured()
    payloads = sorted(datagrams | {segment[2:] for segment in segments})
    chosen = random.Random(SEED).sample(payloads, min(len(payloads), 4 * MOST))
    with target.unharmed():
        target.replay_answers([as_answer(payload) for payload in chosen], tcp=False)


def as_answer(payload: bytes) -> Reply:
    """Return what sends a payload as the response to a query, with its ID and its question."""

    def reply(query: bytes) -> bytes:
        end = skip_name(payload, 12) + 4
        rest = payload[end:] if end >= 16 else payload[12:]
        return (
            query[:2] + b"\x81\x80\0\1" + payload[6:12].ljust(6, b"\0") + question_of(query) + rest
        )

    return reply


def seconds_of(gateway: Gateway, reply: Reply, name: str, qtype: str) -> float:
    """Return the CPU time that a message from an upstream takes; `name` was not asked before."""
    asked = make_query(f"{name}.example.org", qtype)
    outcome = gateway.resolver.query(asked, packed("10.20.0.7"), Transport.UDP, gateway.now)
    assert isinstance(outcome, Forward)
    query, message = outcome.query, reply(asked)
    started = time.thread_time()
    response = parse_response(message, query.id, query.question, TtlBounds(), trusted=True)
    if response.answer is not None:
        gateway.resolver.response(outcome, response.answer, gateway.now)
    return time.thread_time() - started


@pytest.fixture
def most_seconds() -> float:
    """Many times what 4,000 addresses take, now, on this machine, in this build."""
    gateway, honest = Gateway(SETUP.generation()), saying(ADDRESS * 4_000, 4_000)
    seconds = min(seconds_of(gateway, honest, f"honest{number}", "A") for number in range(5))
    return MOST_TIMES * seconds


@pytest.mark.parametrize("qtype", ["A", "CNAME", "HTTPS", "TXT", "ANY"])
@pytest.mark.parametrize("kind", ["pointers", "bombs", "aliases"])
def test_no_response_takes_a_worker_long(kind: str, qtype: str, most_seconds: float) -> None:
    gateway = Gateway(SETUP.generation())
    for number, reply in enumerate(hostile_answers(kind, SEED, ALL)):
        # Whatever else the machine did meanwhile is not the message's.
        names = (f"n{number}-{attempt}" for attempt in range(3))
        taken = (seconds_of(gateway, reply, name, qtype) for name in names)
        assert any(seconds < most_seconds for seconds in taken), (kind, number)


@pytest.mark.parametrize("kind", QUERIES)
def test_no_query_takes_a_worker_long(kind: str, most_seconds: float) -> None:
    gateway = Gateway(SETUP.generation())

    def seconds_of_query(data: bytes) -> float:
        started = time.thread_time()
        gateway.resolver.query(data, packed("10.20.0.7"), Transport.TCP, gateway.now)
        return time.thread_time() - started

    for hostile in hostile_queries(kind, SEED, ALL):
        taken = (seconds_of_query(hostile.data) for _ in range(3))
        assert any(seconds < most_seconds for seconds in taken), hostile.data[:80]
