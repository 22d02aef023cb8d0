"""What upstreams and forgers do wrong: nothing of it is passed on or cached."""

import errno
import socket

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from dnsguard.core import counters, retry
from dnsguard.core.protocol import Ede
from dnsguard.net.pool import MAX_MISMATCHES
from tests.support.dns_server import free_port
from tests.support.gateway import extended_errors
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import (
    LIES,
    TRUE,
    Peer,
    Replies,
    Script,
    ScriptedUpstream,
    by_transport,
    hanging_up,
    lying,
    respond,
    silent,
    telling,
    truncated,
    truncating,
)
from tests.support.shell import Shell, addresses, make_query

STAFF = {"staff": ["127.0.0.2/32"]}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon, so that a test of what never comes is short."""
    monkeypatch.setattr(retry, "DEADLINE", 0.4)
    monkeypatch.setattr(retry, "TIMEOUTS", (0.05, 0.1))
    monkeypatch.setattr(retry, "TCP_TIMEOUT", 0.1)


def errors(shell: Shell, number: int, reason: str) -> int:
    counter = shell.upstreams.generation.upstreams[number].counter
    return shell.page[counter + counters.UPSTREAM_ERRORS.index(reason)]


def probe_until_up(shell: Shell) -> None:
    """Probe the upstreams as a worker does, only sooner, until the first is up."""
    health = shell.upstreams.servers[0].health

    def is_up() -> bool:
        if not shell.upstreams.pending:
            shell.probe()
        return health.up

    wait_for(is_up, "probes find it up")


def asked_over(upstream: ScriptedUpstream) -> list[str]:
    """Return how an upstream was asked, but for probes."""
    return [one.transport for one in upstream.received if one.name == "www.example.org."]


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
            shell.forget_failures()
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            asked = asked_over(upstream)
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            assert asked_over(upstream) == asked

    @pytest.mark.parametrize(
        "lie",
        ["wrong ID", "other port", "nothing in it"],
    )
    @pytest.mark.usefixtures("once")
    def test_the_truth_that_follows_is_taken(self, upstream: ScriptedUpstream, lie: str) -> None:
        upstream.script = lying(lie, (0.1, telling()))
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            assert len(upstream.names) == 1

    @pytest.mark.parametrize("lie", ["wrong question", "not a response", "other case"])
    @pytest.mark.usefixtures("once")
    def test_so_it_is_when_tcp_is_asked_as_well(self, upstream: ScriptedUpstream, lie: str) -> None:
        upstream.script = by_transport(udp=lying(lie, (0.1, telling())), tcp=silent)
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            assert asked_over(upstream) == ["udp", "tcp"]

    @pytest.mark.usefixtures("once")
    def test_each_lie_counts_until_a_port_is_not_listened_to(
        self, upstream: ScriptedUpstream
    ) -> None:
        lies = [LIES["wrong question"], *[LIES["wrong ID"]] * (MAX_MISMATCHES - 1)]
        upstream.script = by_transport(
            udp=lambda query, *_: [
                *((0.0, lie(query)) for lie in lies),
                (0.1, respond(query, f"@ 60 A {TRUE}")),
            ],
            tcp=telling("192.0.2.81", delay=0.3),
        )
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert addresses(shell.ask("www.example.org")) == ["192.0.2.81"]

    def test_who_lies_over_tcp_as_well_is_asked_no_more(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retry, "TIMEOUTS", (2.0,))  # none is asked again for a short pause
        upstream.script = lying("wrong question")
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert shell.ask("www.example.org").rcode() == dns.rcode.SERVFAIL
            assert asked_over(upstream) == ["udp", "tcp"]

    @pytest.mark.parametrize("lie", LIES)
    def test_another_upstream_tells_the_truth(
        self, upstream: ScriptedUpstream, other: ScriptedUpstream, lie: str
    ) -> None:
        upstream.script = lying(lie)
        with Shell(Setup(upstreams=[upstream.url, other.url])) as shell:
            assert addresses(shell.ask("www.example.org")) == ["192.0.2.81"]

    @pytest.mark.parametrize("lie", ["wrong ID", "wrong question"])
    @pytest.mark.usefixtures("hurried")
    def test_a_forged_message_is_no_sign_of_life(
        self, upstream: ScriptedUpstream, lie: str
    ) -> None:
        upstream.script = lying(lie)
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            for number in range(3):  # each met with silence but for lies
                shell.ask(f"www{number}.example.org")
            assert errors(shell, 0, "mismatch") >= 3
            assert not shell.upstreams.servers[0].health.up

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
            for name in ("old.example.org", "other.example.org"):
                assert addresses(shell.ask(name)) == [TRUE]
        # One such answer says nothing of the next question: EDNS is tried anew.
        assert [received.query[11] for received in upstream.received] == [1, 0, 1, 0]

    def test_the_reason_an_upstream_gives_for_failing_is_passed_on(
        self, upstream: ScriptedUpstream
    ) -> None:
        def script(query: bytes, transport: str, peer: Peer) -> Replies:
            failure = dns.message.from_wire(respond(query, rcode="SERVFAIL"))
            failure.use_edns(0, options=[dns.edns.EDEOption(6, "not for clients")])  # type: ignore[arg-type]
            return [(0.0, failure.to_wire())]

        upstream.script = script
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            answer = shell.ask("bogus.example.org")
            assert extended_errors(answer)[0] == 6
            assert "not for clients" not in answer.to_text()


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
        self, other: ScriptedUpstream, scheme: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dnsguard.net.health.PROBE_DOWN_EVERY", 0.0)
        port = free_port()
        dead = f"{scheme}://127.0.0.1:{port}"
        with Shell(Setup(upstreams=[dead, other.url])) as shell:
            for number in range(5):
                assert addresses(shell.ask(f"n{number}.example.org")) == ["192.0.2.81"]
            up = shell.upstreams.generation.upstreams[0].counter + counters.UPSTREAM_STATE
            shell.thread.call(shell.upstreams.routes.show_health)
            assert shell.page[up] == 2
            assert errors(shell, 0, "network") == 3  # once it is down it is asked last
            with ScriptedUpstream(telling(), port=port) as back:
                probe_until_up(shell)
                shell.thread.call(shell.upstreams.routes.show_health)
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
                assert extended_errors(answer) == [Ede.NETWORK_ERROR, Ede.NOT_READY]
            assert addresses(shell.ask("www.tiktok.com", source="127.0.0.2")) == ["0.0.0.0"]
            assert addresses(shell.ask("printer.city.internal")) == ["10.0.0.9"]
            with ScriptedUpstream(telling(), port=ports[1]):
                assert addresses(shell.ask("n4.example.org")) == [TRUE]

    def test_other_case_is_not_believed_because_we_ran_out_of_connections(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dnsguard.net.server.MAX_STREAMS", 0)
        upstream.script = lying("other case")
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert shell.ask("www.example.org").rcode() == dns.rcode.SERVFAIL

    @pytest.mark.usefixtures("hurried")
    def test_silence_of_all_is_told_as_no_reachable_authority(
        self, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            answer = shell.ask("www.example.org")
            assert answer.rcode() == dns.rcode.SERVFAIL
            assert extended_errors(answer) == [Ede.NO_REACHABLE_AUTHORITY, Ede.NOT_READY]
            assert errors(shell, 0, "timeout") == len(upstream.names)

    @pytest.mark.usefixtures("hurried")
    def test_our_own_want_of_descriptors_is_no_news_of_an_upstream(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        with Shell(Setup(upstreams=[upstream.url])) as shell:
            with monkeypatch.context() as patched, shell.datagrams() as client:
                patched.setattr("dnsguard.net.pool.open_socket", refuse)
                for number in range(5):
                    client.send(make_query(f"n{number}.example.org"))
                    assert dns.message.from_wire(client.recv(4096)).rcode() == dns.rcode.SERVFAIL
            assert shell.upstreams.servers[0].health.up
            assert addresses(shell.ask("n5.example.org")) == [TRUE]
            assert shell.upstreams.pending == 0


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
