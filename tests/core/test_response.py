"""Which messages are responses to a query, and which are malformed."""

import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsguard.core.response import NO_EDE, Status
from tests.support.responses import (
    ASKED,
    SOA,
    accepted,
    judge,
    message,
    passed_on,
    raw,
    record,
)
from tests.support.strategies import mutations

ADDRESS = record(b"\xc0\x0c", 1, b"\xc0\x00\x02\x01")


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
        ("no question, SERVFAIL", b"\x12\x34\x81\x82" + b"\x00" * 8, Status.BARE),
        ("no question, FORMERR", b"\x12\x34\x81\x81" + b"\x00" * 8, Status.BARE),
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
    has_answer = status in (Status.ANSWER, Status.CASE_MISMATCH)
    assert (response.answer is not None) == has_answer


def test_the_rcode_of_a_failure_is_told() -> None:
    assert judge(flagged(0x8185)).rcode == 5
    assert judge(b"\x12\x34\x81\x84" + b"\x00" * 8).rcode == 4


def test_the_extended_rcode_counts() -> None:
    response = message("www.example.org", "A")
    response.use_edns(0)
    response.set_rcode(dns.rcode.BADVERS)
    judged = judge(response)
    assert (judged.status, judged.rcode, judged.has_edns) == (Status.FAILURE, 16, True)


def ede(code: int, text: bytes = b"") -> bytes:
    return struct.pack("!HHH", 15, 2 + len(text), code) + text


COOKIE = struct.pack("!HH", 10, 8) + bytes(range(8))


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("none", b"", NO_EDE),
        ("one", ede(6), 6),
        ("with text", ede(7, b"signature expired"), 7),
        ("behind another option", COOKIE + ede(9), 9),
        ("before another option", ede(10) + COOKIE, 10),
        ("the first of two", ede(6) + ede(22), 6),
        ("Other Error, which says nothing", ede(0), NO_EDE),
        ("the last that is public", ede(49_151), 49_151),
        ("a private one", ede(49_152), NO_EDE),
        ("a private one before a public one", ede(65_535) + ede(6), 6),
        ("another option alone", COOKIE, NO_EDE),
        ("half a code", struct.pack("!HH", 15, 1) + b"\x00", NO_EDE),
        ("no code", struct.pack("!HH", 15, 0), NO_EDE),
        ("no code, then one", struct.pack("!HH", 15, 0) + ede(6), 6),
        ("half an option's header", ede(6)[:3], NO_EDE),
        ("an option beyond the end", struct.pack("!HHH", 15, 200, 6), NO_EDE),
        ("a cut one behind a whole one", ede(6) + ede(7)[:5], 6),
        ("behind an option beyond the end", struct.pack("!HH", 10, 65_535) + ede(6), NO_EDE),
    ],
)
def test_the_extended_error_of_a_failure_is_told(name: str, options: bytes, expected: int) -> None:
    for rcode, behind in ((2, b""), (5, b""), (2, ede(11))):
        data = bytearray(raw(additional=(record(b"\x00", 41, options, rdataclass=1232),)))
        data[3] |= rcode
        judged = judge(bytes(data) + behind)
        assert (judged.status, judged.rcode, judged.ede) == (Status.FAILURE, rcode, expected)


@pytest.mark.parametrize("rcode", [0, 3])
def test_an_answer_is_no_failure_whatever_its_extended_error(rcode: int) -> None:
    data = bytearray(raw(additional=(record(b"\x00", 41, ede(3), rdataclass=1232),)))
    data[3] |= rcode
    judged = judge(bytes(data))
    assert (judged.status, judged.ede) == (Status.ANSWER, NO_EDE)


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

OPT = record(b"\x00", 41, b"", rdataclass=1232)
AT_ADDRESS = 12 + len(ASKED)
AT_RDATA = struct.pack("!H", 0xC000 | AT_ADDRESS + 12)
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
        ("an alias that is itself", raw(record(b"\xc0\x0c", 5, AT_RDATA))),
        ("pointers in a loop", raw(record(b"\xc0\x0c", 16, AT_RDATA), AT_RDATA + ADDRESS[2:])),
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
    rest = 65535 - len(raw(first, ADDRESS)) - 10
    for rdatatype in (6, 15, 33):
        huge = record(b"\xc0\x0c", rdatatype, AT_RDATA * 4 + b"a" * rest)
        assert judge(raw(first, huge)).status == Status.MALFORMED


def test_octets_behind_the_last_record_are_left_behind() -> None:
    answer = accepted(judge(raw(ADDRESS) + b"garbage"))
    assert b"garbage" not in answer.body


@pytest.mark.parametrize("rdatatype", [1, 39])
def test_thousands_of_records_are_no_work(rdatatype: int) -> None:
    many = [record(b"\x00", 39, b"\x01" + bytes([97 + n % 26]) + b"\xc0\x0c") for n in range(4000)]
    answer = accepted(judge(raw(ADDRESS, *many)))
    assert answer.ancount <= 2
