"""Identical questions in flight are asked once, and how many may wait."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import dns.flags
import dns.message
import pytest

from dnsguard.core import counters
from dnsguard.core.forward import Forward
from dnsguard.core.protocol import Transport
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import (
    TRUE,
    ScriptedUpstream,
    silent,
    telling,
)
from tests.support.shell import (
    Shell,
    addresses,
    is_sent_to_tcp,
    make_query,
)

STAFF = {"staff": ["127.0.0.2/32"]}

pytestmark = pytest.mark.usefixtures("once")


class TestSharing:
    def test_identical_questions_are_asked_once(self, upstream: ScriptedUpstream) -> None:
        upstream.script = telling(delay=0.3)
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            clients = [shell.datagrams(f"127.0.0.{2 + number}") for number in range(50)]
            for number, client in enumerate(clients):
                client.send(make_query("WwW.eXample.org", id=number))
            for number, client in enumerate(clients):
                answer = dns.message.from_wire(client.recv(4096))
                assert answer.id == number
                assert addresses(answer) == [TRUE]
                client.close()
            assert upstream.names == ["www.example.org."]

    def test_dnssec_and_checking_disabled_are_other_questions(
        self, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = telling(delay=0.2)
        with Shell(Setup(upstreams=[upstream.url])) as shell, ThreadPoolExecutor(4) as pool:
            asked = [
                pool.submit(
                    shell.ask, "www.example.org", dnssec=dnssec, flags=dns.flags.RD | disabled
                )
                for dnssec in (False, True)
                for disabled in (0, dns.flags.CD)
            ]
            assert all(addresses(answer.result()) == [TRUE] for answer in asked)
            queries = [dns.message.from_wire(received.query) for received in upstream.received]
            assert len({(q.ednsflags, q.flags & dns.flags.CD) for q in queries}) == 4
            assert len(queries) == 4

    def test_the_verdict_is_each_client_s_own(self, upstream: ScriptedUpstream) -> None:
        upstream.script = telling(delay=0.2)
        with Shell(Setup(groups=STAFF, upstreams=[upstream.url])) as shell:
            with ThreadPoolExecutor(20) as pool:
                asked = [
                    (source, pool.submit(shell.ask, "www.tiktok.com", source=source))
                    for source in ["127.0.0.2", "127.0.0.3"] * 10
                ]
            for source, answer in asked:
                wanted = "0.0.0.0" if source == "127.0.0.2" else TRUE
                assert addresses(answer.result()) == [wanted]
            assert upstream.names == ["www.tiktok.com."]

    def test_one_that_fails_to_be_answered_costs_no_other(
        self, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Failing:
            def reply(self, forward: Forward, response: bytes | None) -> None:
                raise RuntimeError("injected")

        upstream.script = telling(delay=0.1)
        with Shell(Setup(upstreams=[upstream.url])) as shell:

            def ask() -> None:
                query = make_query("www.example.org")
                forward = shell.resolver.query(query, b"\x7f\0\0\1", Transport.UDP, monotonic())
                assert isinstance(forward, Forward)
                shell.upstreams.forward(forward, Failing())

            shell.thread.call(ask)
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            assert upstream.names == ["www.example.org."]
            assert shell.upstreams.waiting == 0
            assert shell.page[counters.INTERNAL_ERRORS] == 1
            shell.page[counters.INTERNAL_ERRORS] = 0
        assert "injected" in caplog.text


class TestLimits:
    def test_of_one_client(self, upstream: ScriptedUpstream) -> None:
        upstream.script = telling(delay=0.3)
        setup = Setup(upstreams=[upstream.url], pending_per_client=5, exempt=["127.0.0.7/32"])
        with Shell(setup) as shell, shell.datagrams("127.0.0.2") as client:
            for number in range(8):
                client.send(_with_edns(f"n{number}.example.org", number))
            refused = [dns.message.from_wire(client.recv(4096)) for _ in range(3)]
            assert all(is_sent_to_tcp(answer) for answer in refused)
            assert addresses(shell.ask("n0.example.org", source="127.0.0.3")) == [TRUE]
            answered = [dns.message.from_wire(client.recv(4096)) for _ in range(5)]
            assert all(addresses(answer) == [TRUE] for answer in answered)
            assert shell.limited("pending_per_client") == 3
            with shell.datagrams("127.0.0.7") as exempt:
                for number in range(20):
                    exempt.send(make_query(f"m{number}.example.org"))
                for _ in range(20):
                    assert addresses(dns.message.from_wire(exempt.recv(4096))) == [TRUE]

    def test_of_all_clients(self, upstream: ScriptedUpstream) -> None:
        upstream.script = telling(delay=0.3)
        with Shell(Setup(upstreams=[upstream.url], pending=3)) as shell:
            client, late = shell.datagrams(), shell.datagrams("127.0.0.9")
            with client, late:
                for domain in ("org", "net", "com"):
                    client.send(make_query(f"www.example.{domain}"))
                wait_for(lambda: len(upstream.names) == 3, "three are under way")
                late.send(_with_edns("late.city.example", 1))
                assert is_sent_to_tcp(dns.message.from_wire(late.recv(4096)))
                late.send(make_query("www.example.org"))  # joins what is under way
                assert addresses(dns.message.from_wire(late.recv(4096))) == [TRUE]
            assert shell.limited("pending") == 1

    def test_of_those_that_ask_the_same_upstreams(
        self, upstream: ScriptedUpstream, other: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        zones = {"city.internal": [other.url]}
        setup = Setup(upstreams=[upstream.url], forward_zones=zones, pending=16)
        with Shell(setup) as shell, shell.datagrams() as client:
            for number in range(20):
                client.send(make_query(f"www.d{number}.example"))
            refused = [dns.message.from_wire(client.recv(4096)) for _ in range(11)]
            assert all(is_sent_to_tcp(answer) for answer in refused)
            assert shell.limited("pending_per_upstream") == 11
            assert addresses(shell.ask("www.city.internal")) == ["192.0.2.81"]

    def test_of_those_who_wait(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dnsguard.net.upstream.MAX_WAITING", 4)
        upstream.script = telling(delay=0.3)
        with Shell(Setup(upstreams=[upstream.url])) as shell, shell.datagrams() as client:
            for number in range(6):
                client.send(make_query("www.example.org", id=number))
            answers = [dns.message.from_wire(client.recv(4096)) for _ in range(6)]
            refused = [is_sent_to_tcp(answer) for answer in answers]
            assert refused == [True] * 3 + [False] * 3

    def test_of_one_zone(self, upstream: ScriptedUpstream) -> None:
        upstream.script = telling(delay=0.5)
        with Shell(Setup(upstreams=[upstream.url], pending=64)) as shell:
            flood, other = shell.datagrams("127.0.0.2"), shell.datagrams("127.0.0.3")
            with flood, other:
                for number in range(32):  # 12 are the zone's, 12 more go to names apart
                    flood.send(_with_edns(f"n{number}.example.org", number))
                refused = [dns.message.from_wire(flood.recv(4096)) for _ in range(8)]
                assert all(is_sent_to_tcp(answer) for answer in refused)
                other.send(make_query("www.example.net"))
                assert addresses(dns.message.from_wire(other.recv(4096))) == [TRUE]
                answered = [dns.message.from_wire(flood.recv(4096)) for _ in range(24)]
                assert all(addresses(answer) == [TRUE] for answer in answered)
                flood.send(make_query("after.example.org"))
                assert addresses(dns.message.from_wire(flood.recv(4096))) == [TRUE]
            assert shell.limited("pending_per_zone") == 8


def _with_edns(name: str, number: int) -> bytes:
    return dns.message.make_query(name, "A", use_edns=0, id=number).to_wire()
