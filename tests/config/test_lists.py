"""The keys of a list: where it comes from, how it is read and how far it is trusted."""

import base64

import pytest

from dnsguard.config import ListSource
from tests.config.texts import MINIMAL, complaints, parsed

KEY = base64.b64encode(b"Ed" + bytes(range(40))).decode()
SHA256 = "0123456789abcdef" * 4


def one(settings: str) -> ListSource:
    return parsed(f"{MINIMAL}lists: {{a: {{{settings}}}}}").lists["a"]


def complaint(settings: str) -> str:
    (found,) = complaints(f"{MINIMAL}lists: {{a: {{{settings}}}}}")
    return found


def test_the_defaults() -> None:
    found = one("source: own.txt")
    assert (found.format, found.match, found.refresh) == ("auto", None, 6 * 3600)
    assert (found.max_shrink, found.max_growth, found.max_size) == (30, 300, 256 * 2**20)
    assert (found.public_key, found.sha256, found.keep) == (None, None, 10)


def test_everything_set() -> None:
    found = one(
        f"source: own.txt, format: rpz, match: suffix, refresh: 60s, max_shrink: 1%,"
        f" max_growth: 0%, max_size: 1MiB, public_key: {KEY}, sha256: {SHA256.upper()}, keep: 1"
    )
    assert (found.format, found.match, found.refresh) == ("rpz", "suffix", 60)
    assert (found.max_shrink, found.max_growth, found.max_size) == (1, 0, 2**20)
    assert (found.public_key, found.sha256, found.keep) == (KEY, SHA256, 1)


@pytest.mark.parametrize(
    "name", ["auto", "domains", "hosts", "adblock", "rpz", "dnsmasq", "unbound", "cidr"]
)
def test_every_format_may_be_named(name: str) -> None:
    assert one(f"source: own.txt, format: {name}").format == name


@pytest.mark.parametrize(
    "url",
    [
        "https://lists.example/tiktok.txt",
        "http://lists.example",
        "HTTPS://Lists.example/A?b=c",
        "https://user:secret@lists.example:8443/a",
        "https://192.0.2.1/a",
        "https://[2001:db8::1]:8443/a",
        "https://lists.example/a%20b",
    ],
)
def test_a_url_is_taken_as_it_is(url: str) -> None:
    assert one(f'source: "{url}"').source == (url,)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://user:secret@lists.example/a", "fetched by https:// or http://"),
        ("file:///etc/passwd", "fetched by https:// or http://"),
        ("https://", "needs a host"),
        ("https:///secret", "needs a host"),
        ("https://lists.example/secret a", "needs a host, and other characters"),
        ("https://lists.example/s\u00e9cret", "other characters than ASCII escaped"),
        ("https://lists.example/\\tsecret", "invisible|other characters than ASCII"),
        ("https://[2001:db8::1/secret", "cannot be read"),
        ("https://lists.example:99999/secret", "cannot be read"),
        ("https://lists.example:secret/", "cannot be read"),
    ],
)
def test_no_urls_and_none_is_repeated(url: str, message: str) -> None:
    found = complaint(f'source: "{url}"')
    assert found.startswith("6: lists.a.source")
    assert any(part in found for part in message.split("|"))
    assert "secret" not in found


def test_mirrors_are_urls_and_differ() -> None:
    first, second = "https://lists.example/a", "http://mirror.example/a"
    assert one(f'source: ["{first}", "{second}"]').source == (first, second)
    assert one("source: [own.txt]").source == ("/etc/dnsguard/own.txt",)
    assert one('source: ["builtin:vpn"]').source == ("builtin:vpn",)
    for other in ("own.txt", "builtin:vpn"):
        assert "they must all be URLs" in complaint(f'source: ["{first}", "{other}"]')
    assert "listed twice" in complaint(f'source: ["{first}", "{first}"]')


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("source: own.txt, sha256: abc", "64 hexadecimal digits"),
        (f"source: own.txt, sha256: {SHA256[:-1]}", "64 hexadecimal digits"),
        (f"source: own.txt, sha256: {SHA256[:-1]}x", "64 hexadecimal digits"),
        (f"source: own.txt, sha256: {SHA256}0", "64 hexadecimal digits"),
        ("source: own.txt, public_key: RWabc", "not a minisign public key"),
        ("source: own.txt, public_key: 5", "must be a minisign public key"),
        ("source: own.txt, refresh: 59s", "60s or more"),
        ("source: own.txt, keep: 0", "keep"),
        ("source: own.txt, keep: 1001", "keep"),
        ("source: own.txt, max_shrink: 101", "max_shrink"),
        ("source: own.txt, format: csv", "format"),
        ("source: own.txt, match: below", "match"),
    ],
)
def test_what_no_list_can_have(settings: str, message: str) -> None:
    assert message in complaint(settings)


def test_a_policy_may_answer_as_its_lists_say() -> None:
    text = MINIMAL.replace('["builtin:tiktok"]', '["builtin:tiktok"], answer: from-list')
    assert parsed(text).policies["tiktok-ban"].answer == "from-list"
