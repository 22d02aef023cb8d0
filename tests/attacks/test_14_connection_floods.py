"""Row 14: slow, idle and too many connections, and floods of queries.

Whoever floods meets a bound of its own; others are answered as before, over UDP and TCP.
"""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle

import pytest

from tests.support.asking import ask_tcp, ask_udp
from tests.support.gateway import said
from tests.support.generations import Setup
from tests.support.loops import DEADLINE, wait_for
from tests.support.metrics import read_samples
from tests.support.scripted import TRUE, Peer, Replies, ScriptedUpstream, silent, telling
from tests.support.server import Server, running
from tests.support.shell import Shell, addresses, framed, is_hung_up, make_query, read_message
from tests.support.steady_client import SteadyClient

PER_CLIENT = 20  # connections of one client to both workers together
FLOODERS = [f"127.0.1.{number}" for number in range(1, 13)]
OTHER = "127.0.0.3"
PRINTER = "printer.city.internal"
RECORD = f"{PRINTER}. 300 IN A 10.0.0.9"
PENDING = 100  # queries of one client that wait for an upstream
BEGINNINGS = [b"", b"\0", b"\xff\xff" + bytes(100), framed(make_query("www.example.org"))[:-1]]


def answering_but_for_victims(query: bytes, transport: str, peer: Peer) -> Replies:
    """Say nothing of names below victim.example, and the truth of others."""
    script = silent if b"\6victim\7example\0" in query.lower() else telling()
    return script(query, transport, peer)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with ScriptedUpstream(answering_but_for_victims) as upstream:
        config = {
            "upstreams": [upstream.url],
            "local_records": [RECORD],
            "limits": {"tcp_per_client": PER_CLIENT, "pending_per_client": PENDING},
        }
        with running(tmp_path_factory.mktemp("city"), config) as started:
            yield started


def connect(server: Server, source: str) -> socket.socket:
    """Return a connection of a client."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.settimeout(DEADLINE)
    opened.bind((source, 0))
    opened.connect(server.places["127.0.0.1"])
    return opened


def asked_by_another(server: Server, name: str) -> list[str]:
    """Return the gist of what another client is answered, over UDP and over TCP."""
    gists = []
    for kind, ask in ((socket.SOCK_DGRAM, ask_udp), (socket.SOCK_STREAM, ask_tcp)):
        with socket.socket(socket.AF_INET, kind) as client:
            client.bind((OTHER, 0))
            gists.append(said(ask(client, f"{name} A", server.places["127.0.0.1"])[0]))
    return gists


def test_idle_and_half_sent_connections_meet_their_own_bound(server: Server) -> None:
    before = server.limited("tcp_per_client")
    steady = SteadyClient(server.places["127.0.0.1"], f"{PRINTER} A", "10.0.0.9")
    with steady, ExitStack() as opened:
        held = [
            opened.enter_context(connect(server, source))
            for source in FLOODERS
            for _ in range(2 * PER_CLIENT)
        ]
        for beginning, connection in zip(cycle(BEGINNINGS), held, strict=False):
            try:
                connection.sendall(beginning)
            except ConnectionError:  # it was refused already
                continue
        wait_for(
            lambda: server.limited("tcp_per_client") >= before + len(FLOODERS) * PER_CLIENT,
            "what is over the bound is refused",
        )
        assert asked_by_another(server, "www.example.org") == [TRUE, TRUE]
    wait_for(lambda: _is_served(server, FLOODERS[0]), "who was refused may connect again")


def _is_served(server: Server, source: str) -> bool:
    with connect(server, source) as connection:
        try:
            connection.sendall(framed(make_query(PRINTER)))
            return read_message(connection) != b""
        except ConnectionError:
            return False


def test_an_octet_now_and_then_keeps_no_connection_open() -> None:
    with Shell(Setup(local_records=[RECORD]), idle=0.2) as shell, ExitStack() as opened:
        streams = [
            opened.enter_context(shell.stream(source)) for source in FLOODERS for _ in range(5)
        ]
        waiting = list(streams)
        end = time.monotonic() + DEADLINE
        while waiting:
            assert time.monotonic() < end, f"{len(waiting)} connections are open still"
            for stream in waiting:
                try:
                    stream.send(b"\xff")
                except ConnectionError:
                    continue
            ended = select.select(waiting, [], [], 0.02)[0]
            assert all(is_hung_up(stream) for stream in ended)
            waiting = [stream for stream in waiting if stream not in ended]
            assert addresses(shell.ask(PRINTER)) == ["10.0.0.9"]
        assert shell.limited("tcp_idle") == len(streams)
        wait_for(lambda: len(shell.connections) == 0, "the connections are counted out")
        assert addresses(shell.ask(PRINTER, tcp=True)) == ["10.0.0.9"]


def test_connections_by_the_thousand_leave_nothing_behind(server: Server) -> None:
    before = read_samples(server.metrics())
    for number in range(1_000):
        with connect(server, FLOODERS[number % len(FLOODERS)]) as connection:
            if number % 3 == 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif number % 3 == 1:
                connection.sendall(BEGINNINGS[number % len(BEGINNINGS)])
    wait_for(lambda: _is_served(server, FLOODERS[0]), "all are counted out")
    after = read_samples(server.metrics())
    assert after["dnsguard_internal_errors_total"] == before["dnsguard_internal_errors_total"]
    assert asked_by_another(server, PRINTER) == ["10.0.0.9", "10.0.0.9"]


def test_a_flood_of_names_that_nobody_answers_has_a_bound_for_each_client(server: Server) -> None:
    before = server.limited("pending_per_client")
    steady = SteadyClient(server.places["127.0.0.1"], f"{PRINTER} A", "10.0.0.9")
    with steady, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flooder:
        flooder.bind((FLOODERS[0], 0))
        flooder.connect(server.places["127.0.0.1"])
        flooder.settimeout(DEADLINE)
        for number in range(10 * PENDING):
            flooder.send(make_query(f"n{number}.victim.example", id=number))
            if number % 50 == 49 and number > PENDING:
                assert flooder.recv(4096)[2] & 0x80, "over the bound it is answered at once"
        assert asked_by_another(server, "new.example.org") == [TRUE, TRUE]
        assert server.limited("pending_per_client") > before
