import pytest

from dnsguard.lists.formats import parse
from tests.lists.formats.wording import rules


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("address=/example.org/#", ["suffix example.org"]),
        ("address=/Example.org/0.0.0.0 # why", ["suffix example.org"]),
        ("address=/example.org/::", ["suffix example.org"]),
        ("address=/example.org/127.0.0.1", ["suffix example.org"]),
        ("address=/a.example/b.example/#", ["suffix a.example", "suffix b.example"]),
        ("address=/example.org/", ["nxdomain suffix example.org"]),
        ("local=/example.org/", ["nxdomain suffix example.org"]),
        ("server=/example.org/", ["nxdomain suffix example.org"]),
        (
            "server=/a.example/B.example/",
            ["nxdomain suffix a.example", "nxdomain suffix b.example"],
        ),
        ("server=/example.org/#", ["allow suffix example.org"]),
        ("server=/a.example/b.example/#", ["allow suffix a.example", "allow suffix b.example"]),
        ("address=/example.org/192.0.2.1", ["data suffix example.org"]),
        ("address=/*.example.org/#", ["suffix example.org"]),
        ("address=/.example.org/#", ["suffix example.org"]),
        ("address=/#/0.0.0.0", ["suffix ."]),
    ],
)
def test_rules(line: str, expected: list[str]) -> None:
    parsed = parse(line.encode(), format="dnsmasq")
    assert rules(parsed) == expected
    assert not parsed.bad
    assert not parsed.passed_over


def test_both_addresses_of_a_redirect_are_one_answer() -> None:
    parsed = parse(b"address=/example.org/192.0.2.1\naddress=/example.org/2001:db8::1\n")
    (rule_type,) = parsed.names
    assert [(number, len(rdata)) for number, _, rdata in rule_type.action.records] == [
        (1, 4),
        (28, 16),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("server=/example.org/192.0.2.1", "a forward"),
        ("server=/example.org/192.0.2.1#5353", "a forward"),
        ("server=192.0.2.1", "a setting of the server"),
        ("bogus-nxdomain=192.0.2.1", "a setting of the server"),
        ("ipset=/example.org/set", "a setting of the server"),
        ("nftset=/example.org/4#inet#a#b", "a setting of the server"),
        ("alias=192.0.2.1,192.0.2.2", "a setting of the server"),
        ("domain-needed", "a setting of the server"),
        ("local=//", "names without a dot"),
    ],
)
def test_what_is_passed_over(line: str, reason: str) -> None:
    parsed = parse(f"# comment\n\n{line}\n".encode(), format="dnsmasq")
    assert not parsed.names
    assert not parsed.bad
    assert parsed.passed_over == {reason: 1}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("address=/exa mple.org/#", "more than one word where a name should be"),
        ("address=/example.org/no-address", "not an address or a network"),
        ("address=/" + "a." * 128 + "org/#", "the name is longer than 255 octets"),
        ("||example.org^", "not an option of dnsmasq"),
        ("address=/192.0.2.1/#", "address"),
    ],
)
def test_bad_lines(line: str, reason: str) -> None:
    parsed = parse(line.encode(), format="dnsmasq")
    assert not parsed.names
    assert parsed.bad == {reason: 1}


@pytest.mark.parametrize("match", [None, "exact", "suffix"])
def test_match_replaces_the_formats_own(match: str | None) -> None:
    for line in (b"address=/example.org/#", b"address=/Example.org/#"):
        assert rules(parse(line, match=match)) == [f"{match or 'suffix'} example.org"]
