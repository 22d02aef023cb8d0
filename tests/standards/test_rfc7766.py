"""RFC 7766: DNS over TCP."""

import socket
from contextlib import ExitStack

import pytest

from tests.standards import wire
from tests.standards.subject import PRINTER, Client, Subject
from tests.standards.wire import message, question
from tests.support.generations import Setup
from tests.support.scripted import Peer, Replies, respond
from tests.support.shell import Shell, framed, is_hung_up, read_message

AT_ONCE = 0.05
IDLE_CONNECTIONS = 100


def numbered(number: int, name: str = PRINTER) -> bytes:
    """Return a query with an ID."""
    return number.to_bytes(2, "big") + message(question(name))[2:]


def ids(connection: socket.socket, count: int) -> list[int]:
    """Return the IDs of the next answers."""
    return [wire.header(read_message(connection)).id for _ in range(count)]


def test_a_three_queries_in_one_segment_have_three_answers(client: Client) -> None:
    connection = client.socket(tcp=True)
    connection.sendall(framed(*(numbered(number) for number in range(3))))
    assert ids(connection, 3) == [0, 1, 2]


def test_a_a_slow_answer_does_not_delay_the_next(subject: Subject, client: Client) -> None:
    slow, fast = "slow.rfc7766a.example", "fast.rfc7766a.example"
    go_on: list[bool] = []

    def hold(query: bytes, _transport: str, _peer: Peer) -> Replies:
        return [(0.0, respond(query, "@ 60 A 192.0.2.1"))] if go_on else []

    subject.teach(slow, hold)
    connection = client.socket(tcp=True)
    connection.sendall(framed(numbered(1, slow), numbered(2, fast)))
    assert ids(connection, 1) == [2]
    go_on.append(True)
    assert ids(connection, 1) == [1]


def test_b_a_query_may_come_octet_by_octet(client: Client) -> None:
    connection = client.socket(tcp=True)
    for octet in framed(numbered(1), numbered(2)):
        connection.send(bytes([octet]))
    assert ids(connection, 2) == [1, 2]


@pytest.mark.parametrize("beginning", [b"", b"\0", b"\0\x40", framed(numbered(1))[:-1]])
def test_b_half_a_query_does_not_keep_a_connection(beginning: bytes) -> None:
    with Shell(Setup(), idle=AT_ONCE) as shell, shell.stream() as connection:
        for octet in beginning:
            connection.send(bytes([octet]))
        assert connection.recv(1) == b""
        assert shell.limited("tcp_idle") == 1


def test_c_after_half_close_all_is_answered(client: Client) -> None:
    connection = client.socket(tcp=True)
    connection.sendall(framed(*(numbered(n, f"n{n}.rfc7766c.example") for n in range(100))))
    connection.shutdown(socket.SHUT_WR)
    assert sorted(ids(connection, 100)) == list(range(100))
    assert read_message(connection) == b""


def test_c_the_limit_of_one_client_is_no_others() -> None:
    setup = Setup(local_records=[f"{PRINTER}. 300 IN A 10.0.0.9"], tcp_per_client=2)
    with Shell(setup) as shell, ExitStack() as opened:
        for source in ("127.0.0.2", "127.0.0.3"):
            for number in range(2):
                connection = opened.enter_context(shell.stream(source))
                connection.sendall(framed(numbered(number)))
                assert ids(connection, 1) == [number]
        with shell.stream("127.0.0.2") as refused:
            assert is_hung_up(refused)
        assert shell.limited("tcp_per_client") == 1
        assert shell.ask(PRINTER, tcp=True, source="127.0.0.4").answer


def test_c_idle_connections_do_not_touch_udp(subject: Subject, client: Client) -> None:
    with ExitStack() as opened:
        for number in range(IDLE_CONNECTIONS):
            held = opened.enter_context(subject.client(f"127.0.1.{number % 10}"))
            held.ask(message(question(PRINTER)), tcp=True)
        assert client.gist(PRINTER) == "10.0.0.9"
        assert client.gist("www.rfc7766c.example") == "192.0.2.80"
