"""What builtin:tiktok must match, and what it must leave alone."""

import json
from functools import cache

import pytest

from dnsguard.core import names
from dnsguard.core.image import NAME_KINDS, Kind
from dnsguard.lists import bundled
from dnsguard.lists.formats import parse, parse_line
from dnsguard.lists.guards import screen
from dnsguard.lists.rules import Rule, RuleType
from tests.support.data import needs_shared, read_facts, read_shared

OWNERSHIP = ("tiktok/merged-registrable.tsv", "tiktok/proposed-bundled.tsv")


class Matcher:
    """The meaning of the three kinds, in plain sets: what the compiled policy is held against."""

    def __init__(self, builtin: str) -> None:
        found = parse(bundled.text(builtin)).names
        self._by_kind = {kind: set(found.get(RuleType(kind), ())) for kind in NAME_KINDS}
        self._dnsbl = bundled.dnsbl_zones()

    def matches(self, text: str) -> bool:
        name = names.from_text(text)
        if name in self._by_kind[Kind.EXACT]:
            return True
        if any(suffix in self._by_kind[Kind.SUFFIX] for suffix in names.suffixes(name)):
            return True
        if any(names.is_at_or_below(name, zone) for zone in self._dnsbl):
            return False
        labels = text.lower().rstrip(".").split(".")
        return any(
            names.from_text(".".join(labels[start:end])) in self._by_kind[Kind.EMBEDDED]
            for start in range(len(labels))
            for end in range(start + 1, len(labels) + 1)
        )


def rules(builtin: str) -> list[Rule]:
    """Return the rules of a bundled list."""
    found = parse(bundled.text(builtin)).names
    return [Rule(name, kind.kind) for kind, of_kind in found.items() for name in of_kind]


@pytest.fixture(scope="module")
def tiktok() -> Matcher:
    return Matcher("tiktok")


def matched(matcher: Matcher, texts: list[str]) -> list[str]:
    return [text for text in texts if matcher.matches(text)]


def test_known_names_are_matched(tiktok: Matcher) -> None:
    known = read_facts("tiktok-names.txt")
    assert len(known) > 40
    assert matched(tiktok, known) == known


def test_near_misses_are_not_matched(tiktok: Matcher) -> None:
    near = read_facts("near-miss.txt")
    assert len(near) > 40
    assert matched(tiktok, near) == []
    assert matched(Matcher("tiktok-strict"), near) == []


def test_strict_matches_more_and_nothing_less() -> None:
    plain = set(rules("tiktok"))
    strict = set(rules("tiktok-strict"))
    assert plain < strict
    additions = {names.to_text(rule.name) for rule in strict - plain}
    assert {"bytedance.com", "capcut.com", "douyin.com"} <= additions


@pytest.mark.parametrize("builtin", bundled.BUILTIN)
def test_a_bundled_list_is_read_whole_and_passes_the_guards(builtin: str) -> None:
    parsed = parse(bundled.text(builtin))
    screened = screen(parsed, never_block=[])
    assert parsed.format == "domains"
    assert (parsed.bad, parsed.passed_over) == ({}, {})
    assert (screened.dropped, screened.warnings) == ({}, ())
    assert screened.names == parsed.names


@pytest.mark.parametrize("builtin", bundled.BUILTIN)
def test_sections_are_sorted_and_no_name_stands_twice(builtin: str) -> None:
    seen: set[bytes] = set()
    for section in bundled.text(builtin).decode("ascii").split("\n\n"):
        entries = [line for line in section.splitlines() if not line.startswith("#")]
        found = [parse_line(entry).name for entry in entries]
        assert [names.to_text(name) for name in found] == sorted(map(names.to_text, found))
        assert seen.isdisjoint(found)
        seen.update(found)


@pytest.mark.parametrize("builtin", bundled.BUILTIN)
def test_no_rule_makes_another_idle(builtin: str) -> None:
    broad = {rule.name for rule in rules(builtin) if rule.kind != Kind.EXACT}
    for rule in rules(builtin):
        assert broad.isdisjoint(names.suffixes(rule.name)[1:])


def test_the_candidates_without_evidence_are_in_neither_list() -> None:
    strict = Matcher("tiktok-strict")
    candidates = ["tiktok.me", "tiktokapis.com", "muscdn.app", "tiktokvapp.eu"]
    assert matched(strict, candidates) == []


@needs_shared("queries/tiktok-names-in-toplists.tsv")
def test_every_tiktok_name_of_the_top_lists_is_matched(tiktok: Matcher) -> None:
    rows = toplist_rows()
    assert len(rows) > 200
    assert {kind for _, kind in rows} == {"core", "cname-embedded", "shared-infra"}
    assert matched(tiktok, [name for name, _ in rows]) == [name for name, _ in rows]


@needs_shared("queries/near-miss-not-tiktok.txt")
def test_no_near_miss_of_the_top_lists_is_matched(tiktok: Matcher) -> None:
    near = read_shared("queries/near-miss-not-tiktok.txt").decode().split()
    assert len(near) > 30
    assert matched(tiktok, near) == []


@needs_shared("queries/opendns-top-10k.txt", "queries/opendns-random-10k.txt")
@pytest.mark.parametrize("file", ["opendns-top-10k.txt", "opendns-random-10k.txt"])
def test_no_opendns_name_is_matched(tiktok: Matcher, file: str) -> None:
    asked = read_shared(f"queries/{file}").decode().split()
    assert len(asked) == 10_000
    assert matched(tiktok, asked) == []


@needs_shared("queries/tranco-top10k.json", *OWNERSHIP)
def test_the_tranco_names_matched_are_tiktoks(tiktok: Matcher) -> None:
    asked = json.loads(read_shared("queries/tranco-top10k.json"))["list"]
    hits = matched(tiktok, asked)
    assert len(hits) == 29
    assert [name for name in hits if not is_owned(name)] == []


@needs_shared("queries/cisco-umbrella-top20k.json.xz", *OWNERSHIP)
def test_the_umbrella_names_matched_are_tiktoks(tiktok: Matcher) -> None:
    asked = json.loads(read_shared("queries/cisco-umbrella-top20k.json.xz"))["list"]
    hits = matched(tiktok, asked)
    assert len(hits) == 438  # as counted independently when the list was drawn up
    assert [name for name in hits if not is_owned(name)] == []


def toplist_rows() -> list[tuple[str, str]]:
    lines = read_shared("queries/tiktok-names-in-toplists.tsv").decode().splitlines()[1:]
    return [(name, kind) for name, kind in (line.split("\t") for line in lines)]


def is_owned(text: str) -> bool:
    return any(f".{domain}." in f".{text}." for domain in owned_domains())


@cache
def owned_domains() -> frozenset[str]:
    """TikTok's and ByteDance's domains by two tables drawn up from public lists, not by ours."""
    registrable, proposed = (read_shared(path).decode().splitlines()[1:] for path in OWNERSHIP)
    listed = {
        fields[0]
        for fields in (line.split("\t") for line in registrable)
        if fields[6].startswith(("core TikTok", "TikTok", "ByteDance overseas"))
    }
    newer = {
        fields[1]
        for fields in (line.split("\t") for line in proposed)
        if fields[0] in {"gap-seen-in-top-lists", "cdn-exact", "httpdns"}
    }
    return frozenset(listed | newer)
