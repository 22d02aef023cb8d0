"""Records that no honest server sends: whoever is registered learns nothing listed by them."""

import struct
from collections.abc import Sequence
from ipaddress import ip_address

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from dnsguard.core.forward import Forward
from tests.support.gateway import Gateway, Server, question, said
from tests.support.generations import Setup

SETUP = Setup(lists={"one": ["blocked.example", "192.0.2.0/24"]}, off_switches={})
PHONE, CITIZEN = "10.20.0.7", "192.168.1.5"
BLOCKED = {"A": "0.0.0.0", "AAAA": "::", "HTTPS": "NODATA"}

LISTED = ip_address("192.0.2.1").packed
OTHER = ip_address("198.51.100.1").packed
SIX = ip_address("2001:db8::1").packed
V4, V6 = 4, 6  # the keys of hints (RFC 9460 section 14.3.2)

Odd = tuple[str, str, bytes] | tuple[str, str, bytes, str]
"""Owner, type, octets of the data, and the class unless that is IN."""


def name(text: str) -> bytes:
    wire = dns.name.from_text(text).to_wire()
    assert wire is not None
    return wire


def service(priority: int, target: bytes, *params: tuple[int, bytes]) -> bytes:
    """Return the data of a service binding, its parameters as they are given."""
    wire = b"".join(struct.pack("!HH", key, len(value)) + value for key, value in params)
    return struct.pack("!H", priority) + target + wire


def telling(odd: Sequence[Odd]) -> Server:
    """Return an upstream that tells these records, `@` the queried name."""

    def serve(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query, recursion_available=True)
        for owner, rdatatype, data, *classes in odd:
            rdclass = dns.rdataclass.from_text(classes[0] if classes else "IN")
            rdtype = dns.rdatatype.from_text(rdatatype)
            asked = query.question[0].name
            rrset = dns.rrset.RRset(
                asked if owner == "@" else dns.name.from_text(owner), rdclass, rdtype
            )
            rrset.add(dns.rdata.GenericRdata(rdclass, rdtype, data), 300)
            response.answer.append(rrset)
        return response

    return serve


def told(odd: Sequence[Odd], rdatatype: str, *, citizen_first: bool) -> str:
    """Return what a registered device is told, perhaps after somebody else has asked."""
    gateway = Gateway(SETUP.generation(), telling(odd))
    if citizen_first:
        outcome = gateway.send(CITIZEN, f"www.example.org {rdatatype}")
        assert isinstance(outcome, Forward)
        assert gateway.finish(outcome)
    return said(gateway.ask(PHONE, question(f"www.example.org {rdatatype}")))


MALFORMED: dict[str, tuple[str, list[Odd]]] = {
    "A of no octets": ("A", [("@", "A", b"")]),
    "A of five octets": ("A", [("@", "A", LISTED + b"\0")]),
    "A as a mapped address": ("A", [("@", "A", bytes(10) + b"\xff\xff" + LISTED)]),
    "AAAA of four octets": ("AAAA", [("@", "AAAA", LISTED)]),
    "no target": ("HTTPS", [("@", "HTTPS", b"\0\1")]),
    "a pointer as target": ("HTTPS", [("@", "HTTPS", service(1, b"\xc0\x0c"))]),
    "half a hint": ("HTTPS", [("@", "HTTPS", service(1, b"\0", (V4, OTHER + b"\1")))]),
    "half a parameter": ("HTTPS", [("@", "HTTPS", service(1, b"\0") + b"\0\4\0\x08" + LISTED)]),
    "alias to itself": ("A", [("@", "CNAME", name("www.example.org"))]),
}


@pytest.mark.parametrize("odd", MALFORMED)
@pytest.mark.parametrize("citizen_first", [False, True])
def test_malformed_records_are_no_answer(odd: str, citizen_first: bool) -> None:
    rdatatype, records = MALFORMED[odd]
    assert told(records, rdatatype, citizen_first=citizen_first) == "SERVFAIL"


HIDDEN: dict[str, tuple[str, list[Odd]]] = {
    "the first of two aliases": (
        "A",
        [
            ("@", "CNAME", name("a.blocked.example")),
            ("@", "CNAME", name("cdn.example.net")),
            ("cdn.example.net", "A", OTHER),
        ],
    ),
    "the second of two aliases": (
        "A",
        [
            ("@", "CNAME", name("cdn.example.net")),
            ("@", "CNAME", name("a.blocked.example")),
            ("cdn.example.net", "A", OTHER),
        ],
    ),
    "an alias beside an address": (
        "A",
        [("@", "A", OTHER), ("@", "CNAME", name("a.blocked.example"))],
    ),
    "DNAME without its alias": ("A", [("example.org", "DNAME", name("blocked.example"))]),
    "alias in upper case": ("A", [("@", "CNAME", name("A.BLOCKED.EXAMPLE"))]),
    "a hint of an alias": ("HTTPS", [("@", "HTTPS", service(0, name("x.example"), (V4, LISTED)))]),
    "the second of a key": (
        "HTTPS",
        [("@", "HTTPS", service(1, b"\0", (V4, OTHER), (V4, LISTED)))],
    ),
    "keys out of order": ("HTTPS", [("@", "HTTPS", service(1, b"\0", (V6, SIX), (V4, LISTED)))]),
    "the last hint of many": (
        "HTTPS",
        [("@", "HTTPS", service(1, b"\0", (V4, OTHER * 100 + LISTED)))],
    ),
    "6to4": ("AAAA", [("@", "AAAA", b"\x20\x02" + LISTED + bytes(10))]),
}


@pytest.mark.parametrize("odd", HIDDEN)
@pytest.mark.parametrize("citizen_first", [False, True])
def test_what_is_listed_is_found(odd: str, citizen_first: bool) -> None:
    rdatatype, records = HIDDEN[odd]
    gist = told(records, rdatatype, citizen_first=citizen_first)
    assert gist in {BLOCKED[rdatatype], "SERVFAIL"}


def test_what_only_looks_listed_passes() -> None:
    dotted: list[Odd] = [("@", "CNAME", b"\x0fblocked.example\0"), ("@", "A", OTHER)]
    assert "198.51.100.1" in told(dotted, "A", citizen_first=False)
    chaos: list[Odd] = [("@", "A", OTHER), ("@", "A", LISTED, "CH")]
    assert told(chaos, "A", citizen_first=False) == "198.51.100.1"
