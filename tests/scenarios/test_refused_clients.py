"""Never an open resolver: who may not ask is refused, whatever is asked and however."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
import dns.rcode
import pytest

from tests.scenarios.client import ask, compose
from tests.scenarios.upstream import knowing_every_name
from tests.support.gateway import said
from tests.support.metrics import read_samples
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running

QUESTIONS = (
    "www.example.org A",
    "blocked.example.org A",
    "printer.city.internal A",
    "localhost A",
    "use-application-dns.net A",
    "_dns.resolver.arpa SVCB",
    "www.example.org AXFR",
)
EDE = dns.edns.EDEOption(dns.edns.EDECode.PROHIBITED, "Client non admis / Client not admitted")
ALLOWED = ["127.0.0.2", "127.0.0.9", "127.0.0.255"]
REFUSED = ["127.0.1.0", "127.0.0.1", "127.255.255.254"]


@contextmanager
def serving(folder: Path, upstream: ScriptedUpstream, **settings: Any) -> Iterator[Server]:
    config = {
        "listen": {"dns": ["127.0.0.1:0", "[::1]:0"], "admin": None},
        "upstreams": [upstream.url],
        "local_records": ["printer.city.internal. 300 IN A 10.0.0.8"],
        "groups": {"staff": {"subnets": ["127.0.0.2/32"]}},
        "policies": {"ban": {"groups": ["staff"], "block": ["blocked.example.org"]}},
        **settings,
    }
    with running(folder, config) as server:
        yield server


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(knowing_every_name()) as started:
        yield started


def asks(
    server: Server, source: str, *questions: str, tcp: bool = False
) -> list[dns.message.Message]:
    """Return what a client is answered by the address of its own family."""
    place = server.places["::1" if ":" in source else "127.0.0.1"]
    queries = [compose(*question.split()) for question in questions]
    return [dns.message.from_wire(a) for a in ask(place, queries, source=source, tcp=tcp)]


def test_clients_outside_allow_clients_are_refused(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    allowed = ["127.0.0.2/32", "127.0.0.8/29", "127.0.0.128/25"]
    with serving(tmp_path, upstream, allow_clients=allowed) as server:
        for tcp in (False, True):
            for source in (*REFUSED, "::1"):
                for response in asks(server, source, *QUESTIONS, tcp=tcp):
                    assert response.rcode() == dns.rcode.REFUSED
                    assert (response.answer, response.authority) == ([], [])
                    assert response.options == (EDE,)
            assert upstream.names == []
            for source in ALLOWED:
                (response,) = asks(server, source, f"www{tcp}.example.org A", tcp=tcp)
                assert said(response) == "192.0.2.1"
            upstream.received.clear()
        asked = 2 * len(QUESTIONS) * (len(REFUSED) + 1)
        samples = read_samples(server.metrics())
        assert samples['dnsguard_responses_total{rcode="REFUSED",source="refused"}'] == asked
        for source in REFUSED:
            explained = server.command("why", "blocked.example.org", "--client", source)
            assert "verdict: refused" in explained.stdout


def test_what_is_allowed_takes_effect_at_a_reload(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    with serving(tmp_path, upstream, allow_clients=["127.0.0.2/32"]) as server:
        assert said(asks(server, "127.0.0.9", "www.example.org A")[0]) == "REFUSED"
        text = server.config_path.read_text("utf-8")
        server.write_text(
            text.replace("allow_clients:\n- 127.0.0.2", "allow_clients:\n- 127.0.0.9")
        )
        assert server.reload().json()["result"] == "ok"
        assert said(asks(server, "127.0.0.9", "www.example.org A")[0]) == "192.0.2.1"
        assert said(asks(server, "127.0.0.2", "blocked.example.org A")[0]) == "REFUSED"


def test_by_default_loopback_may_ask(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with serving(tmp_path, upstream) as server:
        assert said(asks(server, "::1", "www.example.org A")[0]) == "192.0.2.1"
        assert said(asks(server, "127.255.255.254", "www.example.org A")[0]) == "192.0.2.1"
        assert said(asks(server, "127.0.0.2", "blocked.example.org A")[0]) == "0.0.0.0"
