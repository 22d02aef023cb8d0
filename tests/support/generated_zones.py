"""Zones made at random, with what is odd in real ones, and questions about them.

A zone is made of plots, each with names below it of one kind: hosts, wildcards, chains of
aliases and so on. A plot says what to ask: what there is, what there is not, and what is
beside it.
"""

from collections.abc import Callable, Sequence
from random import Random

from dnsguard.core import names
from tests.support.verdicts import Question

HEAD = """\
@ 600 IN SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 300
@ 600 IN NS ns.example.net.
"""

TYPES = (
    *("A", "AAAA", "MX", "TXT", "SRV", "CAA", "TLSA", "HTTPS", "SVCB", "NAPTR", "PTR"),
    *("TYPE65280", "LOC", "SSHFP", "HINFO", "RP"),
)
WORDS = ("www", "mail", "api", "cdn", "a", "b-1", "_tcp", "x" * 30, "xn--bcher-kva", "0")
ODD = (
    b"\x00",
    b"x" * 63,
    b"\xff\xfe",
    b"a.b",
    b"two words",
    b"\\",
    b'"',
    b"@",
    b"*a",
    b";",
    b"$",
    b"\xc3\xa9",
)
TTLS = (0, 1, 30, 300, 86_400, 604_800)
MAX_CHAIN = 8


class Plots:
    """The records and questions of one zone so far; names are wire names, `ask` counts them."""

    def __init__(self, chosen: Random, apex: str) -> None:
        self.lines: list[str] = [HEAD]
        self.questions: list[Question] = []
        self.chosen = chosen
        self.apex = names.from_text(apex)
        self._number = 0

    @property
    def text(self) -> str:
        """The zone as a master file."""
        return "".join(self.lines)

    def label(self) -> bytes:
        """Return a label that no other name of the zone has."""
        self._number += 1
        return b"%b%d" % (self.chosen.choice(WORDS).encode(), self._number)

    def name(self, *labels: bytes, below: bytes = b"") -> bytes:
        """Return the name of some labels, below another one or the apex."""
        return b"".join(bytes([len(label)]) + label for label in labels) + (below or self.apex)

    def add(self, owner: bytes, rdatatype: str, *rdata: str) -> None:
        """Add the records of one type of a name."""
        ttl = self.chosen.choice(TTLS)
        self.lines += [f"{write_name(owner)} {ttl} IN {rdatatype} {data}\n" for data in rdata]

    def ask(self, name: bytes, *rdatatypes: str) -> None:
        """Ask for these types of a name, now and then in other letter case."""
        if len(name) > names.MAX_NAME:
            return
        if self.chosen.random() < 0.3:
            name = bytes(octet ^ 0x20 if 0x61 <= octet <= 0x7A else octet for octet in name)
        self.questions += [Question(name, rdatatype) for rdatatype in rdatatypes]

    def ask_perhaps(self, name: bytes) -> None:
        """Ask for a type that the name may not have, of one in four names."""
        if self.chosen.random() < 0.25:
            self.ask(name, self.any_type())

    def host(self, owner: bytes) -> Sequence[str]:
        """Give a name records of some types; return the types."""
        rdatatypes = self.chosen.sample(TYPES, self.chosen.randint(1, 3))
        for rdatatype in rdatatypes:
            count = self.chosen.choice((1, 1, 1, 2, 4))
            rdata = {make_rdata(self.chosen, rdatatype) for _ in range(count)}
            self.add(owner, rdatatype, *sorted(rdata))
        return rdatatypes

    def any_type(self) -> str:
        """Return some type, which a name may have or not."""
        return self.chosen.choice((*TYPES, "NS", "SOA", "CNAME", "DNAME", "DS", "TYPE731"))


def hosts(plots: Plots) -> None:
    name = plots.name(plots.label())
    plots.ask(name, plots.chosen.choice(plots.host(name)))
    plots.ask_perhaps(name)


def odd_hosts(plots: Plots) -> None:
    name = plots.name(plots.chosen.choice(ODD), plots.label())
    plots.ask(name, *plots.host(name))
    plots.ask_perhaps(name)


def deep_hosts(plots: Plots) -> None:
    labels = [plots.label() for _ in range(plots.chosen.randint(2, 5))]
    name = plots.name(*labels)
    plots.ask(name, plots.chosen.choice(plots.host(name)))
    for above in range(1, len(labels)):
        plots.ask(plots.name(*labels[above:]), plots.any_type())  # an empty non-terminal
    plots.ask(plots.name(b"none", *labels), plots.any_type())


def wildcards(plots: Plots) -> None:
    above = plots.label()
    there = plots.host(plots.name(b"*", above))
    plots.host(plots.name(b"here", above))
    for labels in ((b"x",), (b"x", b"y"), (b"*",), (b"below", b"here"), (b"z", b"*")):
        plots.ask(plots.name(*labels, above), plots.chosen.choice(there))
        plots.ask_perhaps(plots.name(*labels, above))
    plots.ask(plots.name(b"here", above), plots.any_type())
    plots.ask(plots.name(above), plots.any_type())


def chains(plots: Plots) -> None:
    last = plots.label()
    links = [plots.name(b"%d" % link, last) for link in range(plots.chosen.randint(1, MAX_CHAIN))]
    end = plots.name(last)
    there: Sequence[str] = ("A",)
    match plots.chosen.randrange(4):
        case 0:
            end = plots.name(last, below=names.from_text("elsewhere.example"))
        case 1:
            end = plots.name(b"none", last)
        case _:
            there = plots.host(end)
    for alias, target in zip(links, [*links[1:], end], strict=True):
        plots.add(alias, "CNAME", write_name(target))
    plots.ask(links[0], plots.chosen.choice(there))
    plots.ask(plots.chosen.choice(links), plots.chosen.choice(("CNAME", *there)))
    plots.ask_perhaps(links[-1])
    plots.ask(plots.name(b"below", below=links[0]), plots.any_type())


def redirections(plots: Plots) -> None:
    old, new = plots.label()[-20:], b"%b%b" % (b"n" * 40, plots.label()[-20:])
    plots.add(plots.name(old), "DNAME", write_name(plots.name(new)))
    there = plots.host(plots.name(b"host", new))
    plots.add(plots.name(b"alias", new), "CNAME", write_name(plots.name(b"host", old)))
    for first in (b"host", b"alias", b"none"):
        plots.ask(plots.name(first, old), plots.chosen.choice(there))
    plots.ask(plots.name(old), "DNAME", plots.any_type())
    # What the alias of this one would be is longer than a name may be.
    plots.ask(plots.name(*[b"l" * 60] * 3, old), "A")


def missing(plots: Plots) -> None:
    for _ in range(4):
        plots.ask(plots.name(plots.label()), plots.any_type())
        plots.ask(plots.name(plots.chosen.choice(ODD), plots.label()), plots.any_type())


def large(plots: Plots) -> None:
    name = plots.name(plots.label())
    count = plots.chosen.randint(8, 90)
    plots.add(name, "A", *(f"198.51.100.{octet}" for octet in range(count)))
    text = " ".join(['"' + "t" * plots.chosen.randint(100, 255) + '"'] * plots.chosen.randint(2, 9))
    plots.add(name, "TXT", text)
    plots.ask(name, "A", "TXT")


_KINDS: Sequence[tuple[Callable[[Plots], None], int]] = (
    (hosts, 40),
    (odd_hosts, 8),
    (deep_hosts, 8),
    (wildcards, 6),
    (chains, 12),
    (redirections, 3),
    (missing, 4),
    (large, 1),
)


def generate_zone(chosen: Random, apex: str, size: int) -> Plots:
    """Return a zone, with questions about so many names at least."""
    plots = Plots(chosen, apex)
    plots.ask(plots.apex, "SOA", "NS", "A")
    kinds, weights = zip(*_KINDS, strict=True)
    asked: set[bytes] = set()
    seen = 0
    while len(asked) < size:
        (kind,) = chosen.choices(kinds, weights)
        kind(plots)
        asked |= {question.name.lower() for question in plots.questions[seen:]}
        seen = len(plots.questions)
    return plots


def host_names(chosen: Random, listed: Sequence[bytes]) -> Plots:
    """Return a root zone in which most of the names given are hosts."""
    plots = Plots(chosen, ".")
    for name in listed:
        there = plots.host(name) if chosen.random() < 0.7 else ()
        plots.ask(name, *there[:1], *(() if there else (plots.any_type(),)))
    return plots


def write_name(name: bytes) -> str:
    """Return a wire name as a master file has it."""
    return f"{names.to_text(name)}."


def make_rdata(chosen: Random, rdatatype: str) -> str:
    """Return the RDATA of a record, as a master file has it."""
    number = chosen.randrange(1, 250)
    host = chosen.choice(("host.example.net.", "MAIL.Example.ORG.", f"h{number}.example.com."))
    return _RDATA[rdatatype](number, host)


_RDATA: dict[str, Callable[[int, str], str]] = {
    "A": lambda number, _: f"192.0.2.{number}",
    "AAAA": lambda number, _: f"2001:db8::{number:x}",
    "MX": lambda number, host: f"{number} {host}",
    "TXT": lambda number, _: f'"text {number}" "" "{"y" * number}"',
    "SRV": lambda number, host: f"{number} 1 443 {host}",
    "CAA": lambda number, _: f'0 issue "ca{number}.example.net"',
    "TLSA": lambda number, _: f"3 1 1 {number:064x}",
    "HTTPS": lambda number, host: f"{number} {host} alpn=h2,h3 ipv4hint=192.0.2.{number}",
    "SVCB": lambda number, host: f"{number} {host} port=853 ipv6hint=2001:db8::{number:x}",
    "NAPTR": lambda number, host: f'{number} 10 "s" "SIP+D2U" "" {host}',
    "PTR": lambda _, host: host,
    "TYPE65280": lambda number, _: f"\\# 4 c00c{number:04x}",
    "LOC": lambda number, _: f"47 59 {number % 60} N 1 42 0 E {number}m",
    "SSHFP": lambda number, _: f"4 2 {number:064x}",
    "HINFO": lambda number, _: f'"CPU {number}" "OS"',
    "RP": lambda _, host: f"{host} {host}",
}
