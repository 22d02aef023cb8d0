"""Ways to ask for a listed name that a careless filter lets through, and what must come of each.

A cell is one query: a name in some form, and tricks with its type, class, flags and the rest of
the message. Written from the RFCs and the design, apart from dnsguard's code.
"""

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple

import dns.rdatatype

BLOCKED, PASS, SILENCE = "blocked", "pass", "silence"
FORMERR, NOTIMP, REFUSED, BADVERS = "FORMERR", "NOTIMP", "REFUSED", "BADVERS"

Labels = Sequence[bytes]


class Listed(NamedTuple):
    """A name on a list; `reach` is exact, below, or embedded: below and within other names."""

    labels: Labels
    reach: str


@dataclass
class Parts:
    """A query in parts, each of which a trick may change."""

    name: bytes
    qtype: int = dns.rdatatype.A
    qclass: int = 1
    flags: int = 0x0100
    questions: int = 1
    first_question: bytes = b""
    answer: bytes = b""
    authority: bytes = b""
    additional: bytes = b""
    opts: list[bytes] = field(default_factory=list)
    tail: bytes = b""

    def compose(self) -> bytes:
        """Return the message, its ID 0."""
        question = self.name + struct.pack("!HH", self.qtype, self.qclass)
        counts = (bool(self.answer), bool(self.authority), len(self.opts) + bool(self.additional))
        header = struct.pack("!HHHHHH", 0, self.flags, self.questions, *counts)
        asked = self.first_question + (question if self.questions else b"")
        additional = self.additional + b"".join(self.opts)
        return header + asked + self.answer + self.authority + additional + self.tail


class Form(NamedTuple):
    """One way to write a listed name, and what comes of it.

    `reach` is the least that the entry must have for this form of its name to be blocked.
    """

    name: str
    write: Callable[[Labels], bytes]
    outcome: str = BLOCKED
    reach: str = "below"

    def outcome_of(self, listed: Listed) -> str:
        """Return what comes of this form of a listed name."""
        reaches = ("exact", "below", "embedded")
        reached = reaches.index(listed.reach) >= reaches.index(self.reach)
        return self.outcome if reached or self.outcome != BLOCKED else PASS


class Trick(NamedTuple):
    """One change of a query; `outcome` is the error it leads to, empty when it must not matter."""

    name: str
    change: Callable[[Parts], None]
    outcome: str = ""


class Cell(NamedTuple):
    """A query, the name asked for, and what must come of it: one of these outcomes."""

    name: str
    parts: Parts
    outcomes: frozenset[str]
    listed: Listed


def wire(labels: Labels) -> bytes:
    """Return the wire form of a name."""
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def below(*labels: bytes) -> Callable[[Labels], bytes]:
    """Return how to write a name below a listed one."""
    return lambda listed: wire([*labels, *listed])


def of_size(size: int, label: bytes) -> Callable[[Labels], bytes]:
    """Return how to write a name of so many octets below a listed one, of labels like this."""

    def write(listed: Labels) -> bytes:
        labels = list(listed)
        while room := size - len(wire(labels)):
            taken = min(1 + len(label), room)
            if room - taken == 1:
                taken += 1 if taken < 64 else -1
            labels.insert(0, (label * 2)[: taken - 1])
        return wire(labels)

    return write


def _with_first(change: Callable[[bytes], bytes]) -> Callable[[Labels], bytes]:
    """Return how to write a listed name with another first label."""
    return lambda listed: wire([change(listed[0]), *listed[1:]])


def _upper(listed: Labels) -> bytes:
    return wire([label.upper() for label in listed])


def _mixed(listed: Labels) -> bytes:
    return wire([label[:1].upper() + label[1:-1] + label[-1:].upper() for label in listed])


FORMS = [
    Form("as listed", wire, reach="exact"),
    Form("upper case", _upper, reach="exact"),
    Form("mixed case", _mixed, reach="exact"),
    Form("www", below(b"www")),
    Form("WWW", lambda listed: b"\3WWW" + _upper(listed)),
    Form("service labels", below(b"_8443", b"_https", b"api")),
    Form("wildcard", below(b"*")),
    Form("dot within a label", below(b"www.cdn")),
    Form("dot at the end of a label", below(b"www.")),
    Form("label that is a dot", below(b".")),
    Form("dot escaped", below(rb"www\046")),
    Form("NUL octet", below(b"\0")),
    Form("NUL octets within a label", below(b"a\0\0b")),
    Form("0xff octets", below(b"\xff" * 9)),
    Form("0x80 to 0x9f", below(bytes(range(0x80, 0xA0)))),
    Form("label like a pointer", below(b"\xc0\x0c")),
    Form("octets 32 from others", below(b"@[`{\x00\x20\x5b\x7b")),
    Form("line feed and escape", below(b"a\n\x1b[2J")),
    Form("markup", below(b"<script>", b'"%0a')),
    Form("right to left", below("\u202emoc.elpmaxe".encode())),
    Form("punycode", below(b"XN--BCHER-KVA")),
    Form("longest label", below(b"x" * 63)),
    Form("127 labels", of_size(255, b"a")),
    Form("63-octet labels", of_size(255, b"b" * 63)),
    Form("NUL octets to the limit", of_size(255, b"\0\0")),
    Form("listed name twice", lambda listed: wire([*listed, *listed])),
    Form("within a CDN's name", lambda n: wire([*n, b"edgekey", b"example"]), reach="embedded"),
    Form("search suffix", lambda n: wire([b"www", *n, b"CITY", b"example"]), reach="embedded"),
    # Other names, whatever they look like as text; nobody can register most of them.
    Form("dot in place of a cut", lambda n: wire([b".".join(n[:2]), *n[2:]]), PASS),
    Form("one label", lambda n: wire([b".".join(n)]), PASS),
    Form("NUL octet behind", _with_first(lambda label: label + b"\0"), PASS),
    Form("dot behind", lambda n: wire([*n[:-1], n[-1] + b"."]), PASS),
    Form("something before", _with_first(lambda label: b"not" + label), PASS),
    Form("parent", lambda n: wire([b"parent", *n[1:]]), PASS),
    Form("pointer behind a label", lambda n: wire(n[:1])[:-1] + b"\xc0\x0c", FORMERR),
    Form("pointer alone", lambda n: b"\xc0\x0c", FORMERR),
    Form("pointer to a later place", lambda n: b"\xc0\x14" + wire(n), FORMERR),
    Form("label type 01", lambda n: b"\x41\x01" + wire(n), FORMERR),
    Form("label type 10", lambda n: b"\x81\x01" + wire(n), FORMERR),
    Form("256 octets", of_size(256, b"c" * 63), FORMERR),
    Form("no end", lambda n: wire(n)[:-1] + b"\x3f", FORMERR),
]  # fmt: skip


def _setting(name: str, value: object, outcome: str = "", *, label: str = "") -> Trick:
    def change(parts: Parts) -> None:
        setattr(parts, name, value)

    return Trick(label or f"{name} {value!r}", change, outcome)


_ORDINARY_TYPES = (
    "A AAAA HTTPS SVCB ANY CNAME DNAME PTR NS SOA MX TXT SRV NAPTR CAA NULL HINFO LOC "
    "RRSIG DS DNSKEY NSEC NSEC3 NSEC3PARAM CDS TLSA SSHFP URI TYPE31337 TYPE65280 TYPE65535"
)
TYPES = [
    *(_setting("qtype", int(dns.rdatatype.from_text(t)), label=t) for t in _ORDINARY_TYPES.split()),
    *(
        _setting("qtype", int(dns.rdatatype.from_text(t)), REFUSED, label=t)
        for t in ["AXFR", "IXFR", "MAILA", "MAILB", "TKEY", "TSIG"]
    ),
    *(_setting("qtype", t, FORMERR, label=f"TYPE{t}") for t in (0, dns.rdatatype.OPT)),
]
CLASSES = [
    _setting("qclass", number, REFUSED, label=f"class {number}")
    for number in (0, 2, 3, 4, 5, 254, 255, 256, 65280, 65535)
]


def _toggle(bits: int, name: str, outcome: str = "") -> Trick:
    def change(parts: Parts) -> None:
        parts.flags ^= bits

    return Trick(name, change, outcome)


FLAGS = [
    _toggle(0x0100, "RD=0"),
    _toggle(0x0400, "AA=1"),
    _toggle(0x0200, "TC=1"),
    _toggle(0x0080, "RA=1"),
    _toggle(0x0040, "Z=1"),
    _toggle(0x0020, "AD=1"),
    _toggle(0x0010, "CD=1"),
    _toggle(0x0030, "AD=1 CD=1"),
    _toggle(0x06F0, "all flags but RD"),
    _toggle(0x07F0, "all flags, RD=0"),
    _toggle(0x0005, "an rcode"),
    _toggle(0x8000, "QR=1", SILENCE),
]
OPCODES = [_toggle(number << 11, f"opcode {number}", NOTIMP) for number in range(1, 16)]


def _option(code: int, data: bytes) -> bytes:
    return struct.pack("!HH", code, len(data)) + data


def _opt(options: bytes = b"", *, size: int = 1232, flags: int = 0, owner: bytes = b"\0") -> bytes:
    return owner + struct.pack("!HHIH", dns.rdatatype.OPT, size, flags, len(options)) + options


def _edns(name: str, *opts: bytes, outcome: str = "") -> Trick:
    return Trick(name, lambda parts: parts.opts.extend(opts), outcome)


def _subnet(family: int, prefix: int, address: bytes, scope: int = 0) -> bytes:
    return _option(8, struct.pack("!HBB", family, prefix, scope) + address)


_UNREGISTERED = ip_address("127.0.0.4").packed
_DO = 0x8000
EDNS = [
    _edns("EDNS", _opt()),
    _edns("DO", _opt(flags=_DO)),
    _edns("all flags of EDNS", _opt(flags=0xFFFF)),
    _edns("an extended rcode", _opt(flags=0x17000000)),
    *(_edns(f"payload {size}", _opt(size=size)) for size in (0, 100, 511, 512, 4096, 65_535)),
    _edns("version 1", _opt(flags=0x010000), outcome=BADVERS),
    _edns("version 255, DO", _opt(flags=0xFF0000 | _DO), outcome=BADVERS),
    _edns("two OPT", _opt(), _opt(), outcome=FORMERR),
    _edns("two OPT, one with an identity", _opt(), _opt(_option(65001, b"x")), outcome=FORMERR),
    _edns("OPT of another owner", _opt(owner=b"\3www\0"), outcome=FORMERR),
    _edns("option cut off", _opt(b"\xfd\xe9\x00\x09short"), outcome=FORMERR),
    *(
        _edns(f"identity in option {code}", _opt(_option(code, _UNREGISTERED)))
        for code in (65001, 65002, 65073, 65534, 20292, 26946)
    ),
    _edns("text X-Forwarded-For", _opt(_option(65001, b"X-Forwarded-For: 127.0.0.4"))),
    _edns("subnet of another client", _opt(_subnet(1, 32, _UNREGISTERED))),
    _edns("IPv6 subnet", _opt(_subnet(2, 56, ip_address("2001:db8:99::").packed[:7]))),
    _edns("subnet of no address", _opt(_subnet(1, 0, b""))),
    _edns("subnet of no family", _opt(_subnet(9, 24, b"\x7f\0\0")), outcome=FORMERR),
    _edns("subnet too long", _opt(_subnet(1, 33, _UNREGISTERED + b"\0")), outcome=FORMERR),
    _edns("subnet with a scope", _opt(_subnet(1, 24, b"\x7f\0\0", 24)), outcome=FORMERR),
    _edns("client cookie", _opt(_option(10, b"abcdefgh"))),
    _edns("foreign server cookie", _opt(_option(10, b"abcdefgh" + bytes(16)))),
    *(
        _edns(f"cookie of {size} octets", _opt(_option(10, bytes(size))), outcome=FORMERR)
        for size in (0, 7, 9, 15, 41)
    ),
    _edns("NSID", _opt(_option(3, b""))),
    _edns("padding", _opt(_option(12, bytes(128)))),
    _edns("chain query", _opt(_option(13, b"\x03org\0"))),
    _edns("understood algorithms", _opt(_option(5, b"\x08\x0d"))),
    _edns("EDE in a query", _opt(_option(15, b"\0\x0f"))),
    _edns("hundred options", _opt(_option(65300, b"") * 100)),
]


def _record(name: bytes, rdatatype: int, rdata: bytes, rdataclass: int = 1) -> bytes:
    return name + struct.pack("!HHIH", rdatatype, rdataclass, 60, len(rdata)) + rdata


def _questions(count: int, first: bytes = b"") -> Trick:
    def change(parts: Parts) -> None:
        parts.questions = count
        parts.first_question = first

    return Trick(f"QDCOUNT {count}{', listed name second' if first else ''}", change, FORMERR)


def _another_question(parts: Parts) -> None:
    parts.questions = 2
    parts.tail = ALLOWED + b"\0\1\0\1"


ALLOWED = wire([b"allowed", b"example", b"net"])
_A = _record(ALLOWED, dns.rdatatype.A, _UNREGISTERED)
_TSIG = _record(
    b"\3key\0",
    dns.rdatatype.TSIG,
    wire([b"hmac-sha256"]) + bytes(6) + b"\1\x2c" + b"\0\x20" + bytes(32) + bytes(6),
    255,
)
MESSAGES = [
    _questions(0),
    _questions(2, ALLOWED + b"\0\1\0\1"),
    _questions(65_535),
    Trick("QDCOUNT 2, listed name first", _another_question, FORMERR),
    _setting("answer", _A, FORMERR, label="answer record"),
    _setting("authority", _A, FORMERR, label="authority record"),
    _setting("answer", _opt(), FORMERR, label="OPT as answer record"),
    _setting("additional", _A, label="additional record"),
    _setting("additional", _record(b"\0", 65280, b"\0\x0c\xc0\x0c"), label="unknown record"),
    _setting("additional", _record(ALLOWED, 1, b"\0\0\0\0")[:-1], FORMERR, label="record cut off"),
    _setting("tail", b"\0", FORMERR, label="an octet behind"),
    _setting("tail", ALLOWED + b"\0\1\0\1", FORMERR, label="a question behind"),
]

KINDS = (TYPES, CLASSES, FLAGS, OPCODES, EDNS, MESSAGES)


def single(listed: Sequence[Listed], chance: random.Random) -> Iterator[Cell]:
    """Give each form with a plain query, and each trick with a plain form."""
    for form in FORMS:
        yield _cell(chance.choice(listed), form, [])
    for kind in KINDS:
        for trick in kind:
            yield _cell(chance.choice(listed), FORMS[chance.randrange(3)], [trick])


def mixed(listed: Sequence[Listed], chance: random.Random) -> Iterator[Cell]:
    """Give forms with tricks of all kinds at once, without end; few of them errors."""
    harmless = [[trick for trick in kind if not trick.outcome] for kind in KINDS]
    while True:
        tricks = []
        for kind, without_error in zip(KINDS, harmless, strict=True):
            choices = kind if chance.random() < 0.05 else without_error
            if choices and chance.random() < 0.6:
                tricks.append(chance.choice(choices))
        yield _cell(chance.choice(listed), chance.choice(FORMS), tricks)


def _cell(listed: Listed, form: Form, tricks: Sequence[Trick]) -> Cell:
    parts = Parts(form.write(listed.labels))
    for trick in tricks:
        trick.change(parts)
    outcome = form.outcome_of(listed)
    errors = {outcome, *(trick.outcome for trick in tricks)} - {BLOCKED, PASS, ""}
    if SILENCE in errors:
        errors = {SILENCE}
    name = ", ".join([form.name, *(trick.name for trick in tricks)])
    return Cell(name, parts, frozenset(errors or {outcome}), listed)
