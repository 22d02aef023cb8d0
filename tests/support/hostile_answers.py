"""Corpora of what a hostile upstream may send, by class: generated, the same for the same seed.

A message is made for the query that it answers: its ID and question are right unless the class
says otherwise, so that nothing is refused before its records are read.
"""

import random
import struct
from collections.abc import Callable, Iterator

LISTED = bytes([203, 0, 113, 66])
QNAME = b"\xc0\x0c"
POINTERS = 0xC000
LONGEST_NAME = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"
FULL = 65_507
_GOOD_TYPES = (*range(1, 66), 99, 249, 250, 251, 255, 257, 32_768, 65_280, 65_535)

Reply = Callable[[bytes], bytes]
"""Makes the message for a query."""


def record(
    owner: bytes, rdatatype: int, rdata: bytes, ttl: int = 60, size: int = -1, rdclass: int = 1
) -> bytes:
    """Return a record; `size` is what it says of its RDATA."""
    length = len(rdata) if size < 0 else size
    return owner + struct.pack("!HHIH", rdatatype, rdclass, ttl, length) + rdata


ADDRESS = record(QNAME, 1, LISTED)


def question_of(query: bytes) -> bytes:
    """Return the question of a well-formed query."""
    return query[12 : query.index(b"\0", 12) + 5]


def saying(
    records: bytes,
    answers: int = 1,
    authority: int = 0,
    additional: int = 0,
    flags: int = 0x8180,
    questions: int = 1,
) -> Reply:
    """Return what makes a response of these counts, and these octets behind the question."""
    head = struct.pack("!5H", flags, questions, answers, authority, additional)
    return lambda query: (query[:2] + head + question_of(query) + records)[:FULL]


def at(make: Callable[[int], bytes], answers: int = 1) -> Reply:
    """Return what makes a response of octets that depend on the offset where they begin."""
    return lambda query: saying(make(12 + len(question_of(query))), answers)(query)


def _octets(data: bytes) -> Reply:
    return lambda query: data


def _after_id(data: bytes) -> Reply:
    return lambda query: query[:2] + data


def _rich(query: bytes) -> bytes:
    """A response with aliases, two RRsets, a proof and an OPT, as a busy resolver sends it."""
    at_target = struct.pack("!H", POINTERS | 12 + len(question_of(query)) + 12)
    records = [
        record(QNAME, 5, b"\3cdn\7example\3net\0"),
        record(at_target, 1, LISTED),
        record(at_target, 1, bytes(4)),
        record(QNAME, 46, bytes(18) + b"\7example\3net\0" + bytes(64)),
        record(b"\7example\3net\0", 6, b"\2ns\xc0\x0c\1h\xc0\x0c" + bytes(20)),
        b"\0\0\x29\x04\xd0\0\0\0\0\0\x06\0\x0f\0\2\0\x16",
    ]
    return saying(b"".join(records), 4, 1, 1)(query)


def _no_answers(chosen: random.Random) -> Iterator[Reply]:
    """Nothing, the query itself, headers, wrong IDs and questions, octets by chance."""
    yield from (_octets(bytes(size)) for size in (0, 1, 2, 11, 12))
    yield lambda query: query
    yield lambda query: query[:2] + bytes([query[2] | 0x80]) + query[3:]
    yield lambda query: query[:12]
    yield lambda query: bytes([query[0] ^ 1]) + _rich(query)[1:]
    yield lambda query: _rich(query).replace(b"\3", b"\2", 1)
    yield lambda query: _rich(query)[:-1]
    yield lambda query: _rich(query) + b"\0"
    for questions in (0, 2, 0xFFFF):
        yield saying(ADDRESS, questions=questions)
    for rcode in range(16):
        for flags in (0x8180, 0x8580, 0x8380, 0x81F0, 0xF980):
            yield saying(b"", 0, flags=flags | rcode)
            yield saying(ADDRESS, flags=flags | rcode)
    for _ in range(60):
        yield _octets(chosen.randbytes(chosen.randrange(600)))
        yield _after_id(b"\x81\x80" + chosen.randbytes(chosen.randrange(600)))


def _cut(_: random.Random) -> Iterator[Reply]:
    """A response that ends at each of its octets, down to its question."""

    def cut(size: int) -> Reply:
        return lambda query: _rich(query)[: len(_rich(query)) - size]

    return map(cut, range(1, 230))


def _wrong_counts(_: random.Random) -> Iterator[Reply]:
    """More records than there are, fewer, and none."""
    for number in (0, 1, 2, 3, 255, 256, 4_095, 4_096, 4_097, 0x8000, 0xFFFF):
        yield saying(ADDRESS, number)
        yield saying(ADDRESS, 1, number)
        yield saying(ADDRESS, 1, 0, number)
        yield saying(ADDRESS * 2, number, number, number)
        yield saying(b"", number)


def _pointers(_: random.Random) -> Iterator[Reply]:
    """Owners and names in RDATA that lead to themselves, ahead, in rings, and nowhere."""

    def named(target: int) -> Iterator[Reply]:
        pointer = struct.pack("!H", POINTERS | target)
        yield saying(record(pointer, 1, LISTED))
        yield saying(record(b"\1a" + pointer, 1, LISTED))
        for rdatatype, prefix, tail in (
            *((2, 0, 0), (5, 0, 0), (6, 0, 20), (12, 0, 0), (15, 2, 0), (33, 6, 0), (39, 0, 0)),
            *((35, 4, 0), (64, 2, 0), (65, 2, 0)),
        ):
            yield saying(record(QNAME, rdatatype, bytes(prefix) + pointer + bytes(tail)))

    for target in (0, 2, 11, 12, 13, 30, 40, 41, 42, 43, 52, 53, 54, 55, 60, 100, 0x3FFF):
        yield from named(target)
    yield at(lambda start: record(struct.pack("!H", POINTERS | start), 1, LISTED))
    yield at(
        lambda start: record(struct.pack("!HH", POINTERS | start + 2, POINTERS | start), 1, b"")
    )
    yield at(lambda start: record(b"\1a" + struct.pack("!H", POINTERS | start), 1, LISTED))
    for octet in range(64, 192):
        yield saying(record(bytes([octet]) + b"a" * 63 + b"\0", 1, LISTED))


def _bombs(_: random.Random) -> Iterator[Reply]:
    """As much as a message holds: rows of pointers, long names, records by the thousand."""

    for number in (2, 126, 127, 128, 200, 5_000):
        for label in (b"", b"\1a", b"\x3f" + b"a" * 63):

            def deep(start: int, number: int = number, label: bytes = label) -> bytes:
                return _row_of_names(start, number, label)

            for answers in (2, 4_001):
                yield at(deep, answers)
    many = (b"\1a" * 127) + b"\0"
    for name in (LONGEST_NAME, many):
        yield at(lambda start, name=name: _all_pointing(start, name, 5), 4_000)  # type: ignore[misc]
        yield at(lambda start, name=name: _all_pointing(start, name, 1), 4_000)  # type: ignore[misc]
        yield saying(record(name, 1, LISTED) * 240, 240)
        yield saying(record(QNAME, 5, name) + record(name, 1, LISTED) * 200, 201)
    for rdatatype, rdata in (
        (1, LISTED),
        (16, b"\0"),
        (5, b"\1a\0"),
        (65, b"\0\1\0"),
        (46, bytes(20)),
    ):
        for number in (4_000, 5_000):
            yield saying(record(QNAME, rdatatype, rdata) * number, number)
            yield saying(ADDRESS + record(QNAME, rdatatype, rdata) * number, 1, number)
            yield saying(ADDRESS + record(QNAME, rdatatype, rdata) * number, 1, 0, number)
    yield at(_dnames_above_aliases, 4_090)
    for proofs in (_proofs, _proofs_of_many):
        yield lambda query, proofs=proofs: saying(  # type: ignore[misc]
            proofs(12 + len(question_of(query))), 0, 4_001
        )(query)
    parameters = b"".join(struct.pack("!HH", key, 0) for key in range(7, 15_000))
    yield saying(record(QNAME, 65, b"\0\1\0" + parameters))
    yield saying(record(QNAME, 65, b"\0\1\0" + struct.pack("!HH", 4, 60_000) + LISTED * 15_000))


def _row_of_names(start: int, number: int, label: bytes) -> bytes:
    """Return a row of names, each leading to the one before, and records that the last two own."""
    first = start + 12
    names, last, one_before = b"\0", first, first
    for _ in range(number):
        position = first + len(names)
        if position > 0x3FFF:
            break
        names += label + struct.pack("!H", POINTERS | last)
        last, one_before = position, last
    # In turn: what was looked at for the record before is no help.
    owners = (struct.pack("!H", POINTERS | target) for target in (last, one_before))
    return record(QNAME, 16, names) + b"".join(record(o, 1, LISTED) for o in owners) * 2_000


def _all_pointing(start: int, name: bytes, rdatatype: int) -> bytes:
    """Return one long name and thousands of records that it owns or that lead to it."""
    pointer = struct.pack("!H", POINTERS | start + 12)
    rdata = LISTED if rdatatype == 1 else pointer
    owner = pointer if rdatatype == 1 else QNAME
    return record(QNAME, 5, name) + record(owner, rdatatype, rdata) * 4_000


def _dnames_above_aliases(start: int) -> bytes:
    """Return a chain of long aliases, a DNAME at each of their ancestors, and signatures."""
    records: list[bytes] = []
    ancestors: list[bytes] = []
    position, owner = start, QNAME
    for number in range(16):
        name = bytes([2, 97, 97 + number]) + b"\1a" * 119 + bytes([2, 98, 97 + number, 0])
        records.append(record(owner, 5, name))
        target = position + len(owner) + 10
        owner = struct.pack("!H", POINTERS | target)
        ancestors += [struct.pack("!H", POINTERS | target + 3 + 2 * n) for n in range(119)]
        position += len(records[-1])
    records += [record(ancestor, 39, b"\0") for ancestor in ancestors]
    signed = ancestors * 2
    records += [record(signed[n], 46, b"\0\x27") for n in range(4_090 - len(records))]
    return b"".join(records)


def _proofs(start: int) -> bytes:
    """Return proofs by the thousand below one another, each with a TTL of its own."""
    base = start + 11
    owners = [struct.pack("!H", POINTERS | base + 2 * n) for n in range(120)]
    first = record(b"\0", 47, b"\1a" * 120 + b"\0")
    return first + b"".join(record(owners[n % 120], 47, b"", n % 120) for n in range(4_000))


def _proofs_of_many(start: int) -> bytes:
    """Return proofs by the thousand, each of a name of its own below one of many labels."""
    above = struct.pack("!H", POINTERS | start + 11)
    first = record(b"\0", 47, b"\1a" * 120 + b"\0")
    owners = (b"\2" + bytes((97 + n // 64, 32 + n % 64)) + above for n in range(4_000))
    return first + b"".join(record(owner, 47, b"") for owner in owners)


def _aliases(chosen: random.Random) -> Iterator[Reply]:
    """Aliases to themselves, in rings, a thousand long, in any order, mixed with DNAMEs."""

    def alias(owner: bytes, target: bytes) -> bytes:
        return record(owner, 5, target)

    def name(number: int) -> bytes:
        return b"\1c" + bytes([8]) + b"%08d" % number + b"\0"

    yield saying(alias(QNAME, QNAME))
    yield saying(alias(QNAME, QNAME) + ADDRESS, 2)
    for length in (2, 3, 15, 16, 17, 100, 1_000):
        chain = [alias(QNAME, name(0)), *(alias(name(n), name(n + 1)) for n in range(length - 1))]
        last = record(name(length - 1), 1, LISTED)
        ring = alias(name(length - 1), QNAME)
        for end in (last, ring, alias(name(length - 1), name(0)), b""):
            records = [*chain, *([end] if end else [])]
            yield saying(b"".join(records), len(records))
            chosen.shuffle(records)
            yield saying(b"".join(records), len(records))
    for target in (
        b"\0",
        b"\1x\0",
        b"\7example\3org\0",
        (b"\x3f" + b"d" * 63) * 3 + b"\x3d" + b"d" * 61 + b"\0",
    ):
        for owner in (b"\0", QNAME, b"\4test\0"):
            dname = record(owner, 39, target)
            yield saying(dname)
            yield saying(dname + alias(QNAME, QNAME), 2)
            yield saying(dname * 2 + alias(QNAME, b"\1y" + target[:60]) + ADDRESS, 4)


def _rdata(chosen: random.Random) -> Iterator[Reply]:
    """RDATA of every type: empty, short, cut, longer than it says, of any octets."""
    for rdatatype in _GOOD_TYPES:
        for size in (0, 1, 2, 3, 4, 5, 15, 16, 17, 40):
            yield saying(record(QNAME, rdatatype, chosen.randbytes(size)) + ADDRESS, 2)
            yield saying(record(QNAME, rdatatype, bytes(size)))
        for said in (3, 5, 0xFFFF):
            yield saying(record(QNAME, rdatatype, LISTED, size=said))
        yield saying(ADDRESS + record(QNAME, rdatatype, QNAME), 1, 1)


def _odd_records(_: random.Random) -> Iterator[Reply]:
    """TTLs at their bounds, other classes, records in sections where they do not belong."""
    for ttl in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        yield saying(record(QNAME, 1, LISTED, ttl))
        soa = record(b"\0", 6, b"\0\0" + struct.pack("!5I", 1, 1, 1, 1, ttl), ttl)
        yield saying(soa, 0, 1)
        yield saying(soa, 0, 1, flags=0x8183)
    for rdclass in (0, 2, 3, 4, 254, 255, 0xFFFF):
        yield saying(record(QNAME, 1, LISTED, rdclass=rdclass))
        yield saying(record(QNAME, 1, LISTED, rdclass=rdclass) + ADDRESS, 2)
    elsewhere = record(b"\4bank\4test\0", 1, LISTED)
    for section in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        yield saying(elsewhere, *section)
    for owner in (b"\4test\0", b"\0", b"\3com\0"):
        yield saying(ADDRESS + record(owner, 2, b"\2ns\4evil\0") + elsewhere, 1, 1, 1)


def _opts(chosen: random.Random) -> Iterator[Reply]:
    """OPT records doubled, owned, in other sections, with options of any length."""
    empty = record(b"\0", 41, b"", 0, rdclass=1232)
    yield saying(ADDRESS + empty * 2, 1, 0, 2)
    yield saying(ADDRESS + empty * 3_000, 1, 0, 3_000)
    yield saying(ADDRESS + empty, 1, 1, 0)
    yield saying(ADDRESS + empty, 2)
    yield saying(ADDRESS + record(QNAME, 41, b"", 0), 1, 0, 1)
    for ttl in (0x01000000, 0xFF000000, 0x00FF0000, 0x00010000, 0xFFFF):
        yield saying(ADDRESS + record(b"\0", 41, b"", ttl), 1, 0, 1)
        yield saying(record(b"\0", 41, b"", ttl), 0, 0, 1)
    for code in (3, 8, 10, 11, 12, 15, 18, 65_001):
        for said, there in ((0, 0), (1, 1), (2, 2), (8, 8), (8, 7), (40, 40), (0xFFFF, 4)):
            option = struct.pack("!HH", code, said) + chosen.randbytes(there)
            for flags in (0x8180, 0x8182, 0x8185):
                answers = 1 if flags == 0x8180 else 0
                body = (ADDRESS if answers else b"") + record(b"\0", 41, option, 0)
                yield saying(body, answers, 0, 1, flags=flags)
        many = struct.pack("!HH", code, 0) * 15_000
        yield saying(ADDRESS + record(b"\0", 41, many, 0), 1, 0, 1)


def _mutations(chosen: random.Random) -> Iterator[Reply]:
    """A good response with a few octets changed, doubled or left out."""

    def mutate(seed: int) -> Reply:
        def reply(query: bytes) -> bytes:
            own = random.Random(seed)
            data = bytearray(_rich(query))
            for _ in range(own.randrange(1, 5)):
                place = own.randrange(2, len(data))
                if own.random() < 0.8:
                    data[place] = own.randrange(256)
                elif own.random() < 0.5:
                    del data[place]
                else:
                    data[place:place] = data[place : place + own.randrange(1, 40)]
            return bytes(data)

        return reply

    for _ in range(1_000):
        yield mutate(chosen.getrandbits(32))


ANSWERS: dict[str, Callable[[random.Random], Iterator[Reply]]] = {
    "no answers": _no_answers,
    "cut": _cut,
    "wrong counts": _wrong_counts,
    "pointers": _pointers,
    "bombs": _bombs,
    "aliases": _aliases,
    "RDATA": _rdata,
    "odd records": _odd_records,
    "OPT": _opts,
    "mutations": _mutations,
}
"""Every class by its name."""


def hostile_answers(kind: str, seed: int, most: int) -> list[Reply]:
    """Return the messages of a class, or a sample of so many."""
    chosen = random.Random(f"{seed} {kind}")
    found = list(ANSWERS[kind](chosen))
    return found if len(found) <= most else chosen.sample(found, most)
