"""One message to one upstream over TCP."""

import asyncio
from time import monotonic
from typing import cast

from dnsguard.core.generation import Upstream
from dnsguard.core.route import Attempt
from dnsguard.net.pool import Receiver


class StreamAttempt(asyncio.Protocol):
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
        self._received = bytearray()
        self._transport: asyncio.BaseTransport | None = None
        self._released = False
        self._task = loop.create_task(self._connect(upstream, loop))

    async def _connect(self, upstream: Upstream, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await loop.create_connection(lambda: self, upstream.address, upstream.port)
        except OSError as error:
            if not self._released:
                self._receiver.failed(self._attempt, error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the query."""
        self._transport = transport
        if self._released:  # given up while the connection was made
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
        if len(received) >= end and not self._released:
            self._receiver.received(self._attempt, bytes(received[2:end]), monotonic())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Fail when the connection ends before the response is whole."""
        if not self._released:
            self._receiver.failed(self._attempt, None)

    def release(self, attempt: Attempt) -> None:  # noqa: ARG002 - it carries no other
        """Close the connection."""
        self._released = True
        self._streams.discard(self)
        self._task.cancel()
        if self._transport is not None:
            self._transport.close()
