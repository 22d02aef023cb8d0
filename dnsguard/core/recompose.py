"""Answers composed anew from the records of a message that answer the question.

The slow and thorough way, for what cannot stay as it stands (see `verbatim`): records in any
order or of more than one TTL, others among them, names spelled out or compressed oddly.
"""

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from dnsguard.core.answer import QNAME_OFFSET, Answer
from dnsguard.core.names import is_at_or_below, suffixes
from dnsguard.core.protocol import Rcode, Rdatatype
from dnsguard.core.records import (
    MAX_NEGATIVE_TTL,
    MalformedError,
    RecordParser,
    bound_ttl,
    is_proof,
    parse_answer,
)

MAX_CHAIN = 16  # aliases followed in one answer
MAX_ALIASES = 2 * MAX_CHAIN  # CNAME and DNAME records in it: each is judged, at some cost
MAX_SPELLED = 131_072  # octets of names in a message, written out: twice what it can be long

_RECORD = Struct("!HHIH")
_SOA_MINIMUM = Struct("!I")
_NXDOMAIN = int(Rcode.NXDOMAIN)
_CNAME = int(Rdatatype.CNAME)
_SOA = int(Rdatatype.SOA)
_DNAME = int(Rdatatype.DNAME)
_RRSIG = int(Rdatatype.RRSIG)
_OPT = int(Rdatatype.OPT)
_ANY = int(Rdatatype.ANY)


class _Record(NamedTuple):
    owner: bytes
    name: bytes
    """The owner in lower case."""
    rdatatype: int
    rdataclass: int
    ttl: int
    rdata: bytes
    """RDATA without its names, of which `prefix` octets stand before them."""
    names: tuple[bytes, ...]
    prefix: int
    subject: int
    """The type of the RRset that it belongs to or signs."""


class Sections(NamedTuple):
    """The records of the answer and the authority section."""

    answers: list[_Record]
    authority: list[_Record]


def parse_sections(parser: RecordParser, ancount: int, nscount: int) -> Sections:
    """Return the records ahead of a parser.

    Raises MalformedError, also for names that are far longer than the message: pointers let few
    octets stand for very many.
    """
    names = _Names(parser)
    answers = [_parse_record(parser, names) for _ in range(ancount)]
    return Sections(answers, [_parse_record(parser, names) for _ in range(nscount)])


def recompose(
    sections: Sections, rcode: int, question: bytes, minimum: int, maximum: int
) -> Answer:
    """Return the answer to a question, its TTLs within these bounds.

    Raises MalformedError when records are there and none answers, for aliases in a loop, and for
    more of them than a chain has.
    """
    qname = question[:-4].lower()
    qtype = question[-4] << 8 | question[-3]
    targets = _targets(sections.answers)
    chain = _follow_aliases(qname, qtype, targets)
    kept = _select_answers(chain, qtype, sections.answers, targets)
    aliases = [record for record in kept if record.rdatatype in (_CNAME, _DNAME)]
    if (sections.answers and not kept) or len(aliases) > MAX_ALIASES:
        raise MalformedError
    proof = _select_proof(chain[-1], sections.authority)
    ttls = _ttls(kept, proof, minimum, maximum)
    writer = _Writer(question)
    for record in kept + proof:
        writer.write(record, ttls[record.name, record.rdatatype])
    answered = kept and (qtype == _ANY or qtype in [record.rdatatype for record in kept])
    has_soa = _SOA in [record.rdatatype for record in proof]
    may_be_kept = has_soa or (answered and rcode != _NXDOMAIN)
    return Answer(
        rcode,
        bytes(writer.body),
        ancount=len(kept),
        nscount=len(proof),
        ttl_offsets=tuple(writer.ttl_offsets),
        ttl=min(ttls.values(), default=0) if may_be_kept else 0,
    )


def rewrite(
    answer: Answer,
    question: bytes,
    for_question: bytes,
    change: Callable[[int, bytes], bytes] | None = None,
) -> Answer:
    """Return the answer to one question as one to another, its RDATA changed by type.

    Both questions are in lower case and end in the same labels. It is not authentic.
    """
    sections = parse_sections(parse_answer(question, answer.body), answer.ancount, answer.nscount)
    writer = _Writer(for_question)
    for record in sections.answers + sections.authority:
        if change is not None:
            record = record._replace(rdata=change(record.rdatatype, record.rdata))
        writer.write(record, record.ttl)
    return Answer(
        answer.rcode,
        bytes(writer.body),
        ancount=answer.ancount,
        nscount=answer.nscount,
        ttl_offsets=tuple(writer.ttl_offsets),
        ttl=answer.ttl,
    )


class _Names:
    """Writes the names of a message out, each once: most are pointers to a few."""

    def __init__(self, parser: RecordParser) -> None:
        self._parser = parser
        self._known: dict[int, bytes] = {}
        self._left = MAX_SPELLED

    def at(self, position: int) -> bytes:
        """Return the name at an offset. Raises MalformedError."""
        start = self._parser.label(position)
        name = self._known.get(start)
        if name is None:
            name = self._known[start] = self._parser.name(start)
            self._left -= len(name)
            if self._left < 0:
                raise MalformedError
        return name


def _parse_record(parser: RecordParser, names: _Names) -> _Record:
    parser.parse()
    if parser.rdatatype == _OPT:
        raise MalformedError
    inside: tuple[bytes, ...] = ()
    prefix = 0
    rdata = parser.data[parser.tail : parser.position]
    if parser.first_name:
        prefix = parser.first_name - parser.rdata
        rdata = parser.data[parser.rdata : parser.first_name] + rdata
        inside = (names.at(parser.first_name),)
    if parser.second_name:
        inside += (names.at(parser.second_name),)
    owner = names.at(parser.owner)
    return _Record(
        owner,
        owner.lower(),
        parser.rdatatype,
        parser.rdataclass,
        parser.ttl,
        rdata,
        inside,
        prefix,
        parser.subject(),
    )


def _targets(answers: list[_Record]) -> dict[bytes, bytes]:
    """Return where each alias leads."""
    return {
        record.name: record.names[0].lower()
        for record in answers
        if record.rdatatype == _CNAME and record.names
    }


def _follow_aliases(qname: bytes, qtype: int, targets: dict[bytes, bytes]) -> list[bytes]:
    """Return the names of the answer, from the queried one along its CNAMEs."""
    chain = [qname]
    if qtype == _CNAME:
        return chain
    while chain[-1] in targets:
        target = targets[chain[-1]]
        if target in chain or len(chain) > MAX_CHAIN:
            raise MalformedError
        chain.append(target)
    return chain


def _select_answers(
    chain: list[bytes], qtype: int, answers: list[_Record], targets: dict[bytes, bytes]
) -> list[_Record]:
    kept: list[_Record] = []
    wanted = (qtype, _CNAME, _RRSIG)
    of_class = [record for record in answers if record.rdataclass == 1]
    dnames = {record.name: record for record in of_class if record.rdatatype == _DNAME}
    signatures: dict[bytes, list[_Record]] = {}
    for record in of_class:
        if record.subject == _DNAME != record.rdatatype:
            signatures.setdefault(record.name, []).append(record)
    for name in chain:
        # The DNAME that an alias was made from goes before it (RFC 6672 section 3.1), and so does
        # its signature: the alias has none.
        if dnames and name in targets:
            owner = _made_from(name, targets[name], dnames)
            if owner in dnames:
                kept.append(dnames.pop(owner))
                kept += signatures.get(owner, [])
        kept += [
            record
            for record in of_class
            if record.name == name and (record.rdatatype in wanted or qtype == _ANY)
        ]
    return kept


def _made_from(name: bytes, target: bytes, dnames: dict[bytes, _Record]) -> bytes:
    """Return the owner of the DNAME that says where an alias leads, nothing if none does."""
    for owner in suffixes(name)[1:]:
        if owner in dnames:
            names = dnames[owner].names
            if names and name[: -len(owner)] + names[0].lower() == target:
                return owner
    return b""


def _select_proof(name: bytes, authority: list[_Record]) -> list[_Record]:
    """Return the records that prove a negative answer; a SOA only of a zone the name is in."""
    return [
        record
        for record in authority
        if is_proof(record.subject)
        and record.rdataclass == 1
        and (record.rdatatype != _SOA or is_at_or_below(name, record.name))
    ]


def _ttls(
    kept: list[_Record], proof: list[_Record], minimum: int, maximum: int
) -> dict[tuple[bytes, int], int]:
    """Return one TTL for each RRset (RFC 2181 section 5.2), a proof's SOA by RFC 2308 section 5."""
    ttls: dict[tuple[bytes, int], int] = {}
    for number, record in enumerate(kept + proof):
        most = maximum
        if record.rdatatype == _SOA and number >= len(kept):
            (least,) = _SOA_MINIMUM.unpack_from(record.rdata, len(record.rdata) - 4)
            most = min(maximum, least, MAX_NEGATIVE_TTL)
        ttl = bound_ttl(record.ttl, minimum, most)
        key = (record.name, record.rdatatype)
        ttls[key] = min(ttl, ttls.get(key, ttl))
    return ttls


class _Writer:
    """Composes records behind a question, with name compression against all before."""

    def __init__(self, question: bytes) -> None:
        self.body = bytearray()
        self.ttl_offsets: list[int] = []
        self._start = QNAME_OFFSET + len(question)
        self._known: dict[bytes, int] = {}
        position = 0
        qname = question[:-4].lower()
        while qname[position]:
            self._known[qname[position:]] = QNAME_OFFSET + position
            position += 1 + qname[position]

    def write(self, record: _Record, ttl: int) -> None:
        body = self.body
        self._write_name(record.owner, record.name)
        self.ttl_offsets.append(len(body) + 4)
        body += _RECORD.pack(record.rdatatype, record.rdataclass, ttl, 0)
        start = len(body)
        body += record.rdata[: record.prefix]
        for name in record.names:
            # Only the types of RFC 1035 may be compressed on the way out (RFC 3597 section 4).
            if record.rdatatype < 16:
                self._write_name(name, name.lower())
            else:
                body += name
        body += record.rdata[record.prefix :]
        body[start - 2 : start] = (len(body) - start).to_bytes(2, "big")

    def _write_name(self, name: bytes, lower: bytes) -> None:
        body = self.body
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
