"""What waits for upstreams, counted so that no flood takes all the places.

One client has a bound, and so has what is below one name: a flood of random names below it
stops here, not at the upstream. Nobody tells a forwarder where zones are cut, so names are
counted by their two rightmost labels; once those hold their share, as much again is left to
names whose three rightmost labels hold little of it. So a flood below victim.co.uk does not
stop the rest of co.uk.
"""

from dnsguard.core import octets
from dnsguard.core.clients import AddressTable

ZONE_SHARE = 4  # one zone may have a quarter of all exchanges in flight
SUBZONE_SHARE = 8  # and one below it an eighth of what the zone may have beyond that

_ZONE_SHARE = ZONE_SHARE  # pending.pxd types what is defined here, not what is imported
_SUBZONE_SHARE = SUBZONE_SHARE
_SUFFIX = 5  # octets of a question's key after its name


class Count:
    """How much one client, zone or subzone has in flight; forgotten when that is nothing."""

    __slots__ = ("key", "number", "table", "within")

    key: bytes
    number: int
    table: "dict[bytes, Count]"
    within: "Count | None"


class Pending:
    """The counts of one worker; `waiting` is how many queries wait."""

    def __init__(self) -> None:
        self.waiting = 0
        self._exempt = AddressTable([])
        self._per_client = 0
        self._per_zone = 0
        self._per_subzone = 0
        self._clients: dict[bytes, Count] = {}
        self._zones: dict[bytes, Count] = {}
        self._subzones: dict[bytes, Count] = {}

    def __len__(self) -> int:
        """Return how many clients, zones and subzones have something in flight."""
        return len(self._clients) + len(self._zones) + len(self._subzones)

    def configure(self, pending: int, per_client: int, exempt: AddressTable) -> None:
        """Set the bounds: exchanges of all, queries of one client, and who has no bound."""
        self._exempt = exempt
        self._per_client = per_client
        self._per_zone = max(1, pending // _ZONE_SHARE)
        self._per_subzone = max(1, self._per_zone // _SUBZONE_SHARE)

    def enter(self, address: bytes) -> Count | None:
        """Count a query of a client in; None when it has too many already."""
        client = self._clients.get(address)
        number = 0 if client is None else client.number
        if number >= self._per_client and self._exempt.find(address) is None:
            return None
        if client is None:
            client = _count(self._clients, address, None)
        client.number += 1
        self.waiting += 1
        return client

    def leave(self, client: Count) -> None:
        """Count a query out that was counted in."""
        self.waiting -= 1
        _release(client)

    def open(self, key: bytes) -> Count | None:
        """Count the exchange of a question in; None when its zone has too many already."""
        name = key
        second = third = position = 0
        last = 0
        while name[position]:
            third = second
            second = last
            last = position
            position += 1 + name[position]
        zone_key = octets.cut(key, second, position + 1)
        zone = self._zones.get(zone_key)
        if zone is None:
            zone = _count(self._zones, zone_key, None)
        if zone.number >= self._per_zone:
            return self._open_subzone(zone, octets.cut(key, third, position + 1))
        zone.number += 1
        return zone

    def _open_subzone(self, zone: Count, key: bytes) -> Count | None:
        if zone.number >= 2 * self._per_zone:
            return None
        subzone = self._subzones.get(key)
        if subzone is None:
            subzone = _count(self._subzones, key, zone)
        elif subzone.number >= self._per_subzone:
            return None
        subzone.number += 1
        zone.number += 1
        return subzone

    def close(self, zone: Count) -> None:
        """Count an exchange out that was counted in."""
        if zone.within is not None:
            _release(zone.within)
        _release(zone)


def _count(table: dict[bytes, Count], key: bytes, within: Count | None) -> Count:
    count = Count.__new__(Count)
    count.key = key
    count.number = 0
    count.table = table
    count.within = within
    table[key] = count
    return count


def _release(count: Count) -> None:
    count.number -= 1
    if not count.number:
        del count.table[count.key]
