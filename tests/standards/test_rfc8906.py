"""RFC 8906, 9619, 9267 and 9210: nobody who asks waits in vain."""

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject, saying
from tests.standards.wire import AA, AD, CD, QR, RA, RD, TC, Z, message, opt, option, question, read
from tests.support.scripted import Peer, Replies

ZONE = "rfc8906a.example"
SOA = 6
ASKED = question(ZONE, SOA)
COOKIE, ECS = option(10, bytes(range(8))), option(8, bytes.fromhex("00010000"))
TYPES = [1, 2, 5, 12, 13, 15, 16, 28, 33, 35, 39, 43, 46, 47, 48, 50, 52, 64, 65, 99]
TYPES += [255, 256, 257, 65_280]


def edns(*options: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return the query of the zone's SOA with EDNS."""
    return message(ASKED, additional=(opt(*options, version=version, flags=flags),))


PROBES: dict[str, tuple[bytes, str]] = {
    "plain": (message(ASKED), "SOA"),
    "AA": (message(ASKED, flags=RD | AA), "SOA"),
    "AD": (message(ASKED, flags=RD | AD), "SOA"),
    "CD": (message(ASKED, flags=RD | CD), "SOA"),
    "RA": (message(ASKED, flags=RD | RA), "SOA"),
    "Z": (message(ASKED, flags=RD | Z), "SOA"),
    "TC": (message(ASKED, flags=RD | TC), "SOA"),
    "no RD": (message(ASKED, flags=0), "REFUSED"),
    "opcode 15": (message(flags=0, opcode=15), "NOTIMP"),
    "opcode 15 and flags": (message(flags=0x7F0, opcode=15), "NOTIMP"),
    "type 666": (message(question(ZONE, 666)), "NODATA"),
    "type 1000": (message(question(ZONE, 1000)), "NODATA"),
    "EDNS": (edns(), "SOA"),
    "EDNS, DO": (edns(flags=wire.DO), "SOA"),
    "EDNS, unknown flag": (edns(flags=0x80), "SOA"),
    "EDNS, unknown option": (edns(option(100)), "SOA"),
    "EDNS, NSID": (edns(option(3)), "SOA"),
    "EDNS, EXPIRE": (edns(option(9)), "SOA"),
    "EDNS, COOKIE": (edns(COOKIE), "SOA"),
    "EDNS, no client subnet": (edns(ECS), "SOA"),
    "EDNS, many options": (edns(option(3), ECS, option(9), COOKIE), "SOA"),
    "EDNS, bad COOKIE": (edns(option(10, b"1234567")), "FORMERR"),
    "EDNS 1": (edns(version=1), "BADVERS"),
    "EDNS 100": (edns(version=100), "BADVERS"),
    "EDNS 1, unknown option": (edns(option(100), version=1), "BADVERS"),
    "EDNS 1, DO": (edns(version=1, flags=wire.DO), "BADVERS"),
    "EDNS 1, COOKIE": (edns(COOKIE, version=1), "BADVERS"),
    "class CH": (message(question("version.bind", 16, 3)), "REFUSED"),
    "no question": (message(), "FORMERR"),
    "two questions": (message(ASKED, ASKED), "FORMERR"),
    "AXFR": (message(question(ZONE, 252)), "REFUSED"),
    "IXFR": (message(question(ZONE, 251)), "REFUSED"),
    **{f"type {qtype}": (message(question(ZONE, qtype)), "NODATA") for qtype in TYPES},
}
"""Queries of the tests of RFC 8906 section 8 as they apply to a forwarder, and the answers."""


def knowing_its_soa(query: bytes, transport: str, peer: Peer) -> Replies:
    """Tell the SOA, and that there is nothing else."""
    record = f"{ZONE}. 300 SOA ns.example. admin.example. 1 7200 3600 86400 60"
    if read(query).question[0].rdtype == SOA:
        return saying(record)(query, transport, peer)
    return saying(authority=(record,))(query, transport, peer)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize(("asked", "told"), PROBES.values(), ids=PROBES.keys())
def test_a_every_query_has_the_answer_it_should(
    subject: Subject, client: Client, asked: bytes, told: str, *, tcp: bool
) -> None:
    subject.teach(ZONE, knowing_its_soa)
    data = client.ask(asked, tcp=tcp)
    answer = read(data)
    flags = wire.header(data).flags
    assert flags & (QR | AA | TC | Z) == QR
    assert flags & RD == wire.header(asked).flags & RD
    assert answer.edns <= 0
    assert answer.ednsflags & 0x7FFF == 0
    assert 100 not in wire.options(data)
    found = [rrset.rdtype for rrset in answer.answer]
    assert found == ([SOA] if told == "SOA" else [])
    assert wire.rcode(data) == (told if told not in {"SOA", "NODATA"} else "NOERROR")
