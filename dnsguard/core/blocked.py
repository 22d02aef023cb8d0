"""The answers a policy gives: one template for each answer, its messages built once.

A new kind of answer is a new class and an entry in `TEMPLATES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import pack

from dnsguard.core.answer import QNAME_OFFSET, Answer, negative_answer
from dnsguard.core.names import MAX_LABEL, MAX_NAME
from dnsguard.core.protocol import Rcode, Rdatatype
from dnsguard.core.wire import Query

_A = int(Rdatatype.A)
_AAAA = int(Rdatatype.AAAA)
_WILDCARD = b"\x01*"


@dataclass(frozen=True)
class Sinkhole:
    """Where blocked names lead: packed addresses, and the TTL of every blocked answer."""

    ipv4: bytes
    ipv6: bytes
    ttl: int


class Template:
    """One way to answer blocked queries: the same answer to all, unless a subclass knows better."""

    def __init__(self, default: Answer) -> None:
        self._default = default

    def answer(self, query: Query) -> Answer:  # noqa: ARG002 - for subclasses
        """Return the answer to a blocked query."""
        return self._default


class _Sinkhole(Template):
    """Addresses for A and AAAA, NODATA for every other type, HTTPS and SVCB above all."""

    def __init__(self, sinkhole: Sinkhole) -> None:
        super().__init__(_nodata(sinkhole))
        self._a = _address_answer(_A, sinkhole.ipv4, sinkhole.ttl)
        self._aaaa = _address_answer(_AAAA, sinkhole.ipv6, sinkhole.ttl)

    def answer(self, query: Query) -> Answer:
        if query.qtype == _A:
            return self._a
        if query.qtype == _AAAA:
            return self._aaaa
        return self._default


class _Nxdomain(Template):
    """The name does not exist; the SOA is its parent's, for an apex always exists."""

    def __init__(self, sinkhole: Sinkhole) -> None:
        super().__init__(negative_answer(Rcode.NXDOMAIN, QNAME_OFFSET, sinkhole.ttl))
        self._by_label = [
            negative_answer(Rcode.NXDOMAIN, QNAME_OFFSET + 1 + length, sinkhole.ttl)
            for length in range(MAX_LABEL + 1)
        ]

    def answer(self, query: Query) -> Answer:
        length = query.key[0]
        return self._by_label[length] if length else self._default


class DataTemplate(Template):
    """The data that an RPZ zone holds for a name: (type, TTL, rdata), NODATA for other types.

    An alias is given whatever is asked for; one whose target begins with the label `*` leads
    to the queried name below the rest. No TTL is longer than that of other blocked answers.
    """

    def __init__(self, records: Sequence[tuple[int, int, bytes]], sinkhole: Sinkhole) -> None:
        super().__init__(_nodata(sinkhole))
        self._records = list(records)
        self._ttl = sinkhole.ttl

    def answer(self, query: Query) -> Answer:
        """Return the records of the queried type."""
        body = bytearray()
        owner = pack("!H", 0xC000 | QNAME_OFFSET)
        offsets = []
        for rdatatype, ttl, rdata in self._records:
            if query.qtype not in {rdatatype, Rdatatype.ANY} and rdatatype != Rdatatype.CNAME:
                continue
            if rdatatype == Rdatatype.CNAME and rdata.startswith(_WILDCARD):
                rdata = query.qname[:-1] + rdata[len(_WILDCARD) :]
                if len(rdata) > MAX_NAME:
                    continue
            offsets.append(len(body) + len(owner) + 4)
            body += owner + pack("!HHIH", rdatatype, 1, min(ttl, self._ttl), len(rdata)) + rdata
        if not offsets:
            return self._default
        return Answer(
            Rcode.NOERROR,
            bytes(body),
            ancount=len(offsets),
            ttl_offsets=tuple(offsets),
            ttl=self._ttl,
        )


TEMPLATES: dict[str, Callable[[Sinkhole], Template]] = {
    "sinkhole": _Sinkhole,
    "nxdomain": _Nxdomain,
    "nodata": lambda sinkhole: Template(_nodata(sinkhole)),
    "refused": lambda _sinkhole: Template(Answer(Rcode.REFUSED)),
}
"""The policy answers by their name in the config; `drop` is the one that sends nothing."""


def _nodata(sinkhole: Sinkhole) -> Answer:
    return negative_answer(Rcode.NOERROR, QNAME_OFFSET, sinkhole.ttl)


def _address_answer(rdatatype: int, address: bytes, ttl: int) -> Answer:
    owner = pack("!H", 0xC000 | QNAME_OFFSET)
    body = owner + pack("!HHIH", rdatatype, 1, ttl, len(address)) + address
    return Answer(Rcode.NOERROR, body, ancount=1, ttl_offsets=(6,), ttl=ttl)
