"""Messages at random, most of them nearly valid: what stubs ask and what upstreams say."""

import struct
from ipaddress import ip_address
from random import Random

from dnsguard.core.cookies import Cookies
from dnsguard.core.names import from_text
from dnsguard.core.wire import parse_query
from tests.compiled.setups import WALL
from tests.support.generations import SECRETS
from tests.support.strategies import option, with_options

_NAMES = [
    from_text(name)
    for name in (
        *("tiktok.com", "www.tiktok.com", "help.tiktok.com", "ads.tiktok.com", "free.tiktok.com"),
        *(
            "a.b.c.tiktok.com",
            "tiktok.com.cdn.example.com",
            "x.tiktok.com.cdn.example.com",
            "city.tiktok.com",
        ),
        *("www.example.org", "www.example.net", "cdn.example.com", "city.example", "a.example.com")
        * 3,
        *(
            "exact.example.com",
            "below.exact.example.com",
            "below.example.com",
            "a.below.example.com",
            "own.example.com",
            "ok.example.com",
        ),
        *("x.deep.in.example.test", "example.net", "www.example.net", "example.org"),
        *(
            "printer.example.org",
            "alias.example.org",
            "www.example.org",
            "corp.example.com",
            "local",
        ),
        *("a.corp.example.com", "b.local", "localhost", "a.invalid", "8.8.8.8.in-addr.arpa"),
        *("1.0.0.10.in-addr.arpa", "home.arpa", "resolver.arpa", "_dns.resolver.arpa", "x.onion"),
        *("use-application-dns.net", "mask.icloud.com", "tiktok.com.multi.surbl.org", "com"),
    )
] + [
    b"\0",
    b"\x01*\x07example\x03net\0",
    b"\x03\0\xff.\x04TEST\0",
    b"\x3f" + b"L" * 63 + b"\x03COM\0",
]
_LONGEST = (b"\x3f" + b"x" * 63) * 3 + b"\x3d" + b"y" * 61 + b"\0"
_TYPES = [1] * 20 + [28] * 6 + [65, 65, 64, 16, 15, 33, 5, 6, 2, 12, 35, 39, 46, 99, 255]
_META_TYPES = [0, 41, 249, 252, 253]
_TYPES_OF_RECORDS = [1, 1, 28, 5, 15, 16, 33, 35, 39, 46, 47, 64, 65, 2, 6, 12, 41]
_TTLS = [0, 1, 30, 299, 301, 86_400, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
_TARGETS = [b"\xc0\x0c", b"\x01a\xc0\x0c", b"\x03www\x07example\x03net\0", b"\xc0\x0d", b"\0"]
_IPV6 = [
    ip_address(address).packed
    for address in ("2001:db8::", "2001:db8::1", "::ffff:10.0.0.1", "64:ff9b::c000:201", "fd00::1")
]
_SERVICES = [
    b"\0\1\0" + b"\0\1\0\3\2h2",  # ServiceMode, alpn
    b"\0\0\3www\6tiktok\3com\0",  # AliasMode
    b"\0\1\0" + b"\0\4\0\4\xc0\0\2\1" + b"\0\5\0\4ECHx",  # a hint and a key
    b"\0\1\1a\7example\0" + b"\0\0\0\4\0\1\0\5" + b"\0\1\0\3\2h2" + b"\0\5\0\4ECHx",
    b"\0\1\0" + b"\0\6\0\x10" + ip_address("fd00::1").packed,
    b"\0\1\0" + b"\0\4\0\3\xc0\0\2",  # malformed
]
_CLIENT_COOKIE = b"\x24\x64\xc4\xab\xcf\x10\xc9\x57"


def _cookie(secret: str, address: str, made: float) -> bytes:
    """Return a cookie as a server with that secret made it then."""
    cookies = Cookies([bytes.fromhex(secret)])
    cookies.set_clock(made, 0.0)
    query = parse_query(with_options(option(10, _CLIENT_COOKIE)))
    assert query is not None
    return cookies.respond(query, ip_address(address).packed, 0.0)


_COOKIES = [
    _cookie(secret, address, WALL - age)
    for secret in SECRETS
    for address in ("10.20.0.7", "10.20.0.9", "2001:db8:20::1")
    for age in (0, 1799, 3000, -310)
]
_OPTIONS = [
    *[option(10, _CLIENT_COOKIE)] * 20,
    *_COOKIES,
    *[option(8, b"\0\1\0\0")] * 8,
    *[option(11, b"")] * 8,
    *[option(12, bytes(16))] * 8,
    *[option(8, b"\0\1\x18\0\xc0\0\2"), option(8, b"\0\2\x34\0\x20\1\x0d\xb8\0\0\x10")],
    *[option(8, b"\0\1\x17\0\xc0\0\3"), option(8, b"\0\1\x21\0\xc0\0\2\0\0"), option(8, b"\0")],
    *[option(3, b""), option(10, b"abcdefghi"), option(11, b"\0\x64")],
    b"\x00\x0c\x00\x01",
]


def name(random: Random) -> bytes:
    """Return a name in wire form, of letters in any case."""
    chosen = random.choice(_NAMES) if random.random() < 0.97 else _LONGEST
    if random.random() < 0.3:
        label = random.randbytes(random.choice((1, 1, 2, 8, 63)))
        chosen = bytes([len(label)]) + label + chosen
    return mixed_case(random, chosen) if random.random() < 0.3 else chosen


def mixed_case(random: Random, original: bytes) -> bytes:
    """Return a name with some letters in the other case."""
    return bytes(
        octet ^ 0x20 if 0x41 <= octet & 0xDF <= 0x5A and random.random() < 0.5 else octet
        for octet in original
    )


def question(random: Random) -> bytes:
    """Return a name, a type and a class."""
    kind = random.random()
    rdatatype = random.choice(_TYPES if kind < 0.98 else _META_TYPES)
    if kind > 0.99:
        rdatatype = random.randrange(1 << 16)
    rdataclass = 1 if random.random() < 0.97 else random.choice((0, 3, 255))
    return name(random) + struct.pack("!HH", rdatatype, rdataclass)


def query(random: Random, asked: bytes) -> bytes:
    """Return a query that asks a question, now and then none, one in six with something wrong."""
    if random.random() < 0.2:
        asked = mixed_case(random, asked[:-4]) + asked[-4:]
    flags = random.choice((0x0100,) * 32 + (0x0120,) * 8 + (0x0110,) * 8 + (0, 0x2000, 0x8180))
    opt = _opt(random)
    if random.random() < 0.02:
        asked = b""
    counts = (len(asked) > 0, 0, 0, len(opt) > 0)
    header = struct.pack("!HHHHHH", random.randrange(1 << 16), flags, *counts)
    return _damaged(random, header + asked + opt)


def _opt(random: Random) -> bytes:
    if random.random() < 0.4:
        return b""
    size = random.choice((0, 512, 1232, 1232, 4096, 65_535))
    dnssec = random.choice((0, 0, 0x8000))
    version = 0 if random.random() < 0.97 else 1
    options = b"".join(random.choices(_OPTIONS, k=random.choice((0, 0, 1, 1, 2, 3))))
    fixed = struct.pack("!BHHBBHH", 0, 41, size, 0, version, dnssec, len(options))
    return fixed + options


def response(random: Random) -> tuple[bytes, bytes]:
    """Return what stands before the question of a response (but the ID) and behind it."""
    flags = random.choice((0x8180,) * 8 + (0x81A0, 0x8183, 0x8183, 0x8380, 0x8182, 0x8185))
    make = random.choice((_chain, _chain, _negative, _jumble))
    sections = make(random)
    if random.random() < 0.5:
        sections[2].append(struct.pack("!BHHBBHH", 0, 41, 1232, 0, 0, 0x8000, 0))
    header = struct.pack("!HHHHH", flags, 1, *map(len, sections))
    records = b"".join(record for section in sections for record in section)
    whole = _damaged(random, header + records)
    return whole[:10].ljust(10, b"\0"), whole[10:]


def _chain(random: Random) -> list[list[bytes]]:
    """Aliases from the queried name, and records of one type at their end."""
    owner = b"\xc0\x0c"
    answers = []
    for _ in range(random.choice((0, 0, 0, 1, 2, 3, 17))):
        target = random.choice((*_NAMES, b"\x01a" + owner))
        answers.append(_record(random, owner, 5, target))
        owner = mixed_case(random, target) if random.random() < 0.1 else target
    rdatatype = random.choice((1,) * 9 + (28, 28, 65, 16, 15, 33))
    answers += [_record(random, owner, rdatatype) for _ in range(random.choice((1, 1, 2, 4, 40)))]
    if random.random() < 0.2:
        random.shuffle(answers)
    return [answers, [], []]


def _negative(random: Random) -> list[list[bytes]]:
    return [[], [_soa(random.choice((b"\xc0\x0c", b"\0", random.choice(_NAMES))))], []]


def _jumble(random: Random) -> list[list[bytes]]:
    def record() -> bytes:
        owner = random.choice((b"\xc0\x0c", b"\xc0\x0c", *_TARGETS, random.choice(_NAMES)))
        return _record(random, owner, random.choice(_TYPES_OF_RECORDS))

    return [[record() for _ in range(random.choice(most))] for most in ((1, 2, 9), (0, 1), (0, 1))]


def _record(random: Random, owner: bytes, rdatatype: int, target: bytes | None = None) -> bytes:
    ttl = 300 if random.random() < 0.7 else random.choice(_TTLS)
    if target is None:
        target = random.choice(_TARGETS)
    rdata = {
        1: b"\xc0\x00\x02" + random.randbytes(1),
        28: random.choice(_IPV6),
        64: random.choice(_SERVICES),
        15: b"\x00\x0a" + target,
        33: bytes(6) + target,
        35: bytes(4) + b"\x01s\x00\x00" + target,
        16: b"\x05hello",
        65: random.choice(_SERVICES),
        46: bytes(18) + b"\0" + bytes(8),
        47: b"\0\x00\x01\x40",
        6: target + target + bytes(20),
    }.get(rdatatype, target)
    return owner + struct.pack("!HHIH", rdatatype, 1, ttl, len(rdata)) + rdata


def _soa(owner: bytes) -> bytes:
    rdata = b"\x02ns" + owner + b"\xc0\x0c" + struct.pack("!IIIII", 1, 3600, 600, 86_400, 60)
    return owner + struct.pack("!HHIH", 6, 1, 900, len(rdata)) + rdata


def _damaged(random: Random, message: bytes) -> bytes:
    """Return a message as it is, or with octets changed, cut off, added, or all at random."""
    kind = random.random()
    if kind < 0.85:
        return message
    if kind < 0.95:
        changed = bytearray(message)
        for _ in range(random.choice((1, 1, 2, 4))):
            changed[random.randrange(len(changed))] = random.choice((0, 1, 63, 64, 192, 255, 12))
        return bytes(changed)
    if kind < 0.97:
        return message[: random.randrange(len(message))]
    if kind < 0.99:
        return message + random.randbytes(random.randrange(1, 20))
    return random.randbytes(random.randrange(600))
