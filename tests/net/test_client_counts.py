from hypothesis import given
from hypothesis import strategies as st

from dnsguard.net.client_counts import ClientCounts

SIXES = [b"\x20\x01" + bytes(13) + bytes([number]) for number in range(3)]


@given(st.lists(st.sampled_from([b"\x0a\x14\x00\x07", b"\x0a\x1e\x00\x07", *SIXES])))
def test_what_is_counted_in_and_out_again_leaves_nothing(addresses: list[bytes]) -> None:
    counts = ClientCounts()
    for address in addresses:
        counts.add(address)
    assert counts.total == len(addresses)
    for address in set(addresses):
        assert counts.of(address) == addresses.count(address)
    for address in addresses:
        counts.remove(address)
    assert counts.total == 0
    assert counts._counts == {}


def test_a_device_has_one_count_whichever_address_of_its_64_it_takes() -> None:
    counts = ClientCounts()
    many = [b"\x20\x01" + bytes(13) + bytes([number]) for number in range(10)]
    for address in many:
        counts.add(address)
    assert [counts.of(address) for address in many] == [1] * 10
    assert counts.of_network(many[0]) == counts.of_network(b"\x20\x01" + b"\0" * 6 + b"x" * 8) == 10
    assert counts.of_network(b"\x20\x01" + b"\0\0\0\0\0\1" + b"x" * 8) == 0
    assert counts.total == 10


def test_an_ipv4_address_has_its_own_alone() -> None:
    counts = ClientCounts()
    counts.add(b"\x0a\x14\x00\x07")
    assert counts.of_network(b"\x0a\x14\x00\x07") == counts.of(b"\x0a\x14\x00\x08") == 0
