"""One message to one upstream, on a socket of its own, over UDP or TCP.

Each attempt has a fresh connected socket on a port from the system's CSPRNG, so a forger must
guess port, ID and letter case, and the kernel drops what comes from any other address
(RFC 5452 section 9).
"""

import asyncio
import secrets
import socket
from time import monotonic
from typing import Protocol, cast

from dnsguard.core.generation import Upstream
from dnsguard.core.retry import Attempt

_FIRST_PORT = 1024
_BIND_TRIES = 8


class Receiver(Protocol):
    """What an attempt reports to."""

    def received(self, attempt: Attempt, data: bytes) -> None:
        """Take a message."""

    def failed(self, attempt: Attempt, error: OSError | None) -> None:
        """Take notice that the attempt cannot succeed any more; without an error it was cut off."""


class DatagramAttempt:
    """An attempt over UDP. Raises OSError when the network refuses at once."""

    def __init__(
        self,
        receiver: Receiver,
        attempt: Attempt,
        upstream: Upstream,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.sent = monotonic()
        self.reported = False
        self._receiver = receiver
        self._attempt = attempt
        self._loop = loop
        family = socket.AF_INET6 if ":" in upstream.address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            _bind_to_random_port(self._socket, family)
            self._socket.connect((upstream.address, upstream.port))
            self._socket.send(attempt.message)
            loop.add_reader(self._socket, self._readable)
        except OSError:
            self._socket.close()
            raise

    def _readable(self) -> None:
        try:
            data = self._socket.recv(65_535)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:  # the upstream's host refused: ICMP on a connected socket
            self._receiver.failed(self._attempt, error)
            return
        self._receiver.received(self._attempt, data)

    def close(self) -> None:
        """Stop listening."""
        self._loop.remove_reader(self._socket)
        self._socket.close()


class StreamAttempt(asyncio.Protocol):
    """An attempt over TCP (RFC 7766): one connection, one query."""

    def __init__(
        self,
        receiver: Receiver,
        attempt: Attempt,
        upstream: Upstream,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.sent = monotonic()
        self.reported = False
        self._receiver = receiver
        self._attempt = attempt
        self._received = bytearray()
        self._transport: asyncio.BaseTransport | None = None
        self._closed = False
        self._task = loop.create_task(self._connect(upstream, loop))

    async def _connect(self, upstream: Upstream, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await loop.create_connection(lambda: self, upstream.address, upstream.port)
        except OSError as error:
            if not self._closed:
                self._receiver.failed(self._attempt, error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the query."""
        self._transport = transport
        if self._closed:  # given up while the connection was made
            transport.close()
            return
        message = self._attempt.message
        cast(asyncio.Transport, transport).write(len(message).to_bytes(2, "big") + message)

    def data_received(self, data: bytes) -> None:
        """Collect the response; its length comes first, so it is bounded."""
        received = self._received
        received += data
        if len(received) < 2:
            return
        end = 2 + int.from_bytes(received[:2], "big")
        if len(received) >= end and not self._closed:
            self._receiver.received(self._attempt, bytes(received[2:end]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Fail when the connection ends before the response is whole."""
        if not self._closed:
            self._receiver.failed(self._attempt, None)

    def close(self) -> None:
        """Close the connection."""
        self._closed = True
        self._task.cancel()
        if self._transport is not None:
            self._transport.close()


def _bind_to_random_port(sock: socket.socket, family: int) -> None:
    anywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"
    for _ in range(_BIND_TRIES):
        port = _FIRST_PORT + secrets.randbelow(65_536 - _FIRST_PORT)
        try:
            sock.bind((anywhere, port))
        except OSError:
            continue
        return
    sock.bind((anywhere, 0))
