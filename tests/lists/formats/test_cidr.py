import pytest

from dnsguard.lists.formats import parse
from tests.lists.formats.wording import addresses


def test_a_list_of_networks() -> None:
    parsed = parse(
        b"\xef\xbb\xbf# comment\r\n192.0.2.0/24\r\n198.51.100.7\n203.0.113.0/28 ; SBL1\n"
        b"2001:DB8::/32\n2001:db8::1 # one\n\n192.0.2.0/24\n; end\n192.0.2.4 - 192.0.2.9\n"
    )
    assert parsed.format == "cidr"
    assert addresses(parsed) == [
        "192.0.2.0/24",
        "198.51.100.7/32",
        "203.0.113.0/28",
        "2001:db8::/32",
        "2001:db8::1/128",
        "192.0.2.4/30",
        "192.0.2.8/31",
    ]
    assert not parsed.bad
    assert not parsed.names


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("192.0.2.1/24", "host bits set after the prefix"),
        ("192.0.2.0/33", "a prefix length that no address has"),
        ("192.0.2.0/", "a prefix length that no address has"),
        ("192.0.2.0/255.255.255.0", "a prefix length that no address has"),
        ("2001:db8::/129", "a prefix length that no address has"),
        ("192.0.2", "not an address or a network"),
        ("192.000.2.1", "not an address or a network"),
        ("fe80::1%eth0", "not an address or a network"),
        ("192.0.2.1\x00", "not an address or a network"),
        ("example.org", "not an address or a network"),
        ('{"prefix": "192.0.2.0/24"}', "not an address or a network"),
        ("192.0.2.9-192.0.2.4", "a range that does not end after its start"),
        ("192.0.2.9-2001:db8::", "a range that does not end after its start"),
        ("2001:db8::1-2001:db8:ffff:ffff:ffff:ffff:ffff:fffe", "a range of more than 64 networks"),
    ],
)
def test_bad_lines(line: str, reason: str) -> None:
    parsed = parse(line.encode(), format="cidr")
    assert not parsed.addresses
    assert parsed.bad == {reason: 1}
