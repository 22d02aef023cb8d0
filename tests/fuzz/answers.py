"""The records of an answer as dnspython reads them: which may be there, and where they lead."""

from ipaddress import ip_address
from typing import NamedTuple

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.wire

_ALIASES = {dns.rdatatype.CNAME, dns.rdatatype.DNAME}
_SERVICES = {dns.rdatatype.SVCB, dns.rdatatype.HTTPS}
_ADDRESSES = {dns.rdatatype.A, dns.rdatatype.AAAA}
_HINTS = {4: 4, 6: 16}  # octets of an address by SvcParamKey
_PROOFS = {
    dns.rdatatype.SOA,
    dns.rdatatype.DS,
    dns.rdatatype.NSEC,
    dns.rdatatype.NSEC3,
    dns.rdatatype.RRSIG,
}


class Record(NamedTuple):
    """A record; `ttl_offset` counts from the start of the message, `target` is an alias's."""

    owner: dns.name.Name
    rdatatype: int
    rdataclass: int
    ttl: int
    ttl_offset: int
    rdata: bytes
    target: dns.name.Name | None


class Records(NamedTuple):
    """The answer and the authority section."""

    answers: list[Record]
    authority: list[Record]


def read_records(message: bytes) -> Records:
    """Return the records of a message with a question; dnspython's exceptions pass."""
    parser = dns.wire.Parser(message, 12)
    parser.get_name(decompress=True)
    parser.get_bytes(4)
    ancount, nscount = (int.from_bytes(message[at : at + 2], "big") for at in (6, 8))
    answers = [_read(parser) for _ in range(ancount)]
    return Records(answers, [_read(parser) for _ in range(nscount)])


def _read(parser: dns.wire.Parser) -> Record:
    owner = parser.get_name(decompress=True)
    rdatatype, rdataclass, ttl, size = parser.get_struct("!HHIH")
    end = parser.current + size
    ttl_offset = parser.current - 6
    target = None
    if rdatatype in _ALIASES and rdataclass == dns.rdataclass.IN:
        with parser.restrict_to(size):
            target = parser.get_name(decompress=True)
        rdata = b""
    else:
        rdata = parser.get_bytes(size)
    assert parser.current == end
    return Record(owner, rdatatype, rdataclass, ttl, ttl_offset, rdata, target)


def check_belonging(qname: dns.name.Name, qtype: int, records: Records) -> None:
    """Require of every record that it is of a name the queried one leads to, or proves its end.

    Several aliases of one name all count, for all are judged.
    """
    names = {qname}
    aliases = [record for record in records.answers if record.rdatatype == dns.rdatatype.CNAME]
    before = 0
    while before < len(names):  # the order of the records may be any
        before = len(names)
        names |= {alias.target for alias in aliases if alias.owner in names and alias.target}
    wanted = {qtype, *_ALIASES, dns.rdatatype.RRSIG}
    for record in records.answers:
        assert record.rdataclass == dns.rdataclass.IN
        assert record.rdatatype in wanted or qtype == dns.rdatatype.ANY
        of_dname = record.rdatatype == dns.rdatatype.DNAME or _signs(record, dns.rdatatype.DNAME)
        assert record.owner in names or (
            of_dname and any(name.is_subdomain(record.owner) for name in names)
        )
    for record in records.authority:
        assert record.rdatatype in _PROOFS
        if record.rdatatype == dns.rdatatype.SOA:
            assert any(name.is_subdomain(record.owner) for name in names)


def _signs(record: Record, rdatatype: int) -> bool:
    return record.rdatatype == dns.rdatatype.RRSIG and record.rdata[:2] == rdatatype.to_bytes(2)


def destinations(records: Records) -> set[str]:
    """Return where a client may go by an answer: names in lower case, addresses and hints."""
    found: set[str] = set()
    for record in records.answers:
        if record.target is not None:
            found.add(_text(record.target))
        elif record.rdatatype in _ADDRESSES:
            found.add(str(ip_address(record.rdata)))
        elif record.rdatatype in _SERVICES:
            found |= _service_destinations(record.rdata)
    return found


def _service_destinations(rdata: bytes) -> set[str]:
    found: set[str] = set()
    parser = dns.wire.Parser(rdata, 2)
    target = parser.get_name(decompress=True)
    if target != dns.name.root:
        found.add(_text(target))
    while parser.remaining():
        key = parser.get_uint16()
        value = parser.get_counted_bytes(2)
        if size := _HINTS.get(key):
            found |= {str(ip_address(value[at : at + size])) for at in range(0, len(value), size)}
    return found


def _text(name: dns.name.Name) -> str:
    return name.canonicalize().to_text()
