"""The text of a response: whatever RDATA it passes on, there is one, a line for each record."""

import pytest

from dnsguard.evidence.answer_text import describe
from tests.support.responses import raw, record

WWW = b"\xc0\x0c"


def shown(rdatatype: int, rdata: bytes, rdataclass: int = 1) -> str:
    """Return the line of one record."""
    status, line = describe(raw(record(WWW, rdatatype, rdata, rdataclass=rdataclass)))
    assert status == "status: NOERROR"
    return " ".join(line.split())


@pytest.mark.parametrize(
    ("rdatatype", "rdata", "text"),
    [
        (1, b"\xc0\x00\x02\x01", "www.example.org. 60 IN A 192.0.2.1"),
        (16, b"\5hello", 'www.example.org. 60 IN TXT "hello"'),
        (65280, b"\0\1", "www.example.org. 60 IN TYPE65280 \\# 2 0001"),
    ],
)
def test_a_record_that_is_right(rdatatype: int, rdata: bytes, text: str) -> None:
    assert shown(rdatatype, rdata) == text


@pytest.mark.parametrize(
    ("name", "rdatatype", "rdata"),
    [
        ("a string longer than its record", 16, b"\xffabc"),
        ("a location cut off", 29, b"\0"),
        ("a service with a value cut off", 65, b"\0\1\0\0\1\0\1\xff"),
        ("flags that are no text", 35, b"\0\0\0\0\1\xff\0\0\0"),
        ("nothing", 44, b""),
    ],
)
def test_rdata_that_cannot_be_read_is_shown_as_octets(
    name: str, rdatatype: int, rdata: bytes
) -> None:
    octets = f"\\# {len(rdata)} {rdata.hex()}".strip()
    assert shown(rdatatype, rdata) == f"www.example.org. 60 CLASS1 TYPE{rdatatype} {octets}"


def test_no_text_ends_a_line_or_moves_a_cursor() -> None:
    forged = b"\n\x1b[2Jstatus: NXDOMAIN"
    assert shown(257, b"\0\5issue" + forged).isprintable()
    assert shown(16, bytes([len(forged)]) + forged).isprintable()
    assert shown(5, bytes([len(forged)]) + forged + b"\0").isprintable()


def test_a_proof_is_told_apart() -> None:
    soa = record(WWW, 6, b"\0\0" + bytes(20))
    message = b"\x12\x34\x81\x83\0\1\0\0\0\1\0\0" + raw()[12:] + soa
    status, line = describe(message)
    assert status == "status: NXDOMAIN"
    assert line.endswith(" (authority)")
