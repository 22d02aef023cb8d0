from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core.clients import AddressTable, network, unmap


def table(*subnets: str) -> AddressTable:
    networks = [ip_network(subnet) for subnet in subnets]
    return AddressTable(
        (network.network_address.packed, network.prefixlen, number)
        for number, network in enumerate(networks)
    )


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.20.0.1", (1, 16)),
        ("10.20.3.77", (2, 24)),
        ("10.20.3.78", (3, 32)),
        ("10.99.0.1", (0, 8)),
        ("11.0.0.1", None),
        ("2001:db8:20::1", (4, 48)),
        ("2001:db8:21::1", None),
    ],
)
def test_the_narrowest_subnet_wins(address: str, found: tuple[int, int] | None) -> None:
    subnets = table(
        *("10.0.0.0/8", "10.20.0.0/16", "10.20.3.0/24", "10.20.3.78/32", "2001:db8:20::/48")
    )
    assert subnets.find(ip_address(address).packed) == found


def test_everyone_of_one_family() -> None:
    subnets = table("0.0.0.0/0")
    assert subnets.find(ip_address("203.0.113.9").packed) == (0, 0)
    assert subnets.find(ip_address("2001:db8::1").packed) is None


NETWORKS = st.one_of(
    st.builds(
        lambda value, length: IPv4Network((value << 24 | value, length), strict=False),
        st.integers(0, 3),
        st.integers(0, 32),
    ),
    st.builds(
        lambda value, length: IPv6Network((value << 120 | value, length), strict=False),
        st.integers(0, 3),
        st.integers(0, 128),
    ),
)


@given(st.lists(NETWORKS, max_size=8, unique=True), NETWORKS)
def test_find_is_the_longest_prefix(
    networks: list[IPv4Network | IPv6Network], client: IPv4Network | IPv6Network
) -> None:
    address = client.network_address
    holding = [network for network in networks if address in network]
    best = max(holding, key=lambda network: network.prefixlen, default=None)
    expected = None if best is None else (networks.index(best), best.prefixlen)
    assert table(*map(str, networks)).find(address.packed) == expected


@pytest.mark.parametrize(
    ("address", "self"),
    [
        ("::ffff:10.20.0.1", "10.20.0.1"),
        ("10.20.0.1", "10.20.0.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::10.20.0.1", "::10.20.0.1"),
        ("64:ff9b::a14:1", "64:ff9b::a14:1"),
    ],
)
def test_a_mapped_address_is_its_ipv4_self(address: str, self: str) -> None:
    assert unmap(ip_address(address).packed) == ip_address(self).packed


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.20.0.7", "10.20.0.255", True),
        ("10.20.0.7", "10.20.1.7", False),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("10.20.0.7", "a14::", False),
    ],
)
def test_a_network_is_a_24_or_a_64(one: str, other: str, same: bool) -> None:
    assert (network(ip_address(one).packed) == network(ip_address(other).packed)) == same
