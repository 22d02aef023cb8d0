"""Which records of a response answer the question, as what, and for how long."""

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from dnsguard.core.recompose import MAX_CHAIN
from dnsguard.core.response import Status, TtlBounds
from tests.support.responses import (
    BOUNDS,
    HEADER,
    SOA,
    accepted,
    judge,
    message,
    passed_on,
    question,
    raw,
    record,
    rrset,
    texts,
    told,
)

# What answers the question, and what is left behind.


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("another name", "www.example.net. 300 IN A 192.0.2.1"),
        ("the parent", "example.org. 300 IN A 192.0.2.1"),
        ("a child", "a.www.example.org. 300 IN A 192.0.2.1"),
        ("another type", "www.example.org. 300 IN AAAA 2001:db8::1"),
        ("another class", "www.example.org. 300 CH TXT x"),
        ("an alias of another", "other.example.org. 300 IN CNAME www.example.org."),
        ("a DNAME beside it", "other.example.org. 300 IN DNAME example.net."),
        ("a DNAME at it", "www.example.org. 300 IN DNAME example.net."),
        ("an alias to itself", "www.example.org. 300 IN CNAME www.example.org."),
    ],
)
def test_an_answer_to_something_else_is_refused(name: str, answer: str) -> None:
    assert judge(message("www.example.org", "A", answer)).status == Status.MALFORMED


def test_what_else_is_said_beside_the_answer_is_left_behind() -> None:
    response = message(
        "www.example.org",
        "A",
        "www.example.org. 300 IN A 192.0.2.1",
        "bank.test. 300 IN A 192.0.2.66",
        "www.example.org. 300 IN TXT junk",
        authority=("example.org. 300 IN NS ns.bank.test.", "bank.test. 300 IN A 192.0.2.66", SOA),
    )
    response.additional = [rrset("ns.bank.test. 300 IN A 192.0.2.66")]
    told_client = passed_on(accepted(judge(response)), "www.example.org", "A")
    assert texts(told_client.answer) == ["www.example.org. 300 IN A 192.0.2.1"]
    assert [record.rdtype for record in told_client.authority] == [dns.rdatatype.SOA]
    assert told_client.additional == []


def test_a_soa_of_another_zone_is_left_behind() -> None:
    foreign = SOA.replace("example.org. 3600", "bank.test. 3600", 1)
    answer = accepted(judge(message("www.example.org", "A", authority=(foreign,))))
    assert (answer.nscount, answer.ttl) == (0, 0)


def test_aliases_are_followed_in_any_order() -> None:
    lines = [
        "b.example.org. 300 IN CNAME c.example.net.",
        "c.example.net. 300 IN A 192.0.2.1",
        "www.example.org. 300 IN CNAME b.example.org.",
    ]
    assert told(message("www.example.org", "A", *lines), "www.example.org", "A") == [
        "www.example.org. 300 IN CNAME b.example.org.",
        "b.example.org. 300 IN CNAME c.example.net.",
        "c.example.net. 300 IN A 192.0.2.1",
    ]


def test_an_alias_that_was_asked_for_is_not_followed() -> None:
    lines = ["www.example.org. 300 IN CNAME b.example.org.", "b.example.org. 300 IN CNAME c.test."]
    response = message("www.example.org", "CNAME", *lines)
    assert told(response, "www.example.org", "CNAME") == lines[:1]


SIGNATURE = "13 3 300 20300101000000 20200101000000 1 example.org. c2lnbmF0dXJl"


def test_a_dname_goes_with_the_alias_made_from_it() -> None:
    lines = [
        "example.org. 300 IN DNAME example.net.",
        "www.example.org. 300 IN CNAME www.example.net.",
        "www.example.net. 300 IN A 192.0.2.1",
    ]
    for rdatatype in ("A", "DNAME"):
        response = message("www.example.org", rdatatype, *lines)
        assert told(response, "www.example.org", rdatatype)[:2] == lines[:2]
    assert told(message("www.example.org", "A", *lines), "www.example.org", "A") == lines


def test_the_signature_of_a_dname_goes_with_it() -> None:
    lines = [
        "example.org. 300 IN DNAME example.net.",
        f"example.org. 300 IN RRSIG DNAME {SIGNATURE}",
        "www.example.org. 300 IN CNAME www.example.net.",
        "www.example.net. 300 IN A 192.0.2.1",
    ]
    others = [f"{owner} 300 IN RRSIG NS {SIGNATURE}" for owner in ("example.org.", "example.net.")]
    response = message("www.example.org", "A", *lines, *others)
    assert told(response, "www.example.org", "A") == lines


def test_everything_of_a_name_answers_any() -> None:
    lines = ["www.example.org. 300 IN A 192.0.2.1", 'www.example.org. 300 IN TXT "x"']
    assert told(message("www.example.org", "ANY", *lines), "www.example.org", "ANY") == lines


def chain(aliases: int) -> dns.message.Message:
    lines = [f"n{n}.example.org. 300 IN CNAME n{n + 1}.example.org." for n in range(aliases)]
    return message("n0.example.org", "A", *lines, f"n{aliases}.example.org. 300 IN A 192.0.2.1")


def test_a_chain_has_an_end() -> None:
    assert judge(chain(MAX_CHAIN), "n0.example.org").status == Status.ANSWER
    assert judge(chain(MAX_CHAIN + 1), "n0.example.org").status == Status.MALFORMED
    assert judge(chain(1000), "n0.example.org").status == Status.MALFORMED


def test_aliases_in_a_loop_are_refused() -> None:
    lines = ["a.test. 300 IN CNAME b.test.", "b.test. 300 IN CNAME a.test."]
    assert judge(message("a.test", "A", *lines), "a.test").status == Status.MALFORMED


def test_dnssec_records_are_kept_but_for_signatures_of_what_is_not() -> None:
    response = message(
        "www.example.org",
        "A",
        "www.example.org. 300 IN A 192.0.2.1",
        f"www.example.org. 300 IN RRSIG A {SIGNATURE}",
        authority=(
            SOA,
            "example.org. 300 IN NS ns.example.org.",
            f"example.org. 5 IN RRSIG NS {SIGNATURE}",
            "a.example.org. 300 IN NSEC b.example.org. A RRSIG",
            f"a.example.org. 300 IN RRSIG NSEC {SIGNATURE}",
        ),
    )
    answer = accepted(judge(response))
    assert answer.ttl == 300
    client = passed_on(answer, "www.example.org", "A")
    assert [record.rdtype.name for record in client.answer] == ["A", "RRSIG"]
    assert [record.rdtype.name for record in client.authority] == ["SOA", "NSEC", "RRSIG"]


@pytest.mark.parametrize(("trusted", "ad"), [(True, True), (False, False)])
def test_the_ad_bit_of_a_trusted_upstream_is_passed_on(trusted: bool, ad: bool) -> None:
    authentic = raw()[:3] + b"\xa0" + raw()[4:]
    assert accepted(judge(authentic, trusted=trusted)).authentic is ad
    assert not accepted(judge(raw(), trusted=trusted)).authentic


# Every type that may hold compressed names comes out as dnspython reads it going in.

RDATA = {
    "NS": "ns.example.org.",
    "CNAME": "Target.Example.NET.",
    "SOA": "ns.example.org. admin.example.org. 1 7200 3600 86400 900",
    "PTR": "host.example.org.",
    "MX": "10 mail.example.org.",
    "RP": "admin.example.org. text.example.org.",
    "AFSDB": "1 afs.example.org.",
    "RT": "10 relay.example.org.",
    "PX": "10 a.example.org. b.example.org.",
    "SRV": "1 2 443 host.example.org.",
    "NAPTR": '100 10 "U" "E2U+sip" "!^.*$!sip:a@example.org!" next.example.org.',
    "KX": "10 kx.example.org.",
    "DNAME": "example.net.",
    "TXT": '"one" "two"',
    "AAAA": "2001:db8::1",
    "CAA": '0 issue "ca.example"',
    "SVCB": "1 svc.example.org. alpn=h2 port=443",
    "HTTPS": "1 . alpn=h2,h3 ipv4hint=192.0.2.1",
    "DS": "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
    "TYPE65280": r"\# 4 c00c0000",
}


@pytest.mark.parametrize("rdatatype", RDATA)
def test_records_are_composed_anew_as_they_were(rdatatype: str) -> None:
    response = message(
        "www.example.org", rdatatype, f"www.example.org. 300 IN {rdatatype} {RDATA[rdatatype]}"
    )
    assert told(response, "www.example.org", rdatatype) == texts(response.answer)


@pytest.mark.parametrize(
    ("rdatatype", "rdata", "text"),
    [
        ("MX", b"\x00\x0a\xc0\x10", "10 example.org."),
        ("RP", b"\xc0\x10\xc0\x18", "example.org. org."),
        ("SRV", b"\x00\x01\x00\x02\x01\xbb\xc0\x0c", "1 2 443 www.example.org."),
        ("DNAME", b"\x01a\xc0\x10", "a.example.org."),
        ("NAPTR", b"\x00\x01\x00\x02\x00\x00\x00\xc0\x10", '1 2 "" "" "" example.org.'),
    ],
)
def test_names_in_rdata_may_be_pointers(rdatatype: str, rdata: bytes, text: str) -> None:
    # Few senders may compress these, yet receivers read them (RFC 3597 section 4).
    asked = question("www.example.org", rdatatype)
    data = HEADER + b"\x00\x01\x00\x00\x00\x00" + asked
    data += record(b"\xc0\x0c", int(dns.rdatatype.from_text(rdatatype)), rdata)
    answer = accepted(judge(data, "www.example.org", rdatatype))
    client = passed_on(answer, "www.example.org", rdatatype)
    assert texts(client.answer) == [f"www.example.org. 60 IN {rdatatype} {text}"]


def test_names_beyond_the_reach_of_pointers_are_written_out() -> None:
    lines = [f"www.example.org. 300 IN MX 10 {n:x<60}.{n // 2:y<60}.test." for n in range(400)]
    response = message("www.example.org", "MX")
    response.answer = [
        dns.rrset.from_text(
            "www.example.org.", 300, "IN", "MX", *(line.split("MX ")[1] for line in lines)
        )
    ]
    assert sorted(told(response, "www.example.org", "MX")) == sorted(lines)


# How long an answer may be kept.


def ttl_of(
    response: dns.message.Message, *, bounds: TtlBounds = BOUNDS, rdatatype: str = "A"
) -> int:
    return accepted(judge(response, rdatatype=rdatatype, bounds=bounds)).ttl


def test_the_ttl_is_the_least_of_all_that_is_passed_on() -> None:
    lines = ["www.example.org. 300 IN CNAME b.test.", "b.test. 20 IN A 192.0.2.1"]
    assert ttl_of(message("www.example.org", "A", *lines)) == 20


def test_an_rrset_has_one_ttl() -> None:
    lines = ["www.example.org. 300 IN A 192.0.2.1", "www.example.org. 20 IN A 192.0.2.2"]
    assert told(message("www.example.org", "A", *lines), "www.example.org", "A") == [
        "www.example.org. 20 IN A 192.0.2.1",
        "www.example.org. 20 IN A 192.0.2.2",
    ]


@pytest.mark.parametrize(
    ("ttl", "bounds", "kept"),
    [
        (300, TtlBounds(0, 86400), 300),
        (0, TtlBounds(0, 86400), 0),
        (0, TtlBounds(30, 86400), 30),
        (2**31 - 1, TtlBounds(0, 86400), 86400),
        (2**31, TtlBounds(0, 86400), 0),
        (2**32 - 1, TtlBounds(5, 86400), 5),
    ],
)
def test_the_ttl_is_within_the_bounds(ttl: int, bounds: TtlBounds, kept: int) -> None:
    data = raw(record(b"\xc0\x0c", 1, b"\xc0\x00\x02\x01", ttl=ttl))
    answer = accepted(judge(data, bounds=bounds))
    assert answer.ttl == kept
    assert passed_on(answer, "www.example.org", "A").answer[0].ttl == kept


@pytest.mark.parametrize(
    ("soa_ttl", "minimum", "kept"), [(3600, 900, 900), (60, 900, 60), (90000, 90000, 10800)]
)
@pytest.mark.parametrize("rcode", [0, 3])
def test_a_negative_answer_is_kept_by_its_soa(
    soa_ttl: int, minimum: int, kept: int, rcode: int
) -> None:
    soa = f"example.org. {soa_ttl} IN SOA ns.example.org. admin.example.org. 1 2 3 4 {minimum}"
    response = message("www.example.org", "A", authority=(soa,), rcode=rcode)
    answer = accepted(judge(response))
    assert (answer.rcode, answer.ttl) == (rcode, kept)
    assert passed_on(answer, "www.example.org", "A").authority[0].ttl == kept


@pytest.mark.parametrize("rcode", [0, 3])
def test_a_negative_answer_without_soa_is_not_kept(rcode: int) -> None:
    alias = "www.example.org. 300 IN CNAME b.test."
    bounds = TtlBounds(60, 86400)
    assert ttl_of(message("www.example.org", "A", rcode=rcode), bounds=bounds) == 0
    assert ttl_of(message("www.example.org", "A", alias, rcode=rcode), bounds=bounds) == 0


def test_a_soa_that_was_asked_for_keeps_its_own_ttl() -> None:
    soa = SOA.replace("example.org. 3600", "www.example.org. 86400", 1)
    assert ttl_of(message("www.example.org", "SOA", soa), rdatatype="SOA") == 86400
