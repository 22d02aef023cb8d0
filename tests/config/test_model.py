from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from dnsguard.config import Config, ListSource, Upstream
from tests.config.texts import FULL, MINIMAL, complaints, parsed


def test_the_smallest_config_has_the_defaults_of_the_documents() -> None:
    config = parsed(MINIMAL)
    assert [str(endpoint) for endpoint in config.listen.dns] == ["0.0.0.0:53", "[::]:53"]
    assert str(config.listen.admin) == "127.0.0.1:9153"
    assert config.allow_clients is None
    policy = config.policies["tiktok-ban"]
    assert (policy.stage, policy.answer, policy.off_switches) == ("enforce", "sinkhole", True)
    assert config.groups["staff"].max_ttl is None
    sinkhole = config.sinkhole
    assert (str(sinkhole.ipv4), str(sinkhole.ipv6), sinkhole.ttl) == ("0.0.0.0", "::", 30)
    cache = config.cache
    assert (cache.size, cache.min_ttl, cache.max_ttl) == (128 * 2**20, 0, 86_400)
    assert config.edns.udp_size == 1232
    limits = config.limits
    assert (limits.pending_per_client, limits.tcp_per_client, limits.exempt) == (1000, 50, ())
    assert config.workers == "auto"
    assert (config.lists, config.forward_zones, config.local_records) == ({}, {}, ())


def test_every_key_that_this_version_has() -> None:
    config = parsed(FULL)
    assert [str(endpoint) for endpoint in config.listen.dns][2] == "127.0.0.1:0"
    assert config.listen.admin is None
    assert config.allow_clients == (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    first, second = config.upstreams
    assert (first.url, first.transport, first.port, first.trusted) == (
        "udp://192.0.2.53",
        "udp",
        53,
        False,
    )
    assert (second.transport, second.address, second.port, second.name, second.trusted) == (
        "tcp",
        ip_address("2001:db8::53"),
        5353,
        None,
        True,
    )
    assert set(config.forward_zones) == {b"\x04city\x08internal\x00"}
    assert config.local_records == ("printer.city.internal. 300 IN A 10.0.0.9",)
    assert list(config.groups) == ["staff", "terminals"]
    assert config.groups["staff"].max_ttl == 300
    own = config.lists["own"]
    assert (own.format, own.match, own.refresh) == ("domains", "exact", 21_600)
    policy = config.policies["tiktok-ban"]
    assert (policy.stage, policy.answer, policy.off_switches) == ("off", "nxdomain", False)
    assert policy.block == ("=example.org", "*.example.net.*")
    assert (policy.reference, policy.owner) == ("2023-02-28", "security officer")
    assert config.never_block[1] == b"\x0cxn--htel-vqa\x07example\x00"
    assert config.limits.exempt == (ip_network("10.20.1.1/32"),)
    assert config.workers == 2


def test_policies_keep_the_order_of_the_file() -> None:
    names = ["z", "a", "m"]
    policies = "".join(f"  {name}: {{groups: [staff], block: [example.org]}}\n" for name in names)
    head = MINIMAL.partition("policies:")[0]
    assert list(parsed(f"{head}policies:\n{policies}").policies) == names


def test_a_config_cannot_be_changed() -> None:
    config: Config = parsed(MINIMAL)
    with pytest.raises(ValidationError):
        config.cache.size = 1  # type: ignore[misc]


def test_parts_can_be_made_in_code() -> None:
    assert Upstream(url="udp://[::1]:5353").port == 5353
    assert ListSource(source=("builtin:tiktok",)).format == "auto"
    assert len({Upstream(url="udp://192.0.2.1"), Upstream(url="udp://192.0.2.1:53")}) == 1


def test_directories_come_from_the_config_then_systemd_then_the_usual_place() -> None:
    nothing = parsed(MINIMAL).directories
    assert nothing.resolve({}) == (Path("/var/lib/dnsguard"), Path("/run/dnsguard"))
    environ = {"STATE_DIRECTORY": "/srv/a:/srv/b", "RUNTIME_DIRECTORY": "/run/a"}
    assert nothing.resolve(environ) == (Path("/srv/a"), Path("/run/a"))
    written = parsed(FULL).directories
    assert written.resolve(environ) == (Path("/etc/dnsguard/state"), Path("/run/city"))


def test_an_empty_allow_list_is_the_default_set() -> None:
    assert parsed(MINIMAL + "allow_clients: []").allow_clients is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cache: {size: 1KiB}", "6: cache: 'size' is too small: at least 1MiB"),
        ("cache: {min_ttl: 2d}", "6: cache: 'min_ttl' is longer than 'max_ttl': lower it"),
        ("edns: {udp_size: 511}", "6: edns.udp_size: is too small: at least 512"),
        ("edns: {udp_size: 4097}", "6: edns.udp_size: is too large: at most 4096"),
        ("listen: {dns: []}", "6: listen.dns: is empty: it needs at least one entry"),
        (
            'listen: {dns: ["127.0.0.1:53"], admin: "127.0.0.1:53"}',
            "6: listen: 127.0.0.1:53 is both in 'dns' and 'admin': give each its own port",
        ),
        ("workers: 0", "6: workers: '0' is not a number of processes from 1 to 256, nor auto"),
    ],
)
def test_bounds(text: str, expected: str) -> None:
    assert complaints(MINIMAL + text) == [expected]
