"""Random numbers for IDs, letter case and the choice of sockets (RFC 5452).

Octets are taken from the system's CSPRNG by the thousand: a call for each query costs more
than all else that is done to compose it.
"""

from collections.abc import Callable

from dnsguard.core import octets

_REFILL = 4096


class Randomness:
    """Numbers made of what `source` returns, which is to be a CSPRNG; each octet is used once."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._octets = b""
        self._position = 0

    def draw(self) -> int:
        """Return 64 random bits."""
        if self._position + 8 > len(self._octets):
            self._refill()
        position = self._position
        self._position = position + 8
        high = octets.get32(self._octets, position)
        return high << 32 | octets.get32(self._octets, position + 4)

    def _refill(self) -> None:
        drawn = self._source(_REFILL)
        if len(drawn) != _REFILL:
            raise ValueError("the source of random octets ran dry")
        self._octets = drawn
        self._position = 0
