"""Published lists as they are: the right format, every entry accounted for."""

import pytest

from dnsguard.lists.formats import parse
from tests.support.data import needs_shared, read_shared

# What the lists really are, whatever their files are called: format, names, addresses, bad
# lines, entries passed over.
REAL = [
    ("tiktok/TheDoop.hosts.txt", "hosts", 21, 0, 16, 2),
    ("tiktok/blocklistproject.hosts.txt", "hosts", 3725, 0, 0, 0),
    ("tiktok/d43m0nhLInt3r.hosts.txt", "hosts", 736, 0, 0, 0),
    ("tiktok/gieljnssns.hosts.txt", "hosts", 26, 0, 16, 0),
    ("tiktok/jmdugan.hosts.txt", "hosts", 158, 0, 0, 0),
    ("tiktok/jmdugan.hosts6.txt", "hosts", 158, 0, 0, 0),
    ("tiktok/llacb47.tiktok-block.hosts.txt", "hosts", 3598, 0, 0, 0),
    ("tiktok/llacb47.tiktok-tracking.hosts.txt", "hosts", 184, 0, 0, 0),
    ("tiktok/ndpi.tiktok.hosts.txt", "domains", 28, 0, 0, 0),
    ("tiktok/blocklistproject.domains.txt", "domains", 3725, 0, 0, 0),
    ("tiktok/itdoginfo.tiktok.lst", "domains", 16, 0, 0, 0),
    ("tiktok/blocklistproject.adblock.txt", "adblock", 3725, 0, 0, 0),
    ("tiktok/adguardhome.service.tiktok.adblock.txt", "adblock", 31, 0, 0, 2),
    ("tiktok/gieljnssns.adguard.txt", "adblock", 26, 0, 0, 16),
    ("tiktok/blocklistproject.dnsmasq.txt", "dnsmasq", 3725, 0, 0, 0),
    ("tiktok/llacb47.tiktok-regex.pihole.txt", "domains", 0, 0, 27, 0),
    ("tiktok/asn/AS396986.cidr.txt", "cidr", 0, 148, 0, 0),
    ("bypass/crypt0rr.ipv4.list", "cidr", 0, 179, 0, 0),
    ("bypass/jameshas.doh_ips_plain.txt", "cidr", 0, 629, 0, 0),
    ("bypass/x4bnet.vpn.ipv4.txt", "cidr", 0, 10862, 0, 0),
    ("bypass/misp.public-dns-v6.json", "domains", 0, 0, 284, 0),
    ("bypass/ut1.doh.domains.txt", "domains", 2996, 0, 19, 0),
    ("bypass/mrxehmad.doh-list.txt", "hosts", 611, 0, 42, 0),
    ("lists/raw/anudeepnd_blacklist_adservers.txt.xz", "domains", 42351, 0, 0, 0),
    (
        "lists/raw/bongochong_combinedprivacyblocklists_newhosts-final.hosts.txt.xz",
        "domains",
        134518,
        0,
        0,
        0,
    ),
    ("lists/raw/someonewhocares.org_hosts_hosts.txt", "domains", 11397, 0, 0, 0),
    ("lists/raw/stevenblack-hosts-with-adult.hosts.txt.xz", "domains", 153930, 0, 0, 0),
    ("lists/raw/winhelp2002.mvps.org_hosts.txt", "domains", 8728, 0, 0, 0),
    ("lists/sameset-hagezi-light/light.domains.txt.xz", "domains", 159130, 0, 0, 0),
    ("lists/sameset-hagezi-light/light.hosts.txt.xz", "hosts", 159130, 0, 0, 0),
    ("lists/sameset-hagezi-light/light.wildcard.txt.xz", "domains", 82168, 0, 0, 0),
    ("lists/sameset-hagezi-light/light.adblock.txt.xz", "adblock", 82168, 0, 0, 0),
    ("lists/sameset-hagezi-light/light.dnsmasq.txt.xz", "dnsmasq", 82168, 0, 0, 0),
    ("lists/sameset-hagezi-light/light.unbound.txt.xz", "unbound", 82168, 0, 0, 1),
    ("lists/rpz/mullvad-adblock.rpz.zone.xz", "rpz", 108098, 0, 0, 0),
    ("lists/rpz/mullvad-privacy.rpz.zone.xz", "rpz", 47798, 0, 0, 0),
    ("lists/rpz/mullvad-social.rpz.zone.xz", "rpz", 48477, 0, 0, 0),
]


@needs_shared(*(path for path, *_ in REAL))
@pytest.mark.parametrize(("path", "found", "names", "addresses", "bad", "passed_over"), REAL)
def test_real_lists(
    path: str, found: str, names: int, addresses: int, bad: int, passed_over: int
) -> None:
    parsed = parse(read_shared(path))
    assert (parsed.format, parsed.name_count, parsed.address_count) == (found, names, addresses)
    assert (sum(parsed.bad.values()), sum(parsed.passed_over.values())) == (bad, passed_over)


@needs_shared("lists/union-1m/union-1000000.domains.txt.xz")
def test_a_million_names() -> None:
    parsed = parse(read_shared("lists/union-1m/union-1000000.domains.txt.xz"))
    assert parsed.name_count == 1_000_000
    assert not parsed.bad
