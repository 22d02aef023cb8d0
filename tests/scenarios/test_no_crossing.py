"""One cache for all clients of a worker, and yet nobody is served another group's verdict."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scenarios.client import SOCKETS, Datagrams, compose
from tests.scenarios.upstream import keeping_all_but_cold, respond
from tests.support.gateway import read, said
from tests.support.metrics import read_samples
from tests.support.scripted import Peer, Replies, ScriptedUpstream
from tests.support.server import DEADLINE, Server, running

EXPECTED = {"127.0.0.1": "192.0.2.1", "127.0.0.2": "0.0.0.0", "127.0.0.3": "NXDOMAIN"}
"""What each client is told of a listed name: the first is in no group, the others in one each."""

TIMES = 4_000
UNDER_WAY = 30
NAMES = [f"{label}{number}.example.org" for number in range(20) for label in ("cold", "kept")]


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(keeping_all_but_cold) as started:
        yield started


@pytest.fixture
def server(upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[Server]:
    config = {
        "upstreams": [upstream.url],
        "groups": {
            "phones": {"subnets": ["127.0.0.2/32"]},
            "terminals": {"subnets": ["127.0.0.3/32"]},
        },
        "policies": {
            "sinkholed": {"groups": ["phones"], "block": ["example.org"]},
            "denied": {"groups": ["terminals"], "block": ["example.org"], "answer": "nxdomain"},
        },
    }
    with running(tmp_path, config) as started:
        yield started


def test_verdicts_do_not_cross_from_query_to_query(
    server: Server, upstream: ScriptedUpstream
) -> None:
    told: Counter[tuple[str, str]] = Counter()
    queries = [compose(name) for name in NAMES]
    place = server.places["127.0.0.1"]
    with ExitStack() as opened:
        clients = {
            source: [opened.enter_context(Datagrams(place, source)) for _ in range(SOCKETS)]
            for source in EXPECTED
        }
        for first in range(0, TIMES, UNDER_WAY):
            order = sorted(EXPECTED, reverse=bool(first // UNDER_WAY % 2))
            for number in range(first, first + UNDER_WAY):
                for source in order:
                    clients[source][number % SOCKETS].send(queries[number % len(NAMES)])
            for number in range(first, first + UNDER_WAY):
                for source in order:
                    told[source, said(read(clients[source][number % SOCKETS].receive()))] += 1
    asked = -(-TIMES // UNDER_WAY) * UNDER_WAY
    assert told == dict.fromkeys(EXPECTED.items(), asked)
    samples = read_samples(server.metrics())
    assert samples['dnsguard_responses_total{rcode="NOERROR",source="cache"}'] > 0
    assert samples['dnsguard_responses_total{rcode="NOERROR",source="upstream"}'] > asked / 4


@pytest.mark.parametrize("listed_first", [True, False])
def test_verdicts_do_not_cross_while_the_upstream_holds_its_answer_back(
    server: Server, upstream: ScriptedUpstream, listed_first: bool
) -> None:
    told_to_answer = threading.Event()

    def hold(query: bytes, transport: str, peer: Peer) -> Replies:
        assert told_to_answer.wait(DEADLINE)
        return [(0.0, respond(query, 300))]

    upstream.script = hold
    place = server.places["127.0.0.1"]
    order = sorted(EXPECTED, reverse=listed_first)
    with ExitStack() as opened:
        clients = [
            (source, opened.enter_context(Datagrams(place, source)))
            for _ in range(50)
            for source in order
        ]
        for _, client in clients:
            client.send(compose("www.example.org"))
        server.wait_for(lambda: received(server) == len(clients))
        told_to_answer.set()
        told = Counter((source, said(read(client.receive()))) for source, client in clients)
    assert told == dict.fromkeys(EXPECTED.items(), 50)


def received(server: Server) -> float:
    samples = read_samples(server.metrics())
    return sum(value for name, value in samples.items() if "dnsguard_queries_total" in name)
