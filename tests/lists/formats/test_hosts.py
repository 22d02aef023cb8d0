import pytest

from dnsguard.lists.formats import ADDRESS, parse
from tests.lists.formats.wording import rules


def test_a_hosts_list() -> None:
    parsed = parse(
        b"127.0.0.1\tlocalhost localhost.localdomain\n"
        b"::1 ip6-localhost ip6-loopback\n"
        b"255.255.255.255 broadcasthost\n"
        b"fe80::1%lo0 localhost\n"
        b"0.0.0.0 0.0.0.0\n"
        b"127.0.0.1 local\n"
        b"! Title: none\n"
        b"0.0.0.0 example.org\n"
        b"0.0.0.0\texample.net. # a comment\n"
        b"  192.0.2.7  A.example.com   b.example.com#another\r\n"
        b":: xn--bcher-kva.example\n"
        b"0.0.0.0 example.org\n"
        b"::1\ttwo.example\r\n"
        b"0.0.0.0 com\n"
    )
    assert parsed.format == "hosts"
    assert parsed.bad == {}
    assert parsed.passed_over == {"a system's own name": 8}
    assert rules(parsed) == [
        "exact example.org",
        "exact example.net",
        "exact a.example.com",
        "exact b.example.com",
        "exact xn--bcher-kva.example",
        "exact two.example",
        "exact com",
    ]


@pytest.mark.parametrize("match", [None, "exact", "suffix"])
def test_match_replaces_the_formats_own(match: str | None) -> None:
    for line in (b"0.0.0.0 example.org", b"192.0.2.1 EXAMPLE.org"):
        assert rules(parse(line, match=match)) == [f"{match or 'exact'} example.org"]


def test_bad_lines_of_a_hosts_list() -> None:
    parsed = parse(
        b"0.0.0.0 example.org 192.0.2.1 www.example.org\n"
        b"0.0.0.0 2001:db8::1\n"
        b"0.0.0.0\n"
        b"0.0.0.0 # nothing\n"
        b"example.net\n"
        b"||example.net^\n"
        b"0.0.0.0 *.example.net\n"
        b"0.0.0.0 \xff.example.net\n"
        b"0.0.0.0 " + b"a" * 1000 + b"\n"
        b"0.0.0.0 " + b"a." * 128 + b"org\n",
        format="hosts",
    )
    assert rules(parsed) == ["exact example.org", "exact www.example.org"]
    assert parsed.bad == {
        ADDRESS: 2,
        "no name after the address": 2,
        "no address before the name": 1,
        "a line in another format: adblock": 1,
        "a character that no domain name has": 1,
        "not UTF-8 text": 1,
        "a line longer than 1000 characters": 1,
        "the name is longer than 255 octets": 1,
    }
    assert [number for number, _ in parsed.samples] == list(range(1, 11))
