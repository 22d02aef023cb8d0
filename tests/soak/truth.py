"""What the upstreams tell of a name: the same whenever they are asked, so that any lie shows.

The zone below `example` says what kind of name it is. Addresses are made from the name, so that
no answer passes for that of another name. Names in `moving` tell when they were told, so that
an answer that was kept for too long shows as well.
"""

import functools
import hashlib
import struct
import time
from ipaddress import ip_address
from typing import NamedTuple

import dns.name
from dns.rdatatype import AAAA, CNAME, HTTPS, SOA, TXT, A

from tests.support.scripted import Peer, Replies
from tests.support.truth import address_of

SHORT_TTL, TTL, NEGATIVE_TTL = 2, 300, 60
NOERROR, NXDOMAIN = 0, 3
HOSTED = "198.51.100.0/24"
"""Where the hosts in `hosted` are; the policy blocks these addresses."""

_SHORT_LIVED = frozenset({"short", "moving"})
_HALF_SHORT_LIVED = frozenset({"alias", "hosted", "toggled"})
_MISSING = frozenset({"missing", "torture"})
_BIG_STRINGS = 12  # of 224 octets: more than a datagram may hold


class Record(NamedTuple):
    """A resource record; `rdata` is uncompressed."""

    owner: str
    ttl: int
    rdatatype: int
    rdata: bytes


class Told(NamedTuple):
    """An answer: what an upstream says, without what goes around it."""

    rcode: int
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()


def tell(name: str, rdatatype: int, now: float = 0.0) -> Told:
    """Return what there is to say of a question; `name` in lower case, without the last dot."""
    label, _, zone = name.partition(".")
    kind = zone.removesuffix(".example")
    ttl = SHORT_TTL if _is_short_lived(label, kind) else TTL
    if kind in _MISSING:
        return Told(NXDOMAIN, authority=(_soa(zone),))
    if kind == "alias":
        target = f"{label}.blocked.example"
        alias = Record(name, ttl, CNAME, wire(target))
        leads_to = (record._replace(ttl=ttl) for record in tell(target, rdatatype).answer)
        return Told(NOERROR, (alias, *leads_to))
    rdatas = _rdatas(name, kind, rdatatype, now)
    if not rdatas:
        return Told(NOERROR, authority=(_soa(zone),))
    return Told(NOERROR, tuple(Record(name, ttl, rdatatype, rdata) for rdata in rdatas))


def _is_short_lived(label: str, kind: str) -> bool:
    """Tell whether a name soon expires, so that it may become stale; of some kinds half do."""
    return kind in _SHORT_LIVED or (kind in _HALF_SHORT_LIVED and label[-1] in "02468")


def _rdatas(name: str, kind: str, rdatatype: int, now: float) -> list[bytes]:
    """Return what records of a type a name has."""
    digest = hashlib.blake2s(name.encode(), digest_size=16).digest()
    if kind == "moving":
        return [_string(f"{now:.3f} {name}".encode())] if rdatatype == TXT else []
    if kind == "hosted" and rdatatype == A:
        return [bytes((198, 51, 100)) + digest[:1]]
    if kind == "big" and rdatatype == TXT:
        return [b"".join(_string(digest.hex().encode() * 7) for _ in range(_BIG_STRINGS))]
    if rdatatype == A:
        return [ip_address(address_of(name)).packed]
    if rdatatype == AAAA:
        return [bytes.fromhex("20010db8") + digest[:12]]
    if rdatatype == TXT:
        return [_string(name.encode())]
    if rdatatype == HTTPS and kind == "cached":
        return [b"\0\1\0"]  # SvcPriority 1, TargetName the owner itself, no parameters
    return []


def truthful(query: bytes, transport: str, peer: Peer) -> Replies:
    """Tell the truth: a script for `ScriptedUpstream`."""
    return [(0.0, respond(query, transport, time.monotonic()))]


def respond(query: bytes, transport: str, now: float) -> bytes:
    """Return the response to a query; over UDP it is truncated when it does not fit."""
    name, rdatatype, end = _question(query)
    told = tell(name, rdatatype, now)
    if not name:  # a probe
        told = Told(NOERROR)
    records = b"".join(map(_record, told.answer + told.authority))
    counts = (1, len(told.answer), len(told.authority), 0)
    flags = 0x8180 | told.rcode
    if transport == "udp" and end + len(records) > 1232:
        records, counts, flags = b"", (1, 0, 0, 0), flags | 0x0200
    return query[:2] + struct.pack("!HHHHH", flags, *counts) + query[12:end] + records


def told_at(rdata: bytes) -> tuple[float, str]:
    """Return when the TXT record of a name in `moving` was told, and of which name."""
    when, _, name = rdata[1:].decode("ascii").partition(" ")
    return float(when), name


@functools.cache
def wire(name: str) -> bytes:
    """Return a name as it is sent, uncompressed."""
    return dns.name.from_text(name).to_wire() or b""


def _question(query: bytes) -> tuple[str, int, int]:
    """Return the name and type a query asks for, and where its question ends."""
    labels = []
    position = 12
    while size := query[position]:
        labels.append(query[position + 1 : position + 1 + size])
        position += 1 + size
    name = b".".join(labels).decode("ascii").lower()
    return name, int.from_bytes(query[position + 1 : position + 3], "big"), position + 5


def _record(record: Record) -> bytes:
    fields = struct.pack("!HHIH", record.rdatatype, 1, record.ttl, len(record.rdata))
    # Not `wire`: it would keep every name that was ever asked for.
    owner = b"".join(bytes([len(label)]) + label.encode() for label in record.owner.split("."))
    return owner + b"\0" + fields + record.rdata


def _soa(zone: str) -> Record:
    numbers = struct.pack("!IIIII", 1, 3600, 600, 86_400, NEGATIVE_TTL)
    rdata = wire(f"ns.{zone}") + wire(f"hostmaster.{zone}") + numbers
    return Record(zone, NEGATIVE_TTL, SOA, rdata)


def _string(octets: bytes) -> bytes:
    return bytes([len(octets)]) + octets
