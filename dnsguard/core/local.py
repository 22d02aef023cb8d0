"""Names that are answered here and never forwarded: local records and special-use names."""

from collections.abc import Iterable
from struct import pack
from typing import NamedTuple

from dnsguard.core import names
from dnsguard.core.answer import QNAME_OFFSET, SOA_REST, Answer, negative_answer
from dnsguard.core.protocol import Rcode, Rdatatype

SPECIAL_TTL = 10800  # RFC 6303 section 3
NODATA_TTL = 300
MAX_CHAIN = 16  # aliases followed in one answer


class Record(NamedTuple):
    """A resource record of class IN; `rdata` is uncompressed wire form."""

    owner: bytes
    rdatatype: int
    ttl: int
    rdata: bytes


class LocalRecords:
    """The config's own records; the other types of such a name are NODATA."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records: dict[bytes, list[Record]] = {}
        self._ancestors: set[bytes] = set()
        for record in records:
            self._records.setdefault(record.owner, []).append(record)
            self._ancestors.update(names.suffixes(record.owner)[1:])

    def is_above(self, name: bytes) -> bool:
        """Tell whether there are records below a name: it exists, whatever it has itself."""
        return name in self._ancestors

    def find(self, qname: bytes, qtype: int) -> Answer | None:
        """Return the answer for a local name, None for any other name."""
        if qname not in self._records:
            return None
        chosen: list[Record] = []
        owner = qname
        seen: set[bytes] = set()
        while owner in self._records and owner not in seen and len(seen) < MAX_CHAIN:
            seen.add(owner)
            of_type = [r for r in self._records[owner] if qtype in (r.rdatatype, Rdatatype.ANY)]
            aliases = [r for r in self._records[owner] if r.rdatatype == Rdatatype.CNAME]
            chosen += of_type or aliases
            if of_type or not aliases:
                break
            owner = aliases[0].rdata
        if not chosen:
            return negative_answer(Rcode.NOERROR, QNAME_OFFSET, NODATA_TTL)
        return _compose(qname, chosen)


class SpecialZone(NamedTuple):
    """A special-use zone and the text that reserves it."""

    apex: bytes
    reference: str


def _zones() -> tuple[SpecialZone, ...]:
    zones = {
        "localhost": "RFC 6761 section 6.3",
        "invalid": "RFC 6761 section 6.4",
        "test": "RFC 6761 section 6.2",
        "local": "RFC 6762 section 22",
        "onion": "RFC 7686",
        "alt": "RFC 9476",
        "home.arpa": "RFC 8375",
        "resolver.arpa": "RFC 9462 section 6.1",
    }
    reverse = [
        *("10", "168.192", "254.169", "0", "127", "255.255.255.255"),
        *("2.0.192", "100.51.198", "113.0.203"),
        *(f"{second}.172" for second in range(16, 32)),
    ]
    zones |= {f"{name}.in-addr.arpa": "RFC 6303" for name in reverse}
    zones |= {f"{second}.100.in-addr.arpa": "RFC 7793" for second in range(64, 128)}
    reverse = [
        *("d.f", "8.e.f", "9.e.f", "a.e.f", "b.e.f", "8.b.d.0.1.0.0.2"),
        *(".".join("0" * 32), "1." + ".".join("0" * 31)),
    ]
    zones |= {f"{name}.ip6.arpa": "RFC 6303" for name in reverse}
    return tuple(SpecialZone(names.from_text(name), text) for name, text in zones.items())


SPECIAL_ZONES = _zones()
RESOLVER_ARPA = names.from_text("resolver.arpa")
LOCALHOST = names.from_text("localhost")

_ARPA = names.from_text("arpa")
_APEXES = {zone.apex for zone in SPECIAL_ZONES}
_LAST_LABELS = tuple({zone.apex[names.label_offsets(zone.apex)[-1] :] for zone in SPECIAL_ZONES})
_LOOPBACK_RECORDS = LocalRecords(
    [
        Record(LOCALHOST, Rdatatype.A, SPECIAL_TTL, b"\x7f\x00\x00\x01"),
        Record(LOCALHOST, Rdatatype.AAAA, SPECIAL_TTL, b"\x00" * 15 + b"\x01"),
        Record(names.from_text("1.0.0.127.in-addr.arpa"), Rdatatype.PTR, SPECIAL_TTL, LOCALHOST),
        Record(
            names.from_text("1." + ".".join("0" * 31) + ".ip6.arpa"),
            Rdatatype.PTR,
            SPECIAL_TTL,
            LOCALHOST,
        ),
    ]
)
_APEX_RECORDS = LocalRecords(
    record
    for apex in sorted(_APEXES - {RESOLVER_ARPA})  # that one is NODATA throughout
    for record in (
        Record(apex, Rdatatype.SOA, SPECIAL_TTL, apex + SOA_REST + pack("!I", SPECIAL_TTL)),
        Record(apex, Rdatatype.NS, SPECIAL_TTL, apex),
    )
)


def special_zone(qname: bytes) -> bytes | None:
    """Return the apex of the special-use zone that a name is in, None for a name of the DNS."""
    if not qname.endswith(_LAST_LABELS):  # nearly every name of the DNS
        return None
    for suffix in names.suffixes(qname):
        if suffix in _APEXES:
            return suffix
    return None


def asks_parent(qname: bytes, qtype: int, apex: bytes) -> bool:
    """Tell whether a question is one for the zone above a special-use zone.

    The DS of a zone in arpa: its parent is public and signed, and whoever validates behind us
    needs the proof that there is none (RFC 8375 section 4).
    """
    return qtype == Rdatatype.DS and qname == apex and apex.endswith(_ARPA)


def special_answer(qname: bytes, qtype: int, apex: bytes, *, exists: bool = False) -> Answer:
    """Return the answer for a name in a special-use zone: it never reaches an upstream.

    `exists` says that there is something below the name, in local records or a forward zone.
    """
    at = LOCALHOST if apex == LOCALHOST else qname  # every name there is this machine
    for records, owner in ((_LOOPBACK_RECORDS, at), (_APEX_RECORDS, qname)):
        known = records.find(owner, qtype)
        if known is not None and known.ancount:
            return known
        exists = exists or known is not None
    # What is above an existing name exists as well (RFC 8020 section 2).
    exists = exists or apex == RESOLVER_ARPA or _LOOPBACK_RECORDS.is_above(qname)
    soa = QNAME_OFFSET + len(qname) - len(apex)
    return negative_answer(Rcode.NOERROR if exists else Rcode.NXDOMAIN, soa, SPECIAL_TTL)


def _compose(qname: bytes, records: list[Record]) -> Answer:
    body = bytearray()
    offsets = []
    for record in records:
        at_qname = record.owner == qname
        body += pack("!H", 0xC000 | QNAME_OFFSET) if at_qname else record.owner
        offsets.append(len(body) + 4)
        body += pack("!HHIH", record.rdatatype, 1, record.ttl, len(record.rdata)) + record.rdata
    return Answer(
        Rcode.NOERROR,
        bytes(body),
        ancount=len(records),
        ttl_offsets=tuple(offsets),
        ttl=min(record.ttl for record in records),
    )
