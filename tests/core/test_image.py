import random
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core.image import Image, Kind, ListRule, Match, build_image
from dnsguard.core.names import from_text, to_text
from tests.support.strategies import SHORT_LABEL, wire_names

Rules = dict[bytes, list[ListRule]]
NAMES = wire_names(SHORT_LABEL).map(bytes.lower)
RULES = st.dictionaries(
    NAMES,
    st.lists(st.builds(ListRule, st.integers(0, 3), st.sampled_from(Kind)), min_size=1, max_size=3),
    max_size=12,
)


def image(*rules: tuple[str, Kind]) -> Image:
    numbered = {
        from_text(name): [ListRule(number, kind)] for number, (name, kind) in enumerate(rules)
    }
    return Image(build_image(numbered, seed=1))


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


def reference(rules: Rules, name: bytes) -> set[tuple[int, int, int]]:
    """Return what the three kinds mean, rule by rule: (labels, list, kind)."""
    queried = labels_of(name)
    found = set()
    for rule_name, name_rules in rules.items():
        wanted = labels_of(rule_name)
        for start in range(len(queried)):
            end = start + len(wanted)
            if not wanted or queried[start:end] != wanted:
                continue
            for list_id, kind in name_rules:
                holds = {
                    Kind.EXACT: queried == wanted,
                    Kind.SUFFIX: end == len(queried),
                    Kind.EMBEDDED: True,
                }
                if holds[Kind(kind)]:
                    found.add((len(queried) - start, list_id, int(kind)))
    return found


@given(RULES, NAMES, st.integers(0, 2**64 - 1))
def test_find_is_the_reference(rules: Rules, name: bytes, seed: int) -> None:
    found = Image(build_image(rules, seed=seed)).find(name)
    assert {match[:3] for match in found} == reference(rules, name)
    assert [-match.labels for match in found] == sorted(-match.labels for match in found)


@given(RULES, st.integers(0, 2**64 - 1))
def test_every_rule_is_found_by_its_own_name(rules: Rules, seed: int) -> None:
    built = Image(build_image(rules, seed=seed))
    assert built.names == len(rules)
    for name, name_rules in rules.items():
        if len(name) > 1:
            found = {(match.list_id, match.kind) for match in built.find(name)}
            assert found >= set(name_rules)


def test_the_kinds() -> None:
    built = image(
        ("example.org", Kind.SUFFIX), ("example.net", Kind.EXACT), ("tiktok.com", Kind.EMBEDDED)
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
    }
    for name, expected in table.items():
        assert matched(built.find(from_text(name)), name) == expected, name


def test_the_most_specific_comes_first_and_then_the_lowest_list() -> None:
    rules = {
        from_text("org"): [ListRule(0, Kind.SUFFIX)],
        from_text("a.example.org"): [ListRule(3, Kind.SUFFIX), ListRule(1, Kind.SUFFIX)],
        from_text("example.org"): [ListRule(2, Kind.SUFFIX)],
    }
    found = Image(build_image(rules, seed=7)).find(from_text("b.a.example.org"))
    assert [(match.labels, match.list_id) for match in found] == [(3, 1), (3, 3), (2, 2), (1, 0)]


def test_nothing_matches_the_root_and_an_empty_image() -> None:
    assert image().find(from_text("example.org")) == []
    assert image().find(b"\x00") == []
    assert Image(build_image({b"\x00": [ListRule(0, Kind.SUFFIX)]}, seed=1)).find(b"\x00") == []


def test_a_hundred_thousand_names() -> None:
    rules = {
        from_text(f"host{number}.example"): [ListRule(number % 7, Kind.SUFFIX)]
        for number in range(100_000)
    }
    built = Image(build_image(rules, seed=2024))
    chosen = random.Random(1)
    for number in chosen.sample(range(100_000), 2_000):
        [match] = built.find(from_text(f"www.host{number}.example"))
        assert match.list_id == number % 7
        assert built.find(from_text(f"www.host{number + 100_000}.example")) == []


def test_names_that_collide_under_every_key_are_refused() -> None:
    class Colliding(Rules):
        def items(self) -> list[tuple[bytes, list[ListRule]]]:  # type: ignore[override]
            return [(b"\x01a\x00", [ListRule(0, Kind.EXACT)])] * 1000

    with pytest.raises(ValueError, match="collide on purpose"):
        build_image(Colliding(), seed=1)


def test_every_truncation_is_refused() -> None:
    whole = build_image({from_text("example.org"): [ListRule(0, Kind.SUFFIX)]}, seed=1)
    Image(whole)
    for size in range(len(whole)):
        with pytest.raises(ValueError, match="build it again"):
            Image(whole[:size])


@given(st.data())
def test_a_damaged_image_is_refused_or_built(data: st.DataObject) -> None:
    whole = bytearray(build_image({from_text("example.org"): [ListRule(0, Kind.SUFFIX)]}, seed=1))
    # Magic, sizes and the sets of rules; the table and the names are not read before they are used.
    position = data.draw(st.integers(0, 39) | st.integers(56, 60))
    whole[position] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        Image(bytes(whole))


@pytest.mark.parametrize(("place", "value"), [(16, 0), (24, 2), (28, 4), (32, 200)])
def test_a_header_that_lies_is_refused(place: int, value: int) -> None:
    whole = bytearray(build_image({from_text("example.org"): [ListRule(0, Kind.SUFFIX)]}, seed=1))
    struct.pack_into("<I", whole, place, value)
    with pytest.raises(ValueError, match="build it again"):
        Image(bytes(whole))


def test_a_set_larger_than_the_sets_is_refused() -> None:
    whole = bytearray(build_image({from_text("example.org"): [ListRule(0, Kind.SUFFIX)]}, seed=1))
    (slots,) = struct.unpack_from("<I", whole, 16)
    whole[40 + 8 * slots] = 2
    with pytest.raises(ValueError, match="build it again"):
        Image(bytes(whole))
