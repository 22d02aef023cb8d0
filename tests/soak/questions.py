"""What the clients of the soak ask: many kinds of questions, drawn at random from a seed."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from dns.rdatatype import AAAA, AXFR, HTTPS, TXT, A, RdataType

from tests.soak import truth
from tests.soak.truth import NOERROR, NXDOMAIN, Record, Told
from tests.standards import wire
from tests.support.list_server import marker

REGISTERED = ("127.0.0.2", "127.0.0.3")
UNREGISTERED = ("127.0.0.4", "127.0.0.5")
STRANGER = "127.0.0.9"
"""A client that may not ask at all."""
CLIENTS = (*REGISTERED, *UNREGISTERED, STRANGER)
VERSIONS = 8
"""How many versions of the fetched list there are; they come round again."""
COMMON_NAMES = 10
"""How many of the names that every version holds are asked for."""
LOCAL = "printer.city.internal"
LOCAL_ADDRESS = "10.0.0.9"
COOKIE = b"soaking!"


class Question(NamedTuple):
    """One query: who asks what, and how; `odd` is the number of one of `ODD`, or -1."""

    kind: str
    name: str
    rdatatype: RdataType
    client: str
    transport: str = "udp"
    edns: bool = True
    dnssec: bool = False
    cookie: bool = False
    odd: int = -1

    @property
    def registered(self) -> bool:
        """Whether it comes from a device that the policies are for."""
        return self.client in REGISTERED

    @property
    def needs_upstream(self) -> bool:
        """Whether the answer may have to come from an upstream."""
        return KINDS[self.kind].forwarded and self.client != STRANGER

    def told(self, now: float = 0.0) -> Told:
        """Return the answer where no policy is in the way."""
        if self.kind == "local":
            return Told(NOERROR, (Record(LOCAL, 300, A, ip_address(LOCAL_ADDRESS).packed),))
        if self.kind == "special":
            return Told(NXDOMAIN)
        return truth.tell(self.name, self.rdatatype, now)


@dataclass(frozen=True)
class Kind:
    """How often questions of a kind come, out of the sum of all weights, and for what names."""

    weight: int
    name: Callable[[random.Random], str]
    types: tuple[RdataType, ...] = (A,)
    forwarded: bool = True


class Odd(NamedTuple):
    """A message that is not an everyday query, and how it is answered."""

    message: bytes
    outcome: str


_NAME = "c1.cached.example"
_BLOCKED = "b1.blocked.example"
ODD = (
    Odd(wire.message(wire.question(_NAME), opcode=2), "NOTIMP"),
    Odd(wire.message(wire.question(_NAME), opcode=5), "NOTIMP"),
    Odd(wire.message(wire.question(_NAME), wire.question(_BLOCKED)), "FORMERR"),
    Odd(wire.message(), "FORMERR"),
    Odd(wire.message(b"\x40abc\0\0\1\0\1"), "FORMERR"),
    Odd(wire.message(b"\xc0\x0c\0\1\0\1"), "FORMERR"),
    Odd(wire.message(wire.question(_NAME), additional=(wire.opt(version=1),)), "BADVERS"),
    Odd(wire.message(wire.question(_NAME), additional=(wire.opt(), wire.opt())), "FORMERR"),
    Odd(wire.query(_NAME, 1, wire.option(10, b"short")), "FORMERR"),
    Odd(wire.message(wire.question(_NAME, qclass=3)), "REFUSED"),
    Odd(wire.query(_NAME, AXFR), "REFUSED"),
    Odd(wire.query(_NAME, flags=0), "REFUSED"),
    Odd(wire.query(_NAME)[:-3], "FORMERR"),
)


def _numbered(letter: str, zone: str, count: int) -> Callable[[random.Random], str]:
    return lambda chance: f"{letter}{chance.randrange(count)}.{zone}.example"


def _listed(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return f"name{chance.randrange(COMMON_NAMES)}.listed.example"
    return marker(chance.randrange(VERSIONS))


KINDS = {
    "cached": Kind(30, _numbered("c", "cached", 200), (A, A, AAAA, TXT, HTTPS)),
    "short": Kind(10, _numbered("s", "short", 60), (A, AAAA)),
    "fresh": Kind(14, _numbered("f", "fresh", 1 << 48)),
    "moving": Kind(6, _numbered("m", "moving", 20), (TXT,)),
    "missing": Kind(5, _numbered("n", "missing", 500), (A, AAAA)),
    "big": Kind(2, _numbered("l", "big", 10), (TXT,)),
    "blocked": Kind(10, _numbered("b", "blocked", 100), (A, A, AAAA, TXT, HTTPS)),
    "alias": Kind(5, _numbered("a", "alias", 50), (A, AAAA)),
    "hosted": Kind(5, _numbered("h", "hosted", 50)),
    "toggled": Kind(8, _numbered("t", "toggled", 30), (A, AAAA)),
    "listed": Kind(8, _listed, (A, AAAA)),
    "local": Kind(2, lambda _: LOCAL, forwarded=False),
    "special": Kind(2, lambda chance: f"x{chance.randrange(50)}.local", forwarded=False),
    "odd": Kind(3, lambda _: _NAME, forwarded=False),
}


class Draw:
    """Draws one question after another; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._kinds = [name for name, kind in KINDS.items() for _ in range(kind.weight)]

    def __call__(self) -> Question:
        """Return the next question."""
        chance = self._chance
        name = chance.choice(self._kinds)
        kind = KINDS[name]
        qname = kind.name(chance)
        rdatatype = chance.choice(kind.types)
        transport = "tcp" if chance.random() < 0.08 else "udp"
        if name == "odd":
            odd = chance.randrange(len(ODD))
            return Question(name, qname, rdatatype, UNREGISTERED[0], transport, odd=odd)
        client = chance.choice((*REGISTERED, *UNREGISTERED))
        if chance.random() < 0.01:
            client = STRANGER
        # Without EDNS an address alone tells a blocked answer from the truth.
        edns = rdatatype not in (A, AAAA) or chance.random() < 0.8
        dnssec = edns and chance.random() < 0.05
        cookie = edns and chance.random() < 0.3
        return Question(name, qname, rdatatype, client, transport, edns, dnssec, cookie)
