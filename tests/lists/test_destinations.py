"""Which addresses are public: the special-purpose registries, and what carries an address."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis.strategies import ip_addresses

from dnsguard.lists.destinations import is_local_name, is_public, parse_literal

_SPECIAL = """
0.0.0.0 0.255.255.255 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254
169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1
198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.251 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 fe80::1 fe80::1%1 fec0::1 fc00::1 fdff::1 ff02::1 100::1 2001::1
2001:db8::1 3fff::1 4000::1 64:ff9b:1::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::127.0.0.1
64:ff9b::10.0.0.1 2002:7f00:1:: 2002:a00:1::1 2002:c0a8:101::
"""
_PUBLIC = """
1.1.1.1 8.8.8.8 9.9.9.9 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
172.15.255.255 172.32.0.0 192.0.3.0 192.167.255.255 198.17.255.255 198.20.0.0 223.255.255.255
2000::1 2001:200::1 2606:4700::1 2620:fe::fe 3ffe::1 ::ffff:9.9.9.9 64:ff9b::9.9.9.9 2002:909:909::
"""


@pytest.mark.parametrize("text", _SPECIAL.split())
def test_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", _PUBLIC.split())
def test_others_are(text: str) -> None:
    assert is_public(ip_address(text))


@given(ip_addresses())
def test_nothing_public_is_special_to_the_standard_library(
    address: IPv4Address | IPv6Address,
) -> None:
    carries = isinstance(address, IPv6Address) and (address.ipv4_mapped or address.sixtofour)
    if is_public(address) and not carries:
        assert address.is_global
        assert not address.is_multicast


@given(ip_addresses(v=4))
def test_a_carried_address_counts_as_itself(address: IPv4Address) -> None:
    for start, end in (("::ffff:0:0", 0), ("64:ff9b::", 0), ("2002::", 80)):
        carrier = IPv6Address(int(IPv6Address(start)) | int(address) << end)
        assert is_public(carrier) == is_public(address)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
    ],
)
def test_a_host_that_is_an_address(host: str, address: str) -> None:
    assert parse_literal(host) == ip_address(address)


@pytest.mark.parametrize("host", ["lists.example", "1.example", "", "256.256.256.256", "é"])
def test_a_host_that_is_a_name(host: str) -> None:
    assert parse_literal(host) is None


def test_localhost_and_below_are_the_machine_itself() -> None:
    assert is_local_name("localhost")
    assert is_local_name("lists.localhost")
    assert not is_local_name("localhost.example")
