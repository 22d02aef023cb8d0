"""The answers a policy gives: one template for each answer and type, built once.

A new kind of answer is a new entry in `TEMPLATES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import pack

from dnsguard.core.answer import QNAME_OFFSET, Answer, negative_answer
from dnsguard.core.names import MAX_NAME
from dnsguard.core.protocol import Rcode, Rdatatype
from dnsguard.core.wire import Query

_WILDCARD = b"\x01*"


@dataclass(frozen=True)
class Sinkhole:
    """Where blocked names lead: packed addresses, and the TTL of every blocked answer."""

    ipv4: bytes
    ipv6: bytes
    ttl: int


def sinkhole_template(sinkhole: Sinkhole) -> Callable[[Query], Answer]:
    """Give addresses for A and AAAA, NODATA for every other type, HTTPS and SVCB above all."""
    nodata = nodata_template(sinkhole)(Query(0, 0))
    answers = {
        int(Rdatatype.A): _address_answer(Rdatatype.A, sinkhole.ipv4, sinkhole.ttl),
        int(Rdatatype.AAAA): _address_answer(Rdatatype.AAAA, sinkhole.ipv6, sinkhole.ttl),
    }
    return lambda query: answers.get(query.qtype, nodata)


def nxdomain_template(sinkhole: Sinkhole) -> Callable[[Query], Answer]:
    """Say that the name does not exist; the SOA is its parent's, for an apex always exists."""
    root = negative_answer(Rcode.NXDOMAIN, QNAME_OFFSET, sinkhole.ttl)
    answers = [
        negative_answer(Rcode.NXDOMAIN, QNAME_OFFSET + 1 + length, sinkhole.ttl)
        for length in range(64)
    ]
    answers[0] = root
    return lambda query: answers[query.question[0]]


def nodata_template(sinkhole: Sinkhole) -> Callable[[Query], Answer]:
    """Say that the name exists and has no records of any type."""
    answer = negative_answer(Rcode.NOERROR, QNAME_OFFSET, sinkhole.ttl)
    return lambda _query: answer


def refused_template(_sinkhole: Sinkhole) -> Callable[[Query], Answer]:
    """Refuse to say."""
    answer = Answer(Rcode.REFUSED)
    return lambda _query: answer


def data_template(
    records: Sequence[tuple[int, int, bytes]], sinkhole: Sinkhole
) -> Callable[[Query], Answer]:
    """Give the data that an RPZ zone holds for a name: (type, TTL, rdata), NODATA for other types.

    An alias is given whatever is asked for; one whose target begins with the label `*` leads
    to the queried name below the rest. No TTL is longer than that of other blocked answers.
    """
    nodata = negative_answer(Rcode.NOERROR, QNAME_OFFSET, sinkhole.ttl)
    owner = pack("!H", 0xC000 | QNAME_OFFSET)

    def template(query: Query) -> Answer:
        body = bytearray()
        offsets = []
        for rdatatype, ttl, rdata in records:
            if query.qtype not in {rdatatype, Rdatatype.ANY} and rdatatype != Rdatatype.CNAME:
                continue
            if rdatatype == Rdatatype.CNAME and rdata.startswith(_WILDCARD):
                rdata = query.qname[:-1] + rdata[len(_WILDCARD) :]
                if len(rdata) > MAX_NAME:
                    continue
            offsets.append(len(body) + len(owner) + 4)
            body += owner + pack("!HHIH", rdatatype, 1, min(ttl, sinkhole.ttl), len(rdata)) + rdata
        if not offsets:
            return nodata
        return Answer(
            Rcode.NOERROR,
            bytes(body),
            ancount=len(offsets),
            ttl_offsets=tuple(offsets),
            ttl=sinkhole.ttl,
        )

    return template


TEMPLATES: dict[str, Callable[[Sinkhole], Callable[[Query], Answer]]] = {
    "sinkhole": sinkhole_template,
    "nxdomain": nxdomain_template,
    "nodata": nodata_template,
    "refused": refused_template,
}
"""The policy answers by their name in the config; `drop` is the one that sends nothing."""


def _address_answer(rdatatype: int, address: bytes, ttl: int) -> Answer:
    owner = pack("!H", 0xC000 | QNAME_OFFSET)
    body = owner + pack("!HHIH", rdatatype, 1, ttl, len(address)) + address
    return Answer(Rcode.NOERROR, body, ancount=1, ttl_offsets=(6,), ttl=ttl)
