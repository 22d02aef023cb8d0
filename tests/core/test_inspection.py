"""What an answer leads to, record by record; verdicts on it are in test_chains.py."""

import dns.message
import dns.rrset
import pytest

from dnsguard.core.answer import Answer
from dnsguard.core.inspection import Hops, find_hops
from dnsguard.core.names import from_text
from dnsguard.core.response import Response, Status, TtlBounds, parse_response
from dnsguard.core.view import Trigger
from tests.support.gateway import packed

CNAME, TARGET, ADDRESS, HINT = Trigger.CNAME, Trigger.TARGET, Trigger.ADDRESS, Trigger.HINT


def said(qname: str, rdatatype: str, *records: str) -> tuple[bytes, Response]:
    """Return the question, and what an upstream's response to it turned out to be."""
    query = dns.message.make_query(qname, rdatatype, use_edns=False)
    response = dns.message.make_response(query)
    for line in records:
        owner, kind, rdata = line.split(" ", 2)
        response.answer.append(dns.rrset.from_text(owner, 300, "IN", kind, rdata))
    question = query.to_wire()[12:]
    bounds = TtlBounds()
    return question, parse_response(response.to_wire(), query.id, question, bounds, trusted=False)


def hops(qname: str, rdatatype: str, *records: str) -> Hops:
    """Return the hops of what an upstream says to a question."""
    question, response = said(qname, rdatatype, *records)
    assert response.status == Status.ANSWER
    assert isinstance(response.answer, Answer)
    return find_hops(question[:-4].lower() + question[-4:], response.answer)


def test_addresses_are_hops() -> None:
    assert hops("a.example.", "A", "a.example. A 192.0.2.1", "a.example. A 192.0.2.2") == [
        (ADDRESS, packed("192.0.2.1")),
        (ADDRESS, packed("192.0.2.2")),
    ]
    assert hops("a.example.", "AAAA", "a.example. AAAA 2001:db8::1") == [
        (ADDRESS, packed("2001:db8::1"))
    ]


def test_aliases_come_in_their_order_before_addresses() -> None:
    assert hops(
        "a.example.",
        "A",
        "C.example. A 192.0.2.1",
        "b.example. CNAME C.Example.",
        "a.example. CNAME B.example.",
    ) == [
        (CNAME, from_text("b.example")),
        (CNAME, from_text("c.example")),
        (ADDRESS, packed("192.0.2.1")),
    ]


def test_a_dname_is_a_hop_and_so_is_the_alias_made_from_it() -> None:
    assert hops(
        "www.a.example.",
        "A",
        "a.example. DNAME b.example.",
        "www.a.example. CNAME www.b.example.",
        "www.b.example. A 192.0.2.1",
    ) == [
        (CNAME, from_text("b.example")),
        (CNAME, from_text("www.b.example")),
        (ADDRESS, packed("192.0.2.1")),
    ]


@pytest.mark.parametrize("rdatatype", ["SVCB", "HTTPS"])
def test_targets_and_hints_of_services_are_hops(rdatatype: str) -> None:
    assert hops(
        "a.example.",
        rdatatype,
        f"a.example. {rdatatype} 0 Alias.example.",
        f"a.example. {rdatatype} 1 . alpn=h2 ipv4hint=192.0.2.1,192.0.2.2 ech=AAb+DQACq80=",
        f"a.example. {rdatatype} 2 b.example. ipv6hint=2001:db8::1",
    ) == [
        (TARGET, from_text("alias.example")),
        (TARGET, from_text("b.example")),
        (HINT, packed("192.0.2.1")),
        (HINT, packed("192.0.2.2")),
        (HINT, packed("2001:db8::1")),
    ]


def test_other_records_lead_nowhere() -> None:
    assert hops("a.example.", "MX", "a.example. MX 10 b.example.") == []
    assert hops("a.example.", "TXT", 'a.example. TXT "192.0.2.1"') == []


@pytest.mark.parametrize(
    "rdata",
    [
        "0001",  # no target
        "0001 01",  # a target that does not end
        "0001 c000",  # a compressed one
        "0001 00 00",  # half a parameter
        "0001 00 0001 0003 02",  # one longer than the record
        "0001 00 0004 0003 c00002",  # hints of less than an address
        "0001 00 0006 0004 c0000201",
        "0001 " + "3f" + "61" * 63 + ("3f" + "61" * 63) * 3 + "00",  # a target of 257 octets
    ],
)
@pytest.mark.parametrize("rdatatype", ["SVCB", "HTTPS"])
def test_what_cannot_be_inspected_is_malformed(rdatatype: str, rdata: str) -> None:
    octets = rdata.replace(" ", "")
    record = f"a.example. {rdatatype} \\# {len(octets) // 2} {octets}"
    query = dns.message.make_query("a.example.", rdatatype, use_edns=False)
    question = query.to_wire()[12:]
    fixed = query.to_wire()[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question
    data = bytes.fromhex(octets)
    answer = b"\xc0\x0c" + question[-4:] + b"\0\0\0\x05" + len(data).to_bytes(2, "big") + data
    response = parse_response(fixed + answer, query.id, question, TtlBounds(), trusted=False)
    assert response.status == Status.MALFORMED, record


@pytest.mark.parametrize(("rdatatype", "rdata"), [("A", b"\xc0\0\2"), ("AAAA", b"\xc0\0\2\1")])
def test_an_address_of_another_length_is_malformed(rdatatype: str, rdata: bytes) -> None:
    query = dns.message.make_query("a.example.", rdatatype, use_edns=False)
    question = query.to_wire()[12:]
    data = query.to_wire()[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question
    data += b"\xc0\x0c" + question[-4:] + b"\0\0\0\x05" + len(rdata).to_bytes(2, "big") + rdata
    response = parse_response(data, query.id, question, TtlBounds(), trusted=False)
    assert response.status == Status.MALFORMED
