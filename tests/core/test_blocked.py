import dns.message
import pytest

from dnsguard.core.answer import compose_response
from dnsguard.core.blocked import TEMPLATES, Sinkhole
from dnsguard.core.wire import parse_query

SINKHOLE = Sinkhole(b"\x0a\x00\x00\x09", b"\xfd" + b"\x00" * 15, 30)
OTHERS = ["HTTPS", "SVCB", "TXT", "MX", "CNAME", "PTR", "ANY", "RRSIG", "TYPE65280"]


def response(answer: str, name: str, rdatatype: str) -> dns.message.Message:
    query = parse_query(dns.message.make_query(name, rdatatype).to_wire())
    assert query is not None
    template = TEMPLATES[answer](SINKHOLE)
    return dns.message.from_wire(compose_response(query, template(query), size_limit=512))


def lines(section: list[dns.rrset.RRset]) -> list[str]:
    return [rrset.to_text() for rrset in section]


@pytest.mark.parametrize(("rdatatype", "address"), [("A", "10.0.0.9"), ("AAAA", "fd00::")])
def test_sinkhole_gives_addresses(rdatatype: str, address: str) -> None:
    answered = response("sinkhole", "www.example.org", rdatatype)
    assert lines(answered.answer) == [f"www.example.org. 30 IN {rdatatype} {address}"]
    assert answered.authority == []


@pytest.mark.parametrize("rdatatype", OTHERS)
def test_sinkhole_gives_nodata_for_every_other_type(rdatatype: str) -> None:
    answered = response("sinkhole", "www.example.org", rdatatype)
    assert (answered.rcode(), answered.answer) == (0, [])
    assert lines(answered.authority) == [
        "www.example.org. 30 IN SOA www.example.org. nobody.invalid. 1 3600 1200 604800 30"
    ]


@pytest.mark.parametrize("rdatatype", ["A", "AAAA", *OTHERS])
def test_nodata_is_nodata_for_every_type(rdatatype: str) -> None:
    answered = response("nodata", "www.example.org", rdatatype)
    assert (answered.rcode(), answered.answer, len(answered.authority)) == (0, [], 1)


@pytest.mark.parametrize(
    ("name", "apex"),
    [("www.example.org", "example.org."), ("org", "."), (".", "."), ("a" * 63 + ".test", "test.")],
)
def test_nxdomain_has_the_soa_of_the_parent(name: str, apex: str) -> None:
    answered = response("nxdomain", name, "A")
    assert (answered.rcode(), answered.answer) == (3, [])
    assert [rrset.name.to_text() for rrset in answered.authority] == [apex]


def test_refused_says_nothing_else() -> None:
    answered = response("refused", "www.example.org", "A")
    assert (answered.rcode(), answered.answer, answered.authority) == (5, [], [])
