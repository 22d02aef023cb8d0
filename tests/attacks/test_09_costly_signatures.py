"""KeyTrap and NSEC3: nothing is validated, so signatures and proofs are octets that pass."""

import struct
from collections.abc import Callable

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject
from tests.support.scripted import TRUE, Peer, Replies, truncated

DNSKEY, RRSIG, NSEC3, SOA = 48, 46, 50, 6
ITERATIONS = 65_535
ZONE = b"\x06signed\x07example\0"
TIMERS = struct.pack("!IIIII", 1, 7200, 3600, 86_400, 60)


def record(owner: bytes, rdtype: int, rdata: bytes) -> bytes:
    return owner + struct.pack("!HHIH", rdtype, 1, 60, len(rdata)) + rdata


def key(number: int) -> bytes:
    """Return a key; those of KeyTrap all have one tag."""
    return record(b"\xc0\x0c", DNSKEY, struct.pack("!HBBI", 257, 3, 8, number) + bytes(96))


def signature(covered: int, number: int) -> bytes:
    rdata = struct.pack("!HBBIIIH", covered, 8, 3, 60, 2**31 - 1, 0, 4711) + ZONE
    return record(b"\xc0\x0c", RRSIG, rdata + number.to_bytes(4, "big") + bytes(60))


def proof(number: int) -> bytes:
    hashed = b"\x20" + b"%032d" % number + ZONE
    salt, after = bytes(255), number.to_bytes(20, "big")
    rdata = struct.pack("!BBHB", 1, 0, ITERATIONS, len(salt)) + salt + b"\x14" + after + b"\0\1\2"
    return record(hashed, NSEC3, rdata)


def keytrap(query: bytes) -> bytes:
    keys = [key(number) for number in range(280)]
    return respond(query, answers=keys + [signature(DNSKEY, number) for number in range(280)])


def many_signatures(query: bytes) -> bytes:
    address = record(b"\xc0\x0c", 1, bytes([192, 0, 2, 80]))
    return respond(query, answers=[address, *(signature(1, number) for number in range(500))])


def many_proofs(query: bytes) -> bytes:
    soa = record(ZONE, SOA, ZONE + ZONE + TIMERS)
    return respond(query, authority=[soa, *(proof(number) for number in range(180))], rcode=3)


def respond(
    query: bytes,
    answers: list[bytes] | None = None,
    authority: list[bytes] | None = None,
    rcode: int = 0,
) -> bytes:
    """Return a response of these records."""
    records = (answers or []), (authority or [])
    counts = struct.pack("!HHHH", 1, len(records[0]), len(records[1]), 0)
    question = query[12 : query.index(b"\0", 12) + 5]
    flags = (0x8180 | rcode).to_bytes(2, "big")
    return query[:2] + flags + counts + question + b"".join(records[0] + records[1])


COSTLY: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "keys": ("DNSKEY", keytrap),
    "signatures": ("A", many_signatures),
    "proofs": ("A", many_proofs),
}


@pytest.mark.parametrize("kind", COSTLY)
def test_they_pass_and_nothing_is_asked_for_them(
    subject: Subject, client: Client, kind: str
) -> None:
    qtype, compose = COSTLY[kind]
    zone = f"{kind}.signed.example"
    names = [f"n{number}.{zone}" for number in range(20)]

    def script(query: bytes, transport: str, _peer: Peer) -> Replies:
        return [(0.0, truncated(query) if transport == "udp" else compose(query))]

    for name in names:
        subject.teach(name, script)
        question = wire.question(name, wire.rdatatype(qtype))
        query = wire.message(question, additional=(wire.opt(flags=wire.DO),))
        sent = wire.header(compose(query)).counts
        for _ in range(2):  # fresh, and from the cache
            client.send(query, tcp=True)
        assert client.gist(f"other.{name}") == TRUE, "others are answered meanwhile"
        for _ in range(2):
            told = client.receive(tcp=True)
            assert wire.header(told).counts[1:3] == sent[1:3]
    asked = {received.name for received in subject.asked_at_or_below("signed.example")}
    wanted = {f"{above}{name}." for name in names for above in ("", "other.")}
    assert {name for name in asked if name.endswith(f"{zone}.")} == wanted
