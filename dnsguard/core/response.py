"""Responses of upstreams: any bytes in, a trustworthy `Answer` or the reason why not out.

The message is taken apart and composed anew, so nothing an upstream says reaches a client or
the cache but records that answer the question: the chain of aliases from the queried name,
the records asked for at its end, and the proof of a negative answer. Additional records,
other names and other types are left behind (RFC 5452 section 6, RFC 2181 section 5.4.1).
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from dnsguard.core.answer import MAX_TTL, Answer
from dnsguard.core.names import is_at_or_below, suffixes
from dnsguard.core.protocol import Rcode, Rdatatype
from dnsguard.core.wire import HEADER_SIZE

MAX_CHAIN = 16  # aliases followed in one answer
MAX_RECORDS = 4096  # records read in one message
MAX_NEGATIVE_TTL = 10_800  # RFC 2308 section 5

_RECORD = Struct("!HHIH")
_SOA_TAIL = 20
_SOA_MINIMUM = Struct("!I")
_NSEC, _NSEC3, _DS = 47, 50, 43
_PROOF_TYPES = frozenset((Rdatatype.SOA, Rdatatype.RRSIG, _NSEC, _NSEC3, _DS))

# Types whose RDATA holds names that may be compressed (RFC 3597 section 4): how many octets
# stand before the names, and how many names there are. Only a SOA has octets after them.
_NAMES_IN_RDATA = {
    2: (0, 1),
    3: (0, 1),
    4: (0, 1),
    5: (0, 1),
    6: (0, 2),
    7: (0, 1),
    8: (0, 1),
    9: (0, 1),
    12: (0, 1),
    14: (0, 2),
    15: (2, 1),
    17: (0, 2),
    18: (2, 1),
    21: (2, 1),
    26: (2, 2),
    33: (6, 1),
    36: (2, 1),
    39: (0, 1),
}


class Status(IntEnum):
    """What a datagram from an upstream turned out to be."""

    ANSWER = 0
    MISMATCH = 1
    """Not a response to this query: wrong ID or question. Keep waiting."""
    CASE_MISMATCH = 2
    """The question came back in other letter case: forged, or a server that changes it."""
    MALFORMED = 3
    TRUNCATED = 4
    FAILURE = 5
    """An rcode that says nothing of the name: SERVFAIL, REFUSED and the like."""


@dataclass(frozen=True)
class Response:
    """One message from an upstream, judged against the query it should answer."""

    status: Status
    rcode: int = 0
    answer: Answer | None = None
    has_edns: bool = False


class TtlBounds(NamedTuple):
    """The least and the most seconds an answer is kept, as configured."""

    minimum: int = 0
    maximum: int = 86_400


class _Record(NamedTuple):
    owner: bytes
    rdatatype: int
    rdataclass: int
    ttl: int
    rdata: bytes
    names: tuple[bytes, ...]
    """The names in RDATA, uncompressed; `rdata` is then what stands before and after them."""
    prefix: int


class _MalformedError(Exception):
    """The message is malformed."""


def parse_response(
    data: bytes, query_id: int, question: bytes, bounds: TtlBounds, *, trusted: bool
) -> Response:
    """Judge a message as the response to the query with that ID and question.

    `trusted` says whether the upstream's AD bit may be passed on.
    """
    if len(data) < HEADER_SIZE or int.from_bytes(data[:2], "big") != query_id:
        return Response(Status.MISMATCH)
    flags = data[2] << 8 | data[3]
    if not flags & 0x8000 or flags & 0x7800:
        return Response(Status.MISMATCH)
    rcode = flags & 0x0F
    questions = data[4] << 8 | data[5]
    end = HEADER_SIZE + len(question)
    if questions == 0 and rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return Response(Status.FAILURE, rcode)
    echoed = data[HEADER_SIZE:end]
    if questions != 1 or echoed != question:
        same = questions == 1 and echoed.lower() == question.lower()
        return Response(Status.CASE_MISMATCH if same else Status.MISMATCH)
    if flags & 0x0200:
        return Response(Status.TRUNCATED, rcode)
    try:
        answers, authority, extended, has_edns = _parse_sections(data, end)
        rcode |= extended << 4
        if rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return Response(Status.FAILURE, rcode, has_edns=has_edns)
        answer = _compose_answer(rcode, question, answers, authority, bounds)
    except _MalformedError:
        return Response(Status.MALFORMED, rcode)
    answer.authentic = trusted and flags & 0x0020 != 0
    return Response(Status.ANSWER, rcode, answer, has_edns)


def _parse_sections(data: bytes, position: int) -> tuple[list[_Record], list[_Record], int, bool]:
    counts = [data[i] << 8 | data[i + 1] for i in (6, 8, 10)]
    if sum(counts) > MAX_RECORDS:
        raise _MalformedError
    sections: list[list[_Record]] = []
    for count in counts:
        records = []
        for _ in range(count):
            record, position = _parse_record(data, position)
            records.append(record)
        sections.append(records)
    if any(record.rdatatype == Rdatatype.OPT for record in sections[0] + sections[1]):
        raise _MalformedError
    opts = [record for record in sections[2] if record.rdatatype == Rdatatype.OPT]
    if len(opts) > 1:
        raise _MalformedError
    extended = opts[0].ttl >> 24 if opts else 0
    return sections[0], sections[1], extended, bool(opts)


def _parse_record(data: bytes, position: int) -> tuple[_Record, int]:
    owner, position = _parse_name(data, position)
    if position + 10 > len(data):
        raise _MalformedError
    rdatatype, rdataclass, ttl, length = _RECORD.unpack_from(data, position)
    position += 10
    end = position + length
    if end > len(data):
        raise _MalformedError
    layout = _NAMES_IN_RDATA.get(rdatatype)
    if rdatatype == Rdatatype.NAPTR:
        layout = (_naptr_prefix(data, position, end), 1)
    if layout is None or rdataclass != 1:
        return _Record(owner, rdatatype, rdataclass, ttl, data[position:end], (), 0), end
    prefix, count = layout
    start = position + prefix
    names = []
    for _ in range(count):
        name, start = _parse_name(data, start)
        names.append(name)
    if end - start != (_SOA_TAIL if rdatatype == Rdatatype.SOA else 0):
        raise _MalformedError
    rdata = data[position : position + prefix] + data[start:end]
    return _Record(owner, rdatatype, rdataclass, ttl, rdata, tuple(names), prefix), end


def _naptr_prefix(data: bytes, position: int, end: int) -> int:
    """Return how many octets stand before a NAPTR's replacement (RFC 3403 section 4.1)."""
    prefix = 4
    for _ in range(3):
        if position + prefix >= end:
            raise _MalformedError
        prefix += 1 + data[position + prefix]
    return prefix


def _parse_name(data: bytes, position: int) -> tuple[bytes, int]:
    """Return the uncompressed name at a position and the position after it.

    Pointers must lead backwards, so every chain of them ends.
    """
    labels = []
    size = 1
    after = -1
    limit = position
    while True:
        if position >= len(data):
            raise _MalformedError
        length = data[position]
        if length >= 0xC0:
            if position + 2 > len(data):
                raise _MalformedError
            if after < 0:
                after = position + 2
            target = (length & 0x3F) << 8 | data[position + 1]
            if target >= limit:
                raise _MalformedError
            position = limit = target
            continue
        if length > 63:
            raise _MalformedError
        position += 1
        if length == 0:
            break
        size += 1 + length
        if size > 255 or position + length > len(data):
            raise _MalformedError
        labels.append(data[position - 1 : position + length])
        position += length
    labels.append(b"\x00")
    return b"".join(labels), position if after < 0 else after


def _compose_answer(
    rcode: int,
    question: bytes,
    answers: list[_Record],
    authority: list[_Record],
    bounds: TtlBounds,
) -> Answer:
    qname = question[:-4].lower()
    qtype = question[-4] << 8 | question[-3]
    chain = _follow_aliases(qname, qtype, answers)
    kept = _select_answers(chain, qtype, answers)
    if answers and not kept:
        raise _MalformedError
    proof = [
        record
        for record in authority
        if record.rdatatype in _PROOF_TYPES
        and record.rdataclass == 1
        and (record.rdatatype != Rdatatype.SOA or is_at_or_below(chain[-1], record.owner.lower()))
    ]
    writer = _Writer(question)
    ttls = _ttls(kept, proof, bounds)
    for record in kept + proof:
        writer.write(record, ttls[record.owner.lower(), record.rdatatype])
    negative = rcode == Rcode.NXDOMAIN or not any(
        qtype in (record.rdatatype, Rdatatype.ANY) for record in kept
    )
    has_soa = any(record.rdatatype == Rdatatype.SOA for record in proof)
    ttl = min(ttls.values(), default=0)
    return Answer(
        rcode,
        bytes(writer.body),
        ancount=len(kept),
        nscount=len(proof),
        ttl_offsets=tuple(writer.ttl_offsets),
        ttl=0 if negative and not has_soa else ttl,
    )


def _follow_aliases(qname: bytes, qtype: int, answers: list[_Record]) -> list[bytes]:
    """Return the names of the answer, from the queried one along its CNAMEs."""
    chain = [qname]
    if qtype == Rdatatype.CNAME:
        return chain
    targets = {
        record.owner.lower(): record.names[0].lower()
        for record in answers
        if record.rdatatype == Rdatatype.CNAME and record.names
    }
    while chain[-1] in targets:
        target = targets[chain[-1]]
        if target in chain or len(chain) > MAX_CHAIN:
            raise _MalformedError
        chain.append(target)
    return chain


def _select_answers(chain: list[bytes], qtype: int, answers: list[_Record]) -> list[_Record]:
    kept = []
    wanted = {qtype, int(Rdatatype.CNAME), int(Rdatatype.RRSIG)}
    of_class = [(record.owner.lower(), record) for record in answers if record.rdataclass == 1]
    dnames = {owner: record for owner, record in of_class if record.rdatatype == Rdatatype.DNAME}
    for name in chain:
        # The DNAME that an alias was made from goes before it (RFC 6672 section 3.1).
        kept += [dnames.pop(owner) for owner in suffixes(name)[1:] if owner in dnames]
        kept += [
            record
            for owner, record in of_class
            if owner == name and (record.rdatatype in wanted or qtype == Rdatatype.ANY)
        ]
    return kept


def _ttls(
    kept: list[_Record], proof: list[_Record], bounds: TtlBounds
) -> dict[tuple[bytes, int], int]:
    """Return one TTL for each RRset (RFC 2181 section 5.2), a proof's SOA by RFC 2308 section 5."""
    ttls: dict[tuple[bytes, int], int] = {}
    for number, record in enumerate(kept + proof):
        ttl = 0 if record.ttl > MAX_TTL else record.ttl
        if record.rdatatype == Rdatatype.SOA and number >= len(kept):
            (minimum,) = _SOA_MINIMUM.unpack_from(record.rdata, _SOA_TAIL - 4)
            ttl = min(ttl, minimum, MAX_NEGATIVE_TTL)
        ttl = max(bounds.minimum, min(ttl, bounds.maximum))
        key = (record.owner.lower(), record.rdatatype)
        ttls[key] = min(ttl, ttls.get(key, ttl))
    return ttls


class _Writer:
    """Composes records behind a question, with name compression against all before."""

    def __init__(self, question: bytes) -> None:
        self.body = bytearray()
        self.ttl_offsets: list[int] = []
        self._start = HEADER_SIZE + len(question)
        self._known: dict[bytes, int] = {}
        position = 0
        qname = question[:-4].lower()
        while qname[position]:
            self._known[qname[position:]] = HEADER_SIZE + position
            position += 1 + qname[position]

    def write(self, record: _Record, ttl: int) -> None:
        body = self.body
        self._write_name(record.owner)
        self.ttl_offsets.append(len(body) + 4)
        body += _RECORD.pack(record.rdatatype, record.rdataclass, ttl, 0)
        start = len(body)
        body += record.rdata[: record.prefix]
        for name in record.names:
            # Only the types of RFC 1035 may be compressed on the way out (RFC 3597 section 4).
            if record.rdatatype < 16:
                self._write_name(name)
            else:
                body += name
        body += record.rdata[record.prefix :]
        body[start - 2 : start] = (len(body) - start).to_bytes(2, "big")

    def _write_name(self, name: bytes) -> None:
        body = self.body
        lower = name.lower()
        position = 0
        while lower[position]:
            known = self._known.get(lower[position:])
            if known is not None:
                body += (0xC000 | known).to_bytes(2, "big")
                return
            offset = self._start + len(body)
            if offset < 0x4000:
                self._known[lower[position:]] = offset
            end = position + 1 + lower[position]
            body += name[position:end]
            position = end
        body.append(0)
