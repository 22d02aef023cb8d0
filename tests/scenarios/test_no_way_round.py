"""No way round the block: forms, types, flags, classes, transports and sources, all crossed.

The cells are drawn anew in each run; `DNSGUARD_SEED` draws those of a failed one again.
"""

import os
import random
import socket
import struct
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from itertools import islice
from typing import NamedTuple

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import pytest

from dnsguard.lists import bundled
from tests.scenarios.client import Datagrams, Stream, compose
from tests.scenarios.transports import WAYS, ask, framed, over_udp
from tests.scenarios.tricks import (
    BLOCKED,
    FORMERR,
    NOTIMP,
    PASS,
    REFUSED,
    SILENCE,
    Cell,
    Listed,
    mixed,
    single,
)
from tests.support.dns_server import free_port
from tests.support.gateway import read, said
from tests.support.metrics import read_samples
from tests.support.scripted import FORGED, Peer, Replies, ScriptedUpstream
from tests.support.server import Server, running
from tests.support.service_manager import ServiceManager

REAL = {"A": FORGED, "AAAA": "2001:db8::66"}
"""What the upstream tells of every name: nobody registered may hear of it for a listed one."""

PROXY_HEADERS = [
    b"PROXY TCP4 127.0.0.4 127.0.0.1 40000 53\r\n",
    bytes.fromhex("0d0a0d0a000d0a515549540a 2111000c 7f000004 7f000001 9c40 0035"),
    bytes.fromhex("0d0a0d0a000d0a515549540a 2112000c 7f000004 7f000001 9c40 0035"),
]
"""PROXY protocol, versions 1 and 2: from the unregistered client."""

WORKERS = 2
TRUNCATED = "truncated"
MIXED = 120  # cells with tricks of all kinds at once

_Z = 0x0040
_ECHOED = dns.flags.RD | dns.flags.CD
_EDE = dns.edns.OptionType.EDE

HOSTS = "exact.example.org"
DOMAINS = ("block-ed.example.org", "deep.er.example.net", "bücher.example")


class Source(NamedTuple):
    """Where queries come from, the listener that is asked, and the answers to listed names."""

    address: str
    listener: str
    answers: dict[str, str] | None


SINKHOLED = {"A": "10.0.0.9", "AAAA": "fd00::9", "": "NODATA"}
DENIED = {"": "NXDOMAIN"}
DROPPED = {"": SILENCE}
REGISTERED = {
    "IPv4": Source("127.0.0.2", "127.0.0.1", SINKHOLED),
    "IPv6": Source("::1", "::1", SINKHOLED),
    "IPv4-mapped": Source("127.0.0.2", "::", SINKHOLED),
    "denied": Source("127.0.0.3", "127.0.0.1", DENIED),
    "IPv4-mapped, denied": Source("127.0.0.3", "::", DENIED),
    "dropped": Source("127.0.0.5", "127.0.0.1", DROPPED),
}
UNREGISTERED = {
    "unregistered": Source("127.0.0.4", "127.0.0.1", None),
    "IPv4-mapped, unregistered": Source("127.0.0.4", "::", None),
}


class City(NamedTuple):
    server: Server
    upstream: ScriptedUpstream


@pytest.fixture(scope="module")
def seed() -> int:
    drawn = int(os.environ.get("DNSGUARD_SEED", random.randrange(2**32)))
    print(f"DNSGUARD_SEED={drawn}")
    return drawn


@pytest.fixture(scope="module")
def cells(seed: int) -> list[Cell]:
    chance = random.Random(seed)
    listed = [*_builtin(chance), *_own()]
    return [*single(listed, chance), *islice(mixed(listed, chance), MIXED)]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    (folder / "hosts.txt").write_text(f"0.0.0.0 {HOSTS}\n", "utf-8")
    (folder / "domains.txt").write_text("\n".join(DOMAINS), "utf-8")
    with (
        ScriptedUpstream(_tell_of_every_name) as upstream,
        ServiceManager(folder) as manager,
    ):
        _keep_dual_stack(manager)
        config = {
            "listen": {"dns": ["127.0.0.1:0", "[::1]:0", "[::]:0"], "admin": None},
            "upstreams": [upstream.url],
            "groups": {
                "staff": {"subnets": ["127.0.0.2/32", "::1/128"]},
                "terminals": {"subnets": ["127.0.0.3/32"]},
                "cameras": {"subnets": ["127.0.0.5/32"]},
            },
            "lists": {
                "tiktok": {"source": "builtin:tiktok"},
                "hosts": {"source": "hosts.txt"},
                "domains": {"source": "domains.txt", "format": "domains"},
            },
            "policies": {
                name: {
                    "groups": [group],
                    "lists": ["tiktok", "hosts", "domains"],
                    "answer": answer,
                }
                for name, group, answer in (
                    ("sinkholed", "staff", "sinkhole"),
                    ("denied", "terminals", "nxdomain"),
                    ("dropped", "cameras", "drop"),
                )
            },
            "workers": WORKERS,
            "sinkhole": {"ipv4": SINKHOLED["A"], "ipv6": SINKHOLED["AAAA"], "ttl": "30s"},
        }
        with running(folder, config, **manager.start_options()) as server:
            yield City(server, upstream)


def test_no_way_round(city: City, cells: list[Cell]) -> None:
    upstream = city.upstream
    asked = _ask_all(city, cells, REGISTERED)
    assert _names_of(cells, PASS) <= _names_heard(upstream)
    assert not _names_of(cells, BLOCKED) & _names_heard(upstream)
    _ask_all(city, cells, UNREGISTERED)
    assert _names_of(cells, BLOCKED) <= _names_heard(upstream)
    # What the others were told is in the cache now, and nobody else is told it.
    upstream.received.clear()
    asked += _ask_all(city, cells, REGISTERED)
    assert not _names_of(cells, BLOCKED) & _names_heard(upstream)
    assert asked > 5_000
    samples = read_samples(city.server.metrics())
    assert samples["dnsguard_internal_errors_total"] == 0
    assert "Traceback" not in city.server.log()


@pytest.mark.parametrize("header", PROXY_HEADERS, ids=["1", "2 TCP", "2 UDP"])
def test_the_header_of_a_proxy_names_no_client(city: City, header: bytes) -> None:
    query = compose(HOSTS)
    place = city.server.places["127.0.0.1"]
    with Datagrams(place, "127.0.0.2") as client:
        client.send(header + query)
        client.send(query)
        answers = {}
        while query[:2] not in answers:
            answer = client.receive()
            answers[answer[:2]] = said(read(answer))
    assert answers.pop(query[:2]) == SINKHOLED["A"]
    assert set(answers.values()) <= {FORMERR, NOTIMP}
    with Stream(place, "127.0.0.2") as stream:
        stream.send_raw(header + framed(query))
        stream.finish()
        assert stream.receive() == b""
    assert HOSTS not in city.upstream.names


def _ask_all(city: City, cells: Sequence[Cell], sources: dict[str, Source]) -> int:
    """Ask every cell from each source in each way, and check the answers; return how many."""
    queries = [cell.parts.compose() for cell in cells]
    asked = 0
    wrong = []
    for name, source in sources.items():
        wanted = [_expected(cell, source) for cell in cells]
        silent = [SILENCE in outcomes for outcomes in wanted]
        host, port = city.server.places[source.listener]
        mapped = host == "::" and ":" not in source.address
        place = ("127.0.0.1" if mapped else host, port)
        for way in WAYS:
            answers = ask(way, place, source.address, queries, silent)
            for cell, query, answer, outcomes in zip(cells, queries, answers, wanted, strict=True):
                blocked = cell.outcomes == {BLOCKED} and source.answers is not None
                told = _told(answer, query, blocked=blocked)
                if told == TRUNCATED and way is over_udp and cell.parts.qtype == dns.rdatatype.ANY:
                    continue  # it says nothing, and the same over TCP is a cell of its own
                if told not in outcomes:
                    wrong.append((name, way.__name__, cell.name, query, told, outcomes))
            asked += len(answers)
    assert not wrong
    return asked


def _expected(cell: Cell, source: Source) -> frozenset[str]:
    """Return the gists of the answers that a source may be given to a cell."""
    rdatatype = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(cell.parts.qtype))
    if cell.outcomes == {BLOCKED} and source.answers is not None:
        return frozenset({source.answers.get(rdatatype, source.answers[""])})
    if not cell.outcomes <= {BLOCKED, PASS}:
        return cell.outcomes
    recursion = cell.parts.flags & dns.flags.RD
    return frozenset({REAL.get(rdatatype, "NODATA") if recursion else REFUSED})


def _told(answer: bytes, query: bytes, *, blocked: bool) -> str:
    """Return the gist of an answer; what holds for every answer is checked on the way."""
    if not answer:
        return SILENCE
    message = dns.message.from_wire(answer)
    flags = int.from_bytes(query[2:4], "big")
    assert message.flags & dns.flags.QR
    assert not message.flags & (dns.flags.AA | dns.flags.AD | _Z)
    assert message.flags & _ECHOED == flags & _ECHOED
    if message.question:
        assert answer[12 : 12 + len(_qname(answer)) + 4] in query
    gist = said(message)
    if gist == TRUNCATED:
        assert not message.answer
        return gist
    if message.edns >= 0:
        errors = [option.code for option in message.options if option.otype == _EDE]
        assert (dns.edns.EDECode.BLOCKED in errors) == blocked
    if blocked and not message.answer:
        assert [rrset.rdtype for rrset in message.authority] == [dns.rdatatype.SOA]
    return gist


def _names_heard(upstream: ScriptedUpstream) -> set[bytes]:
    return {_qname(received.query) for received in upstream.received}


def _names_of(cells: Sequence[Cell], outcome: str) -> set[bytes]:
    """Return the names of the cells with an outcome that go upstream for whom it is no other."""
    return {
        cell.parts.name.lower()
        for cell in cells
        if cell.outcomes == {outcome} and cell.parts.flags & dns.flags.RD
    }


def _qname(query: bytes) -> bytes:
    """Return the queried name in lower case."""
    end = 12
    while query[end]:
        end += 1 + query[end]
    return query[12 : end + 1].lower()


def _tell_of_every_name(query: bytes, transport: str, peer: Peer) -> Replies:
    """Tell the real addresses for every name, whatever octets are in it."""
    end = 12 + len(_qname(query))
    rdatatype = int.from_bytes(query[end : end + 2], "big")
    text = REAL.get(dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rdatatype)))
    rdata = ip_address(text).packed if text else b""
    record = struct.pack("!HHHIH", 0xC00C, rdatatype, 1, 300, len(rdata)) + rdata if text else b""
    counts = struct.pack("!HHHH", 1, 1 if record else 0, 0, 0)
    return [(0.0, query[:2] + b"\x81\x80" + counts + query[12 : end + 4] + record)]


def _builtin(chance: random.Random) -> list[Listed]:
    """Return some names of the list of TikTok that reach within other names."""
    text = bundled.text("tiktok").decode()
    names = [line[2:-2] for line in text.splitlines() if line.startswith("*.")]
    return [Listed(name.encode().split(b"."), "embedded") for name in chance.sample(names, 12)]


def _own() -> list[Listed]:
    """Return the names of the lists of these tests."""
    names = [name.encode("idna").split(b".") for name in DOMAINS]
    return [Listed(HOSTS.encode().split(b"."), "exact"), *(Listed(n, "below") for n in names)]


def _keep_dual_stack(manager: ServiceManager) -> None:
    """Have the service manager keep sockets that take IPv4 too, as a socket unit makes them."""
    place = ("::", free_port("::"))
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        for _ in range(WORKERS):
            made = socket.socket(socket.AF_INET6, kind)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            made.bind(place)
            if kind == socket.SOCK_STREAM:
                made.listen()
            inode = os.fstat(made.fileno()).st_ino
            manager.kept[inode] = ("dual-stack", made.detach())
