"""The shells of the data plane in a thread, on real sockets: a worker without its process."""

import asyncio
import socket
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from weakref import WeakSet

import dns.flags
import dns.message
import dns.query
import uvloop

from dnsguard.control.sockets import open_sockets
from dnsguard.core import counters
from dnsguard.core.edns import IDLE_SECONDS
from dnsguard.core.generation import Generation
from dnsguard.core.resolver import Resolver
from dnsguard.net.stream import Connections, StreamConnection
from dnsguard.net.udp import DatagramListener
from dnsguard.net.upstream import Upstreams
from tests.support.generations import UPSTREAMS, Setup
from tests.support.loops import DEADLINE, LoopThread

_PAGE = 1 << 14


@dataclass(frozen=True)
class _Endpoint:
    address: IPv4Address | IPv6Address
    port: int = 0


class Shell:
    """Serves by a setup until the end of a `with` block, which fails if an exception escaped."""

    def __init__(
        self,
        setup: Setup,
        address: str = "127.0.0.1",
        *,
        idle: float = IDLE_SECONDS,
        make_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
    ) -> None:
        self.address = address
        self.page = array("Q", bytes(8 * _PAGE))
        self._setup = _on_loopback(setup)
        self._idle = idle
        self._accepted: WeakSet[StreamConnection] = WeakSet()
        self._make_loop = make_loop

    def __enter__(self) -> Self:
        self._sockets = open_sockets([_Endpoint(ip_address(self.address))], 1, [])
        self.port = self._sockets[0].port
        self.thread = LoopThread(self._make_loop)
        self.thread.run(self._start(self._setup.generation()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.thread.run(self._stop())
        self.thread.close()
        for listening in self._sockets:
            listening.socket.close()
        assert not self.thread.errors
        if error is None:
            assert not self.page[counters.INTERNAL_ERRORS]

    async def _start(self, generation: Generation) -> None:
        loop = asyncio.get_running_loop()
        self.resolver = Resolver(generation.policy, generation.settings, self.page)
        self.upstreams = Upstreams(self.resolver, loop, generation)
        self.connections = Connections(self.resolver, self.upstreams, self._idle)
        for listening in self._sockets:
            if listening.transport == "udp":
                self.listener = DatagramListener(
                    listening.socket, self.resolver, self.upstreams, loop
                )
            else:
                self._server = await loop.create_server(
                    self._make_connection,
                    sock=listening.socket,
                    backlog=512,
                )

    def _make_connection(self) -> StreamConnection:
        connection = StreamConnection(self.connections, self.thread.loop)
        self._accepted.add(connection)
        return connection

    async def _stop(self) -> None:
        self.listener.close()
        self._server.close()
        self.upstreams.close()
        for connection in self._accepted:
            connection._transport.abort()
        while len(self.connections):
            await asyncio.sleep(0)

    def swap(self, setup: Setup) -> None:
        """Serve by another setup from the next query on, as a worker does."""
        generation = _on_loopback(setup).generation()

        def swap() -> None:
            self.resolver.swap(generation.policy, generation.settings)
            self.upstreams.configure(generation)

        self.thread.call(swap)

    def forget_failures(self) -> None:
        """Have questions that failed be asked again at once."""

        def forget() -> None:
            for entry in self.resolver.cache:
                entry.retry = 0.0

        self.thread.call(forget)

    def probe(self) -> None:
        """Probe the upstreams, as a worker does every second."""
        self.thread.call(self.upstreams.probe)

    def ask(
        self,
        name: str,
        rdatatype: str = "A",
        *,
        source: str | None = None,
        tcp: bool = False,
        edns: bool = True,
        dnssec: bool = False,
        flags: int = dns.flags.RD,
    ) -> dns.message.Message:
        """Ask a question over a socket of its own, with EDNS unless told otherwise."""
        query = dns.message.make_query(
            name, rdatatype, use_edns=edns - 1, want_dnssec=dnssec, flags=flags
        )
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, self._host, DEADLINE, self.port, source=source)

    def datagrams(self, source: str | None = None, to: str | None = None) -> socket.socket:
        """Return a UDP socket that takes answers from the address asked alone."""
        return self._connect(socket.SOCK_DGRAM, source, to)

    def stream(self, source: str | None = None) -> socket.socket:
        """Return a TCP connection."""
        return self._connect(socket.SOCK_STREAM, source, None)

    def limited(self, limit: str) -> int:
        """Return how often a limit was reached."""
        return self.page[counters.LIMITED + counters.LIMITS.index(limit)]

    @property
    def _host(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address, self.address)

    def _connect(self, kind: int, source: str | None, to: str | None) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        connected = socket.socket(family, kind)
        connected.settimeout(DEADLINE)
        try:
            if source is not None:
                connected.bind((source, 0))
            connected.connect((to or self._host, self.port))
        except BaseException:
            connected.close()
            raise
        return connected


def _on_loopback(setup: Setup) -> Setup:
    """Return the setup with a closed port for the upstream when none is given."""
    if setup.upstreams == UPSTREAMS:
        setup = replace(setup, upstreams=["udp://127.0.0.1:9"])
    zones = [url for urls in setup.forward_zones.values() for url in urls]
    for url in [*setup.upstreams, *zones]:
        assert ip_address(urlsplit(url).hostname or "").is_loopback, "tests stay on loopback"
    return setup


def addresses(response: dns.message.Message) -> Sequence[str]:
    """Return the rdata of every record of the answer section, as text."""
    return [rdata.to_text() for rrset in response.answer for rdata in rrset]


def is_sent_to_tcp(response: dns.message.Message) -> bool:
    """Tell whether a response says nothing but to ask again over TCP."""
    said = response.answer or response.authority or response.additional or response.rcode()
    return bool(response.flags & dns.flags.TC) and not said


def make_query(name: str, rdatatype: str = "A", *, id: int | None = None) -> bytes:  # noqa: A002
    """Return a query as octets, without EDNS."""
    return dns.message.make_query(name, rdatatype, id=id).to_wire()


def framed(*messages: bytes) -> bytes:
    """Return messages with their lengths before them (RFC 1035 section 4.2.2)."""
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


def read_message(stream: socket.socket) -> bytes:
    """Return the next message of a connection, nothing at its end."""
    length = _read(stream, 2)
    return _read(stream, int.from_bytes(length, "big")) if length else b""


def is_hung_up(stream: socket.socket) -> bool:
    """Tell whether the other end closes a connection or cuts it off rather than answer."""
    try:
        return stream.recv(1) == b""
    except ConnectionResetError:
        return True


def _read(stream: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            return b""
        data += more
    return data
