"""Lists of networks: a prefix, an address, or a range from one address to another a line.

A prefix with bits set after its length is wrong: what was meant is not guessed.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, summarize_address_range
from socket import AF_INET, AF_INET6, inet_pton

from dnsguard.core.image import Kind
from dnsguard.core.networks import Prefix
from dnsguard.lists.formats.findings import Findings
from dnsguard.lists.formats.lines import decode, find_lines, plain_lines
from dnsguard.lists.rules import BLOCK

MAX_RANGE = 64

_LINES = plain_lines(rb"([0-9a-f.:/]++)")
_COMMENT = re.compile(rb"[#;].*")
_LENGTH = re.compile(r"[0-9]{1,3}").fullmatch


def read(text: bytes, _match: Kind | None, findings: Findings) -> None:
    """Read a list of networks."""
    found = findings.addresses[BLOCK]
    for number, (plain, line) in enumerate(find_lines(_LINES, text), 1):
        entry = plain or _COMMENT.sub(b"", line).strip()
        if not entry:
            continue
        try:
            found.update(dict.fromkeys(_parse(decode(entry))))
        except ValueError as error:
            findings.add_bad(number, str(error), entry)


def parse_prefix(address: str, length: str | None = None) -> Prefix:
    """Return a prefix, that of one address without a length; ValueError gives a plain reason."""
    try:
        packed = inet_pton(AF_INET6 if ":" in address else AF_INET, address)
    except (OSError, ValueError):
        raise ValueError("not an address or a network") from None
    bits = 8 * len(packed)
    if length is None:
        return packed, bits
    if not _LENGTH(length) or int(length) > bits:
        raise ValueError("a prefix length that no address has")
    if int.from_bytes(packed, "big") & ((1 << (bits - int(length))) - 1):
        raise ValueError("host bits set after the prefix")
    return packed, int(length)


def _parse(entry: str) -> list[Prefix]:
    first, dash, last = (part.strip() for part in entry.partition("-"))
    if dash:
        return _parse_range(first, last)
    address, slash, length = entry.partition("/")
    return [parse_prefix(address, length if slash else None)]


def _parse_range(first: str, last: str) -> list[Prefix]:
    start, _ = parse_prefix(first)
    end, _ = parse_prefix(last)
    if len(start) != len(end) or start > end:
        raise ValueError("a range that does not end after its start")
    networks: list[IPv4Network | IPv6Network] = list(
        summarize_address_range(ip_address(start), ip_address(end))
    )
    if len(networks) > MAX_RANGE:
        raise ValueError(f"a range of more than {MAX_RANGE} networks")
    return [(network.network_address.packed, network.prefixlen) for network in networks]
