"""Names made up in the shape of real blocklists, and the lists of them that each server reads.

A listed name stands for itself and everything below it, as in the lists that dnsguard is made
for; where a format needs two entries for that, it gets two.
"""

import random
from collections.abc import Iterator, Sequence
from functools import cache

SINKHOLE = "0.0.0.0"
SINKHOLE_TTL = 30
RPZ_ZONE = "rpz.invalid"

_SYLLABLES = "ba be bo ca co da de do fa fi ga go ka ki la le lo ma me mi na ne no pa po ra re ri"
_SERVICES = ("ads", "api", "cdn", "log", "metrics", "mon", "pixel", "stats", "track", "v16-web")
_SUFFIXES = ("example", "com.example", "net.example", "example.com", "example.net", "example.org")


@cache
def listed_names(count: int) -> Sequence[str]:
    """Return that many different names: always the same ones, and first those of fewer."""
    chosen = random.Random("listed names")
    syllables = _SYLLABLES.split()
    names: dict[str, None] = {}
    while len(names) < count:
        site = "".join(chosen.choices(syllables, k=chosen.randrange(3, 7)))
        suffix = chosen.choice(_SUFFIXES)
        service = chosen.choice(("", "", "", f"{chosen.choice(_SERVICES)}."))
        names[f"{service}{site}{chosen.choice(('', '', '-app', '24'))}.{suffix}"] = None
    return tuple(names)


def domains(names: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a list of domains."""
    return (f"{name}\n" for name in names)


def rpz(names: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a response policy zone with the sinkhole's IPv4 address for each name."""
    yield f"$TTL {SINKHOLE_TTL}\n$ORIGIN {RPZ_ZONE}.\n"
    yield "@ SOA localhost. root.localhost. 1 3600 600 86400 30\n@ NS localhost.\n"
    for name in names:
        yield f"{name} A {SINKHOLE}\n*.{name} A {SINKHOLE}\n"


def dnsmasq(names: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a dnsmasq config."""
    return (f"address=/{name}/{SINKHOLE}\n" for name in names)
