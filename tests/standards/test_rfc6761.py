"""RFC 6761, 6762, 6303, 7686, 7793, 8375 and 9476: names that are no business of the DNS."""

import pytest

from tests.standards import wire
from tests.standards.subject import PRINTER, Client, Subject
from tests.standards.wire import read

ANSWERED = {
    "localhost A": "127.0.0.1",
    "localhost AAAA": "::1",
    "www.localhost A": "127.0.0.1",
    "localhost MX": "NODATA",
    "1.0.0.127.in-addr.arpa PTR": "localhost.",
    "1.1.168.192.in-addr.arpa PTR": "NXDOMAIN",
    "1.0.0.10.in-addr.arpa PTR": "NXDOMAIN",
    "1.0.16.172.in-addr.arpa PTR": "NXDOMAIN",
    "1.1.254.169.in-addr.arpa PTR": "NXDOMAIN",
    "1.0.64.100.in-addr.arpa PTR": "NXDOMAIN",
    "1.d.f.ip6.arpa PTR": "NXDOMAIN",
    "1.0.8.e.f.ip6.arpa PTR": "NXDOMAIN",
    "x.invalid A": "NXDOMAIN",
    "x.test A": "NXDOMAIN",
    "printer.local A": "NXDOMAIN",
    "site.onion A": "NXDOMAIN",
    "www.site.onion HTTPS": "NXDOMAIN",
    "x.alt TXT": "NXDOMAIN",
    "router.home.arpa A": "NXDOMAIN",
    "test A": "NODATA",
    "onion AAAA": "NODATA",
    "10.in-addr.arpa PTR": "NODATA",
    "0.0.127.in-addr.arpa PTR": "NODATA",
    "10.in-addr.arpa NS": "10.in-addr.arpa.",
    "home.arpa SOA": "home.arpa. nobody.invalid. 1 3600 1200 604800 10800",
}
BESIDE = ["localhost.rfc6761a.example", "x.example", "1.0.32.172.in-addr.arpa", "xonion"]


@pytest.mark.parametrize("text", ANSWERED)
def test_a_a_special_use_name_is_answered_here(subject: Subject, client: Client, text: str) -> None:
    name, qtype = text.split()
    assert client.gist(name, qtype) == ANSWERED[text]
    assert client.gist(name, qtype, tcp=True) == ANSWERED[text]
    answer = read(client.ask(wire.query(name, wire.rdatatype(qtype))))
    if not answer.answer:
        [soa] = answer.authority
        assert soa.rdtype == 6
    assert subject.asked(name) == []


@pytest.mark.parametrize("name", BESIDE)
def test_a_a_name_that_only_looks_like_one_is_forwarded(
    subject: Subject, client: Client, name: str
) -> None:
    client.ask(wire.query(name))
    assert subject.asked(name)


def test_a_the_ds_of_a_zone_in_arpa_is_asked_of_its_parent(
    subject: Subject, client: Client
) -> None:
    assert client.gist("home.arpa", "DS") == "NODATA"
    assert subject.was_asked("home.arpa", 1)


def test_a_names_of_the_city_are_not_special(client: Client) -> None:
    assert client.gist(PRINTER) == "10.0.0.9"
    assert client.gist(PRINTER, "AAAA") == "NODATA"
