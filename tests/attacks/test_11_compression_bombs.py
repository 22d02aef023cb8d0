"""Row 11: pointer loops and compression bombs, in what an upstream sends and in queries.

With them every other class of message that an upstream can send to do harm.
"""

import random
import time
from collections.abc import Iterator

import pytest

from dnsguard.build import BUILD
from dnsguard.core.forward import Forward
from dnsguard.core.protocol import Transport
from dnsguard.core.response import TtlBounds, parse_response
from dnsguard.core.wire import skip_name
from tests.support.captures import captured
from tests.support.data import needs_shared
from tests.support.gateway import Gateway, packed
from tests.support.generations import Setup
from tests.support.hostile_answers import ANSWERS, Reply, hostile_answers, question_of
from tests.support.hostile_queries import QUERIES, hostile_queries
from tests.support.replay import MOST, SEED, Besieged, besieged
from tests.support.shell import make_query

# Seconds of CPU, some times what the worst message takes in each build: what takes the square of
# a message's records or octets takes more.
MAX_SECONDS = 0.5 if BUILD == "plain" else 0.2
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


@pytest.mark.parametrize("qtype", ["A", "CNAME", "HTTPS", "TXT", "ANY"])
@pytest.mark.parametrize("kind", ["pointers", "bombs", "aliases"])
def test_no_response_takes_a_worker_long(kind: str, qtype: str) -> None:
    gateway = Gateway(SETUP.generation())
    for number, reply in enumerate(hostile_answers(kind, SEED, ALL)):
        asked = make_query(f"n{number}.example.org", qtype, id=number)
        outcome = gateway.resolver.query(asked, packed("10.20.0.7"), Transport.UDP, gateway.now)
        assert isinstance(outcome, Forward)
        query, message = outcome.query, reply(asked)
        started = time.thread_time()
        response = parse_response(message, query.id, query.question, TtlBounds(), trusted=True)
        if response.answer is not None:
            gateway.resolver.response(outcome, response.answer, gateway.now)
        assert time.thread_time() - started < MAX_SECONDS, (kind, number)


@pytest.mark.parametrize("kind", QUERIES)
def test_no_query_takes_a_worker_long(kind: str) -> None:
    gateway = Gateway(SETUP.generation())
    for hostile in hostile_queries(kind, SEED, ALL):
        started = time.thread_time()
        gateway.resolver.query(hostile.data, packed("10.20.0.7"), Transport.TCP, gateway.now)
        assert time.thread_time() - started < MAX_SECONDS, hostile.data[:80]
