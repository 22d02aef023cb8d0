"""Asking upstreams, real and scripted: what is believed, passed on, shared and given up."""

import errno
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from dnsguard.core import counters, retry
from dnsguard.core.policy import Stage
from dnsguard.core.protocol import Ede
from tests.support.generations import Ban, Setup
from tests.support.loops import wait_for
from tests.support.nsd import free_port, running_nsd
from tests.support.scripted import (
    LIES,
    TRUE,
    Peer,
    Replies,
    Script,
    ScriptedUpstream,
    hanging_up,
    lying,
    respond,
    silent,
    telling,
    truncated,
    truncating,
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


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(telling()) as running:
        yield running


@pytest.fixture
def other() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(telling("192.0.2.81")) as running:
        yield running


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon, so that a test of what never comes is short."""
    monkeypatch.setattr(retry, "DEADLINE", 0.4)
    monkeypatch.setattr(retry, "DEADLINE_ALL_DOWN", 0.4)
    monkeypatch.setattr(retry, "TIMEOUTS", (0.05, 0.1, 0.1, 0.1))
    monkeypatch.setattr(retry, "TCP_TIMEOUT", 0.1)


@contextmanager
def nsd_upstream(folder: Path) -> Iterator[str]:
    with running_nsd(folder, {"example.org": ZONE}) as port:
        yield f"udp://127.0.0.1:{port}"


def errors(shell: Shell, number: int, reason: str) -> int:
    counter = shell.upstreams.generation.upstreams[number].counter
    return shell.page[counter + counters.UPSTREAM_ERRORS.index(reason)]


def extended_errors(response: dns.message.Message) -> list[int]:
    return [option.code for option in response.options if isinstance(option, dns.edns.EDEOption)]


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
            assert errors(shell, 0, "truncated") == 1

    def test_unbound(self, tmp_path: Path) -> None:
        records = ["www.example.net. 60 IN A 192.0.2.90"]
        with running_unbound(tmp_path, records) as port:
            setup = Setup(upstreams=[f"udp://127.0.0.1:{port}"])
            with Shell(setup) as shell:
                assert addresses(shell.ask("www.example.net")) == ["192.0.2.90"]


class TestLies:
    @pytest.mark.parametrize("lie", LIES)
    @pytest.mark.usefixtures("hurried")
    def test_is_never_passed_on_nor_cached(self, upstream: ScriptedUpstream, lie: str) -> None:
        upstream.script = lying(lie)
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            for tcp in (False, True):
                answer = shell.ask("www.example.org", tcp=tcp)
                assert answer.rcode() == dns.rcode.SERVFAIL
                assert addresses(answer) == []
                assert extended_errors(answer)
            upstream.script = telling()
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            asked = len(upstream.received)
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            assert len(upstream.received) == asked

    @pytest.mark.parametrize(
        "lie",
        ["wrong ID", "wrong question", "other port", "not a response", "nothing in it"],
    )
    def test_the_truth_that_follows_is_taken(self, upstream: ScriptedUpstream, lie: str) -> None:
        # Nothing but the socket decides here: no retry comes before the late truth.
        upstream.script = lying(lie, (0.1, telling()))
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            assert len(upstream.names) == 1

    @pytest.mark.parametrize("lie", LIES)
    def test_another_upstream_tells_the_truth(
        self, upstream: ScriptedUpstream, other: ScriptedUpstream, lie: str
    ) -> None:
        upstream.script = lying(lie)
        with Shell(Setup(upstreams=[upstream.url, other.url])) as shell:
            assert addresses(shell.ask("www.example.org")) == ["192.0.2.81"]

    @pytest.mark.usefixtures("hurried")
    def test_truncated_over_tcp_too(self, upstream: ScriptedUpstream) -> None:
        upstream.script = lambda query, *_: [(0.0, truncated(query))]
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert shell.ask("www.example.org").rcode() == dns.rcode.SERVFAIL

    def test_an_upstream_that_changes_the_case_is_asked_over_tcp(
        self, upstream: ScriptedUpstream
    ) -> None:
        def script(query: bytes, transport: str, peer: Peer) -> Replies:
            return [(0.0, respond(query[:12] + query[12:].lower(), f"@ 60 A {TRUE}"))]

        upstream.script = script
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            name = "a-name-long-enough-to-have-some-upper-case.example.org"
            assert addresses(shell.ask(name)) == [TRUE]
            assert [received.transport for received in upstream.received] == ["udp", "tcp"]

    def test_formerr_without_edns_is_asked_again_without(self, upstream: ScriptedUpstream) -> None:
        def script(query: bytes, transport: str, peer: Peer) -> Replies:
            if query[11]:
                return [(0.0, respond(query, rcode="FORMERR", edns=False))]
            return telling()(query, transport, peer)

        upstream.script = script
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert addresses(shell.ask("old.example.org")) == [TRUE]


class TestFailover:
    def test_truncation_leads_to_tcp(self, upstream: ScriptedUpstream) -> None:
        upstream.script = truncating(telling())
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            assert [received.transport for received in upstream.received] == ["udp", "tcp"]

    @pytest.mark.parametrize("script", [silent, truncating(silent), truncating(hanging_up)])
    @pytest.mark.usefixtures("hurried")
    def test_a_silent_first_upstream(
        self, upstream: ScriptedUpstream, other: ScriptedUpstream, script: Script
    ) -> None:
        upstream.script = script
        with Shell(Setup(upstreams=[upstream.url, other.url])) as shell:
            assert addresses(shell.ask("www.example.org")) == ["192.0.2.81"]

    @pytest.mark.parametrize("scheme", ["udp", "tcp"])
    def test_a_refusing_first_upstream_goes_down_and_comes_back(
        self, other: ScriptedUpstream, scheme: str
    ) -> None:
        port = free_port()
        dead = f"{scheme}://127.0.0.1:{port}"
        with Shell(Setup(upstreams=[dead, other.url])) as shell:
            for number in range(5):
                assert addresses(shell.ask(f"n{number}.example.org")) == ["192.0.2.81"]
            up = shell.upstreams.generation.upstreams[0].counter + counters.UPSTREAM_UP
            shell.thread.call(shell.upstreams._show_health)
            assert shell.page[up] == 2
            assert errors(shell, 0, "network") == 3  # once it is down it is asked last
            with ScriptedUpstream(telling(), port=port) as back:
                shell.probe()
                wait_for(lambda: shell.upstreams._health[dead].up, "a probe finds it up")
                shell.thread.call(shell.upstreams._show_health)
                assert shell.page[up] == 1
                assert addresses(shell.ask("back.example.org")) == [TRUE]
                assert back.names == ["back.example.org."]

    @pytest.mark.usefixtures("hurried")
    def test_all_down_then_up(self) -> None:
        ports = [free_port(), free_port()]
        setup = Setup(
            groups=STAFF,
            upstreams=[f"udp://127.0.0.1:{port}" for port in ports],
            local_records=["printer.city.internal. 300 IN A 10.0.0.9"],
        )
        with Shell(setup) as shell:
            for number in range(4):
                answer = shell.ask(f"n{number}.example.org")
                assert answer.rcode() == dns.rcode.SERVFAIL
                assert extended_errors(answer) == [Ede.NETWORK_ERROR]
            assert addresses(shell.ask("www.tiktok.com", source="127.0.0.2")) == ["0.0.0.0"]
            assert addresses(shell.ask("printer.city.internal")) == ["10.0.0.9"]
            with ScriptedUpstream(telling(), port=ports[1]):
                assert addresses(shell.ask("n0.example.org")) == [TRUE]

    @pytest.mark.usefixtures("hurried")
    def test_silence_of_all_is_told_as_no_reachable_authority(
        self, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            answer = shell.ask("www.example.org")
            assert answer.rcode() == dns.rcode.SERVFAIL
            assert extended_errors(answer) == [Ede.NO_REACHABLE_AUTHORITY]
            assert errors(shell, 0, "timeout") == len(upstream.names)

    @pytest.mark.usefixtures("hurried")
    def test_our_own_want_of_descriptors_is_no_news_of_an_upstream(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        with Shell(Setup(upstreams=[upstream.url])) as shell:
            with monkeypatch.context() as patched, shell.datagrams() as client:
                patched.setattr("dnsguard.net.attempt.DatagramAttempt.__init__", refuse)
                for number in range(5):
                    client.send(make_query(f"n{number}.example.org"))
                    assert dns.message.from_wire(client.recv(4096)).rcode() == dns.rcode.SERVFAIL
            assert shell.upstreams._health[upstream.url].up
            assert addresses(shell.ask("n0.example.org")) == [TRUE]
            assert shell.upstreams.pending == 0


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
        upstream.script = telling(delay=0.1)
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            forward_all = shell.upstreams.forward

            def forward(forward: object, reply: object) -> None:
                def fail(response: bytes | None) -> None:
                    raise RuntimeError("injected")

                forward_all(forward, fail)  # type: ignore[arg-type]
                forward_all(forward, reply)  # type: ignore[arg-type]

            shell.thread.call(lambda: setattr(shell.upstreams, "forward", forward))
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            assert shell.upstreams._per_client == {}
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
            assert {answer.rcode() for answer in refused} == {dns.rcode.SERVFAIL}
            assert [extended_errors(answer) for answer in refused] == [[Ede.OTHER]] * 3
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
                for number in range(3):
                    client.send(make_query(f"n{number}.example.org"))
                wait_for(lambda: len(upstream.names) == 3, "three are under way")
                late.send(_with_edns("late.example.org", 1))
                assert dns.message.from_wire(late.recv(4096)).rcode() == dns.rcode.SERVFAIL
                late.send(make_query("n0.example.org"))  # joins what is under way
                assert addresses(dns.message.from_wire(late.recv(4096))) == [TRUE]
            assert shell.limited("pending") == 1

    def test_of_those_who_wait(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dnsguard.net.upstream.MAX_WAITING", 4)
        upstream.script = telling(delay=0.3)
        with Shell(Setup(upstreams=[upstream.url])) as shell, shell.datagrams() as client:
            for number in range(6):
                client.send(make_query("www.example.org", id=number))
            rcodes = [dns.message.from_wire(client.recv(4096)).rcode() for _ in range(6)]
            assert rcodes == [dns.rcode.SERVFAIL] * 2 + [dns.rcode.NOERROR] * 4


class TestRandomness:
    def test_ports_ids_and_letter_case(self, upstream: ScriptedUpstream) -> None:
        setup = Setup(upstreams=[upstream.url], pending_per_client=5000)
        with Shell(setup) as shell, shell.stream() as client:
            for first in range(0, 2000, 50):
                names = [f"n{number}.example.org" for number in range(first, first + 50)]
                client.sendall(framed(*map(make_query, names)))
                for _ in names:
                    assert addresses(dns.message.from_wire(read_message(client))) == [TRUE]
        seen = [received for received in upstream.received if received.transport == "udp"]
        pairs = {(received.peer[1], received.query[:2]) for received in seen}
        ports = {received.peer[1] for received in seen}
        assert len(pairs) >= 1950
        assert len(ports) >= 1900
        assert max(ports) - min(ports) > 10_000
        spellings = {received.query[14:27] for received in seen[100:1000]}
        assert len(spellings) > 500
        asked = "".join(chr(octet) for received in seen for octet in received.query[12:30])
        upper = sum("A" <= letter <= "Z" for letter in asked)
        lower = sum("a" <= letter <= "z" for letter in asked)
        assert 0.4 < upper / (upper + lower) < 0.6


class TestChoice:
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
            assert not shell.upstreams._health[dead].up


def test_probes_are_not_queries(upstream: ScriptedUpstream) -> None:
    with Shell(Setup(upstreams=[upstream.url])) as shell:
        shell.probe()
        wait_for(lambda: upstream.received, "the upstream is probed")
        wait_for(lambda: shell.upstreams.pending == 0, "the probe ends")
        assert upstream.names == []
        assert len(shell.resolver.cache) == 0


def _with_edns(name: str, number: int) -> bytes:
    return dns.message.make_query(name, "A", use_edns=0, id=number).to_wire()


def test_the_source_of_an_upstream_query_is_not_shared() -> None:
    # The kernel drops what comes from anywhere but the upstream: the socket is connected.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        setup = Setup(upstreams=[f"udp://127.0.0.1:{server.getsockname()[1]}"])
        with Shell(setup) as shell, shell.datagrams() as client:
            client.send(make_query("www.example.org"))
            query, peer = server.recvfrom(4096)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
                forger.connect(peer)
                forger.send(respond(query, "@ 60 A 203.0.113.66"))
                with pytest.raises(ConnectionRefusedError):
                    forger.send(b"")  # reports the ICMP error of the one before
            server.sendto(respond(query, f"@ 60 A {TRUE}"), peer)
            assert addresses(dns.message.from_wire(client.recv(4096))) == [TRUE]
