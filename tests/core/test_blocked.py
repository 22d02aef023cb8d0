import dns.message
import dns.rdata
import dns.rdatatype
import pytest

from dnsguard.core.answer import compose_response
from dnsguard.core.blocked import TEMPLATES, DataTemplate, Sinkhole
from dnsguard.core.wire import parse_query

SINKHOLE = Sinkhole(b"\x0a\x00\x00\x09", b"\xfd" + b"\x00" * 15, 30)
OTHERS = ["HTTPS", "SVCB", "TXT", "MX", "CNAME", "PTR", "ANY", "RRSIG", "TYPE65280"]


def response(answer: str, name: str, rdatatype: str) -> dns.message.Message:
    query = parse_query(dns.message.make_query(name, rdatatype).to_wire())
    assert query is not None
    template = TEMPLATES[answer](SINKHOLE)
    return dns.message.from_wire(compose_response(query, template.answer(query), size_limit=512))


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


def record(rdatatype: str, rdata: str, ttl: int = 5) -> tuple[int, int, bytes]:
    """Return a record as lists hold it: type, TTL, uncompressed rdata."""
    number = dns.rdatatype.from_text(rdatatype)
    wire = dns.rdata.from_text("IN", number, rdata).to_wire()
    assert wire is not None
    return int(number), ttl, wire


def data(name: str, rdatatype: str, *records: tuple[int, int, bytes]) -> dns.message.Message:
    """Return the answer that a list's own records give."""
    query = parse_query(dns.message.make_query(name, rdatatype).to_wire())
    assert query is not None
    answer = DataTemplate(records, SINKHOLE).answer(query)
    response = dns.message.from_wire(compose_response(query, answer, size_limit=4096))
    capped = dns.message.from_wire(compose_response(query, answer, size_limit=4096, ceiling=1))
    assert {rrset.ttl for rrset in [*capped.answer, *capped.authority]} == {1}
    return response


RECORDS = [
    record("A", "192.0.2.1"),
    record("A", "192.0.2.2"),
    record("AAAA", "2001:db8::1"),
    record("TXT", '"a text" "of two"'),
    record("MX", "10 mail.example.org."),
]


@pytest.mark.parametrize(
    ("rdatatype", "rdata"),
    [
        ("A", ["192.0.2.1", "192.0.2.2"]),
        ("AAAA", ["2001:db8::1"]),
        ("TXT", ['"a text" "of two"']),
        ("MX", ["10 mail.example.org."]),
    ],
)
def test_data_gives_the_records_of_the_type(rdatatype: str, rdata: list[str]) -> None:
    answered = data("www.example.net", rdatatype, *RECORDS)
    [rrset] = answered.answer
    assert (answered.rcode(), rrset.name.to_text(), rrset.ttl) == (0, "www.example.net.", 5)
    assert [one.to_text() for one in rrset] == rdata
    assert answered.authority == []


def test_data_gives_every_record_for_any() -> None:
    answered = data("www.example.net", "ANY", *RECORDS)
    assert sum(map(len, answered.answer)) == len(RECORDS)


@pytest.mark.parametrize("rdatatype", ["HTTPS", "NS", "CNAME"])
def test_data_is_nodata_for_other_types(rdatatype: str) -> None:
    answered = data("www.example.net", rdatatype, *RECORDS)
    assert (answered.rcode(), answered.answer) == (0, [])
    assert [rrset.name.to_text() for rrset in answered.authority] == ["www.example.net."]


@pytest.mark.parametrize("rdatatype", ["A", "AAAA", "HTTPS", "CNAME", "ANY"])
def test_an_alias_is_given_whatever_is_asked_for(rdatatype: str) -> None:
    answered = data("www.example.net", rdatatype, record("CNAME", "walled.example.org."))
    assert lines(answered.answer) == ["www.example.net. 5 IN CNAME walled.example.org."]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("example.net", "example.net.garden.example.org."),
        ("a.b.example.net", "a.b.example.net.garden.example.org."),
        ("*.example.net", "*.example.net.garden.example.org."),
        (".", "garden.example.org."),
    ],
)
def test_a_wildcard_target_takes_the_queried_name(name: str, target: str) -> None:
    answered = data(name, "A", record("CNAME", "*.garden.example.org."))
    assert [one.to_text() for rrset in answered.answer for one in rrset] == [target]


def test_a_wildcard_target_that_gets_too_long_is_left_out() -> None:
    alias = record("CNAME", "*.garden.example.org.")  # 20 octets behind the label `*`
    label = "a" * 62
    longest = ".".join([label, label, label, "a" * (255 - 20 - 3 * 63 - 1)])
    assert len(data(longest, "A", alias).answer) == 1
    answered = data(longest + "a", "A", alias)
    assert (answered.rcode(), answered.answer, len(answered.authority)) == (0, [], 1)


@pytest.mark.parametrize(("ttl", "given"), [(0, 0), (29, 29), (30, 30), (31, 30), (2**31, 30)])
def test_no_ttl_is_longer_than_that_of_other_blocked_answers(ttl: int, given: int) -> None:
    query = parse_query(dns.message.make_query("www.example.net", "A").to_wire())
    assert query is not None
    answer = DataTemplate([record("A", "192.0.2.1", ttl)], SINKHOLE).answer(query)
    response = dns.message.from_wire(compose_response(query, answer, size_limit=512))
    assert [rrset.ttl for rrset in response.answer] == [given]
