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
    "encrypted-dns": ("encrypted-dns.txt",),
    "relays": ("relays.txt",),
    "vpn": ("vpn.txt",),
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


@cache
def safety() -> tuple[bytes, ...]:
    """Return the names whose loss breaks devices: no list may block them or what is below."""
    return _zones("safety.txt")


def guard_files() -> tuple[Path, ...]:
    """Return the files that say what no list may hold."""
    return tuple(_folder() / file for file in ("safety.txt", "shared-zones.txt"))


def _zones(file: str) -> tuple[bytes, ...]:
    parsed = parse((_folder() / file).read_bytes(), format="domains")
    return tuple(name for names in parsed.names.values() for name in names)


def _folder() -> Path:
    """Return blocklists/: within the package when installed, beside it in a checkout."""
    installed = Path(__file__).parents[1] / "blocklists"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "blocklists"
