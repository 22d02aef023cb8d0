"""Asking upstreams: real ones, which of them, how, and what a swap changes."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from dnsguard.core.view import Stage
from dnsguard.net import pool
from tests.support.dns_server import free_port
from tests.support.generations import Ban, Setup
from tests.support.loops import wait_for
from tests.support.nsd import running_nsd
from tests.support.scripted import (
    TRUE,
    Peer,
    Replies,
    ScriptedUpstream,
    respond,
    silent,
    telling,
)
from tests.support.shell import Shell, addresses, framed, make_query, read_message
from tests.support.unbound import running_unbound

STAFF = {"staff": ["127.0.0.2/32"]}
LONG = " ".join(['"' + "x" * 200 + '"'] * 20)
ZONE = f"""\
@    60 IN SOA ns hostmaster 1 3600 600 86400 30
@    60 IN NS ns
ns   60 IN A 192.0.2.1
www  60 IN A 192.0.2.80
www  60 IN AAAA 2001:db8::80
long 60 IN TXT {LONG}
alias 60 IN CNAME www
"""


@contextmanager
def nsd_upstream(folder: Path) -> Iterator[str]:
    with running_nsd(folder, {"example.org": ZONE}) as port:
        yield f"udp://127.0.0.1:{port}"


class TestRealServers:
    def test_nsd(self, tmp_path: Path) -> None:
        with nsd_upstream(tmp_path) as url, Shell(Setup(upstreams=[url])) as shell:
            for tcp in (False, True):
                assert addresses(shell.ask("www.example.org", tcp=tcp)) == ["192.0.2.80"]
                assert addresses(shell.ask("www.example.org", "AAAA", tcp=tcp)) == ["2001:db8::80"]
                assert addresses(shell.ask("alias.example.org", tcp=tcp)) == [
                    "www.example.org.",
                    "192.0.2.80",
                ]
                missing = shell.ask("missing.example.org", tcp=tcp)
                assert missing.rcode() == dns.rcode.NXDOMAIN
                assert missing.authority[0].ttl <= 30

    def test_nsd_truncates_and_is_asked_over_tcp(self, tmp_path: Path) -> None:
        with nsd_upstream(tmp_path) as url, Shell(Setup(upstreams=[url])) as shell:
            short = shell.ask("long.example.org", "TXT")
            assert short.flags & dns.flags.TC
            whole = shell.ask("long.example.org", "TXT", tcp=True)
            assert addresses(whole) == [LONG]

    def test_unbound(self, tmp_path: Path) -> None:
        records = ["www.example.net. 60 IN A 192.0.2.90"]
        with running_unbound(tmp_path, records) as port:
            setup = Setup(upstreams=[f"udp://127.0.0.1:{port}"])
            with Shell(setup) as shell:
                assert addresses(shell.ask("www.example.net")) == ["192.0.2.90"]


class TestChoice:
    @pytest.mark.usefixtures("once")
    def test_forward_zones(self, upstream: ScriptedUpstream, other: ScriptedUpstream) -> None:
        setup = Setup(
            upstreams=[upstream.url],
            forward_zones={"city.internal": [other.url], "far.city.internal": [upstream.url]},
        )
        with Shell(setup) as shell:
            assert addresses(shell.ask("host.city.internal")) == ["192.0.2.81"]
            assert addresses(shell.ask("host.far.city.internal")) == [TRUE]
            assert addresses(shell.ask("city.internal.example.org")) == [TRUE]
        assert other.names == ["host.city.internal."]
        assert upstream.names == ["host.far.city.internal.", "city.internal.example.org."]

    def test_over_tcp_alone(self, upstream: ScriptedUpstream) -> None:
        with Shell(Setup(upstreams=[upstream.tcp_url])) as shell:
            assert addresses(shell.ask("www.example.org")) == [TRUE]
        assert [received.transport for received in upstream.received] == ["tcp"]

    @pytest.mark.parametrize("tcp", [False, True])
    def test_over_ipv6(self, tcp: bool) -> None:
        with ScriptedUpstream(telling(), "::1") as upstream:
            url = upstream.tcp_url if tcp else upstream.url
            with Shell(Setup(upstreams=[url])) as shell:
                assert addresses(shell.ask("www.example.org")) == [TRUE]

    @pytest.mark.parametrize("trusted", [False, True])
    def test_the_ad_bit_of_a_trusted_one_alone(
        self, upstream: ScriptedUpstream, trusted: bool
    ) -> None:
        def script(query: bytes, transport: str, peer: Peer) -> Replies:
            response = bytearray(respond(query, f"@ 60 A {TRUE}"))
            response[3] |= dns.flags.AD
            return [(0.0, bytes(response))]

        upstream.script = script
        setup = Setup(upstreams=[upstream.url], trusted=[upstream.url] if trusted else [])
        with Shell(setup) as shell:
            for _ in range(2):
                answer = shell.ask("www.example.org", flags=dns.flags.RD | dns.flags.AD)
                assert bool(answer.flags & dns.flags.AD) == trusted


class TestRandomness:
    def test_one_after_the_other(self, upstream: ScriptedUpstream) -> None:
        with Shell(Setup(upstreams=[upstream.url])) as shell, shell.datagrams() as client:
            for number in range(2000):
                client.send(make_query(f"n{number}.example.org"))
                assert addresses(dns.message.from_wire(client.recv(4096))) == [TRUE]
        seen = [received for received in upstream.received if received.transport == "udp"]
        ids = [int.from_bytes(received.query[:2], "big") for received in seen]
        ports = [received.peer[1] for received in seen]
        assert len(set(zip(ids, ports, strict=True))) >= 1950
        assert max(ports) - min(ports) > 10_000
        assert sum(one != other for one, other in pairwise(ports)) >= 1750
        assert _chi_square([number >> 10 for number in ids], 64) < 120  # one in 20,000 is above
        assert _chi_square([number & 63 for number in ids], 64) < 120
        spellings = {received.query[14:27] for received in seen[100:1000]}
        assert len(spellings) > 500
        asked = "".join(chr(octet) for received in seen for octet in received.query[12:30])
        upper = sum("A" <= letter <= "Z" for letter in asked)
        lower = sum("a" <= letter <= "z" for letter in asked)
        assert 0.4 < upper / (upper + lower) < 0.6

    def test_now_and_then(self, upstream: ScriptedUpstream) -> None:
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            for number in range(100):
                time.sleep(pool.FRESH_EVERY)  # a pause is what is tested
                assert addresses(shell.ask(f"n{number}.example.org")) == [TRUE]
        ports = {received.peer[1] for received in upstream.received}
        assert len(ports) >= 98

    def test_many_at_once(self, upstream: ScriptedUpstream) -> None:
        setup = Setup(upstreams=[upstream.url], pending_per_client=5000)
        with Shell(setup) as shell, shell.stream() as client:
            for first in range(0, 2000, 50):
                names = [f"n{number}.example.org" for number in range(first, first + 50)]
                client.sendall(framed(*map(make_query, names)))
                for _ in names:
                    assert addresses(dns.message.from_wire(read_message(client))) == [TRUE]
        pairs = {(received.peer[1], received.query[:2]) for received in upstream.received}
        assert len(pairs) == len(upstream.received) >= 2000
        ports = {received.peer[1] for received in upstream.received}
        assert len(ports) >= 20
        assert max(ports) - min(ports) > 10_000


def _chi_square(drawn: list[int], kinds: int) -> float:
    """Return how far numbers are from even: about `kinds` when they are drawn evenly."""
    expected = len(drawn) / kinds
    counts = Counter(drawn)
    return sum((counts[kind] - expected) ** 2 / expected for kind in range(kinds))


class TestSwap:
    def test_queries_in_flight_are_answered_once_each_by_the_new_policy(
        self, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        off = Setup(groups=STAFF, policies={"ban": Ban(stage=Stage.OFF)}, upstreams=[upstream.url])
        on = Setup(groups=STAFF, upstreams=[upstream.url], number=2)
        with (
            Shell(off) as shell,
            shell.datagrams("127.0.0.2") as client,
            shell.datagrams("127.0.0.3") as citizen,
        ):
            for number in range(20):
                client.send(make_query(f"n{number}.tiktok.com", id=number))
                citizen.send(make_query(f"n{number}.tiktok.com", id=number))
            wait_for(lambda: len(set(upstream.names)) == 20, "all are under way")
            upstream.script = telling()
            shell.swap(on)
            for asking, wanted in ((client, "0.0.0.0"), (citizen, TRUE)):
                answers = [dns.message.from_wire(asking.recv(4096)) for _ in range(20)]
                assert {answer.id for answer in answers} == set(range(20))
                assert all(addresses(answer) == [wanted] for answer in answers)
                asking.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    asking.recv(4096)

    def test_other_upstreams_are_asked_by_whoever_comes_later(
        self, upstream: ScriptedUpstream, other: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        with Shell(Setup(upstreams=[upstream.url])) as shell, shell.datagrams() as early:
            early.send(make_query("www.example.org"))
            wait_for(lambda: upstream.names, "the question is under way")
            shell.swap(Setup(upstreams=[other.url], number=2))
            assert addresses(shell.ask("www.example.org")) == ["192.0.2.81"]
            upstream.script = telling()
            assert addresses(dns.message.from_wire(early.recv(4096))) == [TRUE]
            wait_for(lambda: shell.upstreams.pending == 0, "nothing is left")

    def test_fewer_upstreams_while_the_last_is_asked(
        self, upstream: ScriptedUpstream, other: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        other.script = telling(delay=0.3)
        both = Setup(upstreams=[upstream.url, other.tcp_url], trusted=[other.tcp_url])
        with Shell(both) as shell, shell.datagrams() as client:
            client.send(make_query("www.example.org"))
            wait_for(lambda: other.names, "the second one is asked as well")
            shell.swap(Setup(upstreams=[upstream.url], number=2))
            upstream.script = telling()
            client.send(make_query("next.example.org", id=7))
            answers = [dns.message.from_wire(client.recv(4096)) for _ in range(2)]
            assert all(addresses(answer) == [TRUE] for answer in answers)

    def test_what_is_known_of_an_upstream_s_health_stays(self, other: ScriptedUpstream) -> None:
        dead = f"udp://127.0.0.1:{free_port()}"
        setup = Setup(upstreams=[dead, other.url])
        with Shell(setup) as shell:
            for number in range(3):
                shell.ask(f"n{number}.example.org")
            shell.swap(setup)
            assert not shell.upstreams.servers[0].health.up


def test_probes_are_not_queries(upstream: ScriptedUpstream) -> None:
    with Shell(Setup(upstreams=[upstream.url])) as shell:
        shell.probe()
        wait_for(lambda: upstream.received, "the upstream is probed")
        wait_for(lambda: shell.upstreams.pending == 0, "the probe ends")
        assert upstream.names == []
        assert len(shell.resolver.cache) == 0
