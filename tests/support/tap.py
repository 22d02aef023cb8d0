"""Passes on what goes from one server to another, and counts it."""

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

import dns.message

from tests.support.loops import LoopThread
from tests.support.nsd import free_port

Place = tuple[str, int]


class Tap:
    """UDP on a port of its own until the end of a `with` block; `target` may be told later.

    `queries` and `responses` are what went there and back. A connection over TCP is refused.
    """

    def __init__(self) -> None:
        self.target: Place = ("127.0.0.1", 9)
        self.port = free_port("127.0.0.1")
        self.queries: list[bytes] = []
        self.responses: list[bytes] = []
        self._onward: dict[Place, socket.socket] = {}

    def __enter__(self) -> Self:
        self._socket = _datagrams()
        self._socket.bind(("127.0.0.1", self.port))
        self._thread = LoopThread()
        loop = self._thread.loop
        self._thread.call(lambda: loop.add_reader(self._socket, self._take_query))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.close()
        for opened in (self._socket, *self._onward.values()):
            opened.close()
        assert not self._thread.errors

    @property
    def url(self) -> str:
        """The URL over UDP."""
        return f"udp://127.0.0.1:{self.port}"

    def queried(self, name: str) -> int:
        """Return how many queries for a name went there."""
        return _count(self.queries, name)

    def packets(self, name: str) -> int:
        """Return how many messages about a name went there and back."""
        return _count([*self.queries, *self.responses], name)

    def _take_query(self) -> None:
        try:
            data, client = self._socket.recvfrom(65_535)
        except OSError:  # an ICMP error: who asked is gone
            return
        onward = self._onward.get(client)
        if onward is None:
            onward = self._onward[client] = _datagrams()
            onward.connect(self.target)
            asyncio.get_running_loop().add_reader(onward, self._take_response, onward, client)
        self.queries.append(data)
        with suppress(OSError):  # an ICMP error of an earlier one: who is asked is gone
            onward.send(data)

    def _take_response(self, onward: socket.socket, client: Place) -> None:
        try:
            data = onward.recv(65_535)
        except OSError:  # an ICMP error: who was asked is gone
            return
        self.responses.append(data)
        self._socket.sendto(data, client)


def _count(messages: Iterable[bytes], name: str) -> int:
    questions = (dns.message.from_wire(data).question[0] for data in messages)
    return sum(str(question.name).lower() == f"{name}." for question in questions)


def _datagrams() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    return opened
