"""RFC 9460: SVCB and HTTPS."""

import dns.message
import dns.rrset
import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, GONE, Client, Subject
from tests.support.scripted import Peer, Replies

FOO_COM = "03666f6f076578616d706c6503636f6d00"
FOO_ORG = "03666f6f076578616d706c65036f726700"
VECTORS = {
    "an alias": f"0000{FOO_COM}",
    "a service at its own name": "000100",
    "a port": f"0010{FOO_COM}000300020035",
    "an unknown key": f"0001{FOO_COM}029b000568656c6c6f",
    "an unknown key with an octet quoted": f"0001{FOO_COM}029b000968656c6c6fd2716f6f",
    "two IPv6 hints": f"0001{FOO_COM}0006002020010db8{'0' * 23}120010db8{'0' * 16}00530001",
    "an IPv4 address in an IPv6 hint": f"0001{FOO_COM}0006001020010db8012203440000000000000033",
    "mandatory keys": f"0010{FOO_ORG}0000000400010004000100090268320568332d313900040004c0000201",
    "a comma and a backslash in an ALPN": f"0010{FOO_ORG}0001000c08665c6f6f2c626172026832",
}
"""RDATA as in the test vectors of RFC 9460 appendix D."""


@pytest.mark.parametrize("qtype", ["HTTPS", "SVCB"])
@pytest.mark.parametrize("vector", VECTORS)
def test_a_records_pass_octet_by_octet(
    subject: Subject, client: Client, vector: str, qtype: str
) -> None:
    name = f"{vector.replace(' ', '-').lower()}.{qtype.lower()}.rfc9460a.example"
    rdata = bytes.fromhex(VECTORS[vector])

    def answer(query: bytes, _transport: str, _peer: Peer) -> Replies:
        response = dns.message.make_response(dns.message.from_wire(query))
        text = f"\\# {len(rdata)} {rdata.hex()}"
        owner = response.question[0].name
        response.answer = [dns.rrset.from_text(owner, 60, "IN", qtype, text)]
        return [(0.0, response.to_wire())]

    subject.teach(name, answer)
    for _ in range(2):
        told = client.ask(wire.query(name, wire.rdatatype(qtype)))
        assert wire.rdata(told, qtype) == [rdata]
    assert len(subject.asked(name)) == 1


@pytest.mark.parametrize("qtype", ["HTTPS", "SVCB"])
@pytest.mark.parametrize("name", [f"svcb.{BLOCKED}", f"_8443._https.www.{BLOCKED}"])
def test_a_those_of_a_blocked_name_are_blocked(
    subject: Subject, staff: Client, name: str, qtype: str
) -> None:
    assert staff.gist(name, qtype) == "NODATA"
    assert staff.gist(GONE, qtype) == "NXDOMAIN"
    assert subject.asked(name) == []
