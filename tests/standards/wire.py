"""Queries octet by octet, for what dnspython would not send, and answers to look at."""

import struct
from dataclasses import dataclass

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

ID = 0x1234
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10
DO = 0x8000


def rdatatype(text: str) -> int:
    """Return the number of a type."""
    return int(dns.rdatatype.from_text(text))


def question(name: str | bytes, qtype: int = 1, qclass: int = 1) -> bytes:
    """Return a question; a name in octets stands as it is."""
    octets = name if isinstance(name, bytes) else dns.name.from_text(name).to_wire()
    assert octets is not None
    return octets + struct.pack("!HH", qtype, qclass)


def option(code: int, data: bytes = b"") -> bytes:
    """Return an EDNS option."""
    return struct.pack("!HH", code, len(data)) + data


def opt(
    *options: bytes, payload: int = 1232, version: int = 0, flags: int = 0, owner: bytes = b"\0"
) -> bytes:
    """Return an OPT record."""
    data = b"".join(options)
    return owner + struct.pack("!HHBBHH", 41, payload, 0, version, flags, len(data)) + data


def message(
    *questions: bytes,
    flags: int = RD,
    opcode: int = 0,
    answers: tuple[bytes, ...] = (),
    additional: tuple[bytes, ...] = (),
) -> bytes:
    """Return a message of these questions and records."""
    counts = (len(questions), len(answers), 0, len(additional))
    header = struct.pack("!HHHHHH", ID, flags | opcode << 11, *counts)
    return header + b"".join(questions) + b"".join(answers) + b"".join(additional)


def query(name: str, qtype: int = 1, *options: bytes, flags: int = RD, edns: bool = True) -> bytes:
    """Return a query for a name, with EDNS unless told otherwise."""
    return message(question(name, qtype), flags=flags, additional=(opt(*options),) if edns else ())


@dataclass(frozen=True)
class Header:
    """The first twelve octets of an answer."""

    id: int
    flags: int
    counts: tuple[int, int, int, int]

    @property
    def rcode(self) -> int:
        """The rcode without its EDNS part."""
        return self.flags & 0xF


def header(answer: bytes) -> Header:
    """Return the header of an answer."""
    number, flags, *counts = struct.unpack_from("!HHHHHH", answer)
    return Header(number, flags, (counts[0], counts[1], counts[2], counts[3]))


def rcode(answer: bytes) -> str:
    """Return the whole rcode of an answer that dnspython can read."""
    return str(dns.rcode.to_text(read(answer).rcode()))


def read(answer: bytes) -> dns.message.Message:
    """Return an answer as dnspython reads it, to its last octet, each record for itself."""
    return dns.message.from_wire(answer, one_rr_per_rrset=True)


def rdata(answer: bytes, qtype: str) -> list[bytes]:
    """Return the RDATA of the answer's records of a type, uncompressed."""
    wanted = rdatatype(qtype)
    return [
        record.to_wire() or b""
        for rrset in read(answer).answer
        if rrset.rdtype == wanted
        for record in rrset
    ]


def options(answer: bytes) -> dict[int, bytes]:
    """Return the EDNS options of an answer by code."""
    return {int(option.otype): option.to_wire() or b"" for option in read(answer).options}
