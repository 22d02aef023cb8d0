"""The networks: every listed address and network in one read-only buffer that workers share.

Two networks are disjoint, or one is within the other: so they cut all addresses of a family
into intervals, in each of which the same rules hold. A sorted table has where each interval
starts, another the number of its most specific rule, and each rule that of the next less
specific one. `build_networks` writes the buffer, `Networks` reads it where it lies; nothing
else knows its layout: header, starts for IPv6, rules, starts for IPv4, rule numbers of both.

A look-up is one binary search and the memory grows with what is listed, whatever that is.
"""

from array import array
from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from dnsguard.core import octets
from dnsguard.core.image import MAX_LISTS, Kind, Match, specificity

MAGIC = b"dnsgnet1"

_HEADER = Struct("<8sIIII")
_MAX_NETWORKS = 1 << 24
_NETWORK = int(Kind.NETWORK)
_MAPPED = 0xFFFF  # of ::ffff:0:0/96, the second to the last 32 bits
_NAT64 = 0x0064_FF9B_0000_0000  # of 64:ff9b::/96, the first half
_6TO4 = 0x2002  # of 2002::/16
_U32 = 0xFFFFFFFF
_U64 = 0xFFFFFFFFFFFFFFFF
_NOTHING: list[Match] = []
_DAMAGED = "the image of networks is damaged or from another version: build it again"

Prefix = tuple[bytes, int]
"""A packed network address, 4 or 16 octets, and the length of its prefix."""


class NetworkGroup(NamedTuple):
    """Addresses and networks of one list."""

    list_id: int
    prefixes: Iterable[Prefix]


def build_networks(groups: Iterable[NetworkGroup]) -> bytes:
    """Build the buffer of all groups; its size is a multiple of 4.

    A prefix may come in any number of groups: all their rules hold. Raises ValueError for what
    is not a prefix and when a bound of the format is passed.
    """
    listed = _by_family(groups)
    rules = _Rules()
    starts4, numbers4 = _flatten(listed[4], 32, rules)
    starts6, numbers6 = _flatten(listed[16], 128, rules)
    halves = [half for start in starts6 for half in (start >> 64, start & _U64)]
    count = len(listed[4]) + len(listed[16])
    return b"".join(
        (
            _HEADER.pack(MAGIC, count, len(starts6), len(rules.cells) // 2, len(starts4)),
            array("Q", halves),
            rules.cells,
            array("I", starts4),
            array("I", numbers4),
            array("I", numbers6),
        )
    )


class Networks:
    """Look-ups in built networks; the buffer is not copied."""

    __slots__ = ("_numbers4", "_numbers6", "_rules", "_starts4", "_starts6", "count")

    def __init__(self, buffer: bytes | memoryview) -> None:
        """Take a buffer of `build_networks`; raises ValueError when it is damaged."""
        view = memoryview(buffer)
        if len(view) < _HEADER.size:
            raise ValueError(_DAMAGED)
        magic, count, intervals6, rules, intervals4 = _HEADER.unpack_from(view)
        rules_at = _HEADER.size + 16 * intervals6
        starts4_at = rules_at + 8 * rules
        numbers4_at = starts4_at + 4 * intervals4
        numbers6_at = numbers4_at + 4 * intervals4
        end = numbers6_at + 4 * intervals6
        if magic != MAGIC or not (intervals6 and rules and intervals4) or len(view) < end:
            raise ValueError(_DAMAGED)
        self.count = count
        self._starts6 = view[_HEADER.size : rules_at].cast("Q")
        self._rules = view[rules_at:starts4_at].cast("I")
        self._starts4 = view[starts4_at:numbers4_at].cast("I")
        self._numbers4 = view[numbers4_at:numbers6_at].cast("I")
        self._numbers6 = view[numbers6_at:end].cast("I")

    def find(self, address: bytes) -> list[Match]:
        """Return every rule that holds for a packed address, most specific first.

        What holds for the IPv4 address that an IPv6 address carries holds for that too
        (IPv4-mapped, NAT64's well-known prefix, 6to4). The list is not to be changed.
        """
        size = len(address)
        if not self.count or (size != 4 and size != 16):
            return _NOTHING
        if size == 4:
            return self._matches(self._find4(octets.get32(address, 0)), 0)
        high = octets.get32(address, 0)
        high = high << 32 | octets.get32(address, 4)
        low = octets.get32(address, 8)
        low = low << 32 | octets.get32(address, 12)
        carried = 0
        if (high == 0 and low >> 32 == _MAPPED) or (high == _NAT64 and low >> 32 == 0):
            carried = self._find4(low & _U32)
        elif high >> 48 == _6TO4:
            carried = self._find4(high >> 16 & _U32)
        return self._matches(self._find6(high, low), carried)

    def _matches(self, number: int, carried: int) -> list[Match]:
        """Return the rules that begin with either number, 0 for none."""
        if not number and not carried:
            return _NOTHING
        matches: list[Match] = []
        self._collect(number, matches)
        self._collect(carried, matches)
        if number and carried:
            matches.sort(key=specificity)
        return matches

    def _find4(self, address: int) -> int:
        """Return the number of the most specific rule for an IPv4 address, 0 for none."""
        first = 0
        last = len(self._starts4)
        while last - first > 1:
            middle = (first + last) >> 1
            if self._starts4[middle] <= address:
                first = middle
            else:
                last = middle
        return self._numbers4[first]

    def _find6(self, high: int, low: int) -> int:
        """Return the number of the most specific rule for the halves of an IPv6 address."""
        first = 0
        last = len(self._numbers6)
        while last - first > 1:
            middle = (first + last) >> 1
            start = self._starts6[2 * middle]
            if start < high or (start == high and self._starts6[2 * middle + 1] <= low):
                first = middle
            else:
                last = middle
        return self._numbers6[first]

    def _collect(self, number: int, matches: list[Match]) -> None:
        """Add a rule and those that hold beside it; in a damaged buffer fewer."""
        below = len(self._rules) >> 1
        while 0 < number < below:
            rule = self._rules[2 * number + 1]
            matches.append(Match(rule & 0xFF, rule >> 16, _NETWORK, 0, 0))
            below = number
            number = self._rules[2 * number]


class _Rules:
    """The different rules, numbered, each after the next less specific one; 0 is none."""

    def __init__(self) -> None:
        self.cells = array("I", (0, 0))
        self._numbers: dict[tuple[int, int], int] = {}

    def add(self, next_: int, labels: int, list_id: int) -> int:
        """Return the number of a rule and of all that hold beside it from `next_` on."""
        rule = list_id << 16 | labels
        number = self._numbers.setdefault((next_, rule), len(self.cells) >> 1)
        if 2 * number == len(self.cells):
            self.cells.extend((next_, rule))
        return number


_Listed = dict[int, tuple[int, ...]]
"""The numbers of lists by network: its first address, and in 8 more bits its prefix length."""


def _by_family(groups: Iterable[NetworkGroup]) -> dict[int, _Listed]:
    """Return what is listed by the octets of an address."""
    listed: dict[int, _Listed] = {4: {}, 16: {}}
    count = 0
    for list_id, prefixes in groups:
        if not 0 <= list_id < MAX_LISTS:
            raise ValueError(f"the list number {list_id} is not between 0 and {MAX_LISTS - 1}")
        alone = (list_id,)
        for network, length in prefixes:
            size = len(network)
            start = int.from_bytes(network, "big")
            host_bits = 8 * size - length
            if size not in listed or not 0 <= length <= 8 * size or start % (1 << host_bits):
                raise ValueError(f"list {list_id} has a prefix that is none: {network!r}/{length}")
            list_ids = listed[size].setdefault(start << 8 | length, alone)
            if list_id not in list_ids:
                listed[size][start << 8 | length] = (*list_ids, list_id)
            count += 1
            if count > _MAX_NETWORKS:
                raise ValueError(f"the lists hold more than {_MAX_NETWORKS} networks")
    return listed


def _flatten(listed: _Listed, bits: int, rules: _Rules) -> tuple[list[int], list[int]]:
    """Return where each interval starts and the number of its most specific rule."""
    intervals = _Intervals()
    around = [(1 << bits, 0)]  # where each network that is not over ends, and its rule
    for network, list_ids in sorted(listed.items()):
        start, length = network >> 8, network & 0xFF
        while around[-1][0] <= start:
            end, _ = around.pop()
            intervals.enter(end, around[-1][1])
        number = around[-1][1]
        for list_id in sorted(list_ids, reverse=True):
            number = rules.add(number, 128 - bits + length, list_id)
        around.append((start + (1 << (bits - length)), number))
        intervals.enter(start, number)
    while len(around) > 1:
        end, _ = around.pop()
        if end < 1 << bits:
            intervals.enter(end, around[-1][1])
    return intervals.starts, intervals.numbers


class _Intervals:
    """Intervals of addresses in order, neighbours that have the same rule joined."""

    def __init__(self) -> None:
        self.starts = [0]
        self.numbers = [0]

    def enter(self, start: int, number: int) -> None:
        """Begin an interval; one that began at the same address holds nothing and goes."""
        if self.starts[-1] == start:
            self.starts.pop()
            self.numbers.pop()
        if not self.numbers or self.numbers[-1] != number:
            self.starts.append(start)
            self.numbers.append(number)
