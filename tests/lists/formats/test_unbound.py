import pytest

from dnsguard.lists.formats import parse
from tests.lists.formats.wording import rules


@pytest.mark.parametrize(
    ("zone_type", "expected"),
    [
        ("always_nxdomain", "nxdomain suffix example.org"),
        ("static", "nxdomain suffix example.org"),
        ("always_nodata", "nodata suffix example.org"),
        ("deny", "drop suffix example.org"),
        ("inform_deny", "drop suffix example.org"),
        ("always_deny", "drop suffix example.org"),
        ("refuse", "suffix example.org"),
        ("always_refuse", "suffix example.org"),
        ("always_null", "suffix example.org"),
        ("redirect", "suffix example.org"),
        ("inform_redirect", "suffix example.org"),
        ("transparent", "allow suffix example.org"),
        ("typetransparent", "allow suffix example.org"),
        ("always_transparent", "allow suffix example.org"),
        ("inform", "allow suffix example.org"),
    ],
)
def test_zones(zone_type: str, expected: str) -> None:
    for line in (
        f'local-zone: "example.org." {zone_type}',
        f'  local-zone: "Example.org" {zone_type} # why',
        f"local-zone: example.org {zone_type}",
        f"local-zone: 'example.org' '{zone_type}'",
    ):
        parsed = parse(line.encode())
        assert parsed.format == "unbound"
        assert rules(parsed) == [expected]
        assert not parsed.bad
        assert not parsed.passed_over


@pytest.mark.parametrize("zone_type", ["nodefault", "noview", "block_a", "ipset"])
def test_zone_types_that_block_nothing_as_a_whole(zone_type: str) -> None:
    parsed = parse(f'local-zone: "example.org" {zone_type}'.encode())
    assert not parsed.names
    assert sum(parsed.passed_over.values()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('local-data: "x.example A 0.0.0.0"', ["exact x.example"]),
        ('local-data: "X.example. 60 IN AAAA ::"', ["exact x.example"]),
        ("local-data: 'x.example A 127.0.0.1'", ["exact x.example"]),
        ('local-data: "x.example A 127.0.0.2"', ["exact x.example"]),
        ('local-data: "x.example A 192.0.2.1"', ["data exact x.example"]),
        ("local-data: \"x.example TXT 'a'\"", ["data exact x.example"]),
        (
            'local-zone: "x.example" redirect\nlocal-data: "x.example A 0.0.0.0"',
            ["suffix x.example"],
        ),
        (
            'local-data: "x.example A 192.0.2.1"\nlocal-zone: "x.example" redirect',
            ["data suffix x.example"],
        ),
        (
            'local-zone: "example" static\nlocal-data: "x.example A 0.0.0.0"',
            ["nxdomain suffix example"],
        ),
        (
            'local-zone: "example" static\nlocal-data: "x.example A 192.0.2.1"',
            ["data exact x.example", "nxdomain suffix example"],
        ),
        (
            'local-data: "y A 0.0.0.0"\nlocal-zone: "x" refuse\nlocal-data: "x A 192.0.2.1"',
            ["data exact x", "exact y", "suffix x"],
        ),
        (
            'local-zone: "example" always_null\nlocal-data: "x.example A 192.0.2.1"',
            ["suffix example"],
        ),
        ('local-zone: "example" redirect\nlocal-data: "x.example A 192.0.2.1"', ["suffix example"]),
        (
            'local-zone: "example" transparent\nlocal-data: "x.example A 0.0.0.0"',
            ["exact x.example", "allow suffix example"],
        ),
        (
            'local-zone: "x.example" transparent\nlocal-data: "x.example A 0.0.0.0"',
            ["exact x.example", "allow below x.example"],
        ),
        (
            'local-zone: "x.example" inform\nlocal-data: "x.example A 192.0.2.1"',
            ["data exact x.example", "allow below x.example"],
        ),
        (
            'local-zone: "example" always_transparent\nlocal-data: "x.example A 0.0.0.0"',
            ["allow suffix example"],
        ),
    ],
)
def test_data(text: str, expected: list[str]) -> None:
    parsed = parse(text.encode())
    assert rules(parsed) == expected
    assert not parsed.bad


def test_settings_and_comments_are_passed_over() -> None:
    parsed = parse(
        b'server:\n# comment\n  verbosity: 1\nlocal-data-ptr: "192.0.2.1 x.example"\n'
        b'local-data: "x.example SSHFP 1 1 aa"\n',
        format="unbound",
    )
    assert not parsed.names
    assert not parsed.bad
    assert parsed.passed_over == {"a setting of the server": 3, "local data of other types": 1}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('local-zone: "example.org" sometimes', "not a zone type of Unbound"),
        ('local-zone: "a..org" static', "the name has an empty label"),
        ('local-zone: "' + "a." * 127 + 'org" static', "the name is longer than 255 octets"),
        ('local-data: "x.example"', "a record without a type"),
        ('local-data: "x.example A x"', "not an address or a network"),
        ('local-data: "   "', "a record without an owner"),
        ("example.org", "not an option of Unbound"),
    ],
)
def test_bad_lines(line: str, reason: str) -> None:
    parsed = parse(line.encode(), format="unbound")
    assert not parsed.names
    assert parsed.bad == {reason: 1}


@pytest.mark.parametrize("match", [None, "exact", "suffix"])
def test_match_replaces_the_formats_own(match: str | None) -> None:
    parsed = parse(b'local-zone: "example.org" refuse', match=match)
    assert rules(parsed) == [f"{match or 'suffix'} example.org"]
