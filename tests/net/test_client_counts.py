from hypothesis import given
from hypothesis import strategies as st

from dnsguard.net.client_counts import ClientCounts


@given(st.lists(st.sampled_from([b"\x0a\x14\x00\x07", b"\x0a\x1e\x00\x07"])))
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
