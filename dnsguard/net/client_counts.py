"""How many of something each client has open, and all of them together."""

from dnsguard.core.clients import network

_SIZE6 = 16  # octets of an IPv6 address


class ClientCounts:
    """Counts by unmapped address, IPv6 by /64 as well: a device may have any address of it.

    A client with none takes no memory.
    """

    def __init__(self) -> None:
        self.total = 0
        self._counts: dict[bytes, int] = {}

    def of(self, address: bytes) -> int:
        """Return how many one address has."""
        return self._counts.get(address, 0)

    def of_network(self, address: bytes) -> int:
        """Return how many the /64 of an IPv6 address has; 0 for an IPv4 address."""
        return self.of(network(address)) if len(address) == _SIZE6 else 0

    def add(self, address: bytes) -> None:
        """Count one in."""
        self.total += 1
        for key in _keys(address):
            self._counts[key] = self.of(key) + 1

    def remove(self, address: bytes) -> None:
        """Count one out that was counted in."""
        self.total -= 1
        for key in _keys(address):
            left = self._counts[key] - 1
            if left:
                self._counts[key] = left
            else:
                del self._counts[key]


def _keys(address: bytes) -> tuple[bytes, ...]:
    return (address, network(address)) if len(address) == _SIZE6 else (address,)
