"""Which number belongs to an address: longest-prefix match over both families.

NAT, IPv4-mapped addresses and link-local scope are dealt with here and nowhere else: an
address is 4 or 16 packed octets, the scope left out, and a mapped one is its IPv4 self.
"""

from collections.abc import Iterable

from dnsguard.core import octets

_SIZE4 = 4  # octets of an address, and below of the network that it counts with
_NETWORK4 = 3
_NETWORK6 = 8
_MAPPED = b"\x00" * 10 + b"\xff\xff"


def unmap(address: bytes) -> bytes:
    """Return the IPv4 address inside an IPv4-mapped one (RFC 4291 section 2.5.5.2)."""
    if len(address) == 16 and address[:12] == _MAPPED:
        return address[12:]
    return address


def network(address: bytes) -> bytes:
    """Return the network of an unmapped address: an IPv4 /24, an IPv6 /64.

    Whoever has one address of it may have the others, too: one device can take any address of
    its /64, and a forger cannot be told from a neighbour.
    """
    return octets.cut(address, 0, _NETWORK4 if len(address) == _SIZE4 else _NETWORK6)


class AddressTable:
    """A fixed set of subnets, each with a number; the most specific one that holds wins."""

    def __init__(self, subnets: Iterable[tuple[bytes, int, int]]) -> None:
        """Take (packed network address, prefix length, number) triples."""
        self._prefixes: dict[int, list[tuple[int, int, dict[int, int]]]] = {4: [], 16: []}
        tables: dict[tuple[int, int], dict[int, int]] = {}
        for network, length, number in subnets:
            shift = 8 * len(network) - length
            table = tables.setdefault((len(network), length), {})
            table[int.from_bytes(network, "big") >> shift] = number
        for (size, length), table in sorted(tables.items(), reverse=True):
            self._prefixes[size].append((length, 8 * size - length, table))

    def find(self, address: bytes) -> tuple[int, int] | None:
        """Return (number, prefix length) of the longest prefix that holds the address."""
        value = int.from_bytes(address, "big")
        for length, shift, table in self._prefixes[len(address)]:
            number = table.get(value >> shift)
            if number is not None:
                return number, length
        return None
