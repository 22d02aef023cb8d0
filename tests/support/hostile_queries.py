"""Corpora of hostile queries, by class: generated, the same for the same seed.

What each deserves is said beside it, from the RFCs and not from what dnsguard does: silence is
for fewer than twelve octets and for responses alone, everything else is to be answered.
"""

import random
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.standards.wire import AA, AD, CD, ID, QR, RA, RD, TC, Z, message, opt, option, question

NAME = b"\x03www\x07example\x03org\x00"
GOOD = message(question(NAME), additional=(opt(),))
PLAIN = message(question(NAME))
QNAME_POINTER = b"\xc0\x0c"
LONGEST_LABEL = b"\x3f" + b"a" * 63
MAX_DATAGRAM = 65_507
ANY_REPLY: frozenset[int] = frozenset(range(16))
FORMERR, NOTIMP, REFUSED, BADVERS = 1, 4, 5, 0  # of BADVERS the low four bits, which are 0
_FLAGS = (AA, TC, RD, RA, Z, AD, CD)


class Hostile(NamedTuple):
    """A message, and the RCODEs of which its reply must have one; none when silence is due."""

    data: bytes
    rcodes: frozenset[int]


def _formerr(data: bytes) -> Hostile:
    return Hostile(data, frozenset({FORMERR}))


def answered(data: bytes) -> Hostile:
    """Return a message that is to be met with any reply, or with silence if that is due."""
    return Hostile(data, frozenset() if deserves_silence(data) else ANY_REPLY)


def deserves_silence(data: bytes) -> bool:
    """Tell whether a message must not be answered: less than a header, or a response."""
    return len(data) < 12 or bool(data[2] & 0x80)


def _record(rdatatype: int, rdata: bytes = b"", owner: bytes = b"\0", size: int = -1) -> bytes:
    length = len(rdata) if size < 0 else size
    return owner + struct.pack("!HHIH", rdatatype, 1, 0, length) + rdata


def _wrong_counts(_: random.Random) -> Iterator[Hostile]:
    """Every count of the header, alone and two at once, says what is not there."""
    wrong = (0, 1, 2, 3, 255, 256, 257, 0x7FFF, 0x8000, 0xFFFF)
    for good, counts in ((GOOD, [1, 0, 0, 1]), (PLAIN, [1, 0, 0, 0])):
        for first in range(4):
            for second in range(first, 4):
                for number in wrong:
                    changed = list(counts)
                    changed[first] = changed[second] = number
                    if changed != counts:
                        yield _formerr(good[:4] + struct.pack("!4H", *changed) + good[12:])


def _label_types(_: random.Random) -> Iterator[Hostile]:
    """Every octet in the place of each length of a label."""
    for position in (12, 16, 24, 28):
        for octet in range(256):
            data = GOOD[:position] + bytes([octet]) + GOOD[position + 1 :]
            yield _formerr(data) if octet >= 0x40 else answered(data)


def _cut(_: random.Random) -> Iterator[Hostile]:
    """A query that ends at each of its octets, down to none."""
    full = message(question(NAME), additional=(opt(option(10, b"8 octets"), option(3)),))
    for good in (GOOD, PLAIN, full):
        for size in range(len(good)):
            yield Hostile(good[:size], frozenset({FORMERR} if size >= 12 else ()))


def _pointers(_: random.Random) -> Iterator[Hostile]:
    """Names by compression where a query has none: to themselves, ahead, past the end, in rows."""
    for target in (0, 2, 12, 13, 14, 16, 28, 32, 0x3FFF):
        pointer = struct.pack("!H", 0xC000 | target)
        yield _formerr(message(question(pointer)))
        yield _formerr(message(question(b"\1a" + pointer)))
        yield _formerr(message(question(b"\1a" * 60 + pointer)))
        yield _formerr(message(question(NAME), additional=(opt(owner=pointer),)))
        answer = (_record(1, bytes(4), pointer),)
        yield _formerr(message(question(NAME), answers=answer))
    for number in (2, 128, 5_000):
        row = b"".join(struct.pack("!H", 0xC000 | 12 + 2 * n) for n in range(number))
        yield _formerr(message(row[:-2] + QNAME_POINTER))
    for number in (200, 5_000):
        owners = tuple(_record(1, b"", QNAME_POINTER) for _ in range(number))
        yield _formerr(message(question(NAME), answers=owners))
        yield answered(message(question(NAME), additional=owners))


def _misplaced_opts(_: random.Random) -> Iterator[Hostile]:
    """OPT records where none may be, twice, with an owner, with data of another length."""
    asked = question(NAME)
    yield _formerr(message(asked, answers=(opt(),)))
    yield _formerr(message(asked, answers=(opt(),), additional=(opt(),)))
    yield _formerr(GOOD[:6] + b"\0\0\0\1\0\0" + GOOD[12:])
    yield _formerr(message(opt()))
    yield _formerr(message(question(b"\0", 41)))
    for owner in (NAME, b"\1a\0", QNAME_POINTER):
        yield _formerr(message(asked, additional=(opt(owner=owner),)))
    for number in (2, 3, 400):
        yield _formerr(message(asked, additional=(opt(),) * number))
    for between in (_record(1, bytes(4)), _record(250, bytes(20)), _record(65_280, b"x")):
        yield _formerr(message(asked, additional=(opt(), between, opt())))
        yield answered(message(asked, additional=(between, opt())))
    for size in (1, 2, 11, 12, 255, 0xFFFF):
        yield _formerr(message(asked, additional=(_record(41, b"", size=size),)))
    for version in (1, 2, 127, 255):
        yield Hostile(message(asked, additional=(opt(version=version),)), frozenset({BADVERS}))
    for flag in range(16):
        yield answered(message(asked, additional=(opt(flags=1 << flag),)))
    for payload in (0, 1, 511, 512, 0xFFFF):
        yield answered(message(asked, additional=(opt(payload=payload),)))


def _many_options(_: random.Random) -> Iterator[Hostile]:
    """Options of every code and length, cut ones, doubled ones, and thousands of them."""
    asked = question(NAME)
    for code in (*range(21), 100, 0x7FFF, 65_001, 0xFFFF):
        for size in (0, 1, 2, 4, 7, 8, 9, 16, 24, 40, 41, 300):
            yield answered(message(asked, additional=(opt(option(code, bytes(size))),)))
        for said in (1, 3, 0x7FFF, 0xFFFF):
            cut = struct.pack("!HH", code, said)
            yield _formerr(message(asked, additional=(opt(cut),)))
    for tail in (b"\0", b"\0\x0a", b"\0\x0a\0"):
        yield _formerr(message(asked, additional=(opt(option(3), tail),)))
    for code in (3, 8, 10, 11, 12, 15, 65_001):
        for number, size in ((2, 8), (300, 8), (4_000, 0), (4_000, 8), (16_000, 0)):
            yield answered(message(asked, additional=(opt(*[option(code, bytes(size))] * number),)))


def _trailing(chosen: random.Random) -> Iterator[Hostile]:
    """A whole query with octets behind it, which may be a query again."""
    tails = [bytes(n) for n in (1, 2, 3, 10, 11, 12, 512, 4_000)]
    tails += [PLAIN, GOOD, opt(), *(chosen.randbytes(size) for size in range(1, 40))]
    for tail in tails:
        yield _formerr(GOOD + tail)
        yield _formerr(PLAIN + tail)


def _headers(_: random.Random) -> Iterator[Hostile]:
    """Every opcode with every flag and the bits of an RCODE; a response is never answered."""
    for opcode in range(16):
        for flags in (0, *_FLAGS, *range(1, 16), sum(_FLAGS)):
            for good in (GOOD, PLAIN, PLAIN[:12]):
                head = struct.pack("!HH", ID, flags | opcode << 11)
                response = struct.pack("!HH", ID, flags | opcode << 11 | QR)
                yield Hostile(response + good[4:], frozenset())
                if opcode:
                    yield Hostile(head + good[4:], frozenset({NOTIMP}))
                elif len(good) > 12:
                    yield answered(head + good[4:])


def _types_and_classes(_: random.Random) -> Iterator[Hostile]:
    """Types and classes that are no data of the internet, and numbers that nobody has assigned."""
    classes = (0, 1, 2, 3, 4, 5, 32_769, 254, 255, 256, 65_280, 0xFFFF)
    for qtype in (*range(66), 99, *range(245, 262), 32_768, 32_769, 65_280, 0xFFFE, 0xFFFF):
        for qclass in classes:
            yield answered(message(question(NAME, qtype, qclass)))


def _names(chosen: random.Random) -> Iterator[Hostile]:
    """Names at and beyond what a name may be, of any octets."""
    for last in (59, 60, 61):
        yield answered(message(question(LONGEST_LABEL * 3 + bytes([last]) + b"b" * last + b"\0")))
    for labels in (LONGEST_LABEL * 4, LONGEST_LABEL * 3 + b"\x3e" + b"b" * 62, LONGEST_LABEL * 200):
        yield _formerr(message(question(labels + b"\0")))
    for number in (126, 127):
        yield answered(message(question(b"\1a" * number + b"\0")))
    for number in (128, 200, 5_000):
        yield _formerr(message(question(b"\1a" * number + b"\0")))
    for octet in range(256):
        yield answered(message(question(bytes([4, octet, octet, 46, octet]) + NAME)))
    for _ in range(100):
        parts = [chosen.randbytes(chosen.randrange(1, 40)) for _ in range(chosen.randrange(5))]
        random_name = b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
        yield answered(message(question(random_name), additional=(opt(),)))


def _records(chosen: random.Random) -> Iterator[Hostile]:
    """Records of every type in each section of a query, of which but one section may have any."""
    for rdatatype in (*range(1, 66), 99, 249, 250, 251, 252, 255, 256, 65_280):
        for rdata in (b"", QNAME_POINTER, chosen.randbytes(chosen.randrange(1, 60))):
            record = _record(rdatatype, rdata, NAME)
            yield _formerr(message(question(NAME), answers=(record,)))
            if rdatatype != 41:
                yield answered(message(question(NAME), additional=(record,)))
                yield answered(message(question(NAME), additional=(record, opt())))
            yield _formerr(PLAIN[:8] + b"\0\1\0\0" + PLAIN[12:] + record)


def _several_questions(_: random.Random) -> Iterator[Hostile]:
    """More than one question, or none, whatever the count says."""
    asked = question(NAME)
    for number in (0, 2, 3, 100, 4_000):
        yield _formerr(message(*[asked] * number))
    for number in (2, 3, 100):
        yield _formerr(PLAIN + asked * number)
        yield _formerr(PLAIN[:4] + struct.pack("!H", number) + PLAIN[6:])
    yield _formerr(message(asked, question(QNAME_POINTER, 28)))
    cookie = opt(option(10, b"8 octets"))
    yield Hostile(message(additional=(cookie,)), frozenset({0}))
    yield _formerr(message(additional=(opt(),)))


def _any_octets(chosen: random.Random) -> Iterator[Hostile]:
    """Octets by chance: all of them, those behind a header, and a few of a good query."""
    for _ in range(300):
        yield answered(chosen.randbytes(chosen.choice((chosen.randrange(40), 300, 1_500))))
        yield answered(GOOD[: chosen.choice((2, 4, 12))] + chosen.randbytes(chosen.randrange(200)))
        changed = bytearray(GOOD)
        for _ in range(chosen.randrange(1, 6)):
            changed[chosen.randrange(2, len(changed))] = chosen.randrange(256)
        yield answered(bytes(changed))


QUERIES: dict[str, Callable[[random.Random], Iterator[Hostile]]] = {
    "wrong counts": _wrong_counts,
    "label types": _label_types,
    "cut": _cut,
    "pointers": _pointers,
    "misplaced OPT": _misplaced_opts,
    "many options": _many_options,
    "octets behind": _trailing,
    "headers": _headers,
    "types and classes": _types_and_classes,
    "names": _names,
    "records": _records,
    "several questions": _several_questions,
    "any octets": _any_octets,
}
"""Every class by its name."""


def hostile_queries(kind: str, seed: int, most: int) -> list[Hostile]:
    """Return the queries of a class, or a sample of so many."""
    chosen = random.Random(f"{seed} {kind}")
    found = [hostile for hostile in QUERIES[kind](chosen) if len(hostile.data) <= 0xFFFF]
    return found if len(found) <= most else chosen.sample(found, most)
