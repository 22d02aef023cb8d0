"""How many queries and exchanges one client, network, zone and subzone may have in flight."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core import names
from dnsguard.core.clients import AddressTable
from dnsguard.core.pending import (
    FEW,
    NETWORK_FACTOR,
    SUBZONE_SHARE,
    VERIFIED_SHARE,
    ZONE_SHARE,
    Count,
    Pending,
    places,
)
from dnsguard.core.protocol import Transport
from dnsguard.core.wire import Query, parse_query
from tests.support.gateway import packed

CLIENT = "10.20.0.7"
NEIGHBOUR = "10.20.0.8"
OTHER = "10.20.1.7"
PER_ZONE = 64
PER_SUBZONE = PER_ZONE // SUBZONE_SHARE


def pending(per_client: int = 3, exempt: str = "") -> Pending:
    made = Pending()
    table = AddressTable([(packed(exempt), 8 * len(packed(exempt)), 1)] if exempt else [])
    made.configure(PER_ZONE * ZONE_SHARE, per_client, table)
    return made


def query(
    name: str = "www.example.org",
    address: str = CLIENT,
    transport: Transport = Transport.TCP,
) -> Query:
    """Return a query, one that is verified unless it came over UDP."""
    header = b"\0\0\1\0\0\1" + bytes(6)
    parsed = parse_query(header + names.from_text(name) + b"\0\1\0\1", transport)
    assert parsed is not None
    parsed.address = packed(address)
    return parsed


def enter_many(
    counts: Pending, *addresses: str, transport: Transport = Transport.UDP
) -> list[Count]:
    """Count queries in and return the counts of those that were admitted."""
    entered = [counts.enter(query(address=a, transport=transport)) for a in addresses]
    return [client for client in entered if client is not None]


def open_many(counts: Pending, *asked: str, transport: Transport = Transport.TCP) -> list[Count]:
    """Count exchanges in and return those that were admitted."""
    opened = [counts.open(query(name, transport=transport)) for name in asked]
    return [zone for zone in opened if zone is not None]


def numbered(form: str, count: int) -> list[str]:
    return [form.format(number) for number in range(count)]


class TestClients:
    def test_one_has_its_bound_and_no_other_s(self) -> None:
        counts = pending()
        assert len(enter_many(counts, *[CLIENT] * 5)) == 3
        assert len(enter_many(counts, OTHER)) == 1
        assert counts.waiting == 4

    def test_who_leaves_makes_room(self) -> None:
        counts = pending(per_client=1)
        for _ in range(3):
            (client,) = enter_many(counts, CLIENT, CLIENT)
            counts.leave(client)
        assert (counts.waiting, len(counts)) == (0, 0)

    def test_who_is_exempt_has_none(self) -> None:
        counts = pending(per_client=1, exempt=CLIENT)
        assert len(enter_many(counts, *[CLIENT] * 100)) == 100
        assert len(enter_many(counts, *numbered("10.20.0.{}", 200))) == 1 + NETWORK_FACTOR

    def test_who_becomes_exempt_has_none_from_then_on(self) -> None:
        counts = pending(per_client=1)
        enter_many(counts, CLIENT)
        counts.configure(100, 1, AddressTable([(packed(CLIENT), 32, 1)]))
        assert len(enter_many(counts, *[CLIENT] * 100)) == 100

    def test_a_bound_of_none_refuses_all(self) -> None:
        counts = pending(per_client=0)
        assert enter_many(counts, CLIENT) == []
        assert (counts.waiting, len(counts)) == (0, 0)

    def test_forged_queries_take_no_place_of_the_verified(self) -> None:
        counts = pending()
        assert len(enter_many(counts, *[CLIENT] * 5)) == 3
        assert len(enter_many(counts, *[CLIENT] * 5, transport=Transport.TCP)) == 3

    def test_a_device_does_not_pass_its_bound_by_other_addresses_of_its_network(self) -> None:
        counts = pending()
        many = numbered("2001:db8:20:0:{:x}::7", 100)
        assert len(enter_many(counts, *many)) == NETWORK_FACTOR * 3
        assert len(enter_many(counts, *many, transport=Transport.TCP)) == NETWORK_FACTOR * 3
        assert len(enter_many(counts, "2001:db8:20:1::7")) == 1
        assert len(enter_many(counts, *numbered("10.20.0.{}", 100))) == NETWORK_FACTOR * 3
        assert len(enter_many(counts, OTHER)) == 1

    def test_one_device_leaves_room_to_its_neighbours(self) -> None:
        for client, neighbour in ((CLIENT, NEIGHBOUR), ("2001:db8::1", "2001:db8::2")):
            counts = pending()
            enter_many(counts, *[client] * 100)
            assert len(enter_many(counts, neighbour)) == 1

    def test_a_mapped_address_is_its_ipv4_self(self) -> None:
        counts = pending(exempt=OTHER)
        assert len(enter_many(counts, CLIENT, "::ffff:10.20.0.7", CLIENT, CLIENT)) == 3
        assert len(enter_many(counts, *["::ffff:10.20.1.7"] * 9)) == 9

    def test_who_has_many(self) -> None:
        counts = pending(per_client=100, exempt=OTHER)
        clients = enter_many(counts, *[CLIENT] * FEW)
        assert not counts.has_many(clients[0])
        enter_many(counts, CLIENT)
        assert counts.has_many(clients[0])
        (exempt, *_) = enter_many(counts, *[OTHER] * 100)
        assert not counts.has_many(exempt)


def test_some_places_are_for_the_verified() -> None:
    assert places(1000, query(transport=Transport.TCP)) == 1000
    assert places(1000, query(transport=Transport.UDP)) == 1000 - 1000 // VERIFIED_SHARE
    assert places(1, query(transport=Transport.UDP)) == 1


class TestZones:
    def test_random_names_take_twice_the_share_of_a_zone(self) -> None:
        counts = pending()
        assert len(open_many(counts, *numbered("n{}.example.com", 500))) == 2 * PER_ZONE
        assert len(open_many(counts, *numbered("n{}.example.net", 5))) == 5

    def test_random_names_deeper_down_leave_room_to_their_neighbours(self) -> None:
        counts = pending()
        flood = numbered("n{}.victim.co.example", 500)
        assert len(open_many(counts, *flood)) == PER_ZONE + PER_SUBZONE
        others = numbered("www.shop{}.co.example", 3)
        assert len(open_many(counts, *others)) == 3
        assert len(open_many(counts, *numbered("n{}.a.victim.co.example", 100))) == 0

    def test_the_zone_itself_counts_as_one_of_its_subzones(self) -> None:
        counts = pending()
        open_many(counts, *numbered("n{}.victim.co.example", PER_ZONE))
        assert len(open_many(counts, *["co.example"] * 100)) == PER_SUBZONE

    def test_short_names(self) -> None:
        counts = pending()
        assert len(open_many(counts, *["."] * 500)) == PER_ZONE + PER_SUBZONE
        assert len(open_many(counts, *["example"] * 500)) == PER_ZONE + PER_SUBZONE

    def test_forged_queries_leave_room_to_the_verified(self) -> None:
        for form in ("n{}.example.com", "n{}.victim.co.example"):
            counts = pending()
            forged = open_many(counts, *numbered(form, 500), transport=Transport.UDP)
            assert len(open_many(counts, form.format("verified"))) == 1
            assert 0 < len(forged) <= 2 * PER_ZONE - 2 * PER_ZONE // VERIFIED_SHARE

    def test_what_ends_makes_room(self) -> None:
        counts = pending()
        zones = open_many(counts, *numbered("n{}.victim.co.example", 500))
        for zone in zones[:PER_ZONE]:
            counts.close(zone)
        again = open_many(counts, *numbered("m{}.victim.co.example", 500))
        assert len(zones) - PER_ZONE + len(again) == PER_ZONE
        for zone in zones[PER_ZONE:] + again:
            counts.close(zone)
        assert len(counts) == 0

    def test_a_tiny_bound_still_lets_one_through(self) -> None:
        counts = Pending()
        counts.configure(1, 1, AddressTable([]))
        assert len(open_many(counts, "www.example.com", "mail.example.com")) == 2
        assert len(open_many(counts, "more.example.com")) == 0


NAMES = st.sampled_from(
    [".".join(labels) or "." for size in range(5) for labels in product(["a", "co"], repeat=size)]
)


@given(asked=st.lists(NAMES, max_size=400), order=st.randoms(use_true_random=False))
def test_nothing_is_kept_when_nothing_is_in_flight(asked: list[str], order: object) -> None:
    counts = pending()
    zones = open_many(counts, *asked)
    order.shuffle(zones)  # type: ignore[attr-defined]
    for zone in zones:
        counts.close(zone)
    assert len(counts) == 0


@given(asked=st.lists(NAMES, min_size=100, max_size=400))
def test_no_two_labels_hold_more_than_twice_their_share(asked: list[str]) -> None:
    counts = pending()
    held: dict[tuple[str, ...], int] = {}
    for name in asked:
        suffix = tuple(name.split(".")[-2:])
        admitted = counts.open(query(name)) is not None
        assert admitted or held[suffix] >= PER_ZONE
        held[suffix] = held.get(suffix, 0) + admitted
        assert held[suffix] <= 2 * PER_ZONE
