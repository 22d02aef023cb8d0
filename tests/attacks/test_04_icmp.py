"""ICMP: it tells no stranger a port, and a forged error costs no answer. Needs root."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP

from dnsguard.net.health import RESPONSES_UNTIL_UP
from tests.standards import wire
from tests.standards.subject import Lessons, Subject
from tests.support.loops import wait_for
from tests.support.metrics import read_samples
from tests.support.netns import Namespace, namespaces
from tests.support.scripted import TRUE, Peer, Received, Replies, ScriptedUpstream, silent, telling
from tests.support.server import running

UPSTREAM, ROUTER = "127.0.0.1", "127.0.0.99"
ERRORS = {
    "network unreachable": (3, 0),
    "host unreachable": (3, 1),
    "protocol unreachable": (3, 2),
    "port unreachable": (3, 3),
    "too big": (3, 4),
    "filtered": (3, 13),
    "source quench": (4, 0),
    "too many hops": (11, 0),
}


@dataclass(frozen=True)
class Island:
    """A namespace with a dnsguard, its upstream, a client and whoever forges."""

    namespace: Namespace
    subject: Subject
    upstream: ScriptedUpstream
    numbers: Iterator[int] = field(default_factory=count)

    def ask(self, name: str) -> str:
        """Return the answer to a client there."""
        with self.namespace.entered(), self.subject.client("127.0.0.1") as client:
            return client.gist(name)

    def answer_some(self) -> None:
        """Have the upstream answer until it counts as up, whatever it was silent about before."""
        for _ in range(RESPONSES_UNTIL_UP):
            wait_for(lambda: self.ask(f"n{next(self.numbers)}.up.example") == TRUE, "an answer")

    def forge(self, kind: str, source: str, query: bytes, peer: Peer) -> None:
        """Send an ICMP error about a query that came from a port."""
        number, code = ERRORS[kind]
        sent = IP(src=peer[0], dst=UPSTREAM) / UDP(sport=peer[1], dport=self.upstream.port) / query
        error = ICMP(type=number, code=code, nexthopmtu=68 if kind == "too big" else 0)
        forged = IP(src=source, dst=peer[0]) / error / sent
        with self.namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            raw.sendto(bytes(forged), (peer[0], 0))

    def sockets(self) -> dict[int, str]:
        """Return what each UDP socket of the namespace is connected to, by its port."""
        table = Path(f"/proc/{self.subject.server.pid}/net/udp").read_text("ascii")
        ends = [line.split()[1:3] for line in table.splitlines()[1:]]
        return {int(own[-4:], 16): _place(other) for own, other in ends}


def _place(text: str) -> str:
    address = IPv4Address(int(text[:8], 16).to_bytes(4, "little"))
    return f"{address}:{int(text[-4:], 16)}"


@pytest.fixture(scope="module")
def island(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Island]:
    folder, lessons = tmp_path_factory.mktemp("island"), Lessons()
    with namespaces("island") as [namespace], ExitStack() as started:
        with namespace.entered():
            upstream = started.enter_context(ScriptedUpstream(lessons))
        config = {
            "listen": {"dns": ["0.0.0.0:0"], "admin": None},
            "upstreams": [upstream.url],
            "workers": 1,  # which knows of every answer
        }
        server = started.enter_context(running(folder, config, prefix=namespace.prefix))
        yield Island(namespace, Subject(server, lessons), upstream)


def test_no_socket_for_upstreams_hears_strangers(island: Island) -> None:
    before = island.sockets()
    names = [f"n{number}.ports.example" for number in range(20)]
    for name in names:
        island.subject.teach(name, silent)
    with island.namespace.entered(), island.subject.client("127.0.0.1") as client:
        for name in names:
            client.send(wire.query(name))
        wait_for(lambda: all(map(island.subject.asked, names)), "all are asked")
        during = island.sockets()
    opened = {port: place for port, place in during.items() if place != "0.0.0.0:0"}
    upstream = f"127.0.0.1:{island.upstream.port}"
    asking = [port for port, place in opened.items() if place == upstream]
    assert len(asking) >= 2
    assert island.subject.port not in asking
    strangers = {port for port, place in during.items() if place == "0.0.0.0:0"}
    assert strangers <= set(before), "what was there when nothing was asked"


@pytest.mark.parametrize("source", [UPSTREAM, ROUTER])
@pytest.mark.parametrize("kind", ERRORS)
def test_a_forged_error_costs_no_answer(island: Island, kind: str, source: str) -> None:
    name = f"{kind.replace(' ', '-')}.{source.replace('.', '-')}.icmp.example"

    def forge(query: bytes, transport: str, peer: Peer) -> Replies:
        if len(island.subject.asked(name)) == 1:
            island.forge(kind, source, query, peer)
        return telling(delay=0.05)(query, transport, peer)

    island.answer_some()
    island.subject.teach(name, forge)
    for _ in range(2):
        assert island.ask(name) == TRUE


def test_nor_do_two_for_each_query(island: Island) -> None:
    names = [f"n{number}.twice.icmp.example" for number in range(3)]

    def forge(query: bytes, transport: str, peer: Peer) -> Replies:
        if len(island.subject.asked(Received(query, transport, peer).name.rstrip("."))) <= 2:
            island.forge("port unreachable", UPSTREAM, query, peer)
        return telling(delay=0.05)(query, transport, peer)

    before = network_errors(island)
    for name in names:
        island.subject.teach(name, forge)
        island.answer_some()
        assert island.ask(name) == TRUE
    assert network_errors(island) >= before + len(names), "the errors did arrive"


def network_errors(island: Island) -> float:
    """Return how many errors of the network were counted."""
    samples = read_samples(island.subject.server.metrics())
    return sum(number for series, number in samples.items() if 'reason="network"' in series)
