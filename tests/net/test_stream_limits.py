"""How many TCP connections there may be, for how long, and how much they may hold."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic

import dns.message
import pytest
import uvloop

from dnsguard.core.pending import NETWORK_FACTOR
from dnsguard.net.stream import CROWDED_FACTOR, StreamConnection
from tests.support.generations import Setup
from tests.support.loops import DEADLINE, wait_for
from tests.support.scripted import TRUE, ScriptedUpstream, respond, silent, telling
from tests.support.shell import (
    Shell,
    addresses,
    framed,
    is_hung_up,
    make_query,
    read_message,
)

PRINTER = "printer.city.internal"
SETUP = Setup(local_records=[f"{PRINTER}. 300 IN A 10.0.0.9"])
LOOPS = [uvloop.new_event_loop, asyncio.new_event_loop]
BIG = " ".join(['"' + "x" * 250 + '"'] * 200)
PART = b"\xff\xff" + bytes(40_000)  # of a query that never gets whole


@pytest.fixture(params=LOOPS, ids=["uvloop", "asyncio"])
def make_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    chosen: Callable[[], asyncio.AbstractEventLoop] = request.param
    return chosen


def is_served(stream: socket.socket) -> bool:
    """Tell whether a connection is open and a query over it is answered."""
    try:
        stream.sendall(framed(make_query(PRINTER)))
        answer = read_message(stream)
    except OSError:
        return False
    return answer != b"" and addresses(dns.message.from_wire(answer)) == ["10.0.0.9"]


class TestConnections:
    def test_the_longest_idle_makes_room_for_another(
        self, monkeypatch: pytest.MonkeyPatch, make_loop: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        monkeypatch.setattr("dnsguard.net.stream.MAX_CONNECTIONS", 3)
        with Shell(SETUP, make_loop=make_loop) as shell:
            held = [shell.stream(f"127.0.0.{number}") for number in (2, 3, 4)]
            for stream in held:
                assert is_served(stream)
            assert is_served(held[0])
            with shell.stream("127.0.0.5") as newcomer:
                assert is_served(newcomer)
                assert is_hung_up(held[1])
                assert is_served(held[0])
                assert is_served(held[2])
            assert shell.limited("tcp_connections") == 1
            for stream in held:
                stream.close()
            wait_for(lambda: len(shell.connections) == 0, "the connections are counted out")
            assert shell.connections._open == {}

    def test_one_that_waits_for_an_answer_does_not(
        self, monkeypatch: pytest.MonkeyPatch, upstream: ScriptedUpstream
    ) -> None:
        monkeypatch.setattr("dnsguard.net.stream.MAX_CONNECTIONS", 2)
        upstream.script = silent
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            held = [shell.stream("127.0.0.2"), shell.stream("127.0.0.3")]
            for stream in held:
                stream.sendall(framed(make_query("www.example.org")))
            wait_for(lambda: shell.upstreams.waiting == 2, "both wait")
            with shell.stream("127.0.0.4") as refused:
                assert is_hung_up(refused)
            assert shell.limited("tcp_connections") == 1
            upstream.script = telling()
            for stream in held:
                assert addresses(dns.message.from_wire(read_message(stream))) == [TRUE]
                stream.close()

    def test_idle_ones_are_closed_sooner_when_there_are_many(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dnsguard.net.stream.MAX_CONNECTIONS", 40)
        with Shell(SETUP, idle=DEADLINE * 10) as shell:
            assert shell.connections.idle == DEADLINE * 10
            held = [shell.stream(f"127.0.0.{number}") for number in range(2, 32)]
            for stream in held:
                assert is_served(stream)
            assert shell.connections.idle == DEADLINE * 10 * CROWDED_FACTOR
            shell.thread.call(lambda: _age(shell, 0, DEADLINE * 2))
            with shell.stream("127.0.0.99") as newcomer:
                assert is_served(newcomer)
                assert is_hung_up(held[0])
                assert all(is_served(stream) for stream in held[1:])
            assert shell.limited("tcp_idle") == 1
            for stream in held:
                stream.close()

    def test_a_device_does_not_pass_its_bound_by_other_addresses_of_its_64(self) -> None:
        with Shell(Setup(tcp_per_client=3, exempt=["2001:db8:7::/48"])) as shell:
            hopping = [f"2001:db8::{number:x}" for number in range(1, 40)]
            assert _admitted(shell, *hopping) == NETWORK_FACTOR * 3
            assert _admitted(shell, "2001:db8:0:1::1") == 1
            assert _admitted(shell, *["2001:db8:0:2::1"] * 9) == 3
            assert _admitted(shell, *["2001:db8:7::1"] * 99) == 99
            assert _admitted(shell, *(f"10.20.0.{number}" for number in range(99))) == 99


def _admitted(shell: Shell, *addresses: str) -> int:
    """Return from how many of some addresses a connection is admitted."""

    def admit(address: str) -> bool:
        connection = StreamConnection(shell.connections, shell.thread.loop)
        connection.address = ip_address(address).packed
        return shell.thread.call(lambda: shell.connections.admit(connection, monotonic()))

    def release() -> None:
        for connection in [*shell.connections._open]:
            shell.connections.release(connection)

    count = sum(map(admit, addresses))
    shell.thread.call(release)
    return count


def _age(shell: Shell, number: int, seconds: float) -> None:
    """Have the latest query of a connection been so long ago."""
    list(shell.connections._open)[number].last_query -= seconds


class TestOctets:
    def test_those_that_hold_most_are_ended(
        self, monkeypatch: pytest.MonkeyPatch, make_loop: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        monkeypatch.setattr("dnsguard.net.stream.MAX_OCTETS", 10 * len(PART))
        with Shell(SETUP, make_loop=make_loop) as shell, shell.stream() as client:
            flood = [shell.stream(f"127.0.0.{2 + number}") for number in range(20)]
            client.sendall(framed(make_query(PRINTER))[:-1])
            for stream in flood:
                stream.sendall(PART)
                wait_for(lambda: _held(shell) <= 10 * len(PART), "what is held is bounded")
            wait_for(lambda: shell.limited("tcp_octets"), "some are ended")
            wait_for(lambda: len(shell.connections) <= 11, "and gone")
            client.sendall(framed(make_query(PRINTER))[-1:])
            assert addresses(dns.message.from_wire(read_message(client))) == ["10.0.0.9"]
            for stream in flood:
                stream.close()
            wait_for(lambda: len(shell.connections) == 1, "the connections are counted out")
            assert shell.connections._octets == 0

    def test_responses_that_nobody_reads_count(
        self,
        upstream: ScriptedUpstream,
        make_loop: Callable[[], asyncio.AbstractEventLoop],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("dnsguard.net.stream.MAX_OCTETS", 1 << 20)
        upstream.script = lambda query, *_: [(0.0, respond(query, f"@ 60 TXT {BIG}"))]
        setup = Setup(upstreams=[upstream.tcp_url], local_records=SETUP.local_records)
        with Shell(setup, make_loop=make_loop) as shell:
            held: list[socket.socket] = []
            while not shell.limited("tcp_octets"):
                assert len(held) < 100
                stream = shell.stream(f"127.0.0.{2 + len(held)}")
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                stream.sendall(framed(make_query("big.example.org", "TXT")) * 200)
                held.append(stream)
                assert is_served_apart(shell)
                assert _held(shell) <= 1 << 20
            for stream in held:
                stream.close()
            wait_for(lambda: len(shell.connections) == 0, "the connections are counted out")
            assert shell.connections._octets == 0

    def test_what_was_read_meanwhile_does_not_count(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dnsguard.net.stream.MAX_OCTETS", 1 << 20)
        upstream.script = lambda query, *_: [(0.0, respond(query, f"@ 60 TXT {BIG}"))]
        with Shell(Setup(upstreams=[upstream.tcp_url])) as shell, shell.stream() as client:
            for _ in range(100):
                client.sendall(framed(make_query("big.example.org", "TXT")))
                assert len(read_message(client)) > 50_000
            assert shell.limited("tcp_octets") == 0


def is_served_apart(shell: Shell) -> bool:
    with shell.stream("127.0.0.250") as other:
        return is_served(other)


def _held(shell: Shell) -> int:
    """Return how many octets all connections hold."""
    connections = shell.connections
    return shell.thread.call(lambda: sum(known.octets for known in connections._open))
