import random
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dnsguard.core import image as image_module
from dnsguard.core.image import NAME_KINDS, Group, Image, Kind, Match, build_image
from dnsguard.core.names import from_text, to_text
from tests.support.strategies import SHORT_LABEL, wire_names

HEADER = struct.Struct("<8sQIIIII4x")  # magic, key, slots, names, rules, octets of names, embedded
CELL = struct.Struct("<II")  # mark, offset of the name
RULE = struct.Struct("<IHBx")  # offset of its first name, list, kind

NAMES = wire_names(SHORT_LABEL).map(bytes.lower)
GROUPS = st.lists(
    st.builds(
        Group,
        st.integers(0, 3),
        st.sampled_from(sorted(NAME_KINDS)),
        st.lists(NAMES, min_size=1, max_size=4),
    ),
    max_size=8,
)
ORG = Group(0, Kind.SUFFIX, [from_text("example.org"), from_text("www.example.net")])


def image(*rules: tuple[str, Kind]) -> Image:
    groups = [Group(number, kind, [from_text(name)]) for number, (name, kind) in enumerate(rules)]
    return Image(build_image(groups, seed=1))


def matched(found: list[Match], name: str) -> list[tuple[int, int, str]]:
    """Return (list, labels, matched labels) of each match."""
    wire = from_text(name)
    return [(m.list_id, m.labels, to_text(wire[m.start : m.end] + b"\x00")) for m in found]


def labels_of(name: bytes) -> tuple[bytes, ...]:
    labels = []
    while name[0]:
        labels.append(name[1 : name[0] + 1])
        name = name[name[0] + 1 :]
    return tuple(labels)


def reference(groups: Iterable[Group], name: bytes) -> set[tuple[int, int, int]]:
    """Return what the kinds mean, rule by rule: (labels, list, kind)."""
    queried = labels_of(name)
    found = set()
    for list_id, kind, rule_names in groups:
        for wanted in map(labels_of, rule_names):
            for start in range(len(queried)):
                end = start + len(wanted)
                if not wanted or queried[start:end] != wanted:
                    continue
                holds = {
                    Kind.EXACT: queried == wanted,
                    Kind.SUFFIX: end == len(queried),
                    Kind.EMBEDDED: True,
                    Kind.BELOW: end == len(queried) and start > 0,
                }
                if holds[Kind(kind)]:
                    found.add((len(queried) - start, list_id, int(kind)))
    return found


@settings(max_examples=400)
@given(GROUPS, NAMES, st.integers(0, 2**64 - 1))
def test_find_is_the_reference(groups: list[Group], name: bytes, seed: int) -> None:
    found = Image(build_image(groups, seed=seed)).find(name)
    assert {match[:3] for match in found} == reference(groups, name)
    assert len(set(found)) == len(found)
    assert [-match.labels for match in found] == sorted(-match.labels for match in found)


@given(GROUPS, st.integers(0, 2**64 - 1))
def test_a_name_in_several_groups_has_the_rules_of_all(groups: list[Group], seed: int) -> None:
    built = Image(build_image(groups, seed=seed))
    names = {name for group in groups for name in group.names}
    assert built.names == len(names)
    for name in names - {b"\x00"}:
        wanted = {
            (list_id, kind)
            for list_id, kind, of_group in groups
            if name in of_group and kind != Kind.BELOW
        }
        assert {(match.list_id, match.kind) for match in built.find(name)} >= wanted


def test_the_kinds() -> None:
    built = image(
        ("example.org", Kind.SUFFIX),
        ("example.net", Kind.EXACT),
        ("tiktok.com", Kind.EMBEDDED),
        ("example.com", Kind.BELOW),
    )
    table = {
        "example.org": [(0, 2, "example.org")],
        "a.b.example.org": [(0, 2, "example.org")],
        "notexample.org": [],
        "org": [],
        "example.org.test": [],
        "example.net": [(1, 2, "example.net")],
        "www.example.net": [],
        "tiktok.com": [(2, 2, "tiktok.com")],
        "www.tiktok.com": [(2, 2, "tiktok.com")],
        "www.tiktok.com.edgekey.net": [(2, 4, "tiktok.com")],
        "www.nottiktok.com.edgekey.net": [],
        "tiktok.comx.edgekey.net": [],
        "tiktok.com.tiktok.com.test": [(2, 5, "tiktok.com"), (2, 3, "tiktok.com")],
        "example.com": [],
        "www.example.com": [(3, 2, "example.com")],
        "a.b.example.com": [(3, 2, "example.com")],
        "notexample.com": [],
        "www.example.com.test": [],
    }
    for name, expected in table.items():
        assert matched(built.find(from_text(name)), name) == expected, name


def test_the_most_specific_comes_first_and_then_the_lowest_list() -> None:
    groups = [
        Group(0, Kind.SUFFIX, [from_text("org")]),
        Group(3, Kind.SUFFIX, [from_text("a.example.org")]),
        Group(1, Kind.SUFFIX, [from_text("a.example.org")]),
        Group(2, Kind.SUFFIX, [from_text("example.org")]),
    ]
    found = Image(build_image(groups, seed=7)).find(from_text("b.a.example.org"))
    assert [(match.labels, match.list_id) for match in found] == [(3, 1), (3, 3), (2, 2), (1, 0)]


def test_nothing_matches_the_root_and_an_empty_image() -> None:
    assert image().find(from_text("example.org")) == []
    assert image().find(b"\x00") == []
    for kind in NAME_KINDS:
        assert image((".", kind)).find(b"\x00") == []


def test_names_may_come_as_they_are_made() -> None:
    names = (from_text(f"{host}.example") for host in "abc")
    assert Image(build_image(iter([Group(0, Kind.EXACT, names)]), seed=1)).names == 3


@example(b"\x04abc")
@example(b"\x01a" * 128)
@example(b"\x01a" * 127 + b"\x01\x00")
@example((b"\x3f" + b"a" * 63) * 4 + b"\x00")
@given(st.binary(max_size=300))
def test_what_is_not_a_name_matches_nothing(octets: bytes) -> None:
    built = Image(build_image([Group(0, Kind.EMBEDDED, [octets[:255], octets[:7]])], seed=1))
    built.find(octets)
    if b"\x00" not in octets or len(octets) > 255:
        assert built.find(octets.replace(b"\x00", b"\x01")) == []


def test_a_name_of_as_many_labels_as_can_be() -> None:
    longest = b"\x01a" * 127 + b"\x00"
    [match] = Image(build_image([Group(5, Kind.EXACT, [longest])], seed=1)).find(longest)
    assert match == (127, 5, Kind.EXACT, 0, 254)


def test_a_hundred_thousand_names() -> None:
    groups = [
        Group(part, Kind.SUFFIX, [_host(number) for number in range(part, 100_000, 7)])
        for part in range(7)
    ]
    octets = build_image(groups, seed=2024)
    blob = sum(len(_host(number)) for number in range(100_000))
    size = HEADER.size + 150_001 * CELL.size + 7 * RULE.size + blob
    assert len(octets) == size + -size % 8
    built = Image(octets)
    chosen = random.Random(1)
    for number in chosen.sample(range(100_000), 2_000):
        [match] = built.find(from_text(f"www.host{number}.example"))
        assert match.list_id == number % 7
        assert built.find(from_text(f"www.host{number + 100_000}.example")) == []


def _host(number: int) -> bytes:
    return from_text(f"host{number}.example")


def colliding_names(seed: int, keys: int) -> list[bytes]:
    """Return names that lie together in the table under each of the first `keys` keys."""
    names: list[bytes] = []
    for attempt in range(keys):
        key = (seed + attempt * 0x9E3779B97F4A7C15) % 2**64
        candidates = [from_text(f"{attempt}.{number}.example") for number in range(16_000)]
        names += _at_the_start(build_image([Group(0, Kind.EXACT, candidates)], seed=key))
    return names


def _at_the_start(octets: bytes) -> Iterator[bytes]:
    _, _, slots, _, rules, _, _ = HEADER.unpack_from(octets)
    blob = octets[HEADER.size + CELL.size * slots + RULE.size * rules :]
    for slot in range(slots // 50):
        mark, offset = CELL.unpack_from(octets, HEADER.size + CELL.size * slot)
        if mark:
            labels = labels_of(blob[offset:])
            yield from_text(".".join(label.decode() for label in labels))


def test_names_that_collide_under_one_key_are_kept_apart_by_another() -> None:
    names = colliding_names(seed=77, keys=1)
    octets = build_image([Group(0, Kind.EXACT, names)], seed=77)
    assert HEADER.unpack_from(octets)[1] != 77
    assert all(Image(octets).find(name) for name in names)


def test_names_that_collide_under_every_key_are_refused() -> None:
    names = colliding_names(seed=77, keys=8)
    with pytest.raises(ValueError, match="collide on purpose"):
        build_image([Group(0, Kind.EXACT, names)], seed=77)


def test_an_equal_mark_is_not_an_equal_name() -> None:
    [name, _] = ORG.names
    whole = build_image([ORG], seed=1)
    place = whole.index(name)
    assert Image(whole).find(name)
    for position in range(place, place + len(name)):
        other = bytearray(whole)
        other[position] ^= 1
        assert Image(bytes(other)).find(name) == []


def test_a_name_cut_at_the_end_of_the_image_is_not_read_beyond() -> None:
    names = list(ORG.names)
    whole = bytearray(build_image([ORG], seed=1))
    for size in range(sum(map(len, names))):
        struct.pack_into("<I", whole, 28, size)
        assert Image(bytes(whole)).find(names[1]) == []


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (Group(65_536, Kind.EXACT, []), "list number 65536"),
        (Group(-1, Kind.EXACT, []), "list number -1"),
        (Group(0, 3, []), "3 is no kind of rule for names"),
        (Group(0, Kind.NETWORK, []), "16 is no kind of rule for names"),
        (Group(9, Kind.EXACT, [b"\x01a" * 127 + b"\x01\x00"]), "name of list 9 is longer than 255"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(group: Group, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_image([group], seed=1)


def test_the_highest_list_number() -> None:
    built = Image(build_image([Group(65_535, Kind.EXACT, [from_text("example.org")])], seed=1))
    assert built.find(from_text("example.org"))[0].list_id == 65_535


def test_too_many_rule_sets_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_module, "_MAX_RULE_SETS", 3)  # the empty one is the first
    groups = [Group(number, Kind.EXACT, [from_text(f"{number}.example")]) for number in range(3)]
    build_image(groups[:2] + groups[:2], seed=1)
    with pytest.raises(ValueError, match="overlap in more than 3 ways"):
        build_image(groups, seed=1)


def test_too_many_octets_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(map(len, ORG.names))
    monkeypatch.setattr(image_module, "_MAX_BLOB", size)
    build_image([ORG], seed=1)
    monkeypatch.setattr(image_module, "_MAX_BLOB", size - 1)
    with pytest.raises(ValueError, match="take more than"):
        build_image([ORG], seed=1)


def test_what_follows_an_image_is_aligned_and_left_alone() -> None:
    for count in range(9):
        octets = build_image([Group(0, Kind.EXACT, [b"\x01a" * count + b"\x00"])], seed=1)
        assert Image(octets).end == Image(octets + b"anything").end == len(octets)
        assert len(octets) % 8 == 0


def test_every_truncation_is_refused() -> None:
    whole = build_image([ORG], seed=1)
    Image(whole)
    for size in range(len(whole)):
        with pytest.raises(ValueError, match="build it again"):
            Image(whole[:size])


@given(
    st.dictionaries(
        st.integers(0, len(build_image([ORG], seed=1)) - 1),
        st.integers(0, 255),
        min_size=1,
        max_size=8,
    )
)
@example(dict.fromkeys(range(32, 36), 0xFF))
def test_a_damaged_image_is_refused_or_answers_wrongly(changes: dict[int, int]) -> None:
    damaged = bytearray(build_image([ORG], seed=1))
    for position, octet in changes.items():
        damaged[position] = octet
    with suppress(ValueError):
        built = Image(bytes(damaged))
        for name in (*ORG.names, from_text("a.b.example.org"), from_text("example.test")):
            _check_matches(built.find(name), name)


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4))
def test_a_table_that_points_anywhere_is_harmless(low: bytes, high: bytes) -> None:
    whole = build_image([ORG], seed=1)
    _, _, slots, *_ = HEADER.unpack_from(whole)
    damaged = bytearray(whole)
    for slot, offset in zip(range(slots), [low, high] * slots, strict=False):
        place = HEADER.size + CELL.size * slot + 4
        damaged[place : place + 4] = offset
    built = Image(bytes(damaged))
    for name in ORG.names:
        _check_matches(built.find(name), name)


def _check_matches(found: list[Match], name: bytes) -> None:
    for match in found:
        assert match.kind in NAME_KINDS
        assert 0 <= match.start < match.end < len(name)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 0x31),  # the magic of another version
        (16, 0),  # slots
        (16, 0xFFFFFFFF),
        (24, 2),  # rules
        (28, 200),  # octets of names
    ],
)
def test_a_header_that_lies_is_refused(place: int, value: int) -> None:
    whole = bytearray(build_image([ORG], seed=1))
    struct.pack_into("<I", whole, place, value)
    with pytest.raises(ValueError, match="build it again"):
        Image(bytes(whole))


def test_an_image_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="build it again"):
        Image(HEADER.pack(image_module.MAGIC, 1, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("kind", [3, Kind.NETWORK])
def test_a_rule_of_no_kind_is_refused(kind: int) -> None:
    whole = bytearray(build_image([ORG], seed=1))
    _, _, slots, *_ = HEADER.unpack_from(whole)
    whole[HEADER.size + CELL.size * slots + 6] = kind
    with pytest.raises(ValueError, match="build it again"):
        Image(bytes(whole))
