"""One message to one upstream over TCP."""

import asyncio
import socket
from time import monotonic

from dnsguard.core.generation import Upstream
from dnsguard.core.route import Attempt
from dnsguard.net.pool import Receiver

SEGMENT = 1220  # octets of TCP in a packet that passes any link of IPv6, as over UDP

_MAX_MESSAGE = 65_535


class StreamAttempt:
    """An attempt over TCP (RFC 7766): one connection, one query; among `streams` until released."""

    def __init__(
        self,
        attempt: Attempt,
        upstream: Upstream,
        loop: asyncio.AbstractEventLoop,
        streams: "set[StreamAttempt]",
    ) -> None:
        streams.add(self)
        self._streams = streams
        self._receiver: Receiver = attempt.receiver
        self._attempt = attempt
        self._loop = loop
        self._released = False
        self._task = loop.create_task(self._run(upstream))

    async def _run(self, upstream: Upstream) -> None:
        error: OSError | None = None
        try:
            response = await self._ask(upstream)
        except OSError as met:
            response, error = None, met
        if self._released:
            return
        if response is None:
            self._receiver.failed(self._attempt, error)
        else:
            self._receiver.received(self._attempt, response, monotonic())

    async def _ask(self, upstream: Upstream) -> bytes | None:
        """Return the response, None when the connection ends before it is whole."""
        family = socket.AF_INET6 if ":" in upstream.address else socket.AF_INET
        # Not a transport: an option of its socket must be set before that connects.
        with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
            # The upstream is told, too: a path that drops larger packets and the ICMP messages
            # about it would stall its responses.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
            await self._loop.sock_connect(connection, (upstream.address, upstream.port))
            message = self._attempt.message
            await self._loop.sock_sendall(connection, len(message).to_bytes(2, "big") + message)
            received = bytearray()
            while len(received) < 2 or len(received) < 2 + int.from_bytes(received[:2], "big"):
                data = await self._loop.sock_recv(connection, 2 + _MAX_MESSAGE)
                if not data:
                    return None
                received += data
            return bytes(received[2 : 2 + int.from_bytes(received[:2], "big")])

    def release(self, attempt: Attempt) -> None:  # noqa: ARG002 - it carries no other
        """Close the connection; nothing is reported any more."""
        self._released = True
        self._streams.discard(self)
        self._task.cancel()
