"""How many queries and exchanges one client, one zone and one subzone may have in flight."""

from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core import names
from dnsguard.core.clients import AddressTable
from dnsguard.core.pending import SUBZONE_SHARE, ZONE_SHARE, Count, Pending

CLIENT = b"\x0a\x14\0\7"
OTHER = b"\x0a\x14\0\x08"
PER_ZONE = 64
PER_SUBZONE = PER_ZONE // SUBZONE_SHARE


def pending(per_client: int = 3, exempt: bytes = b"") -> Pending:
    made = Pending()
    table = AddressTable([(exempt, 32, 1)] if exempt else [])
    made.configure(PER_ZONE * ZONE_SHARE, per_client, table)
    return made


def key(name: str) -> bytes:
    return names.from_text(name) + b"\0\1\0\1\0"


def open_many(counts: Pending, *asked: str) -> list[Count]:
    """Count exchanges in and return those that were admitted."""
    opened = [counts.open(key(name)) for name in asked]
    return [zone for zone in opened if zone is not None]


def numbered(form: str, count: int) -> list[str]:
    return [form.format(number) for number in range(count)]


class TestClients:
    def test_one_has_its_bound_and_no_other_s(self) -> None:
        counts = pending()
        entered = [counts.enter(CLIENT) for _ in range(5)]
        assert [one is not None for one in entered] == [True] * 3 + [False] * 2
        assert counts.enter(OTHER) is not None
        assert counts.waiting == 4

    def test_who_leaves_makes_room(self) -> None:
        counts = pending(per_client=1)
        for _ in range(3):
            client = counts.enter(CLIENT)
            assert client is not None
            assert counts.enter(CLIENT) is None
            counts.leave(client)
        assert (counts.waiting, len(counts)) == (0, 0)

    def test_who_is_exempt_has_none(self) -> None:
        counts = pending(per_client=1, exempt=CLIENT)
        assert all(counts.enter(CLIENT) for _ in range(100))
        assert counts.enter(OTHER) is not None
        assert counts.enter(OTHER) is None

    def test_a_bound_of_none_refuses_all(self) -> None:
        counts = pending(per_client=0)
        assert counts.enter(CLIENT) is None
        assert (counts.waiting, len(counts)) == (0, 0)


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


NAMES = st.lists(st.sampled_from(["a", "b", "co", "victim"]), max_size=5).map(
    lambda labels: ".".join(labels) or "."
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
        admitted = counts.open(key(name)) is not None
        assert admitted or held[suffix] >= PER_ZONE
        held[suffix] = held.get(suffix, 0) + admitted
        assert held[suffix] <= 2 * PER_ZONE
