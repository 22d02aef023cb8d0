import dns.message
import pytest

from dnsguard.config.records import parse_record
from dnsguard.core.answer import Answer, compose_response
from dnsguard.core.forward import Forward
from dnsguard.core.local import LocalRecords, asks_parent, special_answer, special_zone
from dnsguard.core.names import from_text, to_text
from dnsguard.core.wire import parse_query
from tests.support.gateway import Gateway, said
from tests.support.generations import generation

CLIENT = "192.168.1.5"
RECORDS = LocalRecords(
    parse_record(line)
    for line in (
        "printer.city.internal. 300 IN A 10.0.0.9",
        "printer.city.internal. 300 IN A 10.0.0.10",
        "printer.city.internal. 60 IN TXT second-floor",
        "www.city.internal. 300 IN CNAME printer.city.internal.",
        "mail.city.internal. 300 IN CNAME mail.example.org.",
        "to-www.city.internal. 300 IN CNAME www.city.internal.",
        "one.city.internal. 300 IN CNAME other.city.internal.",
        "other.city.internal. 300 IN CNAME one.city.internal.",
    )
)


def response(answer: Answer | None, name: str, rdatatype: str) -> dns.message.Message:
    query = parse_query(dns.message.make_query(name, rdatatype).to_wire())
    assert query is not None
    assert answer is not None
    return dns.message.from_wire(compose_response(query, answer, size_limit=1232))


@pytest.mark.parametrize(
    ("name", "rdatatype", "answer"),
    [
        ("printer.city.internal", "A", "10.0.0.9 10.0.0.10"),
        ("printer.city.internal", "TXT", '"second-floor"'),
        ("printer.city.internal", "AAAA", "NODATA"),
        ("printer.city.internal", "HTTPS", "NODATA"),
        ("printer.city.internal", "ANY", '10.0.0.9 10.0.0.10 "second-floor"'),
        ("www.city.internal", "A", "printer.city.internal. 10.0.0.9 10.0.0.10"),
        ("www.city.internal", "CNAME", "printer.city.internal."),
        ("www.city.internal", "AAAA", "printer.city.internal."),
        ("www.city.internal", "ANY", "printer.city.internal."),
        (
            "to-www.city.internal",
            "A",
            "www.city.internal. printer.city.internal. 10.0.0.9 10.0.0.10",
        ),
        ("mail.city.internal", "A", "mail.example.org."),
        ("one.city.internal", "A", "other.city.internal. one.city.internal."),
    ],
)
def test_local_records(name: str, rdatatype: str, answer: str) -> None:
    found = RECORDS.find(from_text(name), int(dns.rdatatype.from_text(rdatatype)))
    assert said(response(found, name, rdatatype)) == answer


def test_names_beside_local_records_are_not_local() -> None:
    assert RECORDS.find(from_text("city.internal"), 1) is None
    assert RECORDS.find(from_text("www.printer.city.internal"), 1) is None


def test_the_ttl_is_the_least_of_the_records() -> None:
    found = RECORDS.find(from_text("printer.city.internal"), 255)
    assert found is not None
    assert (found.ttl, found.ancount, len(found.ttl_offsets)) == (60, 3, 3)


def test_an_alias_to_itself_and_a_long_chain_end() -> None:
    loop = LocalRecords([parse_record("a.city.internal. 1 IN CNAME a.city.internal.")])
    found = loop.find(from_text("a.city.internal"), 1)
    assert found is not None
    assert found.ancount == 1
    chain = LocalRecords(
        parse_record(f"n{number}.city.internal. 1 IN CNAME n{number + 1}.city.internal.")
        for number in range(40)
    )
    found = chain.find(from_text("n0.city.internal"), 1)
    assert found is not None
    assert found.ancount == 16


@pytest.mark.parametrize(
    ("name", "apex"),
    [
        ("localhost", "localhost"),
        ("a.b.localhost", "localhost"),
        ("host.local", "local"),
        ("x.onion", "onion"),
        ("x.alt", "alt"),
        ("x.test", "test"),
        ("x.invalid", "invalid"),
        ("x.home.arpa", "home.arpa"),
        ("_dns.resolver.arpa", "resolver.arpa"),
        ("1.0.0.10.in-addr.arpa", "10.in-addr.arpa"),
        ("1.0.31.172.in-addr.arpa", "31.172.in-addr.arpa"),
        ("1.1.168.192.in-addr.arpa", "168.192.in-addr.arpa"),
        ("1.0.127.100.in-addr.arpa", "127.100.in-addr.arpa"),
        ("255.255.255.255.in-addr.arpa", "255.255.255.255.in-addr.arpa"),
        ("1.c.f.ip6.arpa", None),
        ("1.d.f.ip6.arpa", "d.f.ip6.arpa"),
        ("1.8.b.d.0.1.0.0.2.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"),
        ("1.0.32.172.in-addr.arpa", None),
        ("1.0.128.100.in-addr.arpa", None),
        ("8.8.8.8.in-addr.arpa", None),
        ("example", None),
        ("www.example.org", None),
        ("localhost.example.org", None),
        ("mylocalhost", None),
        (".", None),
    ],
)
def test_special_use_zones(name: str, apex: str | None) -> None:
    found = special_zone(from_text(name))
    assert (None if found is None else to_text(found)) == apex


@pytest.mark.parametrize(
    ("name", "rdatatype", "answer"),
    [
        ("localhost", "A", "127.0.0.1"),
        ("localhost", "AAAA", "::1"),
        ("localhost", "MX", "NODATA"),
        ("a.localhost", "A", "127.0.0.1"),
        ("a.localhost", "HTTPS", "NODATA"),
        ("1.0.0.127.in-addr.arpa", "PTR", "localhost."),
        ("1." + "0." * 31 + "ip6.arpa", "PTR", "localhost."),
        ("1.0.0.127.in-addr.arpa", "A", "NODATA"),
        ("2.0.0.127.in-addr.arpa", "PTR", "NXDOMAIN"),
        ("10.in-addr.arpa", "PTR", "NODATA"),
        ("1.0.0.10.in-addr.arpa", "PTR", "NXDOMAIN"),
        ("_dns.resolver.arpa", "SVCB", "NODATA"),
        ("resolver.arpa", "A", "NODATA"),
        ("resolver.arpa", "SOA", "NODATA"),
        ("x.onion", "A", "NXDOMAIN"),
        ("test", "A", "NODATA"),
        ("0.0.127.in-addr.arpa", "PTR", "NODATA"),
        ("0.127.in-addr.arpa", "PTR", "NODATA"),
        ("1.0.127.in-addr.arpa", "PTR", "NXDOMAIN"),
        ("10.in-addr.arpa", "NS", "10.in-addr.arpa."),
        (
            "10.in-addr.arpa",
            "SOA",
            "10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 10800",
        ),
        ("0.10.in-addr.arpa", "SOA", "NXDOMAIN"),
        ("localhost", "ANY", "127.0.0.1 ::1"),
        ("a.localhost", "SOA", "NODATA"),
    ],
)
def test_special_use_answers(name: str, rdatatype: str, answer: str) -> None:
    qname, apex = from_text(name), special_zone(from_text(name))
    assert apex is not None
    found = special_answer(qname, int(dns.rdatatype.from_text(rdatatype)), apex)
    answered = response(found, name, rdatatype)
    assert said(answered) == answer
    if not answered.answer:
        [soa] = answered.authority
        assert soa.name == dns.name.from_text(to_text(apex))


def test_what_is_above_something_exists() -> None:
    known = LocalRecords([parse_record("printer.floor.home.arpa. 300 IN A 10.0.0.9")])
    assert known.is_above(from_text("floor.home.arpa"))
    assert not known.is_above(from_text("printer.floor.home.arpa"))
    assert not known.is_above(from_text("loor.home.arpa"))
    found = special_answer(from_text("x.home.arpa"), 1, from_text("home.arpa"), exists=True)
    assert said(response(found, "x.home.arpa", "A")) == "NODATA"


@pytest.mark.parametrize(
    ("name", "rdatatype", "asked"),
    [
        ("home.arpa", "DS", True),
        ("10.in-addr.arpa", "DS", True),
        ("1.10.in-addr.arpa", "DS", False),
        ("home.arpa", "DNSKEY", False),
        ("onion", "DS", False),
    ],
)
def test_the_ds_of_a_zone_in_arpa_is_the_parents(name: str, rdatatype: str, asked: bool) -> None:
    qname = from_text(name)
    apex = special_zone(qname)
    assert apex is not None
    assert asks_parent(qname, int(dns.rdatatype.from_text(rdatatype)), apex) is asked


def test_what_is_above_a_local_record_exists() -> None:
    gateway = Gateway(generation(local_records=["printer.floor.home.arpa. 300 IN A 10.0.0.9"]))
    assert gateway.say(CLIENT, "floor.home.arpa A") == "NODATA"
    assert gateway.say(CLIENT, "other.home.arpa A") == "NXDOMAIN"


def test_the_ds_of_a_special_zone_is_asked_of_its_parent() -> None:
    gateway = Gateway(generation())
    assert isinstance(gateway.send(CLIENT, "home.arpa DS"), Forward)
    for text in ("a.home.arpa DS", "home.arpa SOA", "onion DS", "resolver.arpa DS"):
        assert isinstance(gateway.send(CLIENT, text), bytes)
