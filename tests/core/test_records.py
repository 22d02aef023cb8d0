"""The records of a message as a parser finds them, and what it refuses."""

import struct

import dns.exception
import dns.name
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dnsguard.core.names import from_text
from dnsguard.core.records import (
    MAX_POINTERS,
    MalformedError,
    RecordParser,
    bound_ttl,
    is_proof,
    parse_records,
)
from tests.support.responses import record

NAME = from_text("www.example.org")


def parsed(data: bytes, position: int = 0) -> RecordParser:
    parser = parse_records(data, position)
    parser.parse()
    return parser


def pointer(offset: int) -> bytes:
    return struct.pack("!H", 0xC000 | offset)


def test_a_record_is_found_where_it_stands() -> None:
    mx = record(pointer(0), 15, b"\x00\x0a" + pointer(4), ttl=300)
    parser = parsed(NAME + mx, len(NAME))
    assert (parser.rdatatype, parser.rdataclass, parser.ttl) == (15, 1, 300)
    assert (parser.owner, parser.rdata) == (len(NAME), len(NAME) + 12)
    assert (parser.first_name, parser.second_name) == (len(NAME) + 14, 0)
    assert parser.tail == parser.position == len(NAME + mx)
    assert parser.name(parser.owner) == NAME
    assert parser.name(parser.first_name) == NAME[4:]


def test_records_follow_each_other() -> None:
    soa = record(NAME, 6, NAME + b"\x00" + bytes(20), ttl=2**32 - 1)
    parser = parsed(soa + record(b"\x00", 65280, NAME))
    assert (parser.ttl, parser.name(parser.first_name)) == (2**32 - 1, NAME)
    assert parser.data[parser.tail : parser.position] == bytes(20)
    assert parser.second_name == parser.first_name + len(NAME)
    parser.parse()
    assert (parser.rdatatype, parser.first_name, parser.second_name) == (65280, 0, 0)
    assert parser.tail == parser.rdata
    with pytest.raises(MalformedError):
        parser.parse()


def test_names_in_rdata_are_those_of_the_internet_class() -> None:
    assert parsed(record(b"\x00", 5, b"\xff", rdataclass=3)).first_name == 0


def chained(pointers: int) -> bytes:
    """Return a name and pointers, each to the one before."""
    data = NAME
    for _ in range(pointers):
        data += pointer(len(data) - 2 if len(data) > len(NAME) else 0)
    return data


def test_a_name_has_so_many_pointers_at_most() -> None:
    data = chained(MAX_POINTERS)
    assert parse_records(data, 0).skip_name(len(data) - 2) == len(data)
    data = chained(MAX_POINTERS + 1)
    with pytest.raises(MalformedError):
        parse_records(data, 0).skip_name(len(data) - 2)


def test_a_pointer_is_followed_anew_when_the_one_before_led_elsewhere() -> None:
    data = NAME + b"\x40" + record(pointer(0), 16, b"") * 2 + record(pointer(len(NAME)), 16, b"")
    parser = parsed(data, len(NAME) + 1)
    parser.parse()
    with pytest.raises(MalformedError):
        parser.parse()


@settings(max_examples=600)
@given(
    st.lists(st.binary(max_size=3) | st.integers(0, 40).map(pointer), max_size=16).map(
        lambda parts: b"".join(
            bytes([len(part)]) + part if len(part) != 2 else part for part in parts
        )
    ),
    st.integers(0, 40),
)
@example(b"\x01a\x00\xc0\x00", 3)
@example(b"\x01a\x00\x01b\xc0\x00", 3)
@example(b"\x01a\xc0\x00", 0)
@example(b"\xc0", 0)
def test_names_are_read_as_dnspython_reads_them(data: bytes, position: int) -> None:
    parser = parse_records(data, 0)
    try:
        name, used = dns.name.from_wire(data, position)
    except dns.exception.FormError as error:
        # It says no more than that when a name's pointer leads to octets of the name itself:
        # strange, but harmless, as pointers lead backwards.
        if type(error) is not dns.exception.FormError or max(data, default=0) < 0xC0:
            with pytest.raises(MalformedError):
                parser.skip_name(position)
    else:
        assert parser.skip_name(position) == position + used
        assert parser.name(position) == name.to_wire()
        assert parser.label(position) <= position


SPELLINGS = [b"\x01a\x00", b"\x01A\x00", b"\x01b\x00", b"\x01!\x00", b"\x01\x01\x00", b"\x02aa\x00"]
SPELLINGS += [b"\x01a\x01a\x00", b"\x01a\x01B\x00", b"\x01a\x01b\x00", b"\x00", b"\x02aA\x00"]
SPELLINGS += [b"\x01@\x00", b"\x01`\x00", b"\x01[\x00", b"\x01{\x00", b"\x01Z\x00", b"\x01z\x00"]


@pytest.mark.parametrize("first", SPELLINGS)
@pytest.mark.parametrize("second", SPELLINGS)
def test_names_are_the_same_in_any_letter_case(first: bytes, second: bytes) -> None:
    same = first.lower() == second.lower()
    assert parse_records(first + second, 0).same_name(0, len(first)) is same
    pointers = first + second + pointer(0) + pointer(len(first))
    end = len(first + second)
    assert parse_records(pointers, 0).same_name(end, end + 2) is same


def test_names_with_the_same_end_are_compared_up_to_it() -> None:
    data = NAME + b"\x03www" + pointer(4) + b"\x03WWx" + pointer(4)
    assert parse_records(data, 0).same_name(0, len(NAME))
    assert not parse_records(data, 0).same_name(0, len(NAME) + 6)


@pytest.mark.parametrize(
    ("ttl", "bounds", "kept"),
    [
        (300, (0, 86400), 300),
        (300, (600, 86400), 600),
        (300, (0, 60), 60),
        (300, (600, 60), 600),
        (2**31 - 1, (0, 2**31 - 1), 2**31 - 1),
        (2**31, (0, 86400), 0),
        (2**32 - 1, (5, 86400), 5),
    ],
)
def test_a_ttl_has_bounds(ttl: int, bounds: tuple[int, int], kept: int) -> None:
    assert bound_ttl(ttl, *bounds) == kept


def test_these_types_prove_a_negative_answer() -> None:
    assert [rdatatype for rdatatype in range(300) if is_proof(rdatatype)] == [6, 43, 47, 50]


@pytest.mark.parametrize(
    ("rdatatype", "rdata", "subject"),
    [
        (16, b"\x00\x06", 16),
        (46, b"\x00\x06", 6),
        (46, b"\xff\x01rest", 0xFF01),
        (46, b"\x00", 46),
        (46, b"", 46),
    ],
)
def test_a_signature_is_about_the_type_that_it_covers(
    rdatatype: int, rdata: bytes, subject: int
) -> None:
    assert parsed(record(b"\x00", rdatatype, rdata) + b"\x06\x06").subject() == subject
