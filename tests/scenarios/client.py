"""Clients with many queries under way at a time, over raw sockets: each answer as it came."""

import socket
import struct
from collections.abc import Sequence
from contextlib import ExitStack

import dns.message
import dns.rdatatype

from tests.support.server import DEADLINE

SOCKETS = 4  # source ports of one client, so that every worker has a share of its queries
UNDER_WAY = 64  # queries without an answer yet: fewer than a socket's buffer holds

Place = tuple[str, int]


def compose(name: str, rdatatype: str = "A", *, edns: bool = True) -> bytes:
    """Return a query as a stub resolver sends it, with or without EDNS."""
    use_edns = 0 if edns else False
    return dns.message.make_query(name, rdatatype, use_edns=use_edns, payload=1232).to_wire()


def ask(
    place: Place, queries: Sequence[bytes], *, source: str = "", tcp: bool = False
) -> list[bytes]:
    """Return the answer to each query; an address is given each time it is asked from.

    Raises TimeoutError when one is not answered.
    """
    answers: list[bytes] = [b""] * len(queries)
    with ExitStack() as opened:
        clients: list[Stream] | list[Datagrams]
        if tcp:
            clients = [opened.enter_context(Stream(place, source)) for _ in range(SOCKETS)]
        else:
            clients = [opened.enter_context(Datagrams(place, source)) for _ in range(SOCKETS)]
        for first in range(0, len(queries), UNDER_WAY):
            batch = queries[first : first + UNDER_WAY]
            for number, query in enumerate(batch):
                clients[number % SOCKETS].send(number.to_bytes(2, "big") + query[2:])
            for number in range(len(batch)):
                answer = clients[number % SOCKETS].receive()
                position = first + int.from_bytes(answer[:2], "big")
                assert answers[position] == b"", f"answered twice: {queries[position]!r}"
                answers[position] = queries[position][:2] + answer[2:]
    return answers


class Datagrams:
    """A UDP client on one port; it takes answers from the address it asks only."""

    def __init__(self, place: Place, source: str = "") -> None:
        self._socket = _connect(place, source, socket.SOCK_DGRAM)

    def __enter__(self) -> "Datagrams":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, message: bytes) -> None:
        """Send a message."""
        self._socket.send(message)

    def receive(self) -> bytes:
        """Return the next answer. Raises TimeoutError."""
        return self._socket.recv(65_535)


class Stream:
    """A TCP client on one connection."""

    def __init__(self, place: Place, source: str = "") -> None:
        self._socket = _connect(place, source, socket.SOCK_STREAM)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, message: bytes) -> None:
        """Send a message behind its length."""
        self._socket.sendall(len(message).to_bytes(2, "big") + message)

    def send_raw(self, data: bytes) -> None:
        """Send octets without a length."""
        self._socket.sendall(data)

    def finish(self) -> None:
        """Say that no more comes."""
        self._socket.shutdown(socket.SHUT_WR)

    def receive(self) -> bytes:
        """Return the next answer, b"" at the end of the connection. Raises TimeoutError."""
        length = self._file.read(2)
        return self._file.read(*struct.unpack("!H", length)) if len(length) == 2 else b""


def _connect(place: Place, source: str, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    opened = socket.socket(family, kind)
    try:
        opened.settimeout(DEADLINE)
        if source:
            opened.bind((source, 0))
        opened.connect(place)
        if kind == socket.SOCK_STREAM:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        opened.close()
        raise
    return opened
