"""The TCP listener on real sockets (RFC 7766)."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import dns.message
import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnsguard.core import counters
from tests.support.generations import Ban, Setup
from tests.support.loops import DEADLINE, wait_for
from tests.support.scripted import Peer, Replies, ScriptedUpstream, respond, telling
from tests.support.shell import (
    Shell,
    addresses,
    framed,
    is_hung_up,
    make_query,
    read_message,
)
from tests.support.strategies import queries

PRINTER = "printer.city.internal"
RECORDS = [f"{PRINTER}. 300 IN A 10.0.0.9"]
LOOPS = [uvloop.new_event_loop, asyncio.new_event_loop]
NEVER = 3600.0
AT_ONCE = 0.05


@pytest.fixture(params=LOOPS, ids=["uvloop", "asyncio"])
def make_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    chosen: Callable[[], asyncio.AbstractEventLoop] = request.param
    return chosen


@pytest.fixture(params=LOOPS, ids=["uvloop", "asyncio"], scope="module")
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(Setup(local_records=RECORDS), make_loop=request.param) as running:
        yield running


def ids(stream: socket.socket, count: int) -> list[int]:
    return [dns.message.from_wire(read_message(stream)).id for _ in range(count)]


def held_back(names: set[str]) -> Callable[[bytes, str, Peer], Replies]:
    """Answer every question but those of some names."""

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        if str(dns.message.from_wire(query).question[0].name).lower() in names:
            return []
        return [(0.0, respond(query, "@ 60 A 192.0.2.80"))]

    return script


def test_three_queries_in_one_segment(shell: Shell) -> None:
    with shell.stream() as stream:
        stream.sendall(framed(*(make_query(PRINTER, id=number) for number in range(3))))
        assert ids(stream, 3) == [0, 1, 2]


def test_a_slow_answer_does_not_hold_up_the_next(
    upstream: ScriptedUpstream, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    upstream.script = held_back({"slow.example.org."})
    setup = Setup(upstreams=[upstream.url])
    with Shell(setup, make_loop=make_loop) as shell, shell.stream() as stream:
        stream.sendall(
            framed(make_query("slow.example.org", id=1), make_query("fast.example.org", id=2))
        )
        assert ids(stream, 1) == [2]
        upstream.script = telling()
        assert ids(stream, 1) == [1]


def test_octet_by_octet(shell: Shell) -> None:
    with shell.stream() as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in framed(make_query(PRINTER, id=1), make_query(PRINTER, id=2)):
            stream.send(bytes([octet]))
        assert ids(stream, 2) == [1, 2]


def test_answers_after_half_close_then_the_end(
    upstream: ScriptedUpstream, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    upstream.script = telling(delay=0.05)
    with Shell(Setup(upstreams=[upstream.url]), make_loop=make_loop) as shell:
        with shell.stream() as stream:
            # More than may be in flight at once: the rest is served as answers leave.
            stream.sendall(framed(*(make_query(f"n{n}.example.org", id=n) for n in range(200))))
            stream.shutdown(socket.SHUT_WR)
            assert set(ids(stream, 200)) == set(range(200))
            assert read_message(stream) == b""
        wait_for(lambda: len(shell.connections) == 0, "the connection is counted out")


def test_many_queries_that_are_answered_at_once_then_half_close(shell: Shell) -> None:
    with shell.stream() as stream:
        # More than one connection is served before the others have their turn.
        stream.sendall(framed(*(make_query(PRINTER, id=number) for number in range(1000))))
        stream.shutdown(socket.SHUT_WR)
        assert ids(stream, 1000) == list(range(1000))
        assert read_message(stream) == b""


def test_all_that_a_fast_client_sends_is_answered(shell: Shell) -> None:
    with shell.stream() as stream:
        stream.settimeout(DEADLINE)
        reader = threading.Thread(target=ids, args=(stream, 20_000))
        reader.start()
        for _ in range(20):
            stream.sendall(framed(*(make_query(PRINTER, id=number) for number in range(1000))))
        reader.join(DEADLINE)
        assert not reader.is_alive()


def test_half_close_without_a_query_ends(shell: Shell) -> None:
    for beginning in (b"", b"\0", framed(make_query(PRINTER))[:-1]):
        with shell.stream() as stream:
            stream.sendall(beginning)
            stream.shutdown(socket.SHUT_WR)
            assert read_message(stream) == b""


@pytest.mark.parametrize("beginning", [b"", b"\0", b"\0\0", b"\xff\xff" + bytes(1000)])
def test_idle_connections_are_closed(
    beginning: bytes, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with Shell(Setup(), idle=AT_ONCE, make_loop=make_loop) as shell:
        with shell.stream() as stream:
            stream.sendall(beginning)
            assert stream.recv(1) == b""
        assert shell.limited("tcp_idle") == 1
        wait_for(lambda: len(shell.connections) == 0, "the connection is counted out")


def test_a_connection_whose_query_is_under_way_is_not_idle(upstream: ScriptedUpstream) -> None:
    upstream.script = telling(delay=10 * AT_ONCE)
    with Shell(Setup(upstreams=[upstream.url]), idle=AT_ONCE) as shell, shell.stream() as stream:
        stream.sendall(framed(make_query("slow.example.org", id=1)))
        assert ids(stream, 1) == [1]
        assert stream.recv(1) == b""


def test_the_limit_of_one_client_is_its_own(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    setup = Setup(local_records=RECORDS, tcp_per_client=3, exempt=["127.0.0.7/32"])
    with Shell(setup, make_loop=make_loop) as shell:
        held = [shell.stream() for _ in range(3)]
        held += [shell.stream("127.0.0.7") for _ in range(5)]
        for stream in held:
            stream.sendall(framed(make_query(PRINTER, id=1)))
            assert ids(stream, 1) == [1]
        with shell.stream() as refused:
            assert is_hung_up(refused)
        assert shell.limited("tcp_per_client") == 1
        assert addresses(shell.ask(PRINTER, tcp=True, source="127.0.0.8")) == ["10.0.0.9"]
        held.pop(0).close()
        wait_for(lambda: len(shell.connections) == 7, "the connection is counted out")
        assert addresses(shell.ask(PRINTER, tcp=True)) == ["10.0.0.9"]
        for stream in held:
            stream.close()


def test_more_queries_than_may_be_in_flight_are_all_answered(
    upstream: ScriptedUpstream, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    upstream.script = telling(delay=0.02)
    setup = Setup(upstreams=[upstream.url])
    with Shell(setup, make_loop=make_loop) as shell, shell.stream() as stream:
        stream.sendall(framed(*(make_query(f"n{n}.example.org", id=n) for n in range(500))))
        wait_for(lambda: shell.upstreams.pending, "queries are under way")
        assert shell.upstreams.pending <= 64
        assert set(ids(stream, 500)) == set(range(500))


def test_thousands_of_queries_refused_at_once_are_all_answered(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    # Each is answered within the call that forwards it: nothing may recurse.
    with Shell(Setup(pending_per_client=0), make_loop=make_loop) as shell, shell.stream() as stream:
        stream.sendall(framed(*(make_query(f"n{n}.example.org", id=n) for n in range(3000))))
        assert ids(stream, 3000) == list(range(3000))


def test_a_client_that_never_reads_is_closed_and_takes_no_memory(
    upstream: ScriptedUpstream, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    big = " ".join(['"' + "x" * 250 + '"'] * 200)
    upstream.script = lambda query, *_: [(0.0, respond(query, f"@ 60 TXT {big}"))]
    setup = Setup(upstreams=[upstream.tcp_url])
    with Shell(setup, idle=AT_ONCE, make_loop=make_loop) as shell:
        stream = shell.stream()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        query = framed(make_query("big.example.org", "TXT"))
        with pytest.raises(ConnectionError):
            _send_for_ever(stream, query * 50)
        wait_for(lambda: len(shell.connections) == 0, "the client is closed")
        assert shell.limited("tcp_idle") == 1
        stream.close()


def test_a_closed_connection_whose_answers_are_not_taken_is_cut_off(
    make_loop: Callable[[], asyncio.AbstractEventLoop], upstream: ScriptedUpstream
) -> None:
    big = " ".join(['"' + "x" * 250 + '"'] * 200)
    upstream.script = lambda query, *_: [(0.0, respond(query, f"@ 60 TXT {big}"))]
    with Shell(Setup(upstreams=[upstream.tcp_url]), idle=0.5, make_loop=make_loop) as shell:
        stream = shell.stream()
        stream.sendall(framed(make_query("big.example.org", "TXT")) * 500)
        stream.shutdown(socket.SHUT_WR)
        wait_for(lambda: shell.limited("tcp_idle"), "the client is cut off")
        wait_for(lambda: len(shell.connections) == 0, "the connection is counted out")
        stream.close()


@pytest.mark.parametrize("length", [0, 1, 11])
def test_a_message_too_short_to_answer_leaves_the_connection_usable(
    shell: Shell, length: int
) -> None:
    with shell.stream() as stream:
        stream.sendall(framed(bytes(length), make_query(PRINTER, id=7)))
        assert ids(stream, 1) == [7]


def test_an_answer_of_65535_octets(upstream: ScriptedUpstream) -> None:
    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        # Header, question and OPT take their part; what is left is TXT of the exact size.
        records = ["@ 60 TXT " + " ".join(['"' + "x" * 255 + '"'] * 250)]
        space = 65_535 - len(respond(query, *records)) - 12
        last = "y" * (space - 1 - (space - 1) // 256)
        strings = " ".join(f'"{last[i : i + 255]}"' for i in range(0, len(last), 255))
        return [(0.0, respond(query, records[0] + " " + strings))]

    upstream.script = script
    with Shell(Setup(upstreams=[upstream.tcp_url])) as shell:
        answer = shell.ask("big.example.org", "TXT", tcp=True)
        size = sum(len(text) for rdata in answer.answer[0] for text in rdata.strings)
        assert size > 65_000
        assert sum(map(len, addresses(shell.ask("big.example.org", "TXT", tcp=True)))) > 65_000


def test_a_dropped_query_leaves_the_connection_usable() -> None:
    setup = Setup(
        groups={"staff": ["127.0.0.2/32"]},
        policies={"ban": Ban(answer="drop")},
        local_records=RECORDS,
    )
    with Shell(setup) as shell, shell.stream("127.0.0.2") as stream:
        for _ in range(100):  # more than may be in flight: a drop must not count as one
            stream.sendall(framed(make_query("www.tiktok.com", id=1)))
        stream.sendall(framed(make_query(PRINTER, id=2)))
        assert ids(stream, 1) == [2]


def test_churn_leaves_nothing_behind(
    upstream: ScriptedUpstream, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    upstream.script = telling(delay=0.01)
    with Shell(Setup(upstreams=[upstream.url]), idle=NEVER, make_loop=make_loop) as shell:
        for number in range(200):
            stream = shell.stream(f"127.0.0.{2 + number % 50}")
            stream.sendall(framed(make_query(f"n{number}.example.org"))[: number % 60])
            if number % 3 == 0:  # hang up with a reset
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()
        wait_for(lambda: len(shell.connections) == 0, "all connections are counted out")
        wait_for(lambda: shell.upstreams.pending == 0, "all questions are answered")
        assert shell.connections._counts._counts == {}
        assert shell.upstreams.waiting == 0


def test_a_fault_of_ours_costs_one_connection(caplog: pytest.LogCaptureFixture) -> None:
    with Shell(Setup(local_records=RECORDS)) as shell:
        resolver = shell.resolver

        class Faulty:
            page = resolver.page

            def query(self, data: bytes, address: bytes, transport: int, now: float) -> object:
                raise RuntimeError("injected")

        shell.thread.call(lambda: setattr(shell.connections, "resolver", Faulty()))
        with shell.stream() as stream:
            stream.sendall(framed(make_query(PRINTER)))
            assert is_hung_up(stream)
        shell.thread.call(lambda: setattr(shell.connections, "resolver", resolver))
        assert addresses(shell.ask(PRINTER, tcp=True)) == ["10.0.0.9"]
        assert shell.page[counters.INTERNAL_ERRORS] == 1
        shell.page[counters.INTERNAL_ERRORS] = 0
    assert "injected" in caplog.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(queries() | st.binary(max_size=40), max_size=4), tail=st.binary())
def test_any_octets_and_the_next_client_is_answered(
    shell: Shell, messages: list[bytes], tail: bytes
) -> None:
    with shell.stream() as stream:
        stream.sendall(framed(*messages) + tail)
    assert addresses(shell.ask(PRINTER, tcp=True, source="127.0.0.6")) == ["10.0.0.9"]


def _send_for_ever(stream: socket.socket, data: bytes) -> None:
    while True:
        stream.sendall(data)
