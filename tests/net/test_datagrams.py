"""Datagrams in and out, in whichever way this build has: by the batch, or one by one."""

import errno
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from dnsguard.build import BUILD
from dnsguard.net import datagrams

BATCH = 64


@contextmanager
def bound(host: str = "127.0.0.1") -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as opened:
        opened.bind((host, 0))
        opened.settimeout(10)
        yield opened


@contextmanager
def server(host: str = "127.0.0.1") -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield a server's socket and that of a client that is connected to it."""
    with bound(host) as serving, bound(host) as client:
        serving.setblocking(False)
        client.connect(serving.getsockname())
        yield serving, client


def held(inbox: datagrams.Inbox, count: int) -> list[bytes]:
    return [inbox.data(number) for number in range(count)]


def test_the_compiled_build_has_the_batch() -> None:
    assert datagrams.Inbox.__module__ == f"dnsguard.net.{_module()}"


def _module() -> str:
    return "batch" if BUILD == "compiled" else "single"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_datagrams_come_in_order_with_their_senders(host: str) -> None:
    inbox = datagrams.Inbox(clients=True)
    with server(host) as (serving, client):
        sent = [bytes([number]) * (number + 1) for number in range(10)]
        for data in sent:
            client.send(data)
        assert held(inbox, inbox.receive(serving)) == sent
        assert inbox.client(9) == socket.inet_pton(serving.family, host)
        assert inbox.receive(serving) == 0


def test_no_more_than_a_batch_at_a_time() -> None:
    inbox = datagrams.Inbox(clients=True)
    with server() as (serving, client):
        sent = [number.to_bytes(2, "big") for number in range(BATCH + 6)]
        for data in sent:
            client.send(data)
        assert held(inbox, inbox.receive(serving)) == sent[:BATCH]
        assert held(inbox, inbox.receive(serving)) == sent[BATCH:]


@pytest.mark.parametrize("number", [-1, 1, BATCH, 1 << 40])
def test_there_is_no_datagram_beyond_those_received(number: int) -> None:
    inbox = datagrams.Inbox(clients=True)
    with server() as (serving, client):
        client.send(b"one")
        assert inbox.receive(serving) == 1
        if number < 0 and BUILD == "plain":
            return  # Python counts from the end
        for ask in (inbox.data, inbox.client, inbox.envelope):
            with pytest.raises((IndexError, OverflowError)):
                ask(number)


def test_a_datagram_too_long_is_cut() -> None:
    inbox = datagrams.Inbox(clients=True)
    with server() as (serving, client):
        client.send(b"x" * 5000)
        client.send(b"next")
        assert [len(data) for data in held(inbox, inbox.receive(serving))] == [4096, 4]


def test_an_empty_datagram_is_one() -> None:
    inbox = datagrams.Inbox(clients=True)
    with server() as (serving, client):
        client.send(b"")
        client.send(b"next")
        assert held(inbox, inbox.receive(serving)) == [b"", b"next"]


def test_replies_go_to_whoever_asked() -> None:
    inbox = datagrams.Inbox(clients=True)
    with server() as (serving, one), bound() as two:
        two.connect(serving.getsockname())
        for client, data in ((one, b"a"), (two, b"b"), (one, b"c"), (two, b"d")):
            client.send(data)
        assert inbox.receive(serving) == 4
        for number in (0, 1, 3):  # nobody has to be answered
            inbox.reply(number, inbox.data(number).upper())
        inbox.send_replies(serving)
        assert (one.recv(10), two.recv(10), two.recv(10)) == (b"A", b"B", b"D")
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.recv(10)
        inbox.send_replies(serving)  # nothing is sent twice
        two.setblocking(False)
        with pytest.raises(BlockingIOError):
            two.recv(10)


def test_a_reply_that_cannot_be_sent_holds_up_no_other() -> None:
    inbox = datagrams.Inbox(clients=True)
    with server() as (serving, client):
        client.send(b"a")
        client.send(b"b")
        assert inbox.receive(serving) == 2
        inbox.reply(0, b"x" * 70_000)  # EMSGSIZE
        inbox.reply(1, b"B")
        inbox.send_replies(serving)
        assert client.recv(10) == b"B"


def test_an_envelope_outlives_its_batch() -> None:
    inbox = datagrams.Inbox(clients=True)
    with server() as (serving, one), bound() as two:
        two.connect(serving.getsockname())
        one.send(b"first")
        assert inbox.receive(serving) == 1
        envelope = inbox.envelope(0)
        two.send(b"second")
        assert inbox.receive(serving) == 1
        assert datagrams.send(serving, [(b"late", envelope), (b"soon", inbox.envelope(0))]) == []
        assert (one.recv(10), two.recv(10)) == (b"late", b"soon")


def test_more_than_a_batch_is_sent() -> None:
    with server() as (serving, client):
        serving.connect(client.getsockname())
        sent = [number.to_bytes(2, "big") for number in range(2 * BATCH + 3)]
        assert datagrams.send(serving, [(data, None) for data in sent]) == []
        assert [client.recv(10) for _ in sent] == sent


def test_what_the_kernel_refuses_is_told_by_number() -> None:
    with server() as (serving, client):
        serving.connect(client.getsockname())
        messages: list[tuple[bytes, object]]
        messages = [(b"a", None), (b"x" * 70_000, None), (b"b", None)]
        [(number, error)] = datagrams.send(serving, messages)
        assert (number, error.errno) == (1, errno.EMSGSIZE)
        assert [client.recv(10), client.recv(10)] == [b"a", b"b"]


def test_what_icmp_brought_is_raised_once() -> None:
    inbox = datagrams.Inbox(clients=False)
    with bound() as gone, bound() as asking:
        asking.connect(gone.getsockname())
        gone.close()
        asking.send(b"anyone?")
        asking.setblocking(False)
        with pytest.raises(ConnectionRefusedError):
            inbox.receive(asking)
        assert inbox.receive(asking) == 0


def test_one_inbox_serves_many_connected_sockets() -> None:
    inbox = datagrams.Inbox(clients=False)
    with server() as (one, to_one), server() as (two, to_two), closing(two):
        to_one.send(b"one")
        to_two.send(b"two")
        assert held(inbox, inbox.receive(one)) == [b"one"]
        assert held(inbox, inbox.receive(two)) == [b"two"]


def test_a_closed_socket_is_an_error() -> None:
    inbox = datagrams.Inbox(clients=True)
    with server() as (serving, _):
        serving.close()
        with pytest.raises(OSError, match=r"[Bb]ad file descriptor"):
            inbox.receive(serving)


def test_threads_do_not_send_each_other_s_messages() -> None:
    def exchange(number: int) -> set[bytes]:
        data = bytes([number]) * 20
        with server() as (serving, client):
            received = set()
            for _ in range(300):
                assert not datagrams.send(client, [(data, None)] * 16)
                received |= {serving.recv(4096) for _ in range(16)}
            return received

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(exchange, range(4))) == [{bytes([n]) * 20} for n in range(4)]
