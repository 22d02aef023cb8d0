"""The UDP listener: answers leave from the address that was asked (RFC 2181 section 4.1)."""

import asyncio
import socket
from time import monotonic

from dnsguard.core import counters
from dnsguard.core.forward import Forward
from dnsguard.core.protocol import Source, Transport
from dnsguard.core.resolver import Resolver
from dnsguard.core.wire import Query
from dnsguard.net import datagrams
from dnsguard.net.upstream import Upstreams

MAX_ROUNDS = 16  # of 64 datagrams, before TCP and upstream sockets have their turn
MAX_LATE = 8  # replies gathered before they are sent
MAX_LEFT = 1024  # queries left for later, until no more is received meanwhile

_UDP = int(Transport.UDP)  # udp.pxd types what is defined here, not what is imported
_MAX_ROUNDS = MAX_ROUNDS
_MAX_LEFT = MAX_LEFT
_FEW = 8
_SOURCES = len(Source)
_RESPONSE_SECONDS = counters.RESPONSE_SECONDS
_HISTOGRAM_SIZE = counters.HISTOGRAM_SIZE


class DatagramListener:
    """Serves one UDP socket.

    What is known leaves with the batch it came in. The rest of the batch is left for after that,
    and between one of these queries and the next there is another look at what has come.
    Replies to forwards are gathered while the loop is at work and leave before it waits again.
    """

    def __init__(
        self,
        sock: socket.socket,
        resolver: Resolver,
        upstreams: Upstreams,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._socket = sock
        self._resolver = resolver
        self._page = resolver.page
        self._upstreams = upstreams
        self._loop = loop
        self._inbox = datagrams.Inbox(clients=True)
        self._answered = [0] * _SOURCES
        self._late: list[tuple[bytes, object]] = []
        self._left: list[tuple[Forward | Query, object, float]] = []
        self._going_on = False
        upstreams.precedence.add(self.look)
        loop.add_reader(sock, self._readable)

    def close(self) -> None:
        """Stop listening; the socket stays open for its owner."""
        self._upstreams.precedence.remove(self.look)
        self._loop.remove_reader(self._socket)

    def _readable(self) -> None:
        for _ in range(_MAX_ROUNDS):
            count = self._answer()
            self._go_on()
            if count < _FEW:  # more is unlikely to be there, and the loop would say so
                return

    def look(self) -> None:
        """Answer what is known of a batch that has come; the rest has its turn soon."""
        if len(self._left) >= _MAX_LEFT:
            return
        self._answer()
        if not self._going_on and (self._left or self._resolver.refreshes):
            self._going_on = True
            self._loop.call_soon(self._go_on_soon)

    def _answer(self) -> int:
        """Answer what is known of a batch, leave the rest; return how many have come."""
        inbox = self._inbox
        try:
            count = inbox.receive(self._socket)
        except OSError:  # an ICMP error of an earlier answer
            return _FEW
        if count:
            received = monotonic()
            for number in range(count):
                self._recall(number, received)
            inbox.send_replies(self._socket)
            self._observe(received)
        return count

    def _recall(self, number: int, received: float) -> None:
        inbox = self._inbox
        try:
            outcome = self._resolver.recall(
                inbox.data(number), inbox.client(number), _UDP, received
            )
            if isinstance(outcome, bytes):
                inbox.reply(number, outcome)
                self._answered[self._resolver.replies.source] += 1
            elif outcome is not None:
                self._left.append((outcome, inbox.envelope(number), received))
        except Exception:  # noqa: BLE001 - a fault of ours costs one query, not the city's DNS
            self._upstreams.faults.report("answering a UDP query")

    def _go_on_soon(self) -> None:
        self._going_on = False
        self._go_on()

    def _go_on(self) -> None:
        """Go on with what was left, with a look at what has come between one and the next."""
        left, self._left = self._left, []
        for outcome, envelope, received in left:
            self._resolve(outcome, envelope, received)
            self._upstreams.precedence.give()
        if self._resolver.refreshes:
            self._upstreams.refresh()

    def _resolve(self, outcome: object, envelope: object, received: float) -> None:
        try:
            if isinstance(outcome, Query):
                outcome = self._resolver.resolve(outcome, _UDP, received)
            if isinstance(outcome, bytes):
                self._send_soon(outcome, envelope, received)
            elif isinstance(outcome, Forward):
                outcome.envelope = envelope
                self._upstreams.forward(outcome, self)
        except Exception:  # noqa: BLE001 - a fault of ours costs one query, not the city's DNS
            self._upstreams.faults.report("answering a UDP query")

    def _observe(self, received: float) -> None:
        """Count how long the answers of a batch took."""
        seconds = monotonic() - received
        for source in range(_SOURCES):
            times = self._answered[source]
            if times:
                histogram = _RESPONSE_SECONDS + source * _HISTOGRAM_SIZE
                counters.observe(self._page, histogram, seconds, times)
                self._answered[source] = 0

    def reply(self, forward: Forward, response: bytes | None) -> None:
        """Send the response to a forward, with others if there are any at the time."""
        if response is not None:
            self._send_soon(response, forward.envelope, forward.received)

    def _send_soon(self, response: bytes, envelope: object, received: float) -> None:
        source = self._resolver.replies.source
        histogram = _RESPONSE_SECONDS + source * _HISTOGRAM_SIZE
        counters.observe(self._page, histogram, monotonic() - received)
        if not self._late:
            self._loop.call_soon(self._send_late)
        self._late.append((response, envelope))
        if len(self._late) == MAX_LATE:
            self._send_late()

    def _send_late(self) -> None:
        late, self._late = self._late, []
        if late:
            datagrams.send(self._socket, late)  # what is refused is as good as lost on the way
            self._upstreams.precedence.give()
