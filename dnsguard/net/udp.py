"""The UDP listener: answers leave from the address that was asked (RFC 2181 section 4.1)."""

import asyncio
import socket
from struct import Struct
from time import monotonic

from dnsguard.core import counters
from dnsguard.core.protocol import Transport
from dnsguard.core.resolver import Forward, Resolver
from dnsguard.net.upstream import Upstreams

MAX_PER_WAKE_UP = 64  # datagrams before TCP and upstream sockets have their turn
MAX_DATAGRAM = 4096

IP_PKTINFO = 8  # linux/in.h; the socket module has no name for it yet
_PKTINFO4 = Struct("=I4s4s")
_PKTINFO6 = Struct("=16sI")
_SPACE = socket.CMSG_SPACE(_PKTINFO6.size)

_Ancillary = list[tuple[int, int, bytes]]


class DatagramListener:
    """Serves one UDP socket; packet info must be switched on in it."""

    def __init__(
        self,
        sock: socket.socket,
        resolver: Resolver,
        upstreams: Upstreams,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._socket = sock
        self._family = sock.family
        self._resolver = resolver
        self._upstreams = upstreams
        self._loop = loop
        loop.add_reader(sock, self._readable)

    def close(self) -> None:
        """Stop listening; the socket stays open for its owner."""
        self._loop.remove_reader(self._socket)

    def _readable(self) -> None:
        receive = self._socket.recvmsg
        for _ in range(MAX_PER_WAKE_UP):
            try:
                data, ancillary, _, client = receive(MAX_DATAGRAM, _SPACE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error of an earlier answer
                continue
            self._serve(data, client, ancillary)

    def _serve(self, data: bytes, client: tuple[str, int], ancillary: _Ancillary) -> None:
        now = monotonic()
        try:
            address = socket.inet_pton(self._family, client[0].partition("%")[0])
            outcome = self._resolver.query(data, address, Transport.UDP, now)
            if isinstance(outcome, Forward):
                self._upstreams.forward(
                    outcome, lambda response: self._reply(response, client, ancillary, now)
                )
            else:
                self._reply(outcome, client, ancillary, now)
        except Exception:  # noqa: BLE001 - a fault of ours costs one query, not the city's DNS
            self._upstreams.faults.report("answering a UDP query")

    def _reply(
        self,
        response: bytes | None,
        client: tuple[str, int],
        ancillary: _Ancillary,
        received: float,
    ) -> None:
        if response is None:
            return
        try:
            self._socket.sendmsg([response], _from_asked_address(ancillary), 0, client)
        except OSError:  # the client is gone, or the buffer is full: as good as lost on the way
            return
        counters.observe(
            self._resolver.page,
            counters.RESPONSE_SECONDS + self._resolver.source * counters.HISTOGRAM_SIZE,
            monotonic() - received,
        )


def _from_asked_address(ancillary: _Ancillary) -> _Ancillary:
    """Return the packet info that makes an answer leave from where its query came in.

    The interface is left to routing, but for link-local addresses, which mean nothing without.
    """
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            _, asked, _ = _PKTINFO4.unpack(data)
            return [(level, kind, _PKTINFO4.pack(0, asked, b"\0\0\0\0"))]
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            asked, interface = _PKTINFO6.unpack(data)
            if asked[0] != 0xFE or asked[1] & 0xC0 != 0x80:
                interface = 0
            return [(level, kind, _PKTINFO6.pack(asked, interface))]
    return []
