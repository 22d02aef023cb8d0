"""What upstreams say, as text or as octets, and what becomes of it."""

import struct

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from dnsguard.core.answer import Answer, compose_response
from dnsguard.core.names import from_text
from dnsguard.core.response import Response, Status, TtlBounds, parse_response
from dnsguard.core.wire import parse_query

BOUNDS = TtlBounds()
QUERY_ID = 0x1234
SOA = "example.org. 3600 IN SOA ns.example.org. admin.example.org. 1 7200 3600 86400 900"


def rrset(line: str) -> dns.rrset.RRset:
    owner, ttl, rdataclass, rdatatype, rdata = line.split(None, 4)
    return dns.rrset.from_text(owner, int(ttl), rdataclass, rdatatype, rdata)


def message(
    name: str, rdatatype: str, *answer: str, authority: tuple[str, ...] = (), rcode: int = 0
) -> dns.message.Message:
    """Return a response that says these records, in this order, one RRset for each line."""
    query = dns.message.make_query(name, rdatatype, id=QUERY_ID, use_edns=False)
    response = dns.message.make_response(query, recursion_available=True)
    response.answer = [rrset(line) for line in answer]
    response.authority = [rrset(line) for line in authority]
    response.set_rcode(dns.rcode.Rcode(rcode))
    return response


def question(name: str, rdatatype: str) -> bytes:
    rdata = int(dns.rdatatype.from_text(rdatatype))
    return from_text(name) + struct.pack("!HH", rdata, 1)


def judge(
    response: dns.message.Message | bytes,
    name: str = "www.example.org",
    rdatatype: str = "A",
    *,
    bounds: TtlBounds = BOUNDS,
    trusted: bool = False,
) -> Response:
    data = response if isinstance(response, bytes) else response.to_wire()
    return parse_response(data, QUERY_ID, question(name, rdatatype), bounds, trusted=trusted)


def accepted(response: Response) -> Answer:
    assert response.status == Status.ANSWER
    assert response.answer is not None
    return response.answer


def passed_on(answer: Answer, name: str, rdatatype: str) -> dns.message.Message:
    """Return what a client that asked is told, as dnspython reads it."""
    query = parse_query(dns.message.make_query(name, rdatatype, want_dnssec=True).to_wire())
    assert query is not None
    return dns.message.from_wire(
        compose_response(query, answer, size_limit=65535), one_rr_per_rrset=True
    )


def texts(section: list[dns.rrset.RRset]) -> list[str]:
    return [record.to_text() for record in section]


def told(response: dns.message.Message, name: str, rdatatype: str) -> list[str]:
    return texts(passed_on(accepted(judge(response, name, rdatatype)), name, rdatatype).answer)


HEADER = b"\x12\x34\x81\x80\x00\x01"
ASKED = question("www.example.org", "A")


def raw(*answer: bytes, additional: tuple[bytes, ...] = ()) -> bytes:
    counts = struct.pack("!HHH", len(answer), 0, len(additional))
    return HEADER + counts + ASKED + b"".join(answer) + b"".join(additional)


def record(
    owner: bytes, rdatatype: int, rdata: bytes, *, rdataclass: int = 1, ttl: int = 60
) -> bytes:
    return owner + struct.pack("!HHIH", rdatatype, rdataclass, ttl, len(rdata)) + rdata
