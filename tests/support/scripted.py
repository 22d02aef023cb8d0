"""An upstream that follows a script, for what no real server does on demand.

A script is called with each query, its transport and the client's address, and returns what
to send and after how many seconds; None hangs up a TCP connection, no reply at all is silence.
Everything received is recorded. The lies tell the address `FORGED`, the truth is `TRUE`.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from tests.support.dns_server import free_port
from tests.support.loops import LoopThread

TRUE = "192.0.2.80"
FORGED = "203.0.113.66"
PROBED = ".dnsguard-loop-check."

_BUFFER = 1 << 20  # octets of datagrams that wait to be read

Peer = tuple[str, int]
Replies = list[tuple[float, bytes | None]]
Script = Callable[[bytes, str, Peer], Replies]


class FromElsewhere(bytes):
    """A message that is sent from another port than the one that was asked."""


@dataclass(frozen=True)
class Received:
    """One query; `transport` is udp or tcp."""

    query: bytes
    transport: str
    peer: Peer

    @property
    def name(self) -> str:
        """The queried name in lower case."""
        return str(dns.message.from_wire(self.query).question[0].name).lower()


@contextmanager
def _held(address: str, port: int) -> Iterator[None]:
    """Keep a port from everybody else, such as who asks from random ports, yet listen to nobody."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.socket(family, socket.SOCK_DGRAM) as datagrams,
        socket.socket(family, socket.SOCK_STREAM) as stream,
    ):
        datagrams.bind((address, port))
        datagrams.connect((address, port))  # it hears itself alone
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stream.bind((address, port))
        yield


class ScriptedUpstream:
    """UDP and TCP on one port, served until the end of a `with` block."""

    def __init__(self, script: Script, address: str = "127.0.0.1", port: int = 0) -> None:
        self.script = script
        self.received: list[Received] = []
        self.address = address
        self.port = port or free_port(address)

    def __enter__(self) -> Self:
        self._thread = LoopThread()
        try:
            self._thread.run(self._open())
        except BaseException:
            self._thread.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.run(self._close())
        self._thread.close()
        assert not self._thread.errors

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Have nobody listen for the length of a block, so that who asks is refused."""
        self._thread.run(self._close())
        try:
            with _held(self.address, self.port):
                yield
        finally:
            self._thread.run(self._open())

    @property
    def url(self) -> str:
        """The URL over UDP."""
        return f"udp://{self._host}:{self.port}"

    @property
    def tcp_url(self) -> str:
        """The URL over TCP alone."""
        return f"tcp://{self._host}:{self.port}"

    @property
    def names(self) -> list[str]:
        """The names asked so far but for those of probes."""
        names = (received.name for received in self.received)
        return [name for name in names if name != "." and not name.endswith(PROBED)]

    @property
    def _host(self) -> str:
        return f"[{self.address}]" if ":" in self.address else self.address

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        where = (self.address, self.port)
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._transports: set[asyncio.Transport] = set()
        self._server = await loop.create_server(lambda: _Stream(self), *where, backlog=512)
        # asyncio's own datagram endpoint cannot send an empty datagram.
        self._datagrams = socket.socket(family, socket.SOCK_DGRAM)
        self._datagrams.settimeout(0)
        # Some tests send more, while the machine pauses, than there is room for otherwise.
        self._datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._datagrams.bind(where)
        self._elsewhere = socket.socket(family, socket.SOCK_DGRAM)
        self._elsewhere.bind((self.address, 0))
        loop.add_reader(self._datagrams, self._readable)

    async def _close(self) -> None:
        # asyncio forgets, and never closes, whom it is accepting while its server is closed.
        while accepting := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(accepting)
        self._server.close()
        asyncio.get_running_loop().remove_reader(self._datagrams)
        self._datagrams.close()
        self._elsewhere.close()
        for transport in self._transports:
            transport.abort()
        await self._server.wait_closed()

    def _readable(self) -> None:
        try:
            data, client = self._datagrams.recvfrom(65_535)
        except OSError:  # an ICMP error of an earlier reply
            return

        def send(reply: bytes | None) -> None:
            if reply is not None and self._datagrams.fileno() >= 0:
                self._datagrams.sendto(reply, client)

        self._take(data, "udp", client[:2], send)

    def _take(
        self, query: bytes, transport: str, peer: Peer, send: Callable[[bytes | None], None]
    ) -> None:
        self.received.append(Received(query, transport, peer))
        for delay, reply in self.script(query, transport, peer):
            if isinstance(reply, FromElsewhere):
                self._elsewhere.sendto(reply, peer)
            else:
                asyncio.get_running_loop().call_later(delay, send, reply)


class _Stream(asyncio.Protocol):
    def __init__(self, upstream: ScriptedUpstream) -> None:
        self._upstream = upstream
        self._received = bytearray()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._upstream._transports.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._upstream._transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= 2:
            end = 2 + int.from_bytes(self._received[:2], "big")
            if len(self._received) < end:
                return
            query = bytes(self._received[2:end])
            del self._received[:end]
            peer = self._transport.get_extra_info("peername")[:2]
            self._upstream._take(query, "tcp", peer, self._send)

    def _send(self, reply: bytes | None) -> None:
        if self._transport.is_closing():
            return
        if reply is None:
            self._transport.close()
        else:
            self._transport.write(len(reply).to_bytes(2, "big") + reply)


def respond(query: bytes, *records: str, rcode: str = "NOERROR", edns: bool = True) -> bytes:
    """Return the response to a query; records are `owner ttl type rdata`, `@` the queried name."""
    asked = dns.message.from_wire(query)
    response = dns.message.make_response(asked, recursion_available=True)
    response.set_rcode(dns.rcode.from_text(rcode))
    if not edns:
        response.use_edns(False)
    for record in records:
        owner, ttl, rdatatype, rdata = record.split(maxsplit=3)
        name = asked.question[0].name if owner == "@" else dns.name.from_text(owner)
        response.answer.append(dns.rrset.from_text(name, int(ttl), "IN", rdatatype, rdata))
    return response.to_wire(max_size=65_535)


def truncated(query: bytes) -> bytes:
    """Return a response that says the whole one did not fit."""
    response = dns.message.make_response(dns.message.from_wire(query))
    response.flags |= dns.flags.TC
    return response.to_wire()


def telling(address: str = TRUE, *, ttl: int = 60, delay: float = 0.0) -> Script:
    """Return a script that answers each A question with one address, others with none."""

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        asked = dns.message.from_wire(query).question[0]
        records = [f"@ {ttl} A {address}"] if asked.rdtype == 1 else []
        return [(delay, respond(query, *records))]

    return script


def probed(script: Script) -> Script:
    """Return a script that answers probes at once and does with the rest what another says."""
    at_once = telling()

    def probed_script(query: bytes, transport: str, peer: Peer) -> Replies:
        is_probe = Received(query, transport, peer).name.endswith(PROBED)
        return (at_once if is_probe else script)(query, transport, peer)

    return probed_script


def silent(query: bytes, transport: str, peer: Peer) -> Replies:
    """Say nothing."""
    return []


def hanging_up(query: bytes, transport: str, peer: Peer) -> Replies:
    """Close a TCP connection once it has been asked something."""
    return [(0.0, None)]


def by_transport(*, udp: Script, tcp: Script) -> Script:
    """Return a script that goes by how the query came."""
    return lambda query, how, peer: (tcp if how == "tcp" else udp)(query, how, peer)


def truncating(script: Script) -> Script:
    """Return a script that sends a client to TCP, where another one goes on."""
    return by_transport(udp=lambda query, *_: [(0.0, truncated(query))], tcp=script)


def in_turn(*scripts: Script) -> Script:
    """Return a script that treats each new name by the next of these, however often it comes."""
    turns: dict[str, int] = {}

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        name = str(dns.message.from_wire(query).question[0].name).lower()
        turn = turns.setdefault(name, len(turns))
        return scripts[turn % len(scripts)](query, transport, peer)

    return script


def lying(lie: str, *then: tuple[float, Script]) -> Script:
    """Return a script that tells a lie of `LIES`, and goes on as others would after a while."""

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        replies: Replies = [(0.0, LIES[lie](query))]
        for delay, later in then:
            replies += [(delay + more, reply) for more, reply in later(query, transport, peer)]
        return replies

    return script


def _forge(query: bytes) -> bytes:
    return respond(query, f"@ 60 A {FORGED}")


def _wrong_id(query: bytes) -> bytes:
    return (int.from_bytes(query[:2], "big") ^ 1).to_bytes(2, "big") + _forge(query)[2:]


def _wrong_question(query: bytes) -> bytes:
    other = dns.message.make_query("other.example.net", "A", id=dns.message.from_wire(query).id)
    return _forge(other.to_wire())


def _other_case(query: bytes) -> bytes:
    end = query.index(b"\0", 12)
    changed = query[:12] + bytes(octet ^ 0x20 if octet > 64 else octet for octet in query[12:end])
    return _forge(changed + query[end:])


def _not_a_response(query: bytes) -> bytes:
    forged = bytearray(_forge(query))
    forged[2] &= 0x7F
    return bytes(forged)


def _cname_loop(query: bytes) -> bytes:
    name = str(dns.message.from_wire(query).question[0].name)
    return respond(
        query,
        "@ 60 CNAME loop.example.net.",
        f"loop.example.net. 60 CNAME {name}",
        f"loop.example.net. 60 A {FORGED}",
    )


LIES: dict[str, Callable[[bytes], bytes]] = {
    "wrong ID": _wrong_id,
    "wrong question": _wrong_question,
    "other case": _other_case,
    "other port": lambda query: FromElsewhere(_forge(query)),
    "not a response": _not_a_response,
    "garbage at the end cut off": lambda query: _forge(query)[:-13],
    "header alone": lambda query: _forge(query)[:12],
    "nothing in it": lambda _: b"",
    "eleven octets": lambda query: _forge(query)[:11],
    "CNAME loop": _cname_loop,
    "another name": lambda query: respond(query, f"elsewhere.example.net. 60 A {FORGED}"),
    "SERVFAIL": lambda query: respond(query, f"@ 60 A {FORGED}", rcode="SERVFAIL"),
    "REFUSED": lambda query: respond(query, f"@ 60 A {FORGED}", rcode="REFUSED"),
    "FORMERR": lambda query: respond(query, f"@ 60 A {FORGED}", rcode="FORMERR", edns=False),
}
"""What an upstream, or someone who pretends to be it, may send instead of the truth."""
