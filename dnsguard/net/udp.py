"""The UDP listener: answers leave from the address that was asked (RFC 2181 section 4.1)."""

import asyncio
import socket
from time import monotonic

from dnsguard.core import counters
from dnsguard.core.forward import Forward
from dnsguard.core.protocol import Source, Transport
from dnsguard.core.resolver import Resolver
from dnsguard.net import datagrams
from dnsguard.net.upstream import Upstreams

MAX_ROUNDS = 16  # of 64 datagrams, before TCP and upstream sockets have their turn
MAX_LATE = 64  # replies gathered before they are sent

_UDP = int(Transport.UDP)  # udp.pxd types what is defined here, not what is imported
_MAX_ROUNDS = MAX_ROUNDS
_FEW = 8
_SOURCES = len(Source)
_RESPONSE_SECONDS = counters.RESPONSE_SECONDS
_HISTOGRAM_SIZE = counters.HISTOGRAM_SIZE


class DatagramListener:
    """Serves one UDP socket.

    What can be answered at once leaves with the batch it came in; replies to forwards are
    gathered while the loop is at work and leave before it waits again.
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
        loop.add_reader(sock, self._readable)

    def close(self) -> None:
        """Stop listening; the socket stays open for its owner."""
        self._loop.remove_reader(self._socket)

    def _readable(self) -> None:
        inbox = self._inbox
        for _ in range(_MAX_ROUNDS):
            try:
                count = inbox.receive(self._socket)
            except OSError:  # an ICMP error of an earlier answer
                continue
            if not count:
                return
            received = monotonic()
            for number in range(count):
                self._serve(number, received)
            inbox.send_replies(self._socket)
            self._observe(received)
            if self._resolver.refreshes:
                self._upstreams.refresh()
            if count < _FEW:  # more is unlikely to be there, and the loop would say so
                return

    def _serve(self, number: int, received: float) -> None:
        inbox = self._inbox
        try:
            outcome = self._resolver.query(inbox.data(number), inbox.client(number), _UDP, received)
            if isinstance(outcome, bytes):
                inbox.reply(number, outcome)
                self._answered[self._resolver.replies.source] += 1
            elif outcome is not None:
                outcome.envelope = inbox.envelope(number)
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
        if response is None:
            return
        source = self._resolver.replies.source
        histogram = _RESPONSE_SECONDS + source * _HISTOGRAM_SIZE
        counters.observe(self._page, histogram, monotonic() - forward.received)
        if not self._late:
            self._loop.call_soon(self._send_late)
        self._late.append((response, forward.envelope))
        if len(self._late) == MAX_LATE:
            self._send_late()

    def _send_late(self) -> None:
        late, self._late = self._late, []
        if late:
            datagrams.send(self._socket, late)  # what is refused is as good as lost on the way
