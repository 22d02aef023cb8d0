"""The image: every listed name in one read-only buffer that all workers share.

An open-addressing table of 32-bit marks and offsets points into a blob of names. The names of
one rule set, the lists that name them and how they match, lie together, so an offset also
tells the rules. `build_image` writes the buffer, `Image` reads it where it lies; nothing else
knows its layout: header, table, rules, blob, and zeros up to a multiple of 8 octets.

Names are hashed octet by octet from the right, so one pass over a name yields the hash of
each of its suffixes. The hash is keyed, and a build whose longest probe passes a bound is
repeated with another key: no list can make a look-up slow.
"""

from bisect import bisect_right
from collections.abc import Iterable
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from dnsguard.core.names import MAX_NAME, label_offsets

MAGIC = b"dnsgimg3"
MAX_LISTS = 1 << 16

_HEADER = Struct("<8sQIIIII4x")
_RULE = Struct("<IHBx")  # where the names of its rule set start, the list, the kind
_MAX_RULE_SETS = 1 << 24
_MAX_BLOB = (1 << 32) - 1
_MAX_NAME = MAX_NAME  # image.pxd types what is defined here, not what is imported
_MAX_LABELS = MAX_NAME // 2
_MAX_PROBES = 256  # ten million honest names need 150
_KEYS = 8  # keys tried before the names are refused
_U32 = 0xFFFFFFFF
_U64 = 0xFFFFFFFFFFFFFFFF
_PRIME = 0x9E3779B97F4A7C15
_starts = bytearray(_MAX_LABELS + 1)  # of the labels of the name that is looked up
_DAMAGED = "the policy image is damaged or from another version: build it again"


class Kind(IntEnum):
    """How a rule's name matches a queried name."""

    EXACT = 1
    """The name itself."""
    SUFFIX = 2
    """The name and everything below it."""
    EMBEDDED = 4
    """The labels of the name anywhere in a name."""
    BELOW = 8
    """Everything below the name, not the name itself: `*.name` in an RPZ."""
    NETWORK = 16
    """Not a name but an address: it is in a network. See `networks`."""


NAME_KINDS = frozenset({Kind.EXACT, Kind.SUFFIX, Kind.EMBEDDED, Kind.BELOW})
_EXACT = int(Kind.EXACT)
_SUFFIX = int(Kind.SUFFIX)
_EMBEDDED = int(Kind.EMBEDDED)
_BELOW = int(Kind.BELOW)


class Group(NamedTuple):
    """Names of one list that match in the same way, each a lower-case wire name."""

    list_id: int
    kind: int
    names: Iterable[bytes]


class ListRule(NamedTuple):
    """One list's rule for a name: the list's number in the policy and the kind of match."""

    list_id: int
    kind: int


class Match(NamedTuple):
    """A rule that holds for a name: the labels `name[start:end]`, and how specific it is.

    `labels` counts from the start of the matched labels to the end of the whole name: an
    embedded rule is as specific as a suffix rule for the name it is embedded in. Of a network
    it is the length of the prefix, that of an IPv4 one as if it were mapped into IPv6, and
    there are no matched labels.
    """

    labels: int
    list_id: int
    kind: int
    start: int
    end: int


_RuleSet = tuple[ListRule, ...]
_NamesOfSets = list[tuple[_RuleSet, list[bytes]]]


def build_image(groups: Iterable[Group], *, seed: int) -> bytes:
    """Build the image of all groups; `seed` keys the hash and comes from a CSPRNG.

    A name may come in any number of groups: all their rules hold. Raises ValueError when a
    bound of the format is passed, and when no key gives short probes, which only a crafted
    list can cause.
    """
    names_of_sets = _names_of_sets(groups)
    blob, rules = _pack(names_of_sets)
    count = sum(len(names) for _, names in names_of_sets)
    slots = count * 3 // 2 + 1
    for attempt in range(_KEYS):
        key = (seed + attempt * _PRIME) & _U64
        table = _fill_table(names_of_sets, slots, key)
        if table is not None:
            break
    else:
        raise ValueError("the names of the lists collide on purpose: no hash key keeps them apart")
    embedded = _most_embedded_labels(names_of_sets)
    header = _HEADER.pack(MAGIC, key, slots, count, len(rules) // _RULE.size, len(blob), embedded)
    end = _HEADER.size + len(table) + len(rules) + len(blob)
    return b"".join((header, table, rules, blob, bytes(_padding(end))))


class Image:
    """Look-ups in a built image; the buffer is not copied.

    `end` is the size of the image: what is behind it in the buffer may be anything.
    """

    __slots__ = (
        "_blob",
        "_embedded_labels",
        "_key",
        "_rules",
        "_slots",
        "_starts",
        "_table",
        "end",
        "names",
    )

    def __init__(self, buffer: bytes | memoryview) -> None:
        """Take a buffer of `build_image`; raises ValueError when it is damaged."""
        view = memoryview(buffer)
        if len(view) < _HEADER.size:
            raise ValueError(_DAMAGED)
        magic, key, slots, names, rules, blob_size, embedded = _HEADER.unpack_from(view)
        start_of_rules = _HEADER.size + 8 * slots
        start_of_blob = start_of_rules + _RULE.size * rules
        end_of_blob = start_of_blob + blob_size
        end = end_of_blob + _padding(end_of_blob)
        if magic != MAGIC or not slots or len(view) < end:
            raise ValueError(_DAMAGED)
        rules_by_start = _unpack_rules(view[start_of_rules:start_of_blob])
        self.names = names
        self.end = end
        self._key = key
        self._slots = slots
        self._embedded_labels = embedded
        self._starts = list(rules_by_start)
        self._rules = list(rules_by_start.values())
        self._table = view[_HEADER.size : start_of_rules].cast("I")
        self._blob = view[start_of_blob:end_of_blob]

    def find(self, name: bytes) -> list[Match]:
        """Return every rule that matches a lower-case wire name, most specific first."""
        matches: list[Match] = []
        if not self.names:
            return matches
        starts = _starts
        labels = _mark_labels(name, starts)
        for last in range(labels - 1, -1, -1):
            at_end = last == labels - 1
            lowest = 0 if at_end else max(0, last + 1 - self._embedded_labels)
            end = starts[last + 1]
            hash_ = self._key
            stop = end
            for first in range(last, lowest - 1, -1):
                start = starts[first]
                hash_ = _hash(hash_, name, start, stop)
                stop = start
                number = self._probe(hash_, name, start, end)
                if number < 0:
                    continue
                holding = _EMBEDDED
                if at_end:
                    holding |= _SUFFIX | (_BELOW if first else _EXACT)
                for list_id, kind in self._rules[number]:
                    if kind & holding:
                        matches.append(Match(labels - first, list_id, kind, start, end))
            if not self._embedded_labels:
                break
        if len(matches) > 1:
            matches.sort(key=specificity)
        return matches

    def _probe(self, hash_: int, name: bytes, start: int, end: int) -> int:
        """Return the number of the rule set of the labels `name[start:end]`, -1 for none."""
        mixed = _mix(hash_)
        mark = (mixed & _U32) | 1
        slot = ((mixed >> 32) * self._slots) >> 32
        for _ in range(_MAX_PROBES):
            found = self._table[2 * slot]
            if found == 0:
                return -1
            if found == mark:
                offset = self._table[2 * slot + 1]
                if self._is_at(offset, name, start, end):
                    return bisect_right(self._starts, offset) - 1
            slot += 1
            if slot == self._slots:
                slot = 0
        return -1

    def _is_at(self, offset: int, name: bytes, start: int, end: int) -> bool:
        """Tell whether the blob holds the labels `name[start:end]` and the root at an offset."""
        size = len(self._blob)
        if offset + (end - start) >= size:
            return False
        for position in range(start, end):
            if self._blob[offset] != name[position]:
                return False
            offset += 1
        return self._blob[offset] == 0


def specificity(match: Match) -> tuple[int, int, int]:
    """Return what matches are sorted by: the most specific first, then the lowest list."""
    return (-match.labels, match.list_id, match.kind)


def _padding(size: int) -> int:
    """Return how many octets are missing to a multiple of 8, so that what follows is aligned."""
    return -size % 8


def _mark_labels(name: bytes, starts: bytearray) -> int:
    """Put the offset of each label and of the root into `starts`; return the number of labels.

    What is not a name has none.
    """
    size = min(len(name), _MAX_NAME)
    labels = 0
    position = 0
    while position < size:
        starts[labels] = position
        length = name[position]
        if length == 0:
            return labels
        position += 1 + length
        labels += 1
    return 0


def _hash(hash_: int, name: bytes, start: int, end: int) -> int:
    for position in range(end - 1, start - 1, -1):
        hash_ = ((hash_ ^ name[position]) * _PRIME) & _U64
        hash_ ^= hash_ >> 29
    return hash_


def _mix(hash_: int) -> int:
    hash_ = ((hash_ ^ (hash_ >> 32)) * _PRIME) & _U64
    return hash_ ^ (hash_ >> 29)


def _names_of_sets(groups: Iterable[Group]) -> _NamesOfSets:
    """Return each different set of rules with the names it holds for, each name once."""
    sets = _RuleSets()
    set_of: dict[bytes, int] = {}
    for list_id, kind, names in groups:
        if not 0 <= list_id < MAX_LISTS:
            raise ValueError(f"the list number {list_id} is not between 0 and {MAX_LISTS - 1}")
        if kind not in NAME_KINDS:
            raise ValueError(f"{kind} is no kind of rule for names")
        rule = ListRule(list_id, Kind(kind))
        with_rule: dict[int, int] = {}
        for name in names:
            if len(name) > _MAX_NAME:
                raise ValueError(f"a name of list {list_id} is longer than {_MAX_NAME} octets")
            number = set_of.get(name, 0)
            if number not in with_rule:
                with_rule[number] = sets.add(number, rule)
            set_of[name] = with_rule[number]
    names_of: list[list[bytes]] = [[] for _ in sets.by_number]
    for name, number in set_of.items():
        names_of[number].append(name)
    return [(rules, names) for rules, names in zip(sets.by_number, names_of, strict=True) if names]


class _RuleSets:
    """The different sets of rules, numbered; the empty one is 0."""

    def __init__(self) -> None:
        self.by_number: list[_RuleSet] = [()]
        self._numbers: dict[_RuleSet, int] = {(): 0}

    def add(self, number: int, rule: ListRule) -> int:
        """Return the number of a set and one more rule."""
        larger = tuple(sorted({*self.by_number[number], rule}))
        found = self._numbers.setdefault(larger, len(self.by_number))
        if found == len(self.by_number):
            if found == _MAX_RULE_SETS:
                raise ValueError(f"the lists overlap in more than {_MAX_RULE_SETS} ways")
            self.by_number.append(larger)
        return found


def _pack(names_of_sets: _NamesOfSets) -> tuple[bytearray, bytearray]:
    """Return the blob of all names, and the rules with the place where their names start."""
    blob = bytearray()
    rules = bytearray()
    for rule_set, names in names_of_sets:
        for list_id, kind in rule_set:
            rules += _RULE.pack(len(blob), list_id, kind)
        for name in names:
            blob += name
        if len(blob) > _MAX_BLOB:
            raise ValueError(f"the names of the lists take more than {_MAX_BLOB} octets")
    return blob, rules


def _fill_table(names_of_sets: _NamesOfSets, slots: int, key: int) -> bytearray | None:
    """Return the table of marks and offsets, None when a probe would be too long."""
    table = bytearray(8 * slots)
    cells = memoryview(table).cast("I")
    offset = 0
    for _, names in names_of_sets:
        for name in names:
            size = len(name)
            mixed = _mix(_hash(key, name, 0, size - 1))
            slot = ((mixed >> 32) * slots) >> 32
            probes = 0
            while cells[2 * slot]:
                probes += 1
                if probes == _MAX_PROBES:
                    return None
                slot = slot + 1 if slot + 1 < slots else 0
            cells[2 * slot] = (mixed & _U32) | 1
            cells[2 * slot + 1] = offset
            offset += size
    return table


def _most_embedded_labels(names_of_sets: _NamesOfSets) -> int:
    """Return the labels of the longest embedded name, which bound where one can end."""
    return max(
        (
            len(label_offsets(name))
            for rule_set, names in names_of_sets
            if any(rule.kind == Kind.EMBEDDED for rule in rule_set)
            for name in names
        ),
        default=0,
    )


def _unpack_rules(packed: memoryview) -> dict[int, list[ListRule]]:
    """Return the rules by the place where their names start, in the order they are stored."""
    rules_by_start: dict[int, list[ListRule]] = {}
    for start, list_id, kind in _RULE.iter_unpack(packed):
        if kind not in NAME_KINDS:
            raise ValueError(_DAMAGED)
        rules_by_start.setdefault(start, []).append(ListRule(list_id, kind))
    return rules_by_start
