"""Without any upstream: what needs none is answered, the rest fails at once with a reason."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dns.edns
import dns.message
import dns.rcode
import pytest

from tests.scenarios.client import ask, compose
from tests.support.dns_server import free_port
from tests.support.gateway import said
from tests.support.metrics import read_samples
from tests.support.nsd import running_nsd
from tests.support.scripted import ScriptedUpstream, silent
from tests.support.server import Server, running

REGISTERED = "127.0.0.2"
ZONE = """\
$TTL 300
@ SOA ns.example.org. hostmaster.example.org. 1 3600 600 86400 60
@ NS ns.example.org.
ns A 192.0.2.53
www A 192.0.2.80
"""
ANSWERED = {
    "blocked.example.org A": "0.0.0.0",
    "www.tiktok.com AAAA": "::",
    "use-application-dns.net A": "NXDOMAIN",
    "printer.city.internal A": "10.0.0.9",
    "printer.city.internal AAAA": "NODATA",
    "localhost A": "127.0.0.1",
    "www.localhost AAAA": "::1",
    "1.0.0.127.in-addr.arpa PTR": "localhost.",
    "9.0.0.10.in-addr.arpa PTR": "NXDOMAIN",
    "printer.local A": "NXDOMAIN",
    "site.onion A": "NXDOMAIN",
    "anything.invalid A": "NXDOMAIN",
    "router.home.arpa A": "NXDOMAIN",
    "_dns.resolver.arpa SVCB": "NODATA",
}
"""What is answered without an upstream, and how."""

UNREACHABLE = {
    "refusing": (23, "Erreur de réseau vers l'amont / Network error towards upstreams"),
    "silent": (22, "Aucun serveur amont n'a pu répondre / No upstream could answer"),
}
"""The EDE that says why nobody answered: network error, or no reachable authority (RFC 8914)."""

NOT_READY = (14, "Démarrage en cours / Starting up")
"""What is said beside it until an upstream has answered once."""


@pytest.fixture
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture
def server(ports: tuple[int, int], tmp_path: Path) -> Iterator[Server]:
    """A server whose upstreams are on these ports."""
    config = {
        "upstreams": [f"udp://127.0.0.1:{port}" for port in ports],
        "local_records": ["printer.city.internal. 300 IN A 10.0.0.9"],
        "groups": {"staff": {"subnets": ["127.0.0.2/32"]}},
        "policies": {
            "ban": {
                "groups": ["staff"],
                "lists": ["builtin:tiktok"],
                "block": ["blocked.example.org"],
            }
        },
    }
    with running(tmp_path, config) as started:
        yield started


def asks(server: Server, *questions: str) -> list[dns.message.Message]:
    """Return what a registered client is answered."""
    queries = [compose(*question.split()) for question in questions]
    answers = ask(server.places["127.0.0.1"], queries, source=REGISTERED)
    return [dns.message.from_wire(answer) for answer in answers]


def reasons(response: dns.message.Message) -> tuple[tuple[int, str | None], ...]:
    return tuple(
        (int(option.code), option.text)
        for option in response.options
        if isinstance(option, dns.edns.EDEOption)
    )


@pytest.mark.parametrize("kind", UNREACHABLE)
def test_from_dead_upstreams_to_living_ones(
    server: Server, ports: tuple[int, int], tmp_path: Path, kind: str
) -> None:
    with ExitStack() as upstreams:
        if kind == "silent":
            dead = [upstreams.enter_context(ScriptedUpstream(silent, port=port)) for port in ports]
        told = [said(response) for response in asks(server, *ANSWERED)]
        assert dict(zip(ANSWERED, told, strict=True)) == ANSWERED
        if kind == "silent":
            assert [upstream.names for upstream in dead] == [[], []]
        failures = asks(server, "www.example.org A", "www.example.org AAAA", "other.example.org A")
        assert {response.rcode() for response in failures} == {dns.rcode.SERVFAIL}
        assert {reasons(response) for response in failures} == {(UNREACHABLE[kind], NOT_READY)}
        server.wait_for(lambda: up(server, ports) == [0, 0])
        assert server.status()["ready"] == []
    (tmp_path / "nsd").mkdir()
    with running_nsd(tmp_path / "nsd", {"example.org": ZONE}, port=ports[1]):
        server.wait_for(
            lambda: [said(r) for r in asks(server, "www.example.org A")] == ["192.0.2.80"]
        )
        server.wait_for(lambda: up(server, ports) == [0, 1])
        assert said(asks(server, "another.example.org A")[0]) == "NXDOMAIN"


def up(server: Server, ports: tuple[int, int]) -> list[float]:
    samples = read_samples(server.metrics())
    return [samples[f'dnsguard_upstream_up{{upstream="udp://127.0.0.1:{port}"}}'] for port in ports]
