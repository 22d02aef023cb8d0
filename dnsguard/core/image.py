"""The image: every listed name in one read-only buffer that all workers share.

An open-addressing table of 32-bit marks and offsets points into a blob of names. Each name
leads to a set of rules: which lists name it, and how they match. `build_image` writes the
buffer, `Image` reads it where it lies; nothing else knows its layout.

Names are hashed label by label from the right, so one pass over a name yields the hash of
each of its suffixes. The hash is keyed, and a build whose longest probe passes a bound is
repeated with another key: no list can make a look-up slow.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

MAGIC = b"dnsgimg1"
MAX_PROBES = 256  # ten million honest names need 150

_HEADER = Struct("<8sQIIIIII")
_U64 = 0xFFFFFFFFFFFFFFFF
_PRIME = 0x9E3779B97F4A7C15
_DAMAGED = "the policy image is damaged or from another version: build it again"


class Kind(IntEnum):
    """How a rule's name matches a queried name."""

    EXACT = 1
    SUFFIX = 2
    EMBEDDED = 4


class ListRule(NamedTuple):
    """One list's rule for a name: the list's number in the policy and the kind of match."""

    list_id: int
    kind: int


class Match(NamedTuple):
    """A rule that holds for a name: the labels `name[start:end]`, and how specific it is.

    `labels` counts from the start of the matched labels to the end of the whole name: an
    embedded rule is as specific as a suffix rule for the name it is embedded in.
    """

    labels: int
    list_id: int
    kind: int
    start: int
    end: int


def build_image(rules: Mapping[bytes, Iterable[ListRule]], *, seed: int) -> bytes:
    """Build the image of `name -> rules`; `seed` keys the hash and comes from a CSPRNG.

    Raises ValueError when no key gives short probes, which only a crafted list can cause.
    """
    sets: dict[tuple[ListRule, ...], int] = {}
    blob = bytearray()
    offsets: list[int] = []
    embedded_labels = 0
    for name, name_rules in rules.items():
        rule_set = tuple(sorted(set(name_rules)))
        number = sets.setdefault(rule_set, len(sets))
        offsets.append(len(blob))
        labels = name[:-1]
        blob.append(len(labels))
        blob += labels
        blob += number.to_bytes(3, "little")
        if any(rule.kind == Kind.EMBEDDED for rule in rule_set):
            embedded_labels = max(embedded_labels, _count_labels(labels))
    slots = len(offsets) * 3 // 2 + 1
    for attempt in range(8):
        key = (seed + attempt * _PRIME) & _U64
        table = _fill_table(blob, offsets, slots, key)
        if table is not None:
            break
    else:
        raise ValueError("the names of the lists collide on purpose: no hash key keeps them apart")
    packed_sets = _pack_sets(sets)
    header = _HEADER.pack(
        MAGIC, key, slots, len(offsets), len(sets), len(packed_sets), len(blob), embedded_labels
    )
    return header + table + packed_sets + bytes(blob)


class Image:
    """Look-ups in a built image; the buffer is not copied."""

    __slots__ = ("_blob", "_embedded_labels", "_key", "_sets", "_slots", "_table", "names")

    def __init__(self, buffer: bytes | memoryview) -> None:
        """Take a buffer of `build_image`; raises ValueError when it is damaged."""
        view = memoryview(buffer)
        if len(view) < _HEADER.size:
            raise ValueError(_DAMAGED)
        magic, key, slots, names, sets, sets_size, blob_size, embedded = _HEADER.unpack_from(view)
        start_of_sets = _HEADER.size + 8 * slots
        start_of_blob = start_of_sets + sets_size
        if magic != MAGIC or not slots or len(view) < start_of_blob + blob_size:
            raise ValueError(_DAMAGED)
        self.names = names
        self._key = key
        self._slots = slots
        self._embedded_labels = embedded
        self._table = view[_HEADER.size : start_of_sets].cast("I")
        self._sets = _unpack_sets(view[start_of_sets:start_of_blob], sets)
        self._blob = view[start_of_blob : start_of_blob + blob_size]

    def find(self, name: bytes) -> list[Match]:
        """Return every rule that matches a lower-case wire name, most specific first."""
        starts = _label_starts(name)
        labels = len(starts)
        ends = [*starts[1:], len(name) - 1] if starts else []
        matches: list[Match] = []
        for last in range(labels - 1, -1, -1):
            at_end = last == labels - 1
            lowest = 0 if at_end else max(0, last + 1 - self._embedded_labels)
            end = ends[last]
            hash_ = self._key
            for first in range(last, lowest - 1, -1):
                start = starts[first]
                hash_ = _hash_label(hash_, name, start, ends[first])
                number = self._probe(hash_, name, start, end)
                if number < 0:
                    continue
                for rule in self._sets[number]:
                    kind = rule.kind
                    if kind == 4 or (at_end and (kind == 2 or (kind == 1 and first == 0))):
                        matches.append(Match(labels - first, rule.list_id, kind, start, end))
            if not self._embedded_labels:
                break
        if len(matches) > 1:
            matches.sort(key=_specificity)
        return matches

    def _probe(self, hash_: int, name: bytes, start: int, end: int) -> int:
        mixed = _mix(hash_)
        mark = (mixed & 0xFFFFFFFF) | 1
        slot = ((mixed >> 32) * self._slots) >> 32
        table = self._table
        blob = self._blob
        length = end - start
        for _ in range(MAX_PROBES):
            found = table[2 * slot]
            if found == 0:
                return -1
            if found == mark:
                offset = table[2 * slot + 1]
                stop = offset + 1 + length
                if blob[offset] == length and blob[offset + 1 : stop] == name[start:end]:
                    number: int = blob[stop] | blob[stop + 1] << 8 | blob[stop + 2] << 16
                    return number
            slot += 1
            if slot == self._slots:
                slot = 0
        return -1


def _specificity(match: Match) -> tuple[int, int, int]:
    return (-match.labels, match.list_id, match.kind)


def _label_starts(name: bytes) -> list[int]:
    starts = []
    position = 0
    while name[position]:
        starts.append(position)
        position += 1 + name[position]
    return starts


def _count_labels(labels: bytes) -> int:
    return len(_label_starts(labels + b"\x00"))


def _hash_label(hash_: int, name: bytes, start: int, end: int) -> int:
    for position in range(end - 1, start - 1, -1):
        hash_ = ((hash_ ^ name[position]) * _PRIME) & _U64
        hash_ ^= hash_ >> 29
    return hash_


def _mix(hash_: int) -> int:
    hash_ = ((hash_ ^ (hash_ >> 32)) * _PRIME) & _U64
    return hash_ ^ (hash_ >> 29)


def _fill_table(blob: bytearray, offsets: list[int], slots: int, key: int) -> bytes | None:
    table = bytearray(8 * slots)
    cells = memoryview(table).cast("I")
    names = bytes(blob)
    for offset in offsets:
        start = offset + 1
        mixed = _mix(_hash_label(key, names, start, start + names[offset]))
        slot = ((mixed >> 32) * slots) >> 32
        probes = 0
        while cells[2 * slot]:
            probes += 1
            if probes == MAX_PROBES:
                return None
            slot = slot + 1 if slot + 1 < slots else 0
        cells[2 * slot] = (mixed & 0xFFFFFFFF) | 1
        cells[2 * slot + 1] = offset
    cells.release()
    return bytes(table)


def _pack_sets(sets: Mapping[tuple[ListRule, ...], int]) -> bytes:
    packed = bytearray()
    for rule_set in sets:
        packed += len(rule_set).to_bytes(2, "little")
        for rule in rule_set:
            packed += rule.list_id.to_bytes(2, "little") + bytes([rule.kind])
    return bytes(packed)


def _unpack_sets(packed: memoryview, count: int) -> list[tuple[ListRule, ...]]:
    sets = []
    position = 0
    for _ in range(count):
        start = position + 2
        if start > len(packed):
            raise ValueError(_DAMAGED)
        position = start + 3 * (packed[start - 2] | packed[start - 1] << 8)
        if position > len(packed):
            raise ValueError(_DAMAGED)
        rules = [
            ListRule(packed[rule] | packed[rule + 1] << 8, packed[rule + 2])
            for rule in range(start, position, 3)
        ]
        sets.append(tuple(rules))
    return sets
