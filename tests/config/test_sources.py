from pathlib import Path

import pytest

from dnsguard.config.sources import parse_upstream, rule, upstream_url
from dnsguard.lists import bundled
from tests.config.texts import FULL, complaints, parsed


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("udp://192.0.2.1", "udp://192.0.2.1"),
        ("UDP://192.0.2.1:53", "udp://192.0.2.1"),
        ("tcp://192.0.2.1:5353", "tcp://192.0.2.1:5353"),
        ("udp://[2001:DB8:0::1]", "udp://[2001:db8::1]"),
        ("udp://[2001:db8::1]:54", "udp://[2001:db8::1]:54"),
    ],
)
def test_a_url_has_one_normal_form(url: str, normal: str) -> None:
    assert upstream_url(url) == normal
    assert upstream_url(normal) == normal


def test_the_parts_of_a_url() -> None:
    parts = parse_upstream("tcp://[2001:db8::1]:54")
    assert (parts.transport, str(parts.address), parts.port, parts.name) == (
        "tcp",
        "2001:db8::1",
        54,
        None,
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("9.9.9.9", "write udp://"),
        ("udp://", "is not an address"),
        ("udp://dns.example", "is not an address"),
        ("udp://2001:db8::1", "write udp://"),
        ("udp://[192.0.2.1]", "write the address as 192.0.2.1"),
        ("udp://192.0.2.1/x", "write udp://"),
        ("udp://192.0.2.1:0", "a port is a number from 1"),
        ("udp://192.0.2.1:65536", "a port is a number from 1"),
        ("udp://192.0.2.1#x", "remove the '#'"),
        ("udp://0.0.0.0", "is not the address of a server"),
        ("udp://[ff02::1]", "is not the address of a server"),
        ("udp://[fe80::1%eth0]", "has a scope"),
        ("doq://192.0.2.1", "write udp://"),
        (5, "must be a URL"),
    ],
)
def test_no_urls(url: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        upstream_url(url)


def test_an_upstream_is_listed_once() -> None:
    (found,) = complaints('upstreams: ["udp://192.0.2.1", "udp://192.0.2.1:53"]')
    assert found == "1: upstreams: udp://192.0.2.1 is listed twice: remove one"


@pytest.mark.parametrize(
    "text", ["example.org", "=example.org", "*.example.org.*", "*.example.org"]
)
def test_rules(text: str) -> None:
    assert rule(text) == text


@pytest.mark.parametrize("text", ["", ".", "a b", "||example.org^", "10.0.0.1", "a..b", 5, None])
def test_no_rules(text: object) -> None:
    with pytest.raises(ValueError, match=r"example\.org|more than one word"):
        rule(text)


def test_paths_start_at_the_folder_of_the_main_file() -> None:
    config = parsed(FULL)
    assert config.lists["own"].source == ("/etc/dnsguard/lists/own.txt",)
    assert config.directories.state == Path("/etc/dnsguard/state")
    assert config.directories.runtime == Path("/run/city")


def test_every_bundled_list_may_be_named() -> None:
    listed = ", ".join(f'"builtin:{name}"' for name in bundled.BUILTIN)
    policy = f"policies: {{x: {{groups: [a], lists: [{listed}]}}}}"
    assert not complaints(
        f'upstreams: ["udp://192.0.2.1"]\ngroups: {{a: {{subnets: [10.0.0.0/8]}}}}\n{policy}'
    )


@pytest.mark.parametrize("source", ["''", "ftp://example.org/x", "[]", "{a: b}", "5", "['']"])
def test_no_sources(source: str) -> None:
    found = complaints(f'upstreams: ["udp://192.0.2.1"]\nlists: {{a: {{source: {source}}}}}')
    assert len(found) == 1
    assert found[0].startswith("2: lists.a.source")
