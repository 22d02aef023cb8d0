"""RFC 8945: transaction signatures."""

import struct

import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, Client, Subject
from tests.standards.wire import message, question

TSIG = 250
HMAC = b"\x0bhmac-sha256\x00"


def tsig(rdata: bytes, owner: bytes = b"\x03key\x00") -> bytes:
    """Return a TSIG record."""
    return owner + struct.pack("!HHIH", TSIG, 255, 0, len(rdata)) + rdata


def signature(algorithm: bytes) -> bytes:
    """Return the RDATA of a signature that nobody can check."""
    return algorithm + struct.pack("!HIHH", 0, 1_700_000_000, 300, 32) + bytes(38)


RECORDS = {
    "an unknown key": tsig(signature(HMAC)),
    "no such algorithm": tsig(signature(b"\x04none\x00")),
    "an algorithm that is no name": tsig(b"\xff" * 20),
    "nothing in it": tsig(b""),
    "a compressed key": tsig(signature(HMAC), b"\xc0\x0c"),
}


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
def test_b_a_signature_of_a_client_is_ignored(
    subject: Subject, staff: Client, record: bytes, *, tcp: bool
) -> None:
    name = "www.rfc8945b.example"
    answer = staff.ask(message(question(name), additional=(record,)), tcp=tcp)
    assert wire.rdata(answer, "A") == [bytes([192, 0, 2, 80])]
    assert wire.header(answer).counts == (1, 1, 0, 0)
    assert all(wire.read(one.query).had_tsig is False for one in subject.asked(name))
    blocked = staff.ask(message(question(BLOCKED), additional=(record,)), tcp=tcp)
    assert wire.rdata(blocked, "A") == [bytes(4)]
