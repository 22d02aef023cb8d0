"""What stays as it stands in a message, what does not, and that composing anew says the same."""

import struct
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from dnsguard.core.names import from_text, label_offsets
from dnsguard.core.records import MalformedError
from dnsguard.core.verbatim import MAX_NAMES
from tests.support.responses import record
from tests.support.strategies import mutations
from tests.support.two_ways import Message

QNAME = from_text("www.example.org")


def message(*answers: bytes, qtype: int = 1, authority: tuple[bytes, ...] = ()) -> Message:
    asked = QNAME + struct.pack("!HH", qtype, 1)
    return Message(asked, len(answers), len(authority), b"".join(answers + authority))


def behind(octets: int) -> bytes:
    """Return a pointer to so many octets behind the question."""
    return struct.pack("!H", 0xC000 | 12 + len(QNAME) + 4 + octets)


WWW, EXAMPLE, ORG = b"\xc0\x0c", b"\xc0\x10", b"\xc0\x18"
HEADER_NAME, MID_LABEL = b"\xc0\x00", b"\xc0\x0d"
HOST = behind(12)  # the name of the alias when that is the first record
ALIAS = record(WWW, 5, b"\x04host" + EXAMPLE)


def a(owner: bytes = WWW, ttl: int = 60) -> bytes:
    return record(owner, 1, b"\xc0\x00\x02\x01", ttl=ttl)


def mx(name: bytes, ttl: int = 60) -> bytes:
    return record(WWW, 15, b"\x00\x0a" + name, ttl=ttl)


def soa(owner: bytes = EXAMPLE, names: bytes = b"\x00\x00", ttl: int = 600) -> bytes:
    return record(owner, 6, names + struct.pack("!IIIII", 1, 2, 3, 4, 900), ttl=ttl)


def nsec(owner: bytes = b"\x01a" + EXAMPLE, ttl: int = 60) -> bytes:
    return record(owner, 47, b"\x01b\x00\x00\x01\x40", ttl=ttl)


def rrsig(owner: bytes = WWW, ttl: int = 60, covered: int = 47) -> bytes:
    return record(owner, 46, struct.pack("!H", covered) + b"signature", ttl=ttl)


MANY = [mx(bytes([1, 0x61 + n, 0])) for n in range(MAX_NAMES)]
AN_OPT = record(b"\x00", 41, b"")
NS = record(EXAMPLE, 2, b"\x02ns" + EXAMPLE)

STAYS = {
    "nothing": message(),
    "an address": message(a()),
    "addresses": message(a(), a(), a(), a()),
    "an address and its signature": message(a(), rrsig()),
    "an alias": message(ALIAS),
    "an alias that was asked for": message(ALIAS, qtype=5),
    "an alias and an address": message(ALIAS, a(HOST, ttl=5)),
    "an alias and its signature": message(ALIAS, rrsig(), a(HOST), rrsig(HOST)),
    "an alias to the parent": message(record(WWW, 5, EXAMPLE), a(EXAMPLE)),
    "an alias to the root": message(record(WWW, 5, b"\x00")),
    "an alias beside an address": message(a(), ALIAS, a(), a(behind(len(a()) + 12))),
    "an alias of an alias": message(
        ALIAS, record(HOST, 5, b"\x01b" + HOST), a(behind(len(ALIAS) + 12))
    ),
    "a service": message(record(WWW, 65, b"\x00\x01\x00"), qtype=65),
    "names": message(*MANY[1:], qtype=15),
    "names by pointers to a name": message(mx(b"\x01a\x00"), mx(b"\x01b" + behind(14)), qtype=15),
    "a SOA that was asked for": message(soa(WWW), qtype=6),
    "a SOA": message(authority=(soa(),)),
    "a SOA of the name": message(authority=(soa(WWW),)),
    "a SOA of the top": message(authority=(soa(ORG),)),
    "a SOA of the root": message(authority=(soa(b"\x00"),)),
    "a SOA of an alias": message(ALIAS, authority=(soa(HOST),)),
    "a SOA above an alias": message(ALIAS, authority=(soa(),)),
    "a SOA with a name in the other": message(
        authority=(soa(names=b"\x02ns\x01a\x00\x05admin" + behind(15)),)
    ),
    "an answer and what is left behind": message(a(), authority=(NS, a())),
    "a SOA and what is left behind": message(authority=(soa(), NS)),
    "an answer, and name servers with their signature": message(
        a(), authority=(NS, rrsig(EXAMPLE, covered=2))
    ),
    "a SOA of another class": message(authority=(record(b"\x00", 6, b"", rdataclass=3),)),
    "a proof": message(authority=(soa(), rrsig(EXAMPLE), nsec(), rrsig(), nsec(b"\x00"))),
    "a proof of RRsets of different TTLs": message(
        authority=(soa(), rrsig(EXAMPLE, ttl=600), nsec(), rrsig(), nsec(b"\x00", ttl=5))
    ),
}


@pytest.mark.parametrize("rcode", [0, 3])
@pytest.mark.parametrize("name", STAYS)
def test_this_stays_as_it_stands(name: str, rcode: int) -> None:
    said = STAYS[name]
    answer = said.verbatim(rcode)
    assert answer is not None
    assert said.records.startswith(answer.body)
    assert said.told(answer) == said.told(said.recomposed(rcode))


@pytest.mark.parametrize(
    ("bounds", "kept"), [((0, 30), 30), ((0, 300), 60), ((80, 300), 80), ((7200, 86_400), 7200)]
)
def test_a_ttl_out_of_bounds_changes_in_its_place(bounds: tuple[int, int], kept: int) -> None:
    for said in (message(a(), a()), message(authority=(soa(), nsec()))):
        answer = said.verbatim(bounds=bounds)
        assert answer is not None
        assert answer.ttl == kept
        assert said.told(answer) == said.told(said.recomposed(bounds=bounds))


def test_the_octets_of_the_message_are_not_changed() -> None:
    said = message(a())
    before = bytes(bytearray(said.records))
    assert said.verbatim(bounds=(0, 1)) is not None
    assert said.records == before


TTL_OF_A_NAME = 0x01610000

CHANGES = {
    "an owner spelled out": message(a(QNAME)),
    "an alias's target spelled out": message(ALIAS, a(b"\x04host" + EXAMPLE)),
    "two TTLs": message(a(), a(ttl=61)),
    "a signature of another TTL": message(a(), rrsig(ttl=61)),
    "another owner beside": message(a(), a(EXAMPLE)),
    "another type beside": message(a(), record(WWW, 16, b"\x00")),
    "another class beside": message(a(), record(WWW, 1, b"", rdataclass=3)),
    "aliases in another order": message(ALIAS, a(HOST), rrsig()),
    "an alias of another class": message(record(WWW, 5, b"", rdataclass=3), a()),
    "an alias twice": message(ALIAS, ALIAS),
    "two aliases": message(ALIAS, record(WWW, 5, b"\x01b" + EXAMPLE)),
    "everything": message(a(), qtype=255),
    "an alias instead of everything": message(ALIAS, qtype=255),
    "a DNAME": message(record(EXAMPLE, 39, b"\x00"), ALIAS),
    "a name that may not be compressed": message(record(WWW, 33, bytes(6) + WWW), qtype=33),
    "a name from the header": message(mx(HEADER_NAME), qtype=15),
    "a name from a TTL": message(
        mx(b"\x00", TTL_OF_A_NAME), mx(behind(6), TTL_OF_A_NAME), qtype=15
    ),
    "a name from within a record": message(mx(b"\x00"), mx(behind(12)), qtype=15),
    "more names": message(*MANY, qtype=15),
    "a SOA spelled out": message(authority=(soa(QNAME),)),
    "a SOA of another zone": message(authority=(soa(b"\x04test\x00"),)),
    "a SOA below": message(ALIAS, authority=(soa(WWW),)),
    "a SOA with a name from the header": message(authority=(soa(names=HEADER_NAME + b"\x00"),)),
    "a SOA with the other name from there": message(authority=(soa(names=b"\x00" + HEADER_NAME),)),
    "a SOA beside the SOA that was asked for": message(soa(WWW), qtype=6, authority=(soa(),)),
    "two SOAs": message(authority=(soa(), soa())),
    "a SOA behind what is left behind": message(authority=(NS, soa())),
    "an RRset of a proof of two TTLs": message(authority=(rrsig(), nsec(), rrsig(ttl=61))),
    "the same by another spelling": message(authority=(rrsig(QNAME), rrsig(ttl=61))),
    "a proof owned by the header": message(authority=(nsec(HEADER_NAME),)),
    "a proof beside an answer": message(a(), authority=(nsec(),)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_this_cannot_stay(name: str) -> None:
    said = CHANGES[name]
    assert said.verbatim() is None
    said.told(said.recomposed())


REFUSED = {
    "an alias in a loop": message(record(WWW, 5, WWW)),
    "an alias in a loop by another spelling": message(ALIAS, record(HOST, 5, QNAME.upper())),
    "another owner": message(a(EXAMPLE)),
    "an owner within a label": message(a(b"\xc0\x00")),
    "an OPT in the answer": message(AN_OPT),
    "an OPT in the authority section": message(authority=(AN_OPT,)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_this_is_for_the_other_way_to_refuse(name: str) -> None:
    assert REFUSED[name].verbatim() is None
    with pytest.raises(MalformedError):
        REFUSED[name].recomposed()


# Whatever can stay says the same when it is composed anew.

NAMES = [from_text(name) for name in ("a.b.test", "b.test", "test", ".", "c.test", "c.a.b.test")]
NAMES += [b"\x01A\x01b\x04tesT\x00"]
SOA_TAIL = struct.pack("!IIIII", 1, 2, 3, 4, 30)
SHAPES: dict[int, tuple[bytes, int, bytes]] = {  # octets, so many names, octets
    1: (b"\xc0\x00\x02\x01", 0, b""),
    2: (b"", 1, b""),
    5: (b"", 1, b""),
    6: (b"", 2, SOA_TAIL),
    15: (b"\x00\x01", 1, b""),
    33: (bytes(6), 1, b""),
    39: (b"", 1, b""),
    46: (b"signed", 0, b""),
    47: (b"next", 0, b""),
    65: (b"\x00\x01\x00", 0, b""),
}


class Composer:
    """Composes records behind a question, with most of their names compressed."""

    def __init__(self, asked: bytes) -> None:
        self.octets = bytearray(asked)
        self.known = {asked[at:-4].lower(): 12 + at for at in label_offsets(asked[:-4])}

    def write(
        self, draw: st.DrawFn, owner: bytes, rdatatype: int, names: list[bytes], ttl: int
    ) -> None:
        before, _, after = SHAPES[rdatatype]
        self._write_name(draw, owner)
        self.octets += struct.pack("!HHIH", rdatatype, 1, ttl, 0)
        start = len(self.octets)
        self.octets += before
        for name in names:
            self._write_name(draw, name)
        self.octets += after
        self.octets[start - 2 : start] = struct.pack("!H", len(self.octets) - start)

    def _write_name(self, draw: st.DrawFn, name: bytes) -> None:
        compress = draw(mostly(True, False))
        for offset in label_offsets(name):
            known = self.known.get(name[offset:].lower())
            if known is not None and compress:
                self.octets += struct.pack("!H", 0xC000 | known)
                return
            self.known.setdefault(name[offset:].lower(), 12 + len(self.octets))
            self.octets += name[offset : offset + 1 + name[offset]]
        self.octets += b"\x00"


def mostly(usual: object, *others: object) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * 8 * len(others) + list(others))


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Answers along a chain of aliases and proofs of none, with a fault now and then."""
    name = draw(st.sampled_from(NAMES[:4]))
    qtype = draw(st.sampled_from([1, 1, 2, 5, 6, 15, 46, 65, 255]))
    asked = name + struct.pack("!HH", qtype, 1)
    composer = Composer(asked)
    ttl = mostly(60, 300, 2**31)
    wanted = qtype if qtype in SHAPES else 1
    answers = draw(st.integers(0, 4))
    for _ in range(answers):
        rdatatype = draw(mostly(wanted, 46, 5, 5, 5, 1, 39))
        names = [draw(st.sampled_from(NAMES)) for _ in range(SHAPES[rdatatype][1])]
        composer.write(draw, draw(mostly(name, *NAMES)), rdatatype, names, draw(ttl))
        if rdatatype == 5:
            name = names[0]
    authority = draw(st.integers(0, 3))
    for number in range(authority):
        rdatatype = draw(st.sampled_from([46, 47, 2] if number else [6, 6, 6, 47, 2]))
        names = [draw(st.sampled_from(NAMES)) for _ in range(SHAPES[rdatatype][1])]
        owner = draw(mostly(b"\x04test\x00", *NAMES))
        composer.write(draw, owner, rdatatype, names, draw(ttl))
    return Message(asked, answers, authority, bytes(composer.octets[len(asked) :]))


def damaged(said: Message) -> st.SearchStrategy[Message]:
    if not said.records:
        return st.just(said)
    return mutations(said.records).map(lambda records: said._replace(records=records))


BOUNDS = st.sampled_from([(0, 86_400), (0, 86_400), (45, 86_400), (0, 59), (90, 90)])


@settings(max_examples=3000)
@given(messages() | messages().flatmap(damaged), st.sampled_from([0, 3]), BOUNDS)
def test_what_stays_says_the_same_as_what_is_composed_anew(
    said: Message, rcode: int, bounds: tuple[int, int]
) -> None:
    try:
        answer = said.verbatim(rcode, bounds)
    except MalformedError:
        event("malformed")
        with pytest.raises(MalformedError):
            said.recomposed(rcode, bounds)
        return
    event("stays" if answer else "changes")
    if answer is not None:
        assert said.told(answer) == said.told(said.recomposed(rcode, bounds))
