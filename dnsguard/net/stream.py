"""The TCP listener (RFC 7766): pipelined queries, answers as they come, bounded everything."""

import asyncio
import resource
import socket
from time import monotonic
from typing import cast

from dnsguard.core import counters
from dnsguard.core.edns import IDLE_SECONDS
from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation
from dnsguard.core.protocol import Transport
from dnsguard.core.resolver import Resolver
from dnsguard.net.client_counts import ClientCounts
from dnsguard.net.upstream import Upstreams

MAX_IN_FLIGHT = 64  # queries of one connection under way before reading pauses
MAX_CONNECTIONS = 2000  # of all clients to one worker
DESCRIPTORS_SHARE = 0.5  # that they may take at most: the rest asks upstreams
MAX_PER_WAKE_UP = 64  # queries of one connection before all others have their turn
WRITE_HIGH_WATER = 64 * 1024  # octets a client leaves unread before reading pauses


class Connections:
    """The TCP connections of one worker, counted by client; `idle` in seconds."""

    def __init__(
        self, resolver: Resolver, upstreams: Upstreams, idle: float = IDLE_SECONDS
    ) -> None:
        self.resolver = resolver
        self.upstreams = upstreams
        self.idle = idle
        self._counts = ClientCounts()

    @property
    def generation(self) -> Generation:
        """Return the generation whose limits hold."""
        return self.upstreams.generation

    def __len__(self) -> int:
        return self._counts.total

    def admit(self, address: bytes) -> bool:
        """Count a new connection in, unless a limit is reached."""
        limits = self.generation.limits
        over = self._counts.of(address) >= limits.tcp_per_client
        if over and limits.exempt.find(address) is None:
            self.count_limited("tcp_per_client")
            return False
        if len(self) >= max_connections():
            self.count_limited("tcp_connections")
            return False
        self._counts.add(address)
        return True

    def release(self, address: bytes) -> None:
        """Count an admitted connection out."""
        self._counts.remove(address)

    def count_limited(self, limit: str) -> None:
        """Count what a limit refused."""
        self.resolver.page[counters.LIMITED + counters.LIMITS.index(limit)] += 1


def max_connections() -> int:
    """Return how many connections there is room for."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MAX_CONNECTIONS, int(descriptors * DESCRIPTORS_SHARE))


class StreamConnection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, connections: Connections, loop: asyncio.AbstractEventLoop) -> None:
        self._connections = connections
        self._loop = loop
        self._transport: asyncio.Transport
        self._address = b""
        self._admitted = False
        self._received = bytearray()
        self._in_flight = 0
        self._last_query = 0.0
        self._serving = False
        self._half_closed = False
        self._write_blocked = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the client or hang up."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by shape only
        peer = transport.get_extra_info("peername")
        if not peer:  # gone before it was accepted
            self._transport.abort()
            return
        host = peer[0].partition("%")[0]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._address = socket.inet_pton(family, host)
        self._admitted = self._connections.admit(self._address)
        if not self._admitted:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
        self._last_query = monotonic()
        self._timer = self._loop.call_later(self._connections.idle, self._check_idle)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Forget the client; answers still on their way to it are dropped."""
        if self._timer is not None:
            self._timer.cancel()
        if self._admitted:
            self._connections.release(self._address)

    def data_received(self, data: bytes) -> None:
        """Take what came; serve every whole query in it, within the limits."""
        self._received += data
        self._serve_whole_queries()

    def eof_received(self) -> bool:
        """Keep a half-closed connection until its queries are answered."""
        self._half_closed = True
        self._serve_whole_queries()
        return not self._transport.is_closing()

    def pause_writing(self) -> None:
        """Read no more from a client that does not read."""
        self._write_blocked = True
        self._regulate()

    def resume_writing(self) -> None:
        """Go on reading, first of all what has been received."""
        self._write_blocked = False
        self._serve_whole_queries()

    def _serve_whole_queries(self) -> None:
        # Either a forward was answered at once and the loop below goes on, or others have a turn.
        if self._serving:
            return
        self._serving = True
        received = self._received
        for _ in range(MAX_PER_WAKE_UP):
            end = 2 + int.from_bytes(received[:2], "big")
            if self._busy() or len(received) < max(2, end):
                break
            data = bytes(received[2:end])
            del received[:end]
            self._serve(data)
        else:
            if self._transport.is_reading():  # or what has been received would pile up
                self._transport.pause_reading()
            self._loop.call_soon(self._serve_on)
            return
        self._serving = False
        self._regulate()

    def _serve_on(self) -> None:
        self._serving = False
        self._serve_whole_queries()

    def _serve(self, data: bytes) -> None:
        now = self._last_query = monotonic()
        self._in_flight += 1
        try:
            outcome = self._connections.resolver.query(data, self._address, Transport.TCP, now)
            if isinstance(outcome, Forward):
                self._connections.upstreams.forward(outcome, self)
            else:
                self._send(outcome, now)
            if self._connections.resolver.refreshes:
                self._connections.upstreams.refresh()
        except Exception:  # noqa: BLE001 - a fault of ours costs one connection, not the DNS
            self._connections.upstreams.faults.report("answering a TCP query")
            self._transport.abort()

    def reply(self, forward: Forward, response: bytes | None) -> None:
        """Send the response to a forward, and serve on if that had to wait for it."""
        self._send(response, forward.received)
        if not self._transport.is_closing():
            self._serve_whole_queries()

    def _send(self, response: bytes | None, received: float) -> None:
        self._in_flight -= 1
        if self._transport.is_closing():
            return
        if response is not None:
            self._transport.write(len(response).to_bytes(2, "big") + response)
            resolver = self._connections.resolver
            counters.observe(
                resolver.page,
                counters.RESPONSE_SECONDS + resolver.replies.source * counters.HISTOGRAM_SIZE,
                monotonic() - received,
            )

    def _busy(self) -> bool:
        closing = self._transport.is_closing()
        return closing or self._write_blocked or self._in_flight >= MAX_IN_FLIGHT

    def _regulate(self) -> None:
        """Read on, pause, or hang up when all that a half-closed connection asked is answered."""
        if self._transport.is_closing():
            return
        if self._half_closed:
            if not self._in_flight and not self._write_blocked:
                self._transport.close()
        elif self._busy():
            self._transport.pause_reading()
        elif not self._transport.is_reading():
            self._transport.resume_reading()

    def _check_idle(self) -> None:
        """Close what has been idle: the clock runs from the last whole query, not octet."""
        idle = self._connections.idle
        due = self._last_query + idle
        now = monotonic()
        if now < due or (self._in_flight and not self._write_blocked):
            self._timer = self._loop.call_at(max(due, now + idle / 10), self._check_idle)
            return
        self._connections.count_limited("tcp_idle")
        if self._transport.get_write_buffer_size():  # to close would wait for a client that stalls
            self._transport.abort()
        else:
            self._transport.close()
