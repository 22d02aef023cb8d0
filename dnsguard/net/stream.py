"""The TCP listener (RFC 7766): pipelined queries, answers as they come, bounded everything."""

import asyncio
import resource
import socket
from time import monotonic
from typing import cast

from dnsguard.core import counters
from dnsguard.core.clients import unmap
from dnsguard.core.edns import IDLE_SECONDS
from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation
from dnsguard.core.pending import NETWORK_FACTOR
from dnsguard.core.protocol import Transport
from dnsguard.core.resolver import Resolver
from dnsguard.net.client_counts import ClientCounts
from dnsguard.net.upstream import Upstreams

MAX_IN_FLIGHT = 64  # queries of one connection under way before reading pauses
MAX_CONNECTIONS = 2000  # of all clients to one worker
DESCRIPTORS_SHARE = 0.5  # that they may take at most: the rest asks upstreams
CROWDED_SHARE = 0.75  # of them: from there on idle ones are closed sooner
CROWDED_FACTOR = 0.1  # times the idle time
MAX_OCTETS = 32 << 20  # that all connections hold: parts of queries, and responses not yet read
KEPT_SHARE = 0.875  # of them, once connections are ended because all hold too many
MAX_PER_WAKE_UP = 64  # queries of one connection before all others have their turn
WRITE_HIGH_WATER = 64 * 1024  # octets a client leaves unread before reading pauses


class Connections:
    """The TCP connections of one worker, counted by client; `idle` in seconds.

    Where there is no room for one more, the one that has been idle for longest makes it; where
    they hold too many octets, those that hold most are ended.
    """

    def __init__(
        self, resolver: Resolver, upstreams: Upstreams, idle: float = IDLE_SECONDS
    ) -> None:
        self.resolver = resolver
        self.upstreams = upstreams
        self._idle = idle
        self._counts = ClientCounts()
        self._open: dict[StreamConnection, None] = {}  # by the time of their latest query
        self._octets = 0

    @property
    def generation(self) -> Generation:
        """Return the generation whose limits hold."""
        return self.upstreams.generation

    def __len__(self) -> int:
        return self._counts.total

    @property
    def idle(self) -> float:
        """Return after how many seconds an idle connection is closed as things are."""
        crowded = len(self) >= CROWDED_SHARE * max_connections()
        return self._idle * CROWDED_FACTOR if crowded else self._idle

    def admit(self, connection: "StreamConnection", now: float) -> bool:
        """Count a new connection in, unless a limit is reached."""
        limits = self.generation.limits
        address = connection.address
        over = (
            self._counts.of(address) >= limits.tcp_per_client
            or self._counts.of_network(address) >= NETWORK_FACTOR * limits.tcp_per_client
        )
        if over and limits.exempt.find(address) is None:
            self.count_limited("tcp_per_client")
            return False
        self._make_room(now)
        if len(self) >= max_connections():
            self.count_limited("tcp_connections")
            return False
        self._counts.add(address)
        self._open[connection] = None
        return True

    def _make_room(self, now: float) -> None:
        """Close what has been idle for too long as things are, and one more when all is full."""
        most = max_connections()
        while len(self) >= CROWDED_SHARE * most:
            connection = next((known for known in self._open if known.is_idle), None)
            full = len(self) >= most
            if connection is None or not (full or now >= connection.last_query + self.idle):
                return
            connection.end("tcp_connections" if full else "tcp_idle")

    def release(self, connection: "StreamConnection") -> None:
        """Count an admitted connection out."""
        del self._open[connection]
        self._counts.remove(connection.address)
        self._octets -= connection.held

    def asked(self, connection: "StreamConnection") -> None:
        """Take notice that a connection is not idle."""
        del self._open[connection]
        self._open[connection] = None

    def hold(self, connection: "StreamConnection") -> None:
        """Take notice that a connection may hold more octets than before."""
        self._octets -= connection.held
        connection.held = connection.octets
        self._octets += connection.held
        if self._octets > MAX_OCTETS:
            self._shed()

    def _shed(self) -> None:
        """End the connections that hold most, if all still hold too many octets."""
        for connection in self._open:  # what was sent meanwhile nobody has told
            connection.held = connection.octets
        self._octets = sum(connection.held for connection in self._open)
        for connection in sorted(self._open, key=lambda known: known.held, reverse=True):
            if self._octets <= KEPT_SHARE * MAX_OCTETS:
                return
            connection.end("tcp_octets")

    def count_limited(self, limit: str) -> None:
        """Count what a limit refused."""
        self.resolver.page[counters.limit_index(limit)] += 1


def max_connections() -> int:
    """Return how many connections there is room for."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MAX_CONNECTIONS, int(descriptors * DESCRIPTORS_SHARE))


class StreamConnection(asyncio.Protocol):
    """One client's connection; `held` is how many octets it held when it was last counted."""

    def __init__(self, connections: Connections, loop: asyncio.AbstractEventLoop) -> None:
        self._connections = connections
        self._loop = loop
        self._transport: asyncio.Transport
        self.address = b""
        self.last_query = 0.0
        self.held = 0
        self._admitted = False
        self._received = bytearray()
        self._in_flight = 0
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
        self.address = unmap(socket.inet_pton(family, host))
        self.last_query = monotonic()
        self._admitted = self._connections.admit(self, self.last_query)
        if not self._admitted:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
        self._timer = self._loop.call_later(self._connections.idle, self._check_idle)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Forget the client; answers still on their way to it are dropped."""
        self._release()

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._admitted:
            self._admitted = False
            self._connections.release(self)

    def end(self, limit: str) -> None:
        """Close the connection for the sake of a limit."""
        self._connections.count_limited(limit)
        self._release()
        if self._transport.get_write_buffer_size():  # to close would wait for a client that stalls
            self._transport.abort()
        else:
            self._transport.close()

    @property
    def is_idle(self) -> bool:
        """Tell whether the client has nothing to wait for, or does not take what it asked for."""
        return not self._in_flight or self._write_blocked

    @property
    def octets(self) -> int:
        """Return how many octets it holds: those of a query not yet whole, those not yet sent."""
        return len(self._received) + self._transport.get_write_buffer_size()

    def data_received(self, data: bytes) -> None:
        """Take what came; serve every whole query in it, within the limits."""
        self._received += data
        self._serve_whole_queries()
        if self._admitted:
            self._connections.hold(self)

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
        now = self.last_query = monotonic()
        self._connections.asked(self)
        self._in_flight += 1
        try:
            outcome = self._connections.resolver.query(data, self.address, Transport.TCP, now)
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
            self._connections.hold(self)
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
        due = self.last_query + idle
        now = monotonic()
        if now < due or not self.is_idle:
            self._timer = self._loop.call_at(max(due, now + idle / 10), self._check_idle)
            return
        self.end("tcp_idle")
