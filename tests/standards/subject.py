"""A dnsguard with two workers, the upstream behind it, and clients that ask them by octets.

Each test asks for names of its own and teaches the upstream what to say of them; of every
other name it tells an address.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import dns.message
import dns.rcode
import dns.rrset

from tests.standards import wire
from tests.support.asking import PATIENCE
from tests.support.metrics import read_samples
from tests.support.scripted import (
    Peer,
    Received,
    Replies,
    Script,
    ScriptedUpstream,
    telling,
)
from tests.support.server import Server, running
from tests.support.shell import framed, read_message

STAFF = "127.0.0.2"
"""A device under the bans; every other address is not."""

OTHER = "127.0.0.3"
BLOCKED, GONE = "blocked.example", "gone.example"
"""Banned with everything below: one leads to the sinkhole, one is said not to exist."""

ALLOWED = "ok.gone.example"
BANNED_ADDRESS, BANNED_ADDRESS_6 = "198.51.100.9", "2001:db8:66::9"
PRINTER = "printer.city.internal"
TRUSTED_ZONE, DEAD_ZONE = "trusted.example", "dead.example"
SOA = "ns.example. admin.example. 1 7200 3600 86400 60"
RPZ = """\
$TTL 300
@ SOA ns.example. admin.example. 1 3600 600 86400 60
nxdomain.rpz.example CNAME .
*.nxdomain.rpz.example CNAME .
nodata.rpz.example CNAME *.
*.below.rpz.example CNAME .
free.below.rpz.example CNAME rpz-passthru.
drop.rpz.example CNAME rpz-drop.
data.rpz.example A 203.0.113.9
data.rpz.example TXT "look here"
garden.rpz.example CNAME garden.city.internal.
*.long.rpz.example CNAME *.{0}.{0}.{0}.example.
""".format("x" * 60)
NETWORKS = "198.51.100.0/24\n2001:db8:66::/48\n"
_CLOSED = "udp://127.0.0.1:9"


class Lessons:
    """The script of both upstreams: what to answer of each name, and what was asked of it."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.received: dict[str, list[Received]] = {}
        self._otherwise = telling()

    def __call__(self, query: bytes, transport: str, peer: Peer) -> Replies:
        received = Received(query, transport, peer)
        name = received.name.rstrip(".")
        self.received.setdefault(name, []).append(received)
        return self.scripts.get(name, self._otherwise)(query, transport, peer)


class Client:
    """One UDP socket and one TCP connection of a device: each meets one worker alone."""

    def __init__(self, place: tuple[str, int], source: str) -> None:
        self._place = place
        self._source = source
        self._opened: dict[bool, socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for opened in self._opened.values():
            opened.close()

    def socket(self, *, tcp: bool) -> socket.socket:
        """Return the socket of a transport."""
        if tcp not in self._opened:
            kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
            opened = self._opened[tcp] = socket.socket(socket.AF_INET, kind)
            opened.settimeout(PATIENCE)
            opened.bind((self._source, 0))
            opened.connect(self._place)
            if tcp:
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._opened[tcp]

    def send(self, message: bytes, *, tcp: bool = False) -> None:
        """Send a message and wait for nothing."""
        self.socket(tcp=tcp).sendall(framed(message) if tcp else message)

    def receive(self, *, tcp: bool = False) -> bytes:
        """Return the next answer."""
        opened = self.socket(tcp=tcp)
        return read_message(opened) if tcp else opened.recv(65_535)

    def ask(self, message: bytes, *, tcp: bool = False) -> bytes:
        """Send a message and return its answer."""
        self.send(message, tcp=tcp)
        answer = self.receive(tcp=tcp)
        assert answer[:2] == message[:2]
        return answer

    def gist(self, name: str, qtype: str = "A", *, tcp: bool = False) -> str:
        """Return the answer to a question in a few words."""
        answer = wire.read(self.ask(wire.query(name, wire.rdatatype(qtype)), tcp=tcp))
        if answer.rcode():
            return str(dns.rcode.to_text(answer.rcode()))
        return " ".join(rdata.to_text() for rrset in answer.answer for rdata in rrset) or "NODATA"

    def is_ignored(self, message: bytes, *, tcp: bool = False) -> bool:
        """Tell whether what is answered next is what was asked after a message."""
        self.send(message, tcp=tcp)
        after = bytes(octet ^ 0xFF for octet in message[:2].ljust(2, b"\0"))
        self.send(after + wire.query(PRINTER)[2:], tcp=tcp)
        return self.receive(tcp=tcp)[:2] == after


class Subject:
    """The running dnsguard and its upstreams."""

    def __init__(self, server: Server, lessons: Lessons) -> None:
        self.server = server
        self._lessons = lessons

    @property
    def port(self) -> int:
        """The port of UDP and TCP on every IPv4 address of the machine."""
        return self.server.places["0.0.0.0"][1]

    @contextmanager
    def client(self, source: str = OTHER, to: str = "127.0.0.1") -> Iterator[Client]:
        """Give a device for the length of a block."""
        with Client((to, self.port), source) as client:
            yield client

    def teach(self, name: str, script: Script) -> None:
        """Have the upstreams follow a script for a name."""
        self._lessons.scripts[name] = script

    def tell(
        self, name: str, *records: str, authority: tuple[str, ...] = (), rcode: str = "NOERROR"
    ) -> None:
        """Have the upstreams tell these records of a name: `owner ttl type rdata`."""
        self.teach(name, saying(*records, authority=authority, rcode=rcode))

    def asked(self, name: str) -> list[Received]:
        """Return what the upstreams were asked of a name."""
        return list(self._lessons.received.get(name.lower(), ()))

    def was_asked(self, name: str, times: int) -> bool:
        """Tell whether a name was asked of so many times, again for silence aside.

        When the machine pauses, dnsguard asks again, and counts that as a time-out.
        """
        again = read_samples(self.server.metrics())
        timeouts = sum(number for key, number in again.items() if 'reason="timeout"' in key)
        return times <= len(self.asked(name)) <= times + timeouts

    def asked_at_or_below(self, name: str) -> list[Received]:
        """Return what the upstreams were asked of a name and all below it."""
        received = self._lessons.received.copy()
        return [
            one for known in received if f".{known}".endswith(f".{name}") for one in received[known]
        ]


def saying(
    *records: str,
    authority: tuple[str, ...] = (),
    rcode: str = "NOERROR",
    change: Callable[[dns.message.Message], None] = lambda _: None,
) -> Script:
    """Return a script that answers with these records, a record at a time."""

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        response = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
        response.set_rcode(dns.rcode.from_text(rcode))
        name = str(response.question[0].name)
        response.answer = [rrset(record, name) for record in records]
        response.authority = [rrset(record, name) for record in authority]
        change(response)
        return [(0.0, response.to_wire(max_size=65_535))]

    return script


def rrset(record: str, name: str) -> dns.rrset.RRset:
    """Return one record; `@` is the queried name."""
    owner, ttl, qtype, rdata = record.split(maxsplit=3)
    return dns.rrset.from_text(owner.replace("@", name), int(ttl), "IN", qtype, rdata)


def saying_octets(compose: Callable[[bytes], bytes]) -> Script:
    """Return a script that answers with what a function makes of the query."""
    return lambda query, _transport, _peer: [(0.0, compose(query))]


@contextmanager
def running_subject(folder: Path) -> Iterator[Subject]:
    """Run a dnsguard and its upstreams for the length of a block."""
    (folder / "zone.rpz").write_text(RPZ, "utf-8")
    (folder / "networks.txt").write_text(NETWORKS, "utf-8")
    lessons = Lessons()
    with ScriptedUpstream(lessons) as upstream, ScriptedUpstream(lessons) as trusted:
        config = {
            "listen": {"dns": ["0.0.0.0:0", "[::1]:0"], "admin": None},
            "upstreams": [upstream.url],
            "forward_zones": {
                TRUSTED_ZONE: [{"url": trusted.url, "trusted": True}],
                DEAD_ZONE: [_CLOSED],
            },
            "local_records": [f"{PRINTER}. 300 IN A 10.0.0.9"],
            "groups": {"staff": {"subnets": [f"{STAFF}/32"]}},
            "lists": {
                "zone": {"source": "zone.rpz", "format": "rpz"},
                "networks": {"source": "networks.txt", "format": "cidr"},
            },
            "policies": {
                "ban": {"groups": ["staff"], "lists": ["networks"], "block": [BLOCKED]},
                "hide": {
                    "groups": ["staff"],
                    "block": [GONE],
                    "allow": [ALLOWED],
                    "answer": "nxdomain",
                },
                "zone": {"groups": ["staff"], "lists": ["zone"], "answer": "from-list"},
            },
        }
        with running(folder, config) as server:
            yield Subject(server, lessons)
