import random
import struct
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dnsguard.core import networks as module
from dnsguard.core.image import Kind, Match, specificity
from dnsguard.core.networks import NetworkGroup, Networks, Prefix, build_networks

HEADER = struct.Struct("<8sIIII")  # magic, networks, intervals of IPv6, rules, intervals of IPv4

CARRIED = {96: ["::ffff:0:0", "64:ff9b::"], 16: ["2002::"]}  # by where the IPv4 address begins
FEW = (0, 1, 31, 0x0A000000, 0x0A0000FF, 0x0A000100, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def prefix(text: str) -> Prefix:
    network = ip_network(text)
    return network.network_address.packed, network.prefixlen


def packed(text: str) -> bytes:
    return ip_address(text).packed


def networks(*lists: Iterable[str]) -> Networks:
    groups = [NetworkGroup(number, map(prefix, listed)) for number, listed in enumerate(lists)]
    return Networks(build_networks(groups))


def masked(size: int, value: int, length: int) -> Prefix:
    host_bits = 8 * size - length
    return (value >> host_bits << host_bits).to_bytes(size, "big"), length


def carrying(address: int) -> Iterable[bytes]:
    """Yield the IPv6 addresses that carry an IPv4 one, with something behind it if there can be."""
    for at, prefixes in CARRIED.items():
        for text in prefixes:
            rest = address % 65_537 if at == 16 else 0
            yield (int(IPv6Address(text)) | address << (96 - at) | rest).to_bytes(16, "big")


IPV4 = st.one_of(st.sampled_from(FEW), st.integers(0, 2**32 - 1))
IPV6 = st.one_of(
    st.builds(lambda value, shift: value << shift, IPV4, st.sampled_from([0, 1, 32, 64, 80, 96])),
    st.integers(0, 2**128 - 1),
    IPV4.flatmap(lambda value: st.sampled_from([*carrying(value)])).map(
        lambda octets: int.from_bytes(octets, "big")
    ),
)
PREFIXES = st.one_of(
    st.builds(masked, st.just(4), IPV4, st.integers(0, 32)),
    st.builds(masked, st.just(16), IPV6, st.integers(0, 128)),
)
GROUPS = st.lists(
    st.builds(NetworkGroup, st.integers(0, 3), st.lists(PREFIXES, max_size=5)), max_size=6
)
ADDRESSES = st.one_of(
    IPV4.map(lambda value: value.to_bytes(4, "big")),
    IPV6.map(lambda value: value.to_bytes(16, "big")),
)


def reference(groups: Iterable[NetworkGroup], address: bytes) -> list[Match]:
    """Return what the networks mean, one by one."""
    asked: list[IPv4Address | IPv6Address] = [ip_address(address)]
    for at, prefixes in CARRIED.items():
        for text in prefixes:
            if len(address) == 16 and asked[0] in ip_network(f"{text}/{at}"):
                asked.append(IPv4Address(address[at // 8 : at // 8 + 4]))
    found = set()
    for list_id, listed in groups:
        for network in map(ip_network, listed):
            shift = 96 if network.version == 4 else 0
            if any(each in network for each in asked if each.version == network.version):
                found.add(Match(network.prefixlen + shift, list_id, Kind.NETWORK, 0, 0))
    return sorted(found, key=specificity)


def edges(groups: Iterable[NetworkGroup]) -> Iterable[bytes]:
    """Yield the first and the last address of each network and their neighbours."""
    for _, listed in groups:
        for network in map(ip_network, listed):
            for edge in (network.network_address, network.broadcast_address):
                for value in (int(edge) - 1, int(edge), int(edge) + 1):
                    if 0 <= value < 1 << network.max_prefixlen:
                        yield value.to_bytes(network.max_prefixlen // 8, "big")


@settings(max_examples=300)
@given(GROUPS, st.lists(ADDRESSES, max_size=8))
def test_find_is_the_reference(groups: list[NetworkGroup], addresses: list[bytes]) -> None:
    built = Networks(build_networks(groups))
    assert built.count == len({each for group in groups for each in group.prefixes})
    for address in [*addresses, *edges(groups)]:
        found = built.find(address)
        # A rule for ::ffff:10.0.0.0/104 is as specific as one for 10.0.0.0/8.
        assert list(dict.fromkeys(found)) == reference(groups, address)


@given(GROUPS, st.randoms(use_true_random=False))
def test_the_order_of_what_is_listed_means_nothing(
    groups: list[NetworkGroup], shuffled: random.Random
) -> None:
    again = [NetworkGroup(group.list_id, [each]) for group in groups for each in group.prefixes]
    again += again[:3]
    shuffled.shuffle(again)
    assert build_networks(again) == build_networks(groups)


def test_the_most_specific_comes_first_and_then_the_lowest_list() -> None:
    built = networks(
        ["192.0.2.0/24", "2001:db8::/32"],
        ["192.0.0.0/16", "2001:db8::7"],
        ["192.0.2.7", "192.0.2.0/24", "2001:db8::/32"],
    )
    table = {
        "192.0.2.7": [(128, 2), (120, 0), (120, 2), (112, 1)],
        "192.0.2.8": [(120, 0), (120, 2), (112, 1)],
        "192.0.3.0": [(112, 1)],
        "192.1.0.0": [],
        "191.255.255.255": [],
        "2001:db8::7": [(128, 1), (32, 0), (32, 2)],
        "2001:db8::8": [(32, 0), (32, 2)],
        "2001:db9::": [],
    }
    for address, expected in table.items():
        found = built.find(packed(address))
        assert [(match.labels, match.list_id) for match in found] == expected, address
        assert {match[2:] for match in found} <= {(Kind.NETWORK, 0, 0)}


def test_an_ipv4_address_within_an_ipv6_one_is_matched_as_both() -> None:
    built = networks(["192.0.2.0/24"], ["2002::/16", "2002:c000:200::/40"])
    table = {
        "::ffff:192.0.2.1": [(120, 0)],
        "64:ff9b::192.0.2.1": [(120, 0)],
        "2002:c000:201:7::9": [(120, 0), (40, 1), (16, 1)],
        "2002:c000:301::": [(16, 1)],
        "::192.0.2.1": [],
        "::fffe:192.0.2.1": [],
        "::1:ffff:192.0.2.1": [],
        "1::ffff:192.0.2.1": [],
        "64:ff9b::1:192.0.2.1": [],
        "64:ff9b:1::192.0.2.1": [],
        "2003:c000:201::": [],
    }
    for address, expected in table.items():
        found = built.find(packed(address))
        assert [(match.labels, match.list_id) for match in found] == expected, address


def test_everything_and_nothing() -> None:
    everything = networks(["0.0.0.0/0", "::/0"])
    nothing = networks()
    for address in ("0.0.0.0", "255.255.255.255", "::", "ffff:" * 7 + "ffff"):
        assert everything.find(packed(address))
        assert nothing.find(packed(address)) == []
    assert (everything.count, nothing.count) == (2, 0)


@pytest.mark.parametrize("size", [0, 1, 3, 5, 15, 17, 255])
def test_what_is_not_an_address_matches_nothing(size: int) -> None:
    assert networks(["0.0.0.0/0", "::/0"]).find(bytes(size)) == []


def test_neighbours_with_the_same_rule_take_the_room_of_one() -> None:
    hosts = [f"192.0.2.{number}" for number in range(256)]
    apart = [f"198.51.100.{number}" for number in range(0, 256, 2)]
    _, count, intervals6, rules, intervals4 = HEADER.unpack_from(build(hosts, apart))
    assert (count, intervals6, rules) == (384, 1, 3)
    assert intervals4 == 1 + 2 + 2 * 128


def build(*lists: Iterable[str]) -> bytes:
    return build_networks(NetworkGroup(n, map(prefix, listed)) for n, listed in enumerate(lists))


def test_networks_within_networks_take_no_more_room_than_others() -> None:
    chosen = random.Random(7)
    lines = [chosen.getrandbits(128) for _ in range(40)]
    nested = [masked(16, line, length) for line in lines for length in range(20, 129)]
    octets = build_networks([NetworkGroup(0, nested)])
    assert len(octets) < 50 * len(nested)
    assert len(Networks(octets).find(nested[-1][0])) == 109


def test_a_hundred_thousand_networks() -> None:
    listed = [(number * 40_009 % 2**32).to_bytes(4, "big") for number in range(100_000)]
    built = Networks(build_networks([NetworkGroup(7, ((each, 32) for each in listed))]))
    assert built.count == len(listed)
    for address in random.Random(1).sample(listed, 2_000):
        assert built.find(address) == [(128, 7, Kind.NETWORK, 0, 0)]
        assert built.find(address[:3] + bytes([address[3] ^ 1])) == []


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (NetworkGroup(65_536, []), "list number 65536"),
        (NetworkGroup(-1, []), "list number -1"),
        (NetworkGroup(5, [(bytes(4), 33)]), "list 5 has a prefix that is none"),
        (NetworkGroup(5, [(bytes(4), -1)]), "list 5 has a prefix that is none"),
        (NetworkGroup(5, [(bytes(16), 129)]), "list 5 has a prefix that is none"),
        (NetworkGroup(5, [(b"", 0)]), "list 5 has a prefix that is none"),
        (NetworkGroup(5, [(bytes(5), 8)]), "list 5 has a prefix that is none"),
        (NetworkGroup(5, [(b"\x0a\0\0\1", 31)]), "list 5 has a prefix that is none"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(group: NetworkGroup, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_networks([group])


def test_the_highest_list_number() -> None:
    built = Networks(build_networks([NetworkGroup(65_535, [prefix("192.0.2.0/24")])]))
    assert built.find(packed("192.0.2.1"))[0].list_id == 65_535


def test_too_many_networks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = ["192.0.2.0/24", "2001:db8::/32"]
    monkeypatch.setattr(module, "_MAX_NETWORKS", 3)
    build(listed, listed[:1])
    with pytest.raises(ValueError, match="more than 3 networks"):
        build(listed, listed)


WHOLE = build(
    ["192.0.2.0/24", "192.0.2.4/30", "2001:db8::/32"], ["192.0.0.0/16", "2001:db8::7", "2002::/16"]
)
ASKED = [packed(text) for text in ("192.0.2.7", "192.0.2.99", "2001:db8::7", "2002:c000:204::")]


def test_every_truncation_is_refused() -> None:
    Networks(WHOLE)
    Networks(WHOLE + b"anything")
    for size in range(len(WHOLE)):
        with pytest.raises(ValueError, match="build it again"):
            Networks(WHOLE[:size])


def _check_damaged(damaged: bytes) -> None:
    with suppress(ValueError):
        built = Networks(damaged)
        for address in ASKED:
            assert len(built.find(address)) < len(WHOLE)


def test_every_flipped_octet_is_refused_or_harmless() -> None:
    for position in range(len(WHOLE)):
        for flip in (1, 0x80, 0xFF):
            damaged = bytearray(WHOLE)
            damaged[position] ^= flip
            _check_damaged(bytes(damaged))


@example(dict.fromkeys(range(8, 24), 0xFF))
@given(
    st.dictionaries(st.integers(8, len(WHOLE) - 1), st.integers(0, 255), min_size=2, max_size=12)
)
def test_damage_is_refused_or_harmless(changes: dict[int, int]) -> None:
    damaged = bytearray(WHOLE)
    for position, octet in changes.items():
        damaged[position] = octet
    _check_damaged(bytes(damaged))


def test_rules_that_name_each_other_come_to_an_end() -> None:
    _, _, intervals6, rules, _ = HEADER.unpack_from(WHOLE)
    for after in range(rules + 1):
        damaged = bytearray(WHOLE)
        for number in range(rules):
            struct.pack_into("<I", damaged, HEADER.size + 16 * intervals6 + 8 * number, after)
        _check_damaged(bytes(damaged))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 0x31),  # the magic of another version
        (12, 0),
        (16, 0),
        (20, 0),
        (12, 0xFFFFFFFF),
        (16, 0xFFFFFFFF),
        (20, 0xFFFFFFFF),
    ],
)
def test_a_header_that_lies_is_refused(place: int, value: int) -> None:
    damaged = bytearray(WHOLE)
    struct.pack_into("<I", damaged, place, value)
    with pytest.raises(ValueError, match="build it again"):
        Networks(bytes(damaged))
