from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dnsguard.core import names
from dnsguard.core.image import NAME_KINDS, Group, Image, Kind, build_image
from dnsguard.core.networks import Prefix
from dnsguard.core.view import Effect
from dnsguard.lists import bundled, guards, public_suffixes
from dnsguard.lists.formats import parse, parse_line
from dnsguard.lists.guards import Screened, screen
from dnsguard.lists.rules import ALLOW, BLOCK, Action, Parsed, RuleType
from tests.support.strategies import LABEL, wire_names

GOOD = [f"name{number}.example.org" for number in range(20)]
IMPORTANT = Action(Effect.BLOCK_IMPORTANT)


def screen_text(text: str, *never_block: str) -> Screened:
    return screen(parse("\n".join([text, *GOOD]).encode(), format="domains"), wire(never_block))


def screen_rules(*rules: tuple[RuleType, bytes], never_block: Iterable[bytes] = ()) -> Screened:
    listed: dict[RuleType, dict[bytes, None]] = {}
    for rule_type, name in rules:
        listed.setdefault(rule_type, {})[name] = None
    return screen(Parsed("domains", listed, {}, {}, {}, ()), [*never_block])


def screen_addresses(*texts: str, action: Action = BLOCK) -> Screened:
    prefixes = {prefix(text): None for text in texts}
    return screen(Parsed("cidr", {}, {action: prefixes}, {}, {}, ()), [])


def wire(texts: Iterable[str]) -> list[bytes]:
    return [names.from_text(text) for text in texts]


def prefix(text: str) -> Prefix:
    network = ip_network(text)
    return network.network_address.packed, network.prefixlen


def kept(screened: Screened) -> list[str]:
    return [names.to_text(name) for listed in screened.names.values() for name in listed]


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
        ("windowsupdate.com", "safety"),
        ("=windowsupdate.com", "safety"),
        ("=www.windowsupdate.com", "safety"),
        ("apple.com", "safety"),
        ("*.apple.com.*", "safety"),
        ("*.push.apple.*", "safety"),
    ],
)
def test_what_no_list_may_hold(entry: str, reason: str) -> None:
    screened = screen_text(
        entry, "city.example", "a.city.internal.test", "www.city.example", "x.www.city.example.net"
    )
    assert screened.dropped == {reason: 1}
    (sample,) = screened.dropped_samples
    assert sample.startswith(f"{entry}: {reason}, ")
    assert ("'allow'" in sample) is (reason == "never-block")
    assert kept(screened) == GOOD


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
        "=apple.com",
        "notwindowsupdate.com",
        "*.www.windowsupdate.*",
    ],
)
def test_what_a_list_may_hold(entry: str) -> None:
    screened = screen_text(entry, "city.example", "a.city.internal.test")
    assert screened.dropped == {}
    assert len(kept(screened)) == len(GOOD) + 1
    assert screened.count == len(GOOD) + 1


@pytest.mark.parametrize(
    ("apex", "reason"),
    [
        ("com", "top-level"),
        ("co.uk", "public-suffix"),
        ("akamai.net", "shared-zone"),
        ("city.example", "never-block"),
        ("www.city.example", "never-block"),
        ("internal.test", "never-block"),
        ("apple.com", "safety"),
        ("example.net", None),
    ],
)
def test_a_rule_for_all_below_a_name_is_as_bad_as_one_for_the_name(
    apex: str, reason: str | None
) -> None:
    rule = (RuleType(Kind.BELOW), names.from_text(apex))
    screened = screen_rules(rule, never_block=wire(["city.example", "city.internal.test"]))
    assert screened.dropped == ({reason: 1} if reason else {})
    assert all(sample.startswith(f"*.{apex}: ") for sample in screened.dropped_samples)


def test_a_suffix_above_a_protected_name_is_dropped_an_exact_one_is_not() -> None:
    assert screen_text("internal.test", "a.city.internal.test").dropped == {"never-block": 1}
    assert screen_text("=internal.test", "a.city.internal.test").dropped == {}


def test_a_rule_that_would_match_a_shared_zone_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    zones = guards._Protected(wire(["eu.cdn.example"]))
    monkeypatch.setattr(guards, "_shared_zones", lambda: zones)
    for entry in ("eu.cdn.example", "=eu.cdn.example", "cdn.example", "*.eu.cdn.*"):
        assert screen_text(entry).dropped == {"shared-zone": 1}
    for entry in ("=cdn.example", "a.eu.cdn.example", "*.a.eu.cdn.*"):
        assert screen_text(entry).dropped == {}


def test_a_length_octet_that_reads_as_a_hyphen_is_no_label_border() -> None:
    label = "a" * ord("-")
    assert screen_text(f"x-{label}.example", f"{label}.example").dropped == {}
    assert screen_text(f"x.{label}.example", f"{label}.example").dropped == {"never-block": 1}


@pytest.mark.parametrize("never", ["lan", "x.test", "q.test", "city.lan", "long.city.example"])
def test_protected_names_of_any_length_are_found(never: str) -> None:
    for name in (never, f"www.{never}", f"a.b.c.{never}"):
        assert screen_text(f"={name}", never).dropped.keys() <= {"never-block", "top-level"}
        assert kept(screen_text(f"={name}", never)) == GOOD
    assert screen_text(f"=not{never}.example", never).dropped == {}


def test_a_group_that_loses_nothing_is_not_copied() -> None:
    parsed = parse(b"example.org\n=example.net\n=com\n", format="domains")
    screened = screen(parsed, [])
    suffix, exact = RuleType(Kind.SUFFIX), RuleType(Kind.EXACT)
    assert screened.names[suffix] is parsed.names[suffix]
    assert list(screened.names[exact]) == wire(["example.net"])
    assert len(parsed.names[exact]) == 2
    assert screen(parse(b"com\n", format="domains"), []).names == {}


def test_exceptions_stay_whatever_they_free_and_broad_ones_are_told() -> None:
    rules = [
        (kind, name) for kind in NAME_KINDS for name in wire([".", "com", "co.uk", "apple.com"])
    ]
    screened = screen_rules(*((RuleType(kind, ALLOW), name) for kind, name in rules))
    assert screened.count == len(rules)
    assert screened.dropped == {}
    broad = {"@@.", "@@com", "@@co.uk", "@@*.com", "@@*.co.uk", "@@*.com.*", "@@*.co.uk.*"}
    told = {warning.partition(": ")[0] for warning in screened.warnings}
    assert broad <= told
    assert not any("apple" in warning for warning in screened.warnings)


def test_an_important_rule_is_no_less_screened() -> None:
    screened = screen_rules((RuleType(Kind.SUFFIX, IMPORTANT), names.from_text("com")))
    assert screened.dropped == {"top-level": 1}


def test_company_suffixes_pass_with_a_warning() -> None:
    screened = screen_text("blogspot.com")
    assert "blogspot.com" in kept(screened)
    assert screened.warnings == (
        "blogspot.com: many owners share names below it (public suffix list)",
    )
    assert screen_text("=blogspot.com").warnings == ()


def test_warnings_and_samples_are_few_however_long_the_list() -> None:
    private = public_suffixes.private().names - set(bundled.shared_zones())
    suffixes = [names.to_text(name) for name in sorted(private)[:50]]
    tlds = [f"tld{number}" for number in range(50)]
    screened = screen_text("\n".join(suffixes + tlds))
    assert len(screened.warnings) == 11
    assert screened.warnings[-1].endswith("more entries like these")
    assert len(screened.dropped_samples) == 10
    assert screened.dropped["top-level"] == 50


def test_addresses_among_names_are_counted_as_dropped() -> None:
    parsed = parse(b"0.0.0.0 192.0.2.1\n0.0.0.0 ads.example.org\n")
    assert screen(parsed, []).dropped == {"address": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0.0.0.0/0", "address-range"),
        ("128.0.0.0/1", "address-range"),
        ("192.0.0.0/7", "address-range"),
        ("::/0", "address-range"),
        ("2000::/3", "address-range"),
        ("2001:c00::/15", "address-range"),
        ("0.0.0.0", "own-network"),
        ("10.20.0.0/16", "own-network"),
        ("10.255.255.255", "own-network"),
        ("100.64.0.1", "own-network"),
        ("127.0.0.1", "own-network"),
        ("169.254.169.254", "own-network"),
        ("172.16.0.0/8", "own-network"),
        ("172.31.255.0/24", "own-network"),
        ("192.168.1.0/24", "own-network"),
        ("192.0.0.0/8", "own-network"),
        ("224.0.0.251", "own-network"),
        ("255.255.255.255", "own-network"),
        ("::", "own-network"),
        ("::1", "own-network"),
        ("::ffff:192.0.2.1", "own-network"),
        ("64:ff9b::/96", "own-network"),
        ("fd00:1::/32", "own-network"),
        ("fe80::1", "own-network"),
        ("fec0::1", "own-network"),
        ("ff02::fb", "own-network"),
        ("9.0.0.0/8", None),
        ("11.0.0.0/8", None),
        ("100.128.0.0/10", None),
        ("172.32.0.0/12", None),
        ("192.0.2.1", None),
        ("192.169.0.0/16", None),
        ("223.255.255.0/24", None),
        ("2001::/16", None),
        ("2001:db8::/32", None),
        ("2001:db8::1", None),
    ],
)
def test_which_addresses_a_list_may_block(text: str, reason: str | None) -> None:
    network = ip_network(text, strict=False)
    screened = screen_addresses(str(network), "198.51.100.0/24")
    assert screened.dropped == ({reason: 1} if reason else {})
    assert screened.count == (1 if reason else 2)
    for sample in screened.dropped_samples:
        shown = network if "/" in text else network.network_address
        assert sample.startswith(f"{shown}: {reason}, ")


def test_exceptions_for_addresses_stay_and_broad_ones_are_told() -> None:
    screened = screen_addresses("0.0.0.0/0", "10.0.0.0/8", action=ALLOW)
    assert screened.count == 2
    assert screened.dropped == {}
    assert screened.warnings == ("@@0.0.0.0/0: an exception this broad undoes most of its list",)


def test_every_text_is_printable_whatever_the_names_are() -> None:
    hostile = b"\x0a\x1b[2J\r\n\x07\xff\x9b1"
    never = hostile + names.from_text("city.example")
    rules = [(RuleType(kind), name) for kind in NAME_KINDS for name in (hostile + b"\x00", never)]
    screened = screen_rules(*rules, never_block=[never])
    assert screened.dropped == {"top-level": 4, "never-block": 4}
    assert all(text.isascii() and text.isprintable() for text in screened.dropped_samples)


LABELS = st.sampled_from(["a", "b", "city", "example", "net"])
SOME_NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join).map(names.from_text)
RULE_TYPES = st.builds(
    RuleType, st.sampled_from(sorted(NAME_KINDS)), st.sampled_from([BLOCK, IMPORTANT])
)


@st.composite
def near_safety(draw: st.DrawFn) -> tuple[RuleType, bytes]:
    """Return a rule of some labels in a row of a protected name, perhaps with others around."""
    labels = names.to_text(draw(st.sampled_from(bundled.safety()))).split(".")
    start = draw(st.integers(0, len(labels) - 1))
    end = draw(st.sampled_from([len(labels), draw(st.integers(start + 1, len(labels)))]))
    found = [*draw(st.lists(LABELS, max_size=2)), *labels[start:end]]
    return draw(RULE_TYPES), names.from_text(".".join(found))


@given(
    st.lists(st.one_of(st.tuples(RULE_TYPES, SOME_NAMES), near_safety()), max_size=10),
    st.lists(SOME_NAMES, max_size=3),
    st.lists(st.sampled_from(bundled.safety()), min_size=1, max_size=5),
)
def test_no_rule_that_stays_matches_a_protected_name_or_one_below_it(
    rules: list[tuple[RuleType, bytes]], never: list[bytes], safety: list[bytes]
) -> None:
    screened = screen_rules(*rules, never_block=never)
    image = Image(
        build_image(
            [
                Group(number, rule_type.kind, listed)
                for number, (rule_type, listed) in enumerate(screened.names.items())
            ],
            seed=1,
        )
    )
    touched = [name for _, name in rules if any(names.is_at_or_below(name, p) for p in safety)]
    for protected in [*never, *safety, *touched]:
        assert image.find(protected) == []
        # Labels that no rule has: an embedded rule may hold for labels wholly below.
        assert image.find(b"\x05fresh" + protected) == []
        assert image.find(b"\x04more\x05fresh" + protected) == []


@given(st.lists(st.tuples(RULE_TYPES, st.one_of(SOME_NAMES, wire_names(LABEL)))))
def test_every_rule_stays_or_is_dropped_for_one_reason(
    rules: list[tuple[RuleType, bytes]],
) -> None:
    screened = screen_rules(*rules, never_block=wire(["city.example"]))
    assert screened.count + sum(screened.dropped.values()) == len(set(rules))
    assert all(set(rules) >= {(t, name) for name in f} for t, f in screened.names.items())


OWN: list[IPv4Network | IPv6Network] = [
    *map(IPv4Network, ["0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "224.0.0.0/4"]),
    *map(IPv4Network, ["192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "240.0.0.0/4"]),
    *map(IPv6Network, ["::1/128", "fc00::/7", "fe80::/10", "ff00::/8"]),
]


@given(
    st.one_of(
        st.tuples(st.binary(min_size=4, max_size=4), st.integers(0, 32)),
        st.tuples(st.binary(min_size=16, max_size=16), st.integers(0, 128)),
        st.sampled_from(OWN).map(lambda own: (own.network_address.packed, own.max_prefixlen)),
        st.sampled_from(OWN).map(lambda own: (own.broadcast_address.packed, own.prefixlen - 1)),
    )
)
@example((b"\xac\x10\x00\x00", 11))
def test_no_address_rule_that_stays_touches_a_city_s_own(drawn: tuple[bytes, int]) -> None:
    network = ip_network(drawn, strict=False)
    screened = screen_addresses(str(network))
    if any(own.overlaps(network) for own in OWN if own.version == network.version):
        assert screened.dropped.keys() <= {"own-network", "address-range"}
        assert screened.count == 0
    elif screened.dropped:
        assert network.prefixlen < {4: 8, 6: 16}[network.version] or network.version == 6


@pytest.mark.parametrize("name", [names.to_text(name) for name in bundled.safety()[::10]])
@pytest.mark.parametrize("form", ["{}", "={}", "*.{}.*", "www.{}", "=a.b.{}"])
def test_the_safety_list_is_in_force(name: str, form: str) -> None:
    rule = parse_line(form.format(name))
    assert screen_rules((RuleType(rule.kind), rule.name)).count == 0
