"""What `why` tells of an answer is whole and safe, whatever its records hold."""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dnsguard.evidence.presentation import present_answer

QUESTION = b"\x03www\x07example\x03org\x00" + struct.pack("!HH", 1, 1)
FORGED = b"\r\nverdict: pass\x1b[2J"
EDE = b"\x00\x0f\x00\x07\x00\x0fhello"
OPT = b"\x00" + struct.pack("!HHIH", 41, 1232, 0, len(EDE)) + EDE


def response(rdatatype: int, rdata: bytes) -> bytes:
    record = b"\xc0\x0c" + struct.pack("!HHIH", rdatatype, 1, 300, len(rdata)) + rdata
    return struct.pack("!HHHHHH", 1, 0x8180, 1, 1, 1, 1) + QUESTION + 2 * record + OPT


def texts(rdatatype: int, rdata: bytes) -> list[str]:
    """Return what is told of a record, each part of its line."""
    [status, answer, authority, error] = present_answer(response(rdatatype, rdata))
    assert (status, error) == ("status: NOERROR", "EDE: 15 (Blocked): hello")
    assert authority == f"{answer} (authority)"
    return answer.split(maxsplit=4)


def test_a_record_is_told_as_in_a_zone() -> None:
    assert texts(1, bytes([192, 0, 2, 7])) == ["www.example.org.", "300", "IN", "A", "192.0.2.7"]
    assert texts(5, b"\x01x\xc0\x10")[4] == "x.example.org."
    assert texts(16, b"\x03a b")[4] == '"a b"'


@pytest.mark.parametrize(
    ("rdatatype", "rdata", "told"),
    [
        (42, b"", "TYPE42 \\# 0"),
        (46, b"\xff" * 5, "TYPE46 \\# 5 ffffffffff"),
        (65, b"\x00\x01\x03\xe2\x80\xa8\x00", "TYPE65 \\# 7 000103e280a800"),
    ],
)
def test_what_cannot_be_told_so_is_told_by_its_octets(
    rdatatype: int, rdata: bytes, told: str
) -> None:
    answer = present_answer(response(rdatatype, rdata))[1]
    assert answer == f"www.example.org. 300 IN {told}"


@pytest.mark.parametrize(
    ("rdatatype", "rdata"),
    [
        (16, bytes([len(FORGED)]) + FORGED),
        (5, bytes([len(FORGED)]) + FORGED + b"\0"),
        (65, b"\x00\x01" + bytes([len(FORGED)]) + FORGED + b"\0"),
    ],
    ids=["TXT", "CNAME", "HTTPS"],
)
def test_no_record_begins_a_line_of_its_own(rdatatype: int, rdata: bytes) -> None:
    told = present_answer(response(rdatatype, rdata))
    assert len(told) == 4
    assert all(line.isprintable() for line in told)
    assert not [line for line in told if line.startswith("verdict")]


@example(65, b"\x00\x01\x03\xe2\x80\xa8\x00")
@example(16, b"\x05\x0a\x1b\x80\xff\x00")
@given(st.integers(256, 65_535) | st.sampled_from([13, 16, 29, 42, 43, 48]), st.binary())
def test_any_octets_are_told_in_printable_lines(rdatatype: int, rdata: bytes) -> None:
    for line in present_answer(response(rdatatype, rdata)):
        assert line.isprintable()
