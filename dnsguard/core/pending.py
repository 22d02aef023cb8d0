"""What waits for upstreams, counted so that no flood takes all the places.

One client has a bound, and its network has another: a device can have any number of addresses
in a /64. An address that can be forged is a claim, so queries that are not verified are counted
apart under it, and some of all places are not for them: whoever is refused there comes back
over TCP and finds room, however many forge its address.

What is below one name has a bound, too: a flood of random names below it stops here, not at
the upstream. Nobody tells a forwarder where zones are cut, so names are counted by their two
rightmost labels; once those hold their share, as much again is left to names whose three
rightmost labels hold little of it. So a flood below victim.co.uk does not stop the rest of
co.uk.
"""

from dnsguard.core import octets
from dnsguard.core.clients import AddressTable, network, unmap
from dnsguard.core.wire import Query

NETWORK_FACTOR = 4  # one network may have so many times what one address may
VERIFIED_SHARE = 4  # a quarter of all places is for verified queries alone
FEW = 16  # queries of one client that wait: answers to so many make no pulse of a reflector
ZONE_SHARE = 4  # one zone may have a quarter of all exchanges in flight
SUBZONE_SHARE = 8  # and one below it an eighth of what the zone may have beyond that

_NETWORK_FACTOR = NETWORK_FACTOR
_VERIFIED_SHARE = VERIFIED_SHARE
_FEW = FEW
_ZONE_SHARE = ZONE_SHARE  # pending.pxd types what is defined here, not what is imported
_SUBZONE_SHARE = SUBZONE_SHARE
_SUFFIX = 5  # octets of a question's key after its name


class Count:
    """How much one client, network, zone or subzone has in flight; forgotten when nothing.

    `within` is what it counts in as well: a client's network, none for an exempt client; a
    subzone's zone.
    """

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
        self._claimed: dict[bytes, Count] = {}
        self._claimed_networks: dict[bytes, Count] = {}
        self._verified: dict[bytes, Count] = {}
        self._verified_networks: dict[bytes, Count] = {}
        self._zones: dict[bytes, Count] = {}
        self._subzones: dict[bytes, Count] = {}

    def __len__(self) -> int:
        """Return how many clients, networks, zones and subzones have something in flight."""
        clients = len(self._claimed) + len(self._verified)
        networks = len(self._claimed_networks) + len(self._verified_networks)
        return clients + networks + len(self._zones) + len(self._subzones)

    def configure(self, pending: int, per_client: int, exempt: AddressTable) -> None:
        """Set the bounds: exchanges of all, queries of one client, and who has no bound."""
        self._exempt = exempt
        self._per_client = per_client
        self._per_zone = max(1, pending // _ZONE_SHARE)
        self._per_subzone = max(1, self._per_zone // _SUBZONE_SHARE)

    def enter(self, query: Query) -> Count | None:
        """Count a client's query in; None when it or its network has too many already."""
        address = query.address
        if len(address) == 16:
            address = unmap(address)
        clients = self._verified if query.verified else self._claimed
        client = clients.get(address)
        if client is None:
            networks = self._verified_networks if query.verified else self._claimed_networks
            client = self._first(address, clients, networks)
        over = client.number >= self._per_client
        client.number += 1
        self.waiting += 1
        around = client.within
        if around is not None:
            over = over or around.number >= _NETWORK_FACTOR * self._per_client
            around.number += 1
        if over and self._exempt.find(address) is None:
            self.leave(client)
            return None
        return client

    def _first(
        self, address: bytes, clients: dict[bytes, Count], networks: dict[bytes, Count]
    ) -> Count:
        """Return the count of a client that has nothing in flight."""
        if self._exempt.find(address) is not None:
            return _count(clients, address, None)
        key = network(address)
        around = networks.get(key)
        if around is None:
            around = _count(networks, key, None)
        return _count(clients, address, around)

    def leave(self, client: Count) -> None:
        """Count a query out that was counted in."""
        self.waiting -= 1
        self.close(client)

    def has_many(self, client: Count) -> bool:
        """Tell whether a client that is not exempt has more than a few queries in flight."""
        return client.within is not None and client.number > _FEW

    def open(self, query: Query) -> Count | None:
        """Count the exchange of a question in; None when its zone has too many already."""
        key = query.key
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
        if zone.number >= places(self._per_zone, query):
            return self._open_subzone(zone, octets.cut(key, third, position + 1), query)
        zone.number += 1
        return zone

    def _open_subzone(self, zone: Count, key: bytes, query: Query) -> Count | None:
        if zone.number >= places(2 * self._per_zone, query):
            return None
        subzone = self._subzones.get(key)
        if subzone is None:
            subzone = _count(self._subzones, key, zone)
        elif subzone.number >= places(self._per_subzone, query):
            return None
        subzone.number += 1
        zone.number += 1
        return subzone

    def close(self, zone: Count) -> None:
        """Count an exchange out that was counted in."""
        if zone.within is not None:
            _release(zone.within)
        _release(zone)


def places(number: int, query: Query) -> int:
    """Return how many of so many places may be taken for a query to have one more."""
    return number if query.verified else number - number // _VERIFIED_SHARE


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
