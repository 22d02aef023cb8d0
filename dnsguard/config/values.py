"""The values of a config: each function takes what stands in the file and returns what it means.

Each raises ValueError with a reason an admin can act on.
"""

import re
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Annotated, TypeVar

import idna
from pydantic import PlainValidator, WithJsonSchema

from dnsguard.core import names
from dnsguard.core.view import REBINDING
from dnsguard.text import quote

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Entries = TypeVar("Entries", bound=Sized)

MAX_SECONDS = 2**31 - 1  # the longest TTL, RFC 2181 section 8
MAX_BYTES = 2**40
MAX_TEXT = 500
UNREGISTERED = "unregistered"

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9_-]+|[0-9]+/[0-9]+)(?:\.(?:[A-Za-z0-9_-]+|[0-9]+/[0-9]+))*\.?")
_ENDPOINT = re.compile(r"(\[[^\]]*\]|[^:]*):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to listen; port 0 lets the system pick."""

    address: Address
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.address)}:{self.port}"


def duration(value: object) -> int:
    """Return the seconds of `30s`, `5m`, `6h`, `1d` or `2w`."""
    return _amount(value, _SECONDS, MAX_SECONDS, "a duration such as 30s, 5m, 6h or 1d")


def size(value: object) -> int:
    """Return the bytes of `128MiB`."""
    return _amount(value, _BYTES, MAX_BYTES, "a size such as 512KiB, 128MiB or 1GiB")


def percentage(value: object) -> int:
    """Return 30 for `30%`."""
    return _amount(value, {"%": 1}, 1_000_000, "a percentage such as 30%")


def _amount(value: object, units: dict[str, int], limit: int, expected: str) -> int:
    match = re.fullmatch(r"([0-9]{1,12})([A-Za-z%]+)", value) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        raise ValueError(f"{quote(value)} is not {expected}")
    amount = int(match[1]) * units[match[2]]
    if amount > limit:
        raise ValueError(
            f"{quote(value)} is too much: at most {limit // units[match[2]]}{match[2]}"
        )
    return amount


def text(value: object) -> str:
    """Return free text as one line; a number or a date is the text it was written as."""
    if value is None or isinstance(value, (bool, tuple, dict)):
        raise ValueError("must be text: put it in quotes")
    line = " ".join(str(value).split())
    if len(line) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters: shorten it")
    if not line.isprintable():
        raise ValueError(f"{quote(line)} has invisible characters in it: remove them")
    return line


def name(value: object) -> str:
    """Return the name of a group, list or policy."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(
            f"{quote(value)} cannot be a name: it becomes a metric label and a file name, so use "
            "a-z, 0-9 and '-' only, at most 63, and begin with a letter or a digit"
        )
    return value


def group_name(value: object) -> str:
    """Return the name of a group."""
    if value == UNREGISTERED:
        raise ValueError(
            f"{UNREGISTERED!r} is the label of clients outside every group: choose another name"
        )
    return name(value)


def policy_name(value: object) -> str:
    """Return the name of a policy."""
    if value == REBINDING:
        raise ValueError(
            f"{REBINDING!r} is reserved: the protection from rebinding is counted under it; "
            "choose another name"
        )
    return name(value)


def domain(value: object) -> bytes:
    """Return the wire form of a domain name; non-ASCII labels become A-labels (UTS 46)."""
    if not isinstance(value, str):
        raise ValueError("must be a domain name such as city.example")
    if value.startswith("*."):
        raise ValueError(f"write it without '*.': {quote(value[2:])} covers all that is below it")
    if value in ("", "."):
        raise ValueError("the root is every name: write a domain name such as city.example")
    try:
        ascii_text = value if value.isascii() else idna.encode(value[:500], uts46=True).decode()
    except (idna.IDNAError, ValueError):
        raise ValueError(f"{quote(value)} is not a domain name: correct it") from None
    if not _DOMAIN.fullmatch(ascii_text):
        raise ValueError(f"{quote(value)} is not a domain name: write it as in city.example")
    try:
        return names.from_text(ascii_text)
    except ValueError as error:
        raise ValueError(f"{quote(value)} is not a domain name: {error}") from None


def address(value: object) -> Address:
    """Return an address; an IPv4-mapped one or one with a scope has no meaning in a config."""
    try:
        found = ip_address(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"{quote(value)} is not an address such as 10.0.0.53 or 2001:db8::53")
    if isinstance(found, IPv6Address):
        if found.scope_id is not None:
            raise ValueError(f"{quote(value)} has a scope: write an address without '%'")
        if found.ipv4_mapped is not None:
            raise ValueError(f"{quote(value)} is an IPv4 address: write {found.ipv4_mapped}")
    return found


def ipv4(value: object) -> IPv4Address:
    """Return an IPv4 address."""
    found = address(value)
    if isinstance(found, IPv6Address):
        raise ValueError(f"{quote(value)} is not an IPv4 address such as 0.0.0.0")
    return found


def ipv6(value: object) -> IPv6Address:
    """Return an IPv6 address."""
    found = address(value)
    if isinstance(found, IPv4Address):
        raise ValueError(f"{quote(value)} is not an IPv6 address such as '::'")
    return found


def subnet(value: object) -> Network:
    """Return a subnet without host bits; a lone address is a subnet of one."""
    shape = r"([0-9A-Fa-f:.]+)(?:/([0-9]{1,3}))?"
    match = re.fullmatch(shape, value) if isinstance(value, str) else None
    try:
        found = ip_network(match[0], strict=False) if match else None
    except ValueError:
        found = None
    if match is None or found is None:
        raise ValueError(f"{quote(value)} is not a subnet such as 10.20.0.0/16 or 2001:db8:20::/48")
    if isinstance(found, IPv6Network) and found.prefixlen >= 96:
        mapped = found.network_address.ipv4_mapped
        if mapped is not None:
            raise ValueError(f"{value} is IPv4: write {mapped}/{found.prefixlen - 96}")
    if found.network_address != ip_address(match[1]):
        raise ValueError(f"{value} has host bits set; write {found}")
    return found


def endpoint(value: object) -> Endpoint:
    """Return where to listen, from `0.0.0.0:53` or `[::]:53`."""
    match = _ENDPOINT.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > 65_535:
        raise ValueError(f"{quote(value)} is not an address and port such as 0.0.0.0:53 or [::]:53")
    host = match[1]
    found = address(host.strip("[]"))
    if isinstance(found, IPv6Address) != host.startswith("["):
        raise ValueError(f"{quote(value)}: write {Endpoint(found, int(match[2]))}")
    return Endpoint(found, int(match[2]))


def workers(value: object) -> int | str:
    """Return a number of processes, or `auto` for one per core."""
    if value == "auto":
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 256:
        raise ValueError(f"{quote(value)} is not a number of processes from 1 to 256, nor auto")
    return value


def not_empty(entries: Entries) -> Entries:
    """Return the entries if there are any."""
    if not entries:
        raise ValueError("is empty: it needs at least one entry")
    return entries


def refuse_repetition(entries: Iterable[str]) -> None:
    """Raise ValueError if an entry is there twice."""
    seen: set[str] = set()
    for entry in entries:
        if entry in seen:
            raise ValueError(f"{entry} is listed twice: remove one")
        seen.add(entry)


def bracketed(address: Address) -> str:
    """Return an address as it stands before a port."""
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def _schema(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Duration = Annotated[int, PlainValidator(duration), _schema("^[0-9]+[smhdw]$", "30s")]
Size = Annotated[int, PlainValidator(size), _schema("^[0-9]+([KMGT]i)?B$", "128MiB")]
Percentage = Annotated[int, PlainValidator(percentage), _schema("^[0-9]+%$", "30%")]
Text = Annotated[str, PlainValidator(text), WithJsonSchema({"type": ["string", "number"]})]
Name = Annotated[str, PlainValidator(name), _schema(f"^{_NAME.pattern}$", "staff-mobile")]
GroupName = Annotated[str, PlainValidator(group_name), _schema(f"^{_NAME.pattern}$", "staff")]
PolicyName = Annotated[str, PlainValidator(policy_name), _schema(f"^{_NAME.pattern}$", "ban")]
Domain = Annotated[bytes, PlainValidator(domain), WithJsonSchema({"type": "string"})]
Subnet = Annotated[Network, PlainValidator(subnet), WithJsonSchema({"type": "string"})]
Listener = Annotated[Endpoint, PlainValidator(endpoint), _schema("^.+:[0-9]{1,5}$", "[::]:53")]
SinkholeIPv4 = Annotated[IPv4Address, PlainValidator(ipv4), WithJsonSchema({"type": "string"})]
SinkholeIPv6 = Annotated[IPv6Address, PlainValidator(ipv6), WithJsonSchema({"type": "string"})]
