import gzip
import hashlib
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core import names
from dnsguard.core.image import NAME_KINDS, Kind
from dnsguard.core.view import Effect
from dnsguard.lists.errors import Reason, Refused
from dnsguard.lists.formats import FORMATS
from dnsguard.lists.rules import ALLOW, BLOCK, Action, Addresses, Names, RuleType
from dnsguard.lists.versions import Difference, Version, check_change, difference, examine
from tests.support.data import needs_shared, read_shared

SUFFIX = RuleType(Kind.SUFFIX)
EXACT = RuleType(Kind.EXACT)


def refusal(data: bytes, **options: str) -> Refused:
    with pytest.raises(Refused) as caught:
        examine(data, **options)  # type: ignore[arg-type]
    return caught.value


def hosts(count: int) -> bytes:
    return b"".join(b"0.0.0.0 name%d.example.org\n" % number for number in range(count))


def wire(*texts: str) -> dict[bytes, None]:
    return {names.from_text(text): None for text in texts}


def version(listed: Names, addresses: Addresses | None = None) -> Version:
    return Version("", 0, "domains", listed, addresses or {}, {}, {}, ())


def addresses(*texts: str) -> dict[tuple[bytes, int], None]:
    networks = map(ip_network, texts)
    return {(network.network_address.packed, network.prefixlen): None for network in networks}


def is_printable(*texts: str) -> bool:
    return all(text.isascii() and text.isprintable() for text in texts)


def test_a_version_is_its_rules_and_what_an_admin_should_know() -> None:
    data = b"# a list\nexample.org\n=example.net\na..b\n" + b"\n".join(
        b"name%d.example.com" % number for number in range(100)
    )
    data += b"\ncom\nblogspot.com\n"
    found = examine(data)
    assert (found.format, found.size) == ("domains", len(data))
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.names[EXACT] == wire("example.net")
    assert (found.name_count, found.address_count) == (103, 0)
    assert found.dropped == {"the name has an empty label": 1, "top-level": 1}
    line, dropped, warning = found.notes
    assert line.startswith("line 4: the name has an empty label")
    assert dropped.startswith("com: top-level, ")
    assert warning.startswith("blogspot.com: many owners")


def test_a_compressed_file_is_known_by_its_own_hash_and_size() -> None:
    data = gzip.compress(hosts(3))
    found = examine(data)
    assert (found.sha256, found.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (found.format, found.name_count) == ("hosts", 3)


def test_the_config_s_format_and_match_count() -> None:
    assert examine(b"example.org\n", format="domains", match="exact").names.keys() == {EXACT}
    assert examine(hosts(1), match="suffix").names.keys() == {SUFFIX}
    assert refusal(hosts(1), format="domains").reason == "bad-lines"


def test_an_entry_that_is_an_address_is_dropped_not_bad() -> None:
    found = examine(hosts(150) + b"0.0.0.0 192.0.2.1\n")
    assert found.dropped == {"address": 1}
    assert found.notes[0].startswith("line 151: ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"# nothing yet\n\n", "empty"),
        (b"127.0.0.1 localhost\n::1 localhost\n", "empty"),
        (b"<!DOCTYPE html><title>404</title>", "html"),
        (b"\r\n<html>\n<body>\nexample.org\n", "html"),
        (hosts(1_000) + bytes(300), "truncated"),
        (bytes(4_096), "truncated"),
        (gzip.compress(hosts(1_000))[:-20], "truncated"),
        (gzip.compress(hosts(1_000)) + b"more", "compression"),
        (gzip.compress(bytes(1 << 20)), "size"),
        (hosts(40_000), "size"),
        (b"not a name\n", "bad-lines"),
        ("".join(f"name{n}.example.org\n" for n in range(99)).encode("utf-16"), "bad-lines"),
        (b"not a name\nnor this one\n=com\n", "bad-lines"),
        (b"com\n", "forbidden"),
        (b"com\nnot a name\n", "forbidden"),
        (b"0.0.0.0 192.0.2.1\n", "forbidden"),
    ],
)
def test_what_is_refused(data: bytes, reason: Reason) -> None:
    with pytest.raises(Refused) as caught:
        examine(data, max_size=1 << 19)
    assert caught.value.reason == reason
    assert is_printable(str(caught.value))


@pytest.mark.parametrize("said", ["auto", *FORMATS])
def test_a_page_is_no_list_whatever_the_format_is_said_to_be(said: str) -> None:
    page = b"<!doctype html>\n" + b"\n".join(b"name%d.example.org" % n for n in range(100))
    assert refusal(page, format=said).reason == "html"


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
        (110_000, 1_000, False),
        (110_000, 1_001, True),  # 0.9 %, but more than 1,000
    ],
)
@pytest.mark.parametrize(
    ("form", "kind"), [("0.0.0.0 tld{}", "top-level"), ("0.0.0.0 192.0.2.{}", "address")]
)
def test_a_version_with_many_forbidden_entries_is_refused(
    good: int, bad: int, is_refused: bool, form: str, kind: str
) -> None:
    data = hosts(good) + "\n".join(form.format(number) for number in range(bad)).encode()
    if not is_refused:
        assert examine(data).name_count == good
        return
    refused = refusal(data)
    assert refused.reason == "forbidden"
    assert str(refused).startswith(f"{bad:,} of {good + bad:,} entries are such as no list may")
    assert f"({kind}: {bad:,})" in str(refused)
    assert f"; the first is {'=tld0: ' if 'tld' in form else f'line {good + 1}: '}" in str(refused)


@pytest.mark.parametrize(
    ("good", "bad", "is_refused"),
    [
        (1, 1, False),  # half of it, but one line alone
        (0, 1, True),  # nothing is left
        (3, 2, True),
        (95, 5, False),  # 5 % exactly
        (94, 6, True),
        (1_900, 100, False),
        (1_899, 101, True),
        (95_000, 5_000, False),  # no bound but the share
    ],
)
def test_a_version_with_many_bad_lines_is_refused(good: int, bad: int, is_refused: bool) -> None:
    data = hosts(good) + b"0.0.0.0 a..b\n" * bad
    if not is_refused:
        assert examine(data).dropped == {"the name has an empty label": bad}
        return
    refused = refusal(data, format="hosts")
    assert refused.reason == "bad-lines"
    assert str(refused).startswith(f"{bad:,} of {good + bad:,} entries cannot be read (")
    assert f"'format', which was hosts; the first is line {good + 1}: the name" in str(refused)


def test_entries_that_are_passed_over_refuse_nothing() -> None:
    found = examine(hosts(1) + b"127.0.0.1 localhost\n" * 1_000)
    assert (found.name_count, found.dropped) == (1, {})


def test_nothing_harmful_goes_live_and_each_is_reported_safely() -> None:
    long, escape = "a" * 300 + ".example", "\x1b[2Jexample.org"
    harmful = ["com", ".", "co.uk", "akamai.net", "127.0.0.1", "www.city.example"]
    harmful += ["windowsupdate.com", long, escape]
    good = [f"name{number}.example.org" for number in range(1_000)]
    data = "\n".join([*harmful, *good]).encode()
    found = examine(data, never_block=[names.from_text("city.example")])
    assert found.names == {SUFFIX: wire(*good)}
    assert found.addresses == {}
    assert sum(found.dropped.values()) == len(harmful)
    assert {"root", "top-level", "public-suffix", "shared-zone", "address"} <= found.dropped.keys()
    assert {"never-block", "safety"} <= found.dropped.keys()
    assert len(found.notes) == len(harmful)
    assert is_printable(*found.notes, *found.dropped)
    for shown in (
        "line 5: ",
        "line 8: ",
        "line 9: ",
        "com: ",
        "akamai.net: ",
        "www.city.example: ",
    ):
        assert any(note.startswith(shown) for note in found.notes)


PIECES = [
    *(b"example.org", b"||example.net^", b"com", b"0.0.0.0 ", b"#", b"*.", b"@@", b"<", b"/8"),
    *(b"address=/", b" CNAME .", b"local-zone: ", b"$ORIGIN "),
    *(b"\x1b[2J", b"\x9b", b"\r", b"\x85", b"\xe2\x80\xae", b"\xff\xfe"),
]
LINES = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=4)


@given(st.lists(LINES.map(b"".join)).map(b"\n".join), st.sampled_from(["auto", *FORMATS]))
def test_any_octets_give_a_version_or_a_refusal_in_printable_words(data: bytes, said: str) -> None:
    try:
        found = examine(data, format=said)
    except Refused as refused:
        message = str(refused)
    else:
        message = ""
        assert found.name_count + found.address_count > 0
        assert is_printable(*found.notes, *found.dropped, *found.passed_over)
    assert is_printable(message)


@pytest.mark.parametrize(
    ("count", "before", "reason"),
    [
        (5, None, None),
        (5, 0, None),
        (1_000, 1_000, None),
        (700, 1_000, None),
        (699, 1_000, "shrink"),
        (0, 1_000, "shrink"),
        (4_000, 1_000, None),
        (4_001, 1_000, "growth"),
    ],
)
def test_a_version_may_not_change_too_much(
    count: int, before: int | None, reason: Reason | None
) -> None:
    if reason is None:
        check_change(count, before, max_shrink=30, max_growth=300)
        return
    with pytest.raises(Refused) as caught:
        check_change(count, before, max_shrink=30, max_growth=300)
    assert caught.value.reason == reason
    assert f"raise max_{reason}" in str(caught.value)


def test_the_limits_of_change_are_the_config_s() -> None:
    check_change(0, 1_000, max_shrink=100, max_growth=0)
    check_change(9_999, 1_000, max_shrink=0, max_growth=1_000_000)
    for count, reason in ((999, "shrink"), (1_001, "growth")):
        with pytest.raises(Refused) as caught:
            check_change(count, 1_000, max_shrink=0, max_growth=0)
        assert caught.value.reason == reason


def test_a_difference_is_written_as_a_list_would() -> None:
    before = version(
        {
            SUFFIX: wire("example.org", "stays.example"),
            RuleType(Kind.SUFFIX, ALLOW): wire("free.example"),
        },
        {BLOCK: addresses("192.0.2.0/24", "198.51.100.7")},
    )
    after = version(
        {
            SUFFIX: wire("stays.example"),
            EXACT: wire("example.org"),
            RuleType(Kind.EMBEDDED): wire("example.net"),
            RuleType(Kind.BELOW): wire("example.com"),
            RuleType(Kind.SUFFIX, ALLOW): wire("stays.example"),
        },
        {BLOCK: addresses("192.0.2.0/24"), ALLOW: addresses("2001:db8::/32", "198.51.100.7")},
    )
    assert difference(before, after) == Difference(
        added=6,
        removed=3,
        added_sample=(
            *("=example.org", "*.example.net.*", "*.example.com", "@@stays.example"),
            *("@@2001:db8::/32", "@@198.51.100.7"),
        ),
        removed_sample=("example.org", "@@free.example", "198.51.100.7"),
    )
    assert difference(after, after) == Difference(0, 0, (), ())


def test_another_answer_to_the_same_name_is_no_difference() -> None:
    before = version({SUFFIX: wire("a.example", "b.example")})
    dropping = RuleType(Kind.SUFFIX, Action(Effect.BLOCK_IMPORTANT, "drop"))
    after = version({SUFFIX: wire("a.example"), dropping: wire("b.example", "c.example")})
    assert difference(before, after) == Difference(1, 0, ("c.example",), ())


RULES = st.dictionaries(
    st.builds(
        RuleType,
        st.sampled_from(sorted(NAME_KINDS)),
        st.builds(Action, st.sampled_from(Effect), st.sampled_from(["", "nxdomain"])),
    ),
    st.lists(st.integers(0, 30)).map(lambda numbers: wire(*(f"n{n}.example" for n in numbers))),
)


@given(RULES, RULES)
def test_a_difference_is_that_of_two_sets(before: Names, after: Names) -> None:
    def entries(listed: Names) -> set[tuple[Kind, bool, bytes]]:
        return {
            (found.kind, found.action.effect in (Effect.BLOCK, Effect.BLOCK_IMPORTANT), name)
            for found, group in listed.items()
            for name in group
        }

    found = difference(version(before), version(after))
    assert found.added == len(entries(after) - entries(before))
    assert found.removed == len(entries(before) - entries(after))
    for count, sample in ((found.added, found.added_sample), (found.removed, found.removed_sample)):
        assert len(set(sample)) == len(sample) == min(count, 10)
    assert found == difference(version(before), version(after))


REAL = [
    "tiktok/blocklistproject.hosts.txt",
    "tiktok/llacb47.tiktok-block.hosts.txt",
    "lists/raw/stevenblack-hosts-with-adult.hosts.txt.xz",
    "lists/sameset-hagezi-light/light.domains.txt.xz",
    "lists/sameset-hagezi-light/light.adblock.txt.xz",
    "lists/sameset-hagezi-light/light.dnsmasq.txt.xz",
    "lists/sameset-hagezi-light/light.unbound.txt.xz",
    "lists/rpz/mullvad-social.rpz.zone.xz",
]


@needs_shared(*REAL)
@pytest.mark.parametrize("path", REAL)
def test_lists_people_use_are_not_refused(path: str) -> None:
    assert examine(read_shared(path)).name_count > 10


@needs_shared("tiktok/gieljnssns.hosts.txt")
def test_a_list_with_akamai_net_and_addresses_is_refused() -> None:
    refused = refusal(read_shared("tiktok/gieljnssns.hosts.txt"))
    assert refused.reason == "forbidden"
    assert "address: 16, shared-zone: 1" in str(refused)
