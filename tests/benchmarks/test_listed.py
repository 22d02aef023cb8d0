from benchmarks import listed
from benchmarks.loads import MISSES_IN_MIXED, blocked_names, cached_names, fresh_names, mixed_names
from dnsguard.core import names

COUNT = 2_000


def test_names_are_valid_and_different() -> None:
    found = listed.listed_names(COUNT)
    assert len({names.from_text(name) for name in found}) == COUNT


def test_fewer_names_are_the_first_of_more() -> None:
    assert listed.listed_names(100) == listed.listed_names(COUNT)[:100]


def test_a_response_policy_zone_has_each_name_and_what_is_below() -> None:
    text = "".join(listed.rpz(["a.example"]))
    assert "\na.example A 0.0.0.0\n*.a.example A 0.0.0.0\n" in text


def test_blocked_names_are_listed_or_below() -> None:
    every = set(listed.listed_names(COUNT))
    chosen = blocked_names(listed.listed_names(COUNT))
    assert all(name in every or name.removeprefix("www.") in every for name in chosen)
    assert 0 < sum(name in every for name in chosen) < len(chosen)


def test_fresh_names_of_two_tags_differ() -> None:
    first, second = (set(fresh_names(tag, COUNT)) for tag in ("r1", "r11"))
    assert len(first) == len(second) == COUNT
    assert first.isdisjoint(second)


def test_a_mixed_load_has_its_share_of_misses_and_none_twice() -> None:
    mixed = list(mixed_names("r1", listed.listed_names(COUNT), COUNT))
    missed = [name for name in mixed if ".miss." in name]
    assert len(missed) == len(set(missed))
    assert abs(len(missed) / COUNT - MISSES_IN_MIXED) < 0.03
    cached = set(cached_names())
    assert 0.35 < sum(name in cached for name in mixed) / COUNT < 0.55
