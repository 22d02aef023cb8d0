"""Conditional forwarding: which upstreams a name is asked of."""

from collections.abc import Mapping

from dnsguard.core import names


class ForwardZones:
    """Zones by apex, each with the number of its set of upstreams; the longest suffix wins."""

    def __init__(self, zones: Mapping[bytes, int]) -> None:
        self._zones = dict(zones)
        self._ancestors = {name for apex in zones for name in names.suffixes(apex)[1:]}
        self.empty = not zones

    def find(self, qname: bytes) -> int:
        """Return the number of the upstreams for a name, 0 for those of every other name."""
        if self.empty:
            return 0
        for suffix in names.suffixes(qname):
            number = self._zones.get(suffix)
            if number is not None:
                return number
        return 0

    def covers(self, qname: bytes, apex: bytes) -> bool:
        """Tell whether a zone at or below `apex` holds the name, so that it is forwarded."""
        if self.empty:
            return False
        for suffix in names.suffixes(qname):
            if len(suffix) < len(apex):
                return False
            if suffix in self._zones:
                return True
        return False

    def is_above(self, name: bytes) -> bool:
        """Tell whether there is a zone below a name."""
        return name in self._ancestors
