"""Who may wait when there is no room for all: those whose address cannot be forged, the newest."""

import socket
from collections.abc import Callable
from time import monotonic

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from dnsguard.core import retry
from dnsguard.core.forward import Forward
from dnsguard.core.pending import FEW
from dnsguard.core.protocol import Ede, Transport
from dnsguard.net.upstream import GIVES_WAY, LATE
from tests.support.gateway import extended_errors
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import (
    TRUE,
    Peer,
    Replies,
    Script,
    ScriptedUpstream,
    probed,
    respond,
    silent,
    telling,
)
from tests.support.shell import (
    Shell,
    addresses,
    framed,
    is_sent_to_tcp,
    make_query,
    read_message,
)

VICTIM = "127.0.0.2"


def asking(name: str, number: int, cookie: bytes = b"") -> bytes:
    options: list[dns.edns.Option] = []
    if cookie:
        options.append(dns.edns.GenericOption(dns.edns.OptionType.COOKIE, cookie))
    query = dns.message.make_query(name, "A", use_edns=0, id=number, options=options)
    return query.to_wire()


def server_cookie(shell: Shell, source: str) -> bytes:
    """Return the cookie that a client has from an answer."""
    with shell.datagrams(source) as client:
        client.send(asking("localhost", 1, b"abcdefgh"))
        (option,) = dns.message.from_wire(client.recv(4096)).options
        return bytes(option.to_wire() or b"")


@pytest.mark.usefixtures("patient")
class TestClaims:
    def test_whoever_is_over_the_bound_finds_room_over_tcp(
        self, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        setup = Setup(upstreams=[upstream.url], pending_per_client=5)
        with Shell(setup) as shell, shell.datagrams(VICTIM) as forger:
            for number in range(5):
                forger.send(asking(f"n{number}.example.org", number))
            wait_for(lambda: shell.upstreams.waiting == 5, "the forged queries wait")
            assert is_sent_to_tcp(shell.ask("www.example.net", source=VICTIM))
            upstream.script = telling()
            assert addresses(shell.ask("www.example.net", source=VICTIM, tcp=True)) == [TRUE]

    def test_a_server_cookie_is_as_good(self, upstream: ScriptedUpstream) -> None:
        upstream.script = silent
        setup = Setup(upstreams=[upstream.url], pending_per_client=5)
        with Shell(setup) as shell, shell.datagrams(VICTIM) as forger:
            cookie = server_cookie(shell, VICTIM)
            for number in range(5):
                forger.send(asking(f"n{number}.example.org", number))
            wait_for(lambda: shell.upstreams.waiting == 5, "the forged queries wait")
            forged = cookie[:-1] + bytes([cookie[-1] ^ 1])
            with shell.datagrams(VICTIM) as victim:
                for wrong in (cookie[:8], forged, server_cookie(shell, "127.0.0.3")):
                    victim.send(asking("www.example.net", 1, wrong))
                    assert is_sent_to_tcp(dns.message.from_wire(victim.recv(4096)))
                upstream.script = telling()
                victim.send(asking("www.example.net", 2, cookie))
                assert addresses(dns.message.from_wire(victim.recv(4096))) == [TRUE]

    def test_a_verified_one_over_the_bound_is_told_why(self, upstream: ScriptedUpstream) -> None:
        upstream.script = silent
        setup = Setup(upstreams=[upstream.url], pending_per_client=5)
        with Shell(setup) as shell, shell.stream(VICTIM) as client:
            names = [f"n{number}.example.org" for number in range(8)]
            client.sendall(framed(*(asking(name, n) for n, name in enumerate(names))))
            refused = [dns.message.from_wire(read_message(client)) for _ in range(3)]
            assert {answer.rcode() for answer in refused} == {dns.rcode.SERVFAIL}
            assert [extended_errors(answer) for answer in refused] == [[Ede.OTHER]] * 3
            assert shell.limited("pending_per_client") == 3

    def test_forged_queries_leave_room_to_the_verified(self, upstream: ScriptedUpstream) -> None:
        upstream.script = silent
        with Shell(Setup(upstreams=[upstream.url], pending=64)) as shell:
            forgers = [shell.datagrams(f"127.0.{number}.7") for number in range(40)]
            for number, forger in enumerate(forgers):
                for domain in ("one", "two"):
                    forger.send(make_query(f"www.n{number}.{domain}"))
            wait_for(lambda: shell.limited("pending") == 32, "there is no room for more")
            assert shell.upstreams.waiting == 48
            upstream.script = telling()
            assert addresses(shell.ask("www.example.net", tcp=True)) == [TRUE]
            for forger in forgers:
                forger.close()


@pytest.mark.usefixtures("patient")
class TestGivingWay:
    """Of eight questions that may be under way at once, six may be unverified, four stay."""

    def test_the_oldest_gives_way_to_a_newer_one(self, upstream: ScriptedUpstream) -> None:
        upstream.script = silent
        with (
            Shell(Setup(upstreams=[upstream.url], pending=8)) as shell,
            shell.datagrams() as client,
        ):
            stalled = [f"n{number}.stalled{number}.example." for number in range(6)]
            for number, name in enumerate(stalled):
                client.send(asking(name, number))
            wait_for(lambda: set(upstream.names) == set(stalled), "all six are asked")
            _pass(GIVES_WAY)
            for number in (10, 11):
                client.send(asking(f"new{number}.example.org", number))
                given_up = dns.message.from_wire(client.recv(4096))
                assert (given_up.id, is_sent_to_tcp(given_up)) == (number - 6, True)
            wait_for(lambda: "new11.example.org." in upstream.names, "the newer ones are asked")
            assert shell.upstreams.waiting == 6
            assert shell.limited("pending") == 2
            upstream.script = telling()
            answers = [dns.message.from_wire(client.recv(4096)) for _ in range(6)]
            assert {answer.id for answer in answers} == {0, 1, 2, 3, 10, 11}
            assert all(addresses(answer) == [TRUE] for answer in answers)
            wait_for(lambda: not shell.upstreams.waiting, "all is over")
            wait_for(lambda: not shell.upstreams.pending, "and so are the probes")

    def test_what_a_verified_one_waits_for_does_not(self, upstream: ScriptedUpstream) -> None:
        upstream.script = silent
        with Shell(Setup(upstreams=[upstream.url], pending=8)) as shell:
            forger, client = shell.datagrams(VICTIM), shell.stream()
            with forger, client:
                stalled = [f"n{number}.stalled{number}.example." for number in range(6)]
                for number, name in enumerate(stalled):
                    forger.send(asking(name, number))
                wait_for(lambda: set(upstream.names) == set(stalled), "all six are asked")
                client.sendall(framed(asking(stalled[4], 4), asking(stalled[5], 5)))
                wait_for(lambda: shell.upstreams.waiting == 8, "the verified ones wait, too")
                _pass(GIVES_WAY)
                forger.send(asking("new.example.org", 10))
                refused = dns.message.from_wire(forger.recv(4096))
                assert (refused.id, is_sent_to_tcp(refused)) == (10, True)
                upstream.script = telling()
                answers = [dns.message.from_wire(read_message(client)) for _ in range(2)]
                assert {answer.id for answer in answers} == {4, 5}
                assert all(addresses(answer) == [TRUE] for answer in answers)

    def test_who_gave_way_in_the_very_tick_it_was_due_asks_no_more(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upstream.script = silent
        with Shell(Setup(upstreams=[upstream.url], pending=8)) as shell:

            def ask(
                name: str,
                transport: Transport = Transport.UDP,
                then: str = "",
                deadline: float = 20.0,
                timeout: float = 20.0,
            ) -> None:
                monkeypatch.setattr(retry, "DEADLINE", deadline)
                monkeypatch.setattr(retry, "TIMEOUTS", (timeout,))
                listener = _Asking(lambda: ask(then) if then else None)
                forward = shell.resolver.query(
                    make_query(name), b"\x7f\0\0\1", transport, monotonic()
                )
                assert isinstance(forward, Forward)
                shell.upstreams.forward(forward, listener)

            def fill_and_pass() -> None:
                """Have the first end in the same tick as the fifth would ask again, before it."""
                ask("first.example", then="newer.example", deadline=GIVES_WAY + 0.05)
                for number in range(3):
                    ask(f"staying.d{number}.example")
                ask("fifth.example.org", timeout=GIVES_WAY + 0.1)
                ask("sixth.example.net")
                for number in range(2):
                    ask(f"verified.d{number}.example", Transport.TCP)
                _pass(GIVES_WAY + 0.2)

            shell.thread.call(fill_and_pass)
            wait_for(lambda: "newer.example." in upstream.names, "there is room for a newer one")
            assert shell.limited("pending") == 1
            shell.thread.call(lambda: ask("last.example", Transport.TCP))
            wait_for(lambda: "last.example." in upstream.names, "all before it has arrived")
            assert upstream.names.count("fifth.example.org.") == 1

    @pytest.mark.usefixtures("once")
    def test_nobody_gives_way_to_who_is_refused_for_its_upstreams(
        self, upstream: ScriptedUpstream, other: ScriptedUpstream
    ) -> None:
        names = [f"www.d{number}.{'example' if number < 9 else 'internal'}" for number in range(12)]
        _check_refused(
            _stalled_pair(upstream, other),
            names,
            "www.newer.example",
            "pending_per_upstream",
            verified=9,
        )

    @pytest.mark.usefixtures("once")
    def test_an_old_one_gives_way_to_who_asks_the_same_upstreams(
        self, upstream: ScriptedUpstream, other: ScriptedUpstream
    ) -> None:
        tops = [*["example"] * 8, "internal", "example", "internal", "internal"]
        names = [f"www.d{number}.{top}" for number, top in enumerate(tops)]
        _check_refused(
            _stalled_pair(upstream, other),
            names,
            "www.newer.example",
            "pending_per_upstream",
            told=9,
        )

    @pytest.mark.usefixtures("once")
    def test_nobody_gives_way_to_who_is_refused_for_its_zone(
        self, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        names = [f"n{n}.{'example.org' if n < 6 else f'd{n}.example'}" for n in range(12)]
        setup = Setup(upstreams=[upstream.url], pending=16)
        _check_refused(setup, names, "newer.example.org", "pending_per_zone")


class _Asking:
    """A listener that does something more when it has its reply, as a TCP connection does."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def reply(self, forward: Forward, response: bytes | None) -> None:
        self._act()


def _stalled_pair(upstream: ScriptedUpstream, other: ScriptedUpstream) -> Setup:
    """Return a setup of upstreams that say nothing, one for `internal` and one for the rest."""
    upstream.script = other.script = silent
    zones = {"internal": [other.url]}
    return Setup(upstreams=[upstream.url], forward_zones=zones, pending=16)


def _wait_until_asked(shell: Shell, number: int) -> None:
    wait_for(lambda: shell.upstreams.pending == number, f"{number} questions are under way")


def _check_refused(
    setup: Setup, names: list[str], newer: str, limit: str, *, verified: int = 0, told: int = 99
) -> None:
    """Check who alone is told of the limit when one more comes after these took all room a while.

    The first of them are `verified`; the newer one has the number 99.
    """
    with Shell(setup) as shell, shell.datagrams() as client, shell.stream() as stream:
        for number, name in enumerate(names):
            if number < verified:
                stream.sendall(framed(asking(name, number)))
            else:
                client.send(asking(name, number))
            _wait_until_asked(shell, number + 1)
        _pass(GIVES_WAY)
        client.send(asking(newer, 99))
        refused = dns.message.from_wire(client.recv(4096))
        assert (refused.id, is_sent_to_tcp(refused)) == (told, True)
        assert (shell.limited(limit), shell.limited("pending")) == (1, 0)
        assert shell.upstreams.pending == shell.upstreams.waiting == len(names)


class TestLateReplies:
    def test_many_at_once_are_kept_and_sent_to_tcp(self, upstream: ScriptedUpstream) -> None:
        names = [f"n{number}.example{number}.org" for number in range(3 * FEW)]
        with Shell(Setup(upstreams=[upstream.url], exempt=["127.0.0.9/32"])) as shell:
            clients = {
                source: shell.datagrams(source) for source in (VICTIM, "127.0.0.3", "127.0.0.9")
            }
            upstream.script = answering_at(monotonic() + LATE + 0.5)
            for number, name in enumerate(names):
                clients[VICTIM].send(asking(name, number))
                clients["127.0.0.9"].send(asking(f"exempt-{name}", number))
            for number in range(FEW):
                clients["127.0.0.3"].send(asking(names[number], number))
            received = {source: _answers(client) for source, client in clients.items()}
            told = {source: sum(map(bool, some)) for source, some in received.items()}
            assert told[VICTIM] <= FEW
            assert len(received[VICTIM]) == 3 * FEW, "nobody waits in vain"
            assert shell.limited("late") == 3 * FEW - told[VICTIM]
            assert told["127.0.0.3"] == FEW, "a slow network's few late answers still arrive"
            assert told["127.0.0.9"] == 3 * FEW, "who is exempt has no bound"
            wait_for(lambda: not shell.upstreams.waiting, "nobody waits any more")
            upstream.received.clear()
            for name in names:
                assert addresses(shell.ask(name, source=VICTIM)) == [TRUE]
            assert upstream.names == []
            for client in clients.values():
                client.close()

    def test_those_of_verified_queries_are_not(self, upstream: ScriptedUpstream) -> None:
        names = [f"n{number}.example{number}.org" for number in range(3 * FEW)]
        with Shell(Setup(upstreams=[upstream.url])) as shell, shell.stream() as client:
            upstream.script = answering_at(monotonic() + LATE + 0.5)
            client.sendall(framed(*(asking(name, n) for n, name in enumerate(names))))
            answers = [dns.message.from_wire(read_message(client)) for _ in names]
            assert all(addresses(answer) == [TRUE] for answer in answers)
            assert shell.limited("late") == 0

    def test_failures_are_told(self, upstream: ScriptedUpstream) -> None:
        names = [f"n{number}.example{number}.org" for number in range(3 * FEW)]
        with Shell(Setup(upstreams=[upstream.url])) as shell, shell.datagrams(VICTIM) as client:
            at = monotonic() + LATE + 0.5
            upstream.script = probed(
                lambda query, *_: [(max(0.0, at - monotonic()), respond(query, rcode="SERVFAIL"))]
            )
            queries = [asking(name, number) for number, name in enumerate(names)]
            for query in queries:
                client.send(query)
            failures = [client.recv(4096) for _ in names]
            rcodes = {dns.message.from_wire(failure).rcode() for failure in failures}
            assert rcodes == {dns.rcode.SERVFAIL}
            assert max(map(len, failures)) <= max(map(len, queries)) + 150
            assert shell.limited("late") == 0


def answering_at(when: float) -> Script:
    """Return a script that holds every answer back until some time."""

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        return [(max(0.0, when - monotonic()), respond(query, f"@ 60 A {TRUE}"))]

    return probed(script)


def _answers(client: socket.socket) -> list[list[str]]:
    """Return what the responses say that come until no more do: nothing where one sends to TCP."""
    said: list[list[str]] = []
    while True:
        try:
            response = dns.message.from_wire(client.recv(4096))
        except TimeoutError:
            return said
        said.append([*addresses(response)])
        assert said[-1] == ([] if is_sent_to_tcp(response) else [TRUE])
        client.settimeout(1.0)


def _pass(seconds: float) -> None:
    """Let time pass, which is what a test is about."""
    end = monotonic() + seconds + 0.05
    wait_for(lambda: monotonic() > end, "time passes")
