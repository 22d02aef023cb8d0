"""RFC 9460: SVCB and HTTPS."""

import pytest

from tests.standards import wire
from tests.standards.subject import (
    BANNED_ADDRESS,
    BANNED_ADDRESS_6,
    BLOCKED,
    GONE,
    Client,
    Subject,
    saying_octets,
)

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


def teach_rdata(subject: Subject, name: str, qtype: str, rdata: bytes) -> None:
    """Have the upstreams tell a record of these octets."""
    number = wire.rdatatype(qtype).to_bytes(2, "big")

    def answer(query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5
        record = b"\xc0\x0c" + number + bytes.fromhex("00010000003c")
        record += len(rdata).to_bytes(2, "big") + rdata
        return query[:2] + bytes.fromhex("818000010001") + bytes(4) + query[12:end] + record

    subject.teach(name, saying_octets(answer))


@pytest.mark.parametrize("qtype", ["HTTPS", "SVCB"])
@pytest.mark.parametrize("vector", VECTORS)
def test_a_records_pass_octet_by_octet(
    subject: Subject, client: Client, vector: str, qtype: str
) -> None:
    name = f"{vector.replace(' ', '-').lower()}.{qtype.lower()}.rfc9460a.example"
    rdata = bytes.fromhex(VECTORS[vector])

    teach_rdata(subject, name, qtype, rdata)
    for _ in range(2):
        given = client.ask(wire.query(name, wire.rdatatype(qtype)))
        assert wire.rdata(given, qtype) == [rdata]
    assert subject.was_asked(name, 1)


LEADING_TO_A_BAN = {
    "an alias": f"0 www.{BLOCKED}.",
    "a service": f"1 www.{BLOCKED}. alpn=h2",
    "an IPv4 hint": f"1 . ipv4hint=192.0.2.7,{BANNED_ADDRESS}",
    "an IPv6 hint": f"1 . ipv6hint={BANNED_ADDRESS_6}",
    "an IPv4 address in an IPv6 hint": f"1 . ipv6hint=64:ff9b::{BANNED_ADDRESS}",
}
PRIVATE = {
    "an IPv4 hint": "1 . ipv4hint=10.1.2.3",
    "an IPv6 hint": "1 . ipv6hint=fd00::1",
    "the loopback address": "1 . ipv4hint=127.0.0.1",
}


def told(records: dict[str, str]) -> list[tuple[str, str]]:
    """Return a name for each kind of record, and the record."""
    return [(kind.replace(" ", "-").lower(), rdata) for kind, rdata in records.items()]


@pytest.mark.parametrize("qtype", ["HTTPS", "SVCB"])
@pytest.mark.parametrize(("label", "rdata"), told(LEADING_TO_A_BAN))
def test_a_one_that_leads_to_a_banned_name_or_address_is_blocked(
    subject: Subject, staff: Client, client: Client, label: str, rdata: str, qtype: str
) -> None:
    name = f"{label}.{qtype.lower()}.banned.rfc9460a.example"
    subject.tell(name, f"@ 60 {qtype} {rdata}")
    for _ in range(2):
        assert staff.gist(name, qtype) == "NODATA"
        assert client.gist(name, qtype) != "NODATA"


@pytest.mark.parametrize(("label", "rdata"), told(PRIVATE))
def test_a_one_that_leads_into_the_citys_own_network_is_not_passed_on(
    subject: Subject, client: Client, label: str, rdata: str
) -> None:
    name = f"{label}.private.rfc9460a.example"
    subject.tell(name, f"@ 60 HTTPS {rdata}")
    for _ in range(2):
        assert client.gist(name, "HTTPS") == "NODATA"


MALFORMED = {
    "a parameter past the end": f"0001{FOO_COM}00010010026832",
    "half a parameter": f"0001{FOO_COM}0001",
    "no target": "0001",
    "half a target": "000103666f",
    "half an IPv4 hint": f"0001{FOO_COM}00040003c00002",
    "half an IPv6 hint": f"0001{FOO_COM}0006000820010db800000000",
}
"""RDATA that cannot be read."""


@pytest.mark.parametrize("vector", MALFORMED)
def test_a_one_that_cannot_be_read_is_a_malformed_answer(
    subject: Subject, client: Client, vector: str
) -> None:
    name = f"{vector.replace(' ', '-').lower()}.malformed.rfc9460a.example"
    teach_rdata(subject, name, "HTTPS", bytes.fromhex(MALFORMED[vector]))
    assert client.gist(name, "HTTPS") == "SERVFAIL"


@pytest.mark.parametrize("qtype", ["HTTPS", "SVCB"])
@pytest.mark.parametrize("name", [f"svcb.{BLOCKED}", f"_8443._https.www.{BLOCKED}"])
def test_a_those_of_a_blocked_name_are_blocked(
    subject: Subject, staff: Client, name: str, qtype: str
) -> None:
    assert staff.gist(name, qtype) == "NODATA"
    assert staff.gist(GONE, qtype) == "NXDOMAIN"
    assert subject.asked(name) == []
