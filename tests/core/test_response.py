import struct

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsguard.core.answer import Answer, compose_response
from dnsguard.core.names import from_text
from dnsguard.core.response import MAX_CHAIN, Response, Status, TtlBounds, parse_response
from dnsguard.core.wire import parse_query
from tests.support.strategies import mutations

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
    response.set_rcode(rcode)
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


# What is not a response to the query, or not a whole one.


def flagged(flags: int) -> bytes:
    wire = message("www.example.org", "A", "www.example.org. 300 IN A 192.0.2.1").to_wire()
    return wire[:2] + flags.to_bytes(2, "big") + wire[4:]


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("nothing", b"", Status.MISMATCH),
        ("eleven octets", flagged(0x8180)[:11], Status.MISMATCH),
        ("another ID", b"\x12\x35" + flagged(0x8180)[2:], Status.MISMATCH),
        ("a query", flagged(0x0100), Status.MISMATCH),
        ("another opcode", flagged(0xA180), Status.MISMATCH),
        ("another name", message("www.example.net", "A").to_wire(), Status.MISMATCH),
        ("a longer name", message("a.www.example.org", "A").to_wire(), Status.MISMATCH),
        ("a shorter name", message("example.org", "A").to_wire(), Status.MISMATCH),
        ("another type", message("www.example.org", "AAAA").to_wire(), Status.MISMATCH),
        ("another case", message("WWW.example.org", "A").to_wire(), Status.CASE_MISMATCH),
        ("no question, NOERROR", b"\x12\x34\x81\x80" + b"\x00" * 8, Status.MISMATCH),
        ("no question, NXDOMAIN", b"\x12\x34\x81\x83" + b"\x00" * 8, Status.MISMATCH),
        ("no question, SERVFAIL", b"\x12\x34\x81\x82" + b"\x00" * 8, Status.FAILURE),
        ("no question, FORMERR", b"\x12\x34\x81\x81" + b"\x00" * 8, Status.FAILURE),
        ("two questions", flagged(0x8180)[:5] + b"\x02" + flagged(0x8180)[6:], Status.MISMATCH),
        ("TC", flagged(0x8380), Status.TRUNCATED),
        ("SERVFAIL", flagged(0x8182), Status.FAILURE),
        ("REFUSED", flagged(0x8185), Status.FAILURE),
        ("an unknown rcode", flagged(0x818F), Status.FAILURE),
        ("NOERROR", flagged(0x8180), Status.ANSWER),
    ],
)
def test_a_message_is_judged(name: str, data: bytes, status: Status) -> None:
    response = judge(data)
    assert response.status == status
    assert (response.answer is not None) == (status == Status.ANSWER)


def test_the_rcode_of_a_failure_is_told() -> None:
    assert judge(flagged(0x8185)).rcode == 5
    assert judge(b"\x12\x34\x81\x84" + b"\x00" * 8).rcode == 4


def test_the_extended_rcode_counts() -> None:
    response = message("www.example.org", "A")
    response.use_edns(0)
    response.set_rcode(dns.rcode.BADVERS)
    judged = judge(response)
    assert (judged.status, judged.rcode, judged.has_edns) == (Status.FAILURE, 16, True)


REAL = message(
    "www.example.org",
    "A",
    "www.example.org. 300 IN CNAME host.example.org.",
    "host.example.org. 300 IN A 192.0.2.1",
    authority=(SOA,),
)
REAL.use_edns(0)


def test_every_truncation_of_a_response_is_refused() -> None:
    wire = REAL.to_wire()
    assert judge(wire).status == Status.ANSWER
    for size in range(len(wire)):
        assert judge(wire[:size]).status in (Status.MISMATCH, Status.MALFORMED), size


@settings(max_examples=400)
@given(mutations(REAL.to_wire()) | st.binary(max_size=600))
def test_any_octets_are_judged(data: bytes) -> None:
    response = judge(data)
    assert (response.answer is None) == (response.status != Status.ANSWER)
    if response.answer is not None:
        passed_on(response.answer, "www.example.org", "A")


# Records made of octets.

HEADER = b"\x12\x34\x81\x80\x00\x01"
ASKED = question("www.example.org", "A")


def raw(*answer: bytes, additional: tuple[bytes, ...] = ()) -> bytes:
    counts = struct.pack("!HHH", len(answer), 0, len(additional))
    return HEADER + counts + ASKED + b"".join(answer) + b"".join(additional)


def record(
    owner: bytes, rdatatype: int, rdata: bytes, *, rdataclass: int = 1, ttl: int = 60
) -> bytes:
    return owner + struct.pack("!HHIH", rdatatype, rdataclass, ttl, len(rdata)) + rdata


ADDRESS = record(b"\xc0\x0c", 1, b"\xc0\x00\x02\x01")
OPT = record(b"\x00", 41, b"", rdataclass=1232)
AT_ADDRESS = 12 + len(ASKED)
LONG = (b"\x3f" + b"a" * 63) * 3


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a record cut before its type", raw(b"\xc0\x0c\x00")),
        ("RDATA beyond the end", raw(ADDRESS[:-1])),
        ("half a pointer", raw(b"\xc0")),
        ("a pointer to itself", raw(struct.pack("!H", 0xC000 | AT_ADDRESS) + ADDRESS[2:])),
        ("a pointer forward", raw(struct.pack("!H", 0xC000 | AT_ADDRESS + 4) + ADDRESS[2:])),
        ("a pointer beyond the end", raw(b"\xff\xff" + ADDRESS[2:])),
        (
            "pointers in a loop",
            raw(record(b"\xc0\x0c", 5, struct.pack("!H", 0xC000 | AT_ADDRESS + 12))),
        ),
        ("a label type of 64", raw(b"\x40a\x00" + ADDRESS[2:])),
        ("a label beyond the end", raw(b"\x3fa")),
        ("a name without end", raw(b"\x01a")),
        ("a name of 256", raw(LONG + b"\x3e" + b"a" * 62 + b"\x00" + ADDRESS[2:])),
        ("a name of 256 by a pointer", raw(LONG + b"\x2f" + b"a" * 47 + b"\xc0\x0c" + ADDRESS[2:])),
        ("an OPT in the answer", raw(ADDRESS, OPT)),
        ("two OPTs", raw(ADDRESS, additional=(OPT, OPT))),
        ("a CNAME to the root and more", raw(record(b"\xc0\x0c", 5, b"\x00\x00"))),
        ("a CNAME of nothing", raw(record(b"\xc0\x0c", 5, b""), ADDRESS)),
        ("an MX beyond its RDATA", raw(record(b"\xc0\x0c", 15, b"\x00\x0a"), ADDRESS)),
        ("a short SOA", raw(record(b"\xc0\x0c", 6, b"\x00\x00" + b"\x00" * 19))),
        ("a long SOA", raw(record(b"\xc0\x0c", 6, b"\x00\x00" + b"\x00" * 21))),
        ("a NAPTR without strings", raw(record(b"\xc0\x0c", 35, b"\x00\x01\x00\x01"))),
        ("a NAPTR of long strings", raw(record(b"\xc0\x0c", 35, b"\x00\x01\x00\x01\x00\x00\xff"))),
        ("more records than there are", raw()[:6] + b"\xff\xff" + raw()[8:]),
        ("fewer octets than records", raw()[:7] + b"\x02" + raw(ADDRESS)[8:]),
    ],
)
def test_what_is_malformed_is_refused(name: str, data: bytes) -> None:
    assert judge(data).status == Status.MALFORMED


def test_names_of_255_octets_are_fine() -> None:
    target = LONG + b"\x3d" + b"a" * 61 + b"\x00"
    assert judge(raw(record(b"\xc0\x0c", 5, target))).status == Status.ANSWER
    by_pointer = LONG + b"\x2c" + b"a" * 44 + b"\xc0\x0c"
    assert judge(raw(record(b"\xc0\x0c", 5, by_pointer))).status == Status.ANSWER


def test_an_enormous_record_behind_a_name_cannot_overflow() -> None:
    target = LONG + b"\x3d" + b"a" * 61 + b"\x00"
    first = record(b"\xc0\x0c", 5, target)
    pointer = struct.pack("!H", 0xC000 | AT_ADDRESS + 12)
    rest = 65535 - len(raw(first, ADDRESS)) - 10
    for rdatatype in (6, 15, 33):
        huge = record(b"\xc0\x0c", rdatatype, pointer * 4 + b"a" * rest)
        assert judge(raw(first, huge)).status == Status.MALFORMED


def test_octets_behind_the_last_record_are_left_behind() -> None:
    answer = accepted(judge(raw(ADDRESS) + b"garbage"))
    assert b"garbage" not in answer.body


@pytest.mark.parametrize("rdatatype", [1, 39])
def test_thousands_of_records_are_no_work(rdatatype: int) -> None:
    many = [record(b"\x00", 39, b"\x01" + bytes([97 + n % 26]) + b"\xc0\x0c") for n in range(4000)]
    answer = accepted(judge(raw(ADDRESS, *many)))
    assert answer.ancount <= 2


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


SIGNATURE = "A 13 3 300 20300101000000 20200101000000 1 example.org. c2lnbmF0dXJl"


def test_dnssec_records_are_kept() -> None:
    response = message(
        "www.example.org",
        "A",
        "www.example.org. 300 IN A 192.0.2.1",
        f"www.example.org. 300 IN RRSIG {SIGNATURE}",
        authority=(
            SOA,
            "a.example.org. 300 IN NSEC b.example.org. A RRSIG",
            f"a.example.org. 300 IN RRSIG {SIGNATURE}",
        ),
    )
    client = passed_on(accepted(judge(response)), "www.example.org", "A")
    assert [record.rdtype.name for record in client.answer] == ["A", "RRSIG"]
    assert [record.rdtype.name for record in client.authority] == ["SOA", "NSEC", "RRSIG"]


@pytest.mark.parametrize(("trusted", "ad"), [(True, True), (False, False)])
def test_the_ad_bit_of_a_trusted_upstream_is_passed_on(trusted: bool, ad: bool) -> None:
    assert accepted(judge(flagged(0x81A0), trusted=trusted)).authentic is ad
    assert not accepted(judge(flagged(0x8180), trusted=trusted)).authentic


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
    # Senders must not compress the names of most of these, receivers read them (RFC 3597 section 4).
    asked = question("www.example.org", rdatatype)
    data = HEADER + b"\x00\x01\x00\x00\x00\x00" + asked
    data += record(b"\xc0\x0c", int(dns.rdatatype.from_text(rdatatype)), rdata)
    answer = accepted(judge(data, "www.example.org", rdatatype))
    client = passed_on(answer, "www.example.org", rdatatype)
    assert texts(client.answer) == [f"www.example.org. 60 IN {rdatatype} {text}"]


def test_names_beyond_the_reach_of_pointers_are_written_out() -> None:
    lines = [f"www.example.org. 300 IN MX 10 host{n}.{'x' * 60}.test." for n in range(400)]
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
