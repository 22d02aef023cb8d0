import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.lists.formats import ADDRESS, parse, parse_line
from tests.lists.formats.wording import rules


@pytest.mark.parametrize(
    ("entry", "name", "kind"),
    [
        ("example.org", "example.org", Kind.SUFFIX),
        ("*.example.org", "example.org", Kind.SUFFIX),
        ("=example.org", "example.org", Kind.EXACT),
        ("*.example.org.*", "example.org", Kind.EMBEDDED),
        ("=_dmarc.example.org", "_dmarc.example.org", Kind.EXACT),
        ("  Example.ORG.\t", "example.org", Kind.SUFFIX),
        ("*.WWW.Example.ORG.*", "www.example.org", Kind.EMBEDDED),
        ("com", "com", Kind.SUFFIX),
        ("xn--p1ai", "xn--p1ai", Kind.SUFFIX),
        ("bücher.example", "xn--bcher-kva.example", Kind.SUFFIX),
        ("=BÜCHER.example", "xn--bcher-kva.example", Kind.EXACT),
        ("*.müller.example.*", "xn--mller-kva.example", Kind.EMBEDDED),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah", Kind.SUFFIX),
        ("straße.example", "xn--strae-oqa.example", Kind.SUFFIX),
        ("_srv.bücher.example", "_srv.xn--bcher-kva.example", Kind.SUFFIX),
        ("-a-.example.org", "-a-.example.org", Kind.SUFFIX),
        ("1.example.123.org", "1.example.123.org", Kind.SUFFIX),
        (".", ".", Kind.SUFFIX),
        (f"{'a' * 63}.org", f"{'a' * 63}.org", Kind.SUFFIX),
    ],
)
def test_own_syntax(entry: str, name: str, kind: Kind) -> None:
    assert parse_line(entry) == (names.from_text(name), kind)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("", "the name is empty"),
        ("=", "the name is empty"),
        ("*.", "the name is empty"),
        ("*.*", "the name is empty"),
        ("*", "a character that no domain name has"),
        (".example.org", "the name has an empty label"),
        ("a..org", "the name has an empty label"),
        ("==example.org", "a character that no domain name has"),
        ("p16-*.example.org", "a character that no domain name has"),
        ("a\\.b.org", "a character that no domain name has"),
        ("a/b.org", "a character that no domain name has"),
        ("a\x00.org", "a character that no domain name has"),
        ("\x1fexample.org", "a character that no domain name has"),
        ("example.org example.net", "more than one word where a name should be"),
        ("example.org\texample.net", "more than one word where a name should be"),
        ("192.0.2.1", "an IP address where a name should be"),
        ("=192.0.2.1", "an IP address where a name should be"),
        ("192.0.2.1.", "an IP address where a name should be"),
        ("2001:db8::1", "an IP address where a name should be"),
        ("::", "an IP address where a name should be"),
        ("::ffff:192.0.2.1", "an IP address where a name should be"),
        ("192。0。2。1", "an IP address where a name should be"),
        ("10.1", "an IP address where a name should be"),
        ("192.0.2.0/24", "a line in another format: cidr"),
        ("||example.org^", "a line in another format: adblock"),
        ("example.org##.ad", "a line in another format: adblock"),
        ("address=/example.org/", "a line in another format: dnsmasq"),
        ('local-zone: "example.org" refuse', "a line in another format: unbound"),
        ("example.org CNAME .", "a line in another format: rpz"),
        (f"{'a' * 64}.org", "a label is longer than 63 octets"),
        (f"{'a.' * 126}aaaa", "the name is longer than 255 octets"),
        ("\N{ZERO WIDTH JOINER}.org", "not an internationalised domain name (UTS 46)"),
        ("\ud800.org", "not an internationalised domain name (UTS 46)"),
        (f"{'ü' * 63}.org", "not an internationalised domain name (UTS 46)"),
    ],
)
def test_what_is_no_entry(entry: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        parse_line(entry)


def test_a_domains_list() -> None:
    parsed = parse(
        b"\xef\xbb\xbf# a title\r\n"
        b"! Title: as other publishers write it\r\n"
        b"\r\n"
        b"example.org\r\n"
        b"WWW.Example.NET.\t# why\r\n"
        b"  *.example.com  \r\n"
        b"*.www.example.com\n"
        b"=example.test #\r\n"
        b"*.embedded.example.*\n"
        b"example.org\r\n"
        b"=example.org\r\n"
        b"b\xc3\xbccher.example"
    )
    assert parsed.format == "domains"
    assert parsed.bad == {}
    assert parsed.samples == ()
    assert parsed.name_count == 8
    assert rules(parsed) == [
        "suffix example.org",
        "suffix www.example.net",
        "suffix example.com",
        "suffix www.example.com",
        "suffix xn--bcher-kva.example",
        "exact example.test",
        "exact example.org",
        "embedded embedded.example",
    ]


@pytest.mark.parametrize("match", [None, "exact", "suffix"])
def test_match_replaces_the_match_of_entries_without_a_mark(match: str | None) -> None:
    unmarked = match or "suffix"
    assert rules(parse(b"example.org", match=match)) == [f"{unmarked} example.org"]
    assert rules(parse(b"EXAMPLE.org", match=match)) == [f"{unmarked} example.org"]


@pytest.mark.parametrize("match", [None, "exact", "suffix"])
def test_match_leaves_marked_entries_as_they_are(match: str | None) -> None:
    parsed = parse(b"=a.example\n*.b.example\n*.C.example\n*.d.example.*\n", match=match)
    assert sorted(rules(parsed)) == [
        "embedded d.example",
        "exact a.example",
        "suffix b.example",
        "suffix c.example",
    ]


def test_bad_lines_of_a_domains_list() -> None:
    parsed = parse(
        b"example.org#no-comment\n"
        b"example.org##.advert\n"
        b"0.0.0.0 example.org\n"
        b"192.0.2.1 # an address\n"
        b"192.0.2.0/24\n"
        b"\xff.example.org\n" + b"a." * 130 + b"org\n" + b"a" * 1001 + b"\n"
        b"*." + b"b." * 127 + b"org\n",
        format="domains",
    )
    assert parsed.names == {}
    assert parsed.bad == {
        "a character that no domain name has": 1,
        "a line in another format: adblock": 1,
        "more than one word where a name should be": 1,
        ADDRESS: 1,
        "a line in another format: cidr": 1,
        "not UTF-8 text": 1,
        "the name is longer than 255 octets": 2,
        "a line longer than 1000 characters": 1,
    }
    assert [number for number, _ in parsed.samples] == list(range(1, 10))


def test_control_characters_stay_out_of_messages() -> None:
    parsed = parse(
        b"\x00\x1b[31mexample.org\x00" + b"a" * 300 + b"\nexample.net \xe2\x80\xae moc\n"
    )
    for _, reason in parsed.samples:
        assert reason.isascii()
        assert reason.isprintable()
        assert len(reason) < 120
    assert parsed.names == {}
    assert sum(parsed.bad.values()) == 2


def test_every_line_of_utf_16_is_bad() -> None:
    parsed = parse("example.org\nexample.net\n".encode("utf-16"))
    assert parsed.names == {}
    assert sum(parsed.bad.values()) == 3


def test_lines_of_long_lists_are_numbered() -> None:
    parsed = parse(b"a.example\n" * 100_000 + b"not a name\n" + b"b.example\n" * 100_000)
    assert [number for number, _ in parsed.samples] == [100_001]
    assert rules(parsed) == ["suffix a.example", "suffix b.example"]


def test_ten_samples_at_most() -> None:
    parsed = parse(b"not a name\n" * 5000)
    assert parsed.bad == {"more than one word where a name should be": 5000}
    assert [number for number, _ in parsed.samples] == list(range(1, 11))


label = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=63)
name_text = (
    st.lists(label, min_size=1, max_size=6)
    .map(".".join)
    .filter(lambda text: len(text) < 254 and not text.rpartition(".")[2].isdigit())
)
MARKS: list[tuple[Callable[[str], str], Kind]] = [
    (lambda name: name, Kind.SUFFIX),
    (lambda name: f"*.{name}", Kind.SUFFIX),
    (lambda name: f"={name}", Kind.EXACT),
    (lambda name: f"*.{name}.*", Kind.EMBEDDED),
    (lambda name: f" {name.upper()}. # why", Kind.SUFFIX),
]


@given(st.lists(st.tuples(name_text, st.sampled_from(MARKS)), max_size=30))
@example([("0.0.0.a", MARKS[0]), ("0.0.0.a", MARKS[4])])
def test_every_name_written_is_read_back(
    entries: list[tuple[str, tuple[Callable[[str], str], Kind]]],
) -> None:
    lines = [write(name) for name, (write, _) in entries]
    parsed = parse("\n".join(lines).encode(), format="domains")
    expected = {(names.from_text(name), kind) for name, (_, kind) in entries}
    assert {(n, rule_type.kind) for rule_type, found in parsed.names.items() for n in found} == (
        expected
    )
    assert parsed.bad == {}


@given(st.text(max_size=60))
def test_any_text_is_an_entry_or_a_value_error(line: str) -> None:
    try:
        rule = parse_line(line)
    except ValueError as error:
        reason = str(error)
    else:
        reason = ""
        assert rule.name == names.from_text(names.to_text(rule.name))
    assert reason.isprintable()
