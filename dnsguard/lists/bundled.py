"""The data files of blocklists/: the lists dnsguard ships, and the zones its guards know."""

from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from dnsguard.core.image import Kind
from dnsguard.lists.formats import parse, parse_line

# A strict list is what its plain one holds and its own additions: nothing is written twice.
_FILES = {
    "tiktok": ("tiktok.txt",),
    "tiktok-strict": ("tiktok.txt", "tiktok-strict.txt"),
}

BUILTIN = tuple(_FILES)


class OffSwitch(NamedTuple):
    """A name that switches a client's own encrypted DNS off when it is answered negatively."""

    name: bytes
    kind: Kind
    rcode: Literal["nxdomain", "nodata"]


def text(name: str) -> bytes:
    """Return the text of a builtin list; ValueError names the ones this version has."""
    if name not in _FILES:
        raise ValueError(f"no builtin list named {name!a}: this version has {', '.join(BUILTIN)}")
    return b"\n".join((_folder() / file).read_bytes() for file in _FILES[name])


@cache
def off_switches() -> tuple[OffSwitch, ...]:
    """Return the names of off-switches.txt with their answers."""
    found = []
    for line in (_folder() / "off-switches.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            entry, answer = line.split()
            name, kind = parse_line(entry)
            found.append(OffSwitch(name, kind, "nodata" if answer == "nodata" else "nxdomain"))
    return tuple(found)


@cache
def dnsbl_zones() -> tuple[bytes, ...]:
    """Return the zones below which embedded rules do not apply: names are looked up, not used."""
    return _zones("dnsbl-zones.txt")


@cache
def shared_zones() -> tuple[bytes, ...]:
    """Return the zones of CDNs, clouds and resellers that no list may block as a whole."""
    return _zones("shared-zones.txt")


def _zones(file: str) -> tuple[bytes, ...]:
    return tuple(rule.name for rule in parse((_folder() / file).read_bytes()).rules)


def _folder() -> Path:
    """Return blocklists/: within the package when installed, beside it in a checkout."""
    installed = Path(__file__).parents[1] / "blocklists"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "blocklists"
