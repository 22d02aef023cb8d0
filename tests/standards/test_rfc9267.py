"""RFC 9267: what parsers of DNS messages get wrong."""

import struct

import pytest

from tests.standards.subject import Client, Subject, saying_octets
from tests.support.scripted import TRUE

QNAME = b"\xc0\x0c"
ADDRESS = bytes([203, 0, 113, 66])


def record(owner: bytes, qtype: int, rdata: bytes, length: int | None = None) -> bytes:
    """Return a record; `length` is what it says of its RDATA."""
    size = len(rdata) if length is None else length
    return owner + struct.pack("!HHIH", qtype, 1, 60, size) + rdata


MALFORMED: dict[str, tuple[int, bytes]] = {
    "a pointer to itself": (1, record(b"\xc0\x00", 1, ADDRESS)),
    "a pointer past the end": (1, record(b"\xff\xff", 1, ADDRESS)),
    "a pointer into the header": (1, record(b"\xc0\x02", 1, ADDRESS)),
    "a label type of its own": (1, record(b"\x80\x0c", 1, ADDRESS)),
    "a name of 301 octets": (1, record((b"\x3b" + b"x" * 59) * 5 + b"\0", 1, ADDRESS)),
    "RDATA past the end": (1, record(QNAME, 1, ADDRESS, 5)),
    "RDATA that is too short": (1, record(QNAME, 1, ADDRESS[:3])),
    "RDATA that is too long": (1, record(QNAME, 1, ADDRESS + b"\0")),
    "more records than there are": (2, record(QNAME, 1, ADDRESS)),
    "sixty thousand records": (60_000, record(QNAME, 1, ADDRESS)),
    "an alias past its RDATA": (1, record(QNAME, 5, b"\x03www")),
    "an alias to itself": (1, record(QNAME, 5, QNAME)),
    "half a record": (1, record(QNAME, 1, ADDRESS)[:-9]),
}
"""How many records a response says it has, and what stands there."""


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_nothing_of_a_malformed_response_is_believed(
    subject: Subject, client: Client, kind: str
) -> None:
    name = f"{kind.replace(' ', '-').lower()}.rfc9267a.example"
    count, records = MALFORMED[kind]

    def answer(query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5
        counts = struct.pack("!HHHH", 1, count, 0, 0)
        return query[:2] + b"\x81\x80" + counts + query[12:end] + records

    subject.teach(name, saying_octets(answer))
    assert client.gist(name) == "SERVFAIL"
    assert client.gist(f"after-{name}") == TRUE
