"""What the bundles against bypassing hold and leave alone, and what the safety list protects.

That each is read whole, sorted and free of idle entries is tested for all bundles in
test_tiktok.py.
"""

import csv
import json
import re
from collections import Counter
from itertools import chain

import pytest

from blocklists.tools.compare import Rules, read
from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.lists import bundled
from tests.support.data import CHECKOUT, needs_shared, read_facts, read_shared

BUNDLES = ("encrypted-dns", "relays", "vpn")
DOCUMENTED = (*BUNDLES, "safety")

TOPLISTS = (
    "queries/cisco-umbrella-top20k.json.xz",
    "queries/tranco-top10k.json",
    "queries/opendns-top-10k.txt",
    "queries/opendns-random-10k.txt",
)
DOH_HOSTS = "bypass/merged-doh-hosts.tsv"
VPN_LISTS = (
    "bypass/ut1.vpn.domains.txt",
    "bypass/shadowwhisperer.Tunnels.txt",
    "bypass/hagezi.doh-vpn-proxy-bypass.2022.domains.txt",
)
MILLION = "lists/union-1m/union-1000000.domains.txt.xz"

# Lists that take over another's names count as one (encrypted-dns.md).
LINEAGE = {"accomplist": "dibdot"} | dict.fromkeys(
    ("crypt0rr", "sekhan", "mrxehmad", "hagezi-bypass2022"), "oneoffdallas"
)


def file(name: str) -> str:
    return (CHECKOUT / "blocklists" / name).read_text("utf-8")


def rules(bundle: str) -> Rules:
    return Rules(read(file(f"{bundle}.txt").encode(), "domains"))


def matched(bundle: str, texts: list[str]) -> list[str]:
    found = rules(bundle)
    return [text for text in texts if found.match(names.from_text(text)) is not None]


def pairs(facts: str, bundle: str) -> list[str]:
    return [name for owner, name in map(str.split, read_facts(facts)) if owner == bundle]


def sections(bundle: str) -> dict[str, list[str]]:
    """Return the names of each section by its title."""
    found = {}
    for section in file(f"{bundle}.txt").split("\n\n")[1:]:
        title, *lines = section.splitlines()
        entries = [line.lstrip("=") for line in lines if not line.startswith("#")]
        found[title.removeprefix("# ").partition(":")[0]] = entries
    return found


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_bundle_can_be_named_in_the_config(bundle: str) -> None:
    assert bundle in bundled.BUILTIN
    assert bundled.text(bundle).decode() == file(f"{bundle}.txt")


@pytest.mark.parametrize("bundle", BUNDLES)
def test_well_known_names_are_matched(bundle: str) -> None:
    known = pairs("bundle-names.txt", bundle)
    assert len(known) >= 8
    assert matched(bundle, known) == known


@pytest.mark.parametrize("bundle", BUNDLES)
@pytest.mark.parametrize("facts", ["near-miss.txt", "needed-names.txt", "protected-names.txt"])
def test_names_that_must_stay_are_not_matched(bundle: str, facts: str) -> None:
    needed = read_facts(facts)
    assert len(needed) > 30
    assert matched(bundle, needed) == []


@pytest.mark.parametrize(("bundle", "zones"), [("encrypted-dns", "zones"), ("vpn", "services")])
def test_only_a_domain_that_serves_nothing_else_counts_whole(bundle: str, zones: str) -> None:
    whole = read(file(f"{bundle}.txt").encode(), "domains")[Kind.SUFFIX]
    assert sorted(map(names.to_text, whole)) == sections(bundle)[zones]


def test_bundles_share_only_what_belongs_to_both() -> None:
    every = {bundle: rules(bundle) for bundle in BUNDLES}
    shared = {
        (owner, other, names.to_text(name))
        for owner in BUNDLES
        for other in BUNDLES
        for name in every[owner].names
        if owner != other and every[other].match(name) is not None
    }
    assert shared == {
        ("encrypted-dns", "vpn", "adblock.doh.mullvad.net"),
        ("encrypted-dns", "vpn", "dns.mullvad.net"),
        ("encrypted-dns", "vpn", "doh.mullvad.net"),
        ("relays", "encrypted-dns", "odoh.cloudflare-dns.com"),
    }


@pytest.mark.parametrize("bundle", DOCUMENTED)
def test_the_notes_count_what_is_in_the_file(bundle: str) -> None:
    counts = {title: len(entries) for title, entries in sections(bundle).items()}
    notes = file(f"{bundle}.md")
    written = re.findall(r"^\| ([a-z-]+) \| ([\d,]+) \|", notes, re.MULTILINE)
    assert {title: int(count.replace(",", "")) for title, count in written} == counts
    assert f"`{bundle}.txt`, {sum(counts.values())} names" in notes


@pytest.mark.parametrize("bundle", DOCUMENTED)
def test_sections_are_sorted_and_no_name_stands_twice(bundle: str) -> None:
    found = list(sections(bundle).values())
    assert all(entries == sorted(entries) for entries in found)
    assert max(Counter(chain.from_iterable(found)).values()) == 1


def test_the_safety_list_protects_names_with_all_below_them() -> None:
    by_kind = read(file("safety.txt").encode(), "domains")
    assert set(by_kind) == {Kind.SUFFIX}
    protected = by_kind[Kind.SUFFIX]
    assert set(bundled.safety()) == protected
    assert all(protected.isdisjoint(names.suffixes(name)[1:]) for name in protected)


def test_what_devices_ask_for_every_day_is_protected() -> None:
    everyday = read_facts("protected-names.txt")
    assert matched("safety", everyday) == everyday


@pytest.mark.parametrize("builtin", bundled.BUILTIN)
def test_no_bundle_holds_what_the_safety_list_would_drop(builtin: str) -> None:
    found = Rules(read(bundled.text(builtin)))
    safety = rules("safety")
    assert [name for name in found.names if safety.match(name) is not None] == []
    assert [name for name in safety.names if found.match(name) is not None] == []


@needs_shared(*TOPLISTS)
@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_names_of_the_top_lists_that_are_matched_were_looked_at(bundle: str) -> None:
    asked = [name for path in TOPLISTS for name in toplist(path)]
    assert len(asked) == 50_000
    hits = sorted(set(matched(bundle, asked)))
    print(bundle, "blocks", *hits, sep="\n")
    assert hits == pairs("bundles-in-toplists.txt", bundle)


@needs_shared(MILLION)
def test_the_entries_of_real_lists_that_the_safety_list_drops_were_looked_at() -> None:
    safety = rules("safety")
    above = {above for name in safety.names for above in names.suffixes(name)}
    listed = Rules(read(read_shared(MILLION), "domains")).names
    assert len(listed) == 1_000_000
    dropped = [
        names.to_text(name)
        for name in listed
        if name in above or not safety.names.isdisjoint(names.suffixes(name))
    ]
    assert sorted(dropped) == read_facts("safety-names-in-lists.txt")


@needs_shared(DOH_HOSTS)
def test_each_host_with_encrypted_dns_is_named_by_three_lineages() -> None:
    table = csv.DictReader(read_shared(DOH_HOSTS).decode().splitlines(), delimiter="\t")
    lineages = {
        row["host"]: {LINEAGE.get(source, source) for source in row["listed_by"].split()}
        for row in table
    }
    hosts = sections("encrypted-dns")["hosts"]
    assert [host for host in hosts if len(lineages[host]) < 3] == []


@needs_shared(*VPN_LISTS)
def test_each_vpn_service_is_named_by_two_lists() -> None:
    lists = [set(read_shared(path).decode().split()) for path in VPN_LISTS]
    found = sections("vpn")
    entries = [*found["services"], *found["hosts"]]
    assert [name for name in entries if sum(name in each for each in lists) < 2] == []


def toplist(path: str) -> list[str]:
    text = read_shared(path).decode()
    return list(json.loads(text)["list"]) if ".json" in path else text.split()
