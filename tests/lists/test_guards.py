import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.lists import bundled, public_suffixes
from dnsguard.lists.formats import parse
from dnsguard.lists.guards import Screened, screen
from tests.support.data import needs_shared, read_shared

GOOD = [f"name{number}.example.org" for number in range(200)]


def screen_text(text: str, *never_block: str, padding: int = 200) -> Screened:
    entries = [text, *GOOD[:padding]]
    return screen(
        parse("\n".join(entries).encode()), [names.from_text(name) for name in never_block]
    )


def kept(screened: Screened) -> list[str]:
    return [names.to_text(rule.name) for rule in screened.rules]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (".", "root"),
        ("com", "top-level"),
        ("=com", "top-level"),
        ("*.com.*", "top-level"),
        ("localhost", "top-level"),
        ("co.uk", "public-suffix"),
        ("=co.uk", "public-suffix"),
        ("*.co.uk.*", "public-suffix"),
        ("anything.ck", "public-suffix"),
        ("xn--55qx5d.cn", "public-suffix"),
        ("akamai.net", "shared-zone"),
        ("=akamai.net", "shared-zone"),
        ("*.cloudfront.net.*", "shared-zone"),
        ("map.fastly.net", "shared-zone"),
        ("=city.example", "never-block"),
        ("city.example", "never-block"),
        ("=www.city.example", "never-block"),
        ("*.deep.www.city.example.*", "never-block"),
        ("city.internal.test", "never-block"),
        ("*.city.internal.test.*", "never-block"),
        ("*.www.city.*", "never-block"),
    ],
)
def test_what_no_list_may_hold(entry: str, reason: str) -> None:
    screened = screen_text(
        entry, "city.example", "a.city.internal.test", "www.city.example", "x.www.city.example.net"
    )
    assert screened.dropped == {reason: 1}
    (sample,) = screened.dropped_samples
    assert sample.startswith(f"{entry.strip('=*.') or '.'}: {reason}")
    assert ("'allow'" in sample) is (reason == "never-block")
    assert kept(screened) == GOOD
    assert screened.refused is None


@pytest.mark.parametrize(
    "entry",
    [
        "example.co.uk",
        "www.ck",
        "d111111abcdef8.cloudfront.net",
        "bytedance.map.fastly.net",
        "notakamai.net",
        "notcity.example",
        "=internal.test",
        "=city.internal.test",
        "example.test",
        "*.city.net.*",
        "*.xcity.internal.*",
        "=sub.example",
    ],
)
def test_what_a_list_may_hold(entry: str) -> None:
    screened = screen_text(entry, "city.example", "a.city.internal.test")
    assert screened.dropped == {}
    assert len(screened.rules) == 201
    assert screened.refused is None


def test_a_suffix_above_a_never_block_name_is_dropped_an_exact_one_is_not() -> None:
    assert screen_text("internal.test", "a.city.internal.test").dropped == {"never-block": 1}
    assert screen_text("=internal.test", "a.city.internal.test").dropped == {}


def test_a_length_octet_that_reads_as_a_hyphen_is_no_label_border() -> None:
    label = "a" * ord("-")
    assert screen_text(f"x-{label}.example", f"{label}.example").dropped == {}
    assert screen_text(f"x.{label}.example", f"{label}.example").dropped == {"never-block": 1}


def test_company_suffixes_pass_with_a_warning() -> None:
    screened = screen_text("blogspot.com")
    assert "blogspot.com" in kept(screened)
    assert screened.warnings == (
        "blogspot.com: many owners share names below it (public suffix list)",
    )


def test_warnings_and_samples_are_few_however_long_the_list() -> None:
    private = public_suffixes.private().names - set(bundled.shared_zones())
    suffixes = [names.to_text(name) for name in sorted(private)[:50]]
    tlds = [f"tld{number}" for number in range(50)]
    screened = screen_text("\n".join(suffixes + tlds))
    assert len(screened.warnings) == 11
    assert screened.warnings[-1].endswith("more entries like these")
    assert len(screened.dropped_samples) == 10


def test_addresses_are_dropped_and_counted() -> None:
    screened = screen(parse(b"0.0.0.0 192.0.2.1\n" + hosts(150)), [])
    assert screened.dropped == {"address": 1}
    assert screened.refused is None


def hosts(count: int) -> bytes:
    return b"".join(b"0.0.0.0 name%d.example.org\n" % number for number in range(count))


@pytest.mark.parametrize(
    ("good", "bad", "is_refused"),
    [
        (4, 1, False),  # 20 %, but one entry alone
        (1, 1, False),
        (0, 1, True),  # nothing is left
        (3, 2, True),
        (98, 2, True),
        (197, 2, True),  # 1.005 %
        (198, 2, False),  # 1 % exactly
        (99_000, 1_000, False),
        (99_000, 1_001, True),
        (200_000, 1_000, False),
        (200_000, 1_001, True),  # 0.5 %, but more than 1,000
    ],
)
@pytest.mark.parametrize("form", ["0.0.0.0 tld{}", "0.0.0.0 192.0.2.{}", "0.0.0.0 a..{}.org"])
def test_a_version_that_loses_too_much_is_refused(
    good: int, bad: int, is_refused: bool, form: str
) -> None:
    text = hosts(good) + "\n".join(form.format(number) for number in range(bad)).encode()
    screened = screen(parse(text), [])
    assert (screened.refused is not None) == is_refused
    assert len(screened.rules) == good
    if screened.refused:
        assert screened.refused.startswith(f"{bad} of {good + bad} entries cannot be used (")


def test_a_list_in_another_format_is_refused() -> None:
    screened = screen(parse(b"||example.org^\n||example.net^\n"), [])
    assert screened.rules == ()
    assert screened.refused is not None
    assert "not in this version: adblock: 2" in screened.refused


def test_an_empty_list_is_not_refused() -> None:
    assert screen(parse(b"# nothing yet\n"), []) == Screened((), {}, (), (), None)


labels = st.lists(st.sampled_from(["a", "b", "city", "example", "net"]), min_size=2, max_size=5)


@given(labels, st.sampled_from(["{}", "={}", "*.{}.*"]), labels)
def test_no_rule_that_matches_a_never_block_name_is_kept(
    entry: list[str], form: str, never: list[str]
) -> None:
    name = ".".join(entry)
    protected = ".".join(never)
    screened = screen_text(form.format(name), protected, padding=0)
    for rule in screened.rules:
        if rule.kind == Kind.EXACT:
            assert name != protected
        elif rule.kind == Kind.SUFFIX:
            assert not f".{protected}".endswith(f".{name}")
        else:
            assert f".{name}." not in f".{protected}."
        assert not f".{name}".endswith(f".{protected}")


@needs_shared(
    "tiktok/blocklistproject.hosts.txt",
    "tiktok/llacb47.tiktok-block.hosts.txt",
    "lists/raw/stevenblack-hosts-with-adult.hosts.txt.xz",
    "lists/sameset-hagezi-light/light.domains.txt.xz",
)
@pytest.mark.parametrize(
    "path",
    [
        "tiktok/blocklistproject.hosts.txt",
        "tiktok/llacb47.tiktok-block.hosts.txt",
        "lists/raw/stevenblack-hosts-with-adult.hosts.txt.xz",
        "lists/sameset-hagezi-light/light.domains.txt.xz",
    ],
)
def test_lists_people_use_are_not_refused(path: str) -> None:
    assert screen(parse(read_shared(path)), []).refused is None


@needs_shared("tiktok/gieljnssns.hosts.txt")
def test_a_list_with_akamai_net_and_addresses_is_refused() -> None:
    screened = screen(parse(read_shared("tiktok/gieljnssns.hosts.txt")), [])
    assert screened.dropped == {"shared-zone": 1, "address": 16}
    assert screened.refused is not None
