"""Published lists as they are: the right format, every entry accounted for."""

import pytest

from dnsguard.lists.formats import parse
from tests.support.data import needs_shared, read_shared

# What the lists really are, whatever their files are called: format, rules, entries skipped.
REAL = [
    ("tiktok/TheDoop.hosts.txt", "hosts", 21, 16),
    ("tiktok/blocklistproject.hosts.txt", "hosts", 3725, 0),
    ("tiktok/d43m0nhLInt3r.hosts.txt", "hosts", 736, 0),
    ("tiktok/gieljnssns.hosts.txt", "hosts", 26, 16),
    ("tiktok/jmdugan.hosts.txt", "hosts", 158, 0),
    ("tiktok/jmdugan.hosts6.txt", "hosts", 158, 0),
    ("tiktok/llacb47.tiktok-block.hosts.txt", "hosts", 3598, 0),
    ("tiktok/llacb47.tiktok-tracking.hosts.txt", "hosts", 184, 0),
    ("tiktok/ndpi.tiktok.hosts.txt", "domains", 28, 0),
    ("tiktok/blocklistproject.domains.txt", "domains", 3725, 0),
    ("tiktok/itdoginfo.tiktok.lst", "domains", 16, 0),
    ("tiktok/blocklistproject.adblock.txt", "adblock", 0, 3725),
    ("tiktok/adguardhome.service.tiktok.adblock.txt", "adblock", 0, 33),
    ("tiktok/gieljnssns.adguard.txt", "adblock", 0, 42),
    ("tiktok/blocklistproject.dnsmasq.txt", "dnsmasq", 0, 3725),
    ("tiktok/llacb47.tiktok-regex.pihole.txt", "domains", 0, 27),
    ("tiktok/asn/AS396986.cidr.txt", "cidr", 0, 148),
    ("lists/raw/anudeepnd_blacklist_adservers.txt.xz", "domains", 42351, 0),
    (
        "lists/raw/bongochong_combinedprivacyblocklists_newhosts-final.hosts.txt.xz",
        "domains",
        134518,
        0,
    ),
    ("lists/raw/someonewhocares.org_hosts_hosts.txt", "domains", 11397, 0),
    ("lists/raw/stevenblack-hosts-with-adult.hosts.txt.xz", "domains", 153930, 0),
    ("lists/raw/winhelp2002.mvps.org_hosts.txt", "domains", 8728, 0),
    ("lists/sameset-hagezi-light/light.domains.txt.xz", "domains", 159130, 0),
    ("lists/sameset-hagezi-light/light.hosts.txt.xz", "hosts", 159130, 0),
    ("lists/sameset-hagezi-light/light.wildcard.txt.xz", "domains", 82168, 0),
    ("lists/sameset-hagezi-light/light.adblock.txt.xz", "adblock", 0, 82168),
    ("lists/sameset-hagezi-light/light.dnsmasq.txt.xz", "dnsmasq", 0, 82168),
    ("lists/sameset-hagezi-light/light.unbound.txt.xz", "unbound", 0, 82169),
    ("lists/rpz/mullvad-privacy.rpz.zone.xz", "rpz", 0, 47848),
]


@needs_shared(*(path for path, *_ in REAL))
@pytest.mark.parametrize(("path", "found", "rules", "skipped"), REAL)
def test_real_lists(path: str, found: str, rules: int, skipped: int) -> None:
    parsed = parse(read_shared(path))
    assert (parsed.format, len(parsed.rules)) == (found, rules)
    assert sum(parsed.skipped.values()) == skipped


@needs_shared(
    "lists/sameset-hagezi-light/light.domains.txt.xz",
    "lists/sameset-hagezi-light/light.hosts.txt.xz",
)
def test_the_same_set_in_two_formats_gives_the_same_names() -> None:
    domains = parse(read_shared("lists/sameset-hagezi-light/light.domains.txt.xz"))
    hosts = parse(read_shared("lists/sameset-hagezi-light/light.hosts.txt.xz"), match="suffix")
    assert set(domains.rules) == set(hosts.rules)


@needs_shared("lists/union-1m/union-1000000.domains.txt.xz")
def test_a_million_names() -> None:
    parsed = parse(read_shared("lists/union-1m/union-1000000.domains.txt.xz"))
    assert len(parsed.rules) == 1_000_000
    assert parsed.skipped == {}
