import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.lists.formats import ADDRESS, Parsed, parse, parse_line


def texts(parsed: Parsed) -> list[str]:
    return [names.to_text(rule.name) for rule in parsed.rules]


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
        ("192.0.2.0/24", "not in this version: cidr"),
        ("||example.org^", "not in this version: adblock"),
        ("example.org##.ad", "not in this version: adblock"),
        ("address=/example.org/", "not in this version: dnsmasq"),
        ('local-zone: "example.org" refuse', "not in this version: unbound"),
        ("example.org CNAME .", "not in this version: rpz"),
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
        b"=example.test #\r\n"
        b"example.org\r\n"
        b"=example.org\r\n"
        b"b\xc3\xbccher.example"
    )
    assert parsed.format == "domains"
    assert parsed.skipped == {}
    assert parsed.samples == ()
    assert [(names.to_text(rule.name), rule.kind) for rule in parsed.rules] == [
        ("example.org", Kind.SUFFIX),
        ("www.example.net", Kind.SUFFIX),
        ("example.com", Kind.SUFFIX),
        ("example.test", Kind.EXACT),
        ("example.org", Kind.EXACT),
        ("xn--bcher-kva.example", Kind.SUFFIX),
    ]


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
        b"0.0.0.0 com\n"
    )
    assert parsed.format == "hosts"
    assert parsed.skipped == {}
    assert {rule.kind for rule in parsed.rules} == {Kind.EXACT}
    assert texts(parsed) == [
        "example.org",
        "example.net",
        "a.example.com",
        "b.example.com",
        "xn--bcher-kva.example",
        "com",
    ]


def test_what_a_hosts_list_skips() -> None:
    parsed = parse(
        b"0.0.0.0 example.org 192.0.2.1 www.example.org\n"
        b"0.0.0.0 2001:db8::1\n"
        b"0.0.0.0\n"
        b"0.0.0.0 # nothing\n"
        b"example.net\n"
        b"||example.net^\n"
        b"0.0.0.0 *.example.net\n"
        b"0.0.0.0 \xff.example.net\n"
        b"0.0.0.0 " + b"a" * 1000 + b"\n",
        format="hosts",
    )
    assert texts(parsed) == ["example.org", "www.example.org"]
    assert parsed.skipped == {
        ADDRESS: 2,
        "no name after the address": 2,
        "no address before the name": 1,
        "not in this version: adblock": 1,
        "a character that no domain name has": 1,
        "not UTF-8 text": 1,
        "a line longer than 1000 characters": 1,
    }
    assert [number for number, _ in parsed.samples] == list(range(1, 10))


@pytest.mark.parametrize(
    ("match", "domains", "hosts"),
    [
        (None, Kind.SUFFIX, Kind.EXACT),
        ("exact", Kind.EXACT, Kind.EXACT),
        ("suffix", Kind.SUFFIX, Kind.SUFFIX),
    ],
)
def test_match_replaces_the_formats_own(match: str | None, domains: Kind, hosts: Kind) -> None:
    name = names.from_text("example.org")
    for entry in (b"example.org", b"EXAMPLE.org"):
        assert parse(entry, match=match).rules == ((name, domains),)
        assert parse(b"0.0.0.0 " + entry, match=match).rules == ((name, hosts),)


@pytest.mark.parametrize("match", [None, "exact", "suffix"])
def test_match_leaves_marked_entries_as_they_are(match: str | None) -> None:
    parsed = parse(b"=a.example\n*.b.example\n*.c.example.*\n", match=match)
    assert [rule.kind for rule in parsed.rules] == [Kind.EXACT, Kind.SUFFIX, Kind.EMBEDDED]


def test_control_characters_stay_out_of_messages() -> None:
    parsed = parse(
        b"\x00\x1b[31mexample.org\x00" + b"a" * 300 + b"\nexample.net \xe2\x80\xae moc\n"
    )
    for _, reason in parsed.samples:
        assert reason.isascii()
        assert reason.isprintable()
        assert len(reason) < 400
    assert parsed.rules == ()
    assert sum(parsed.skipped.values()) == 2


def test_what_a_domains_list_skips() -> None:
    parsed = parse(
        b"example.org#no-comment\n"
        b"example.org##.advert\n"
        b"0.0.0.0 example.org\n"
        b"192.0.2.1 # an address\n"
        b"192.0.2.0/24\n"
        b"\xff.example.org\n" + b"a." * 130 + b"org\n" + b"a" * 1001 + b"\n",
        format="domains",
    )
    assert parsed.rules == ()
    assert parsed.skipped == {
        "a character that no domain name has": 1,
        "not in this version: adblock": 1,
        "more than one word where a name should be": 1,
        ADDRESS: 1,
        "not in this version: cidr": 1,
        "not UTF-8 text": 1,
        "the name is longer than 255 octets": 1,
        "a line longer than 1000 characters": 1,
    }


def test_ten_samples_at_most() -> None:
    parsed = parse(b"not a name\n" * 5000)
    assert parsed.skipped == {"more than one word where a name should be": 5000}
    assert [number for number, _ in parsed.samples] == list(range(1, 11))


FOREIGN = {
    "adblock": b"[Adblock Plus]\n! Title: x\n||example.org^\n||example.net^$image\n@@||a.test^\n",
    "dnsmasq": b"# x\naddress=/example.org/\nlocal=/example.net/\nserver=/example.com/\n",
    "unbound": b'server:\n  local-zone: "example.org" static\n  local-data: "a. A 192.0.2.1"\n',
    "rpz": b"$TTL 60\n@ IN SOA localhost. root. (\n 1\n 2 )\n IN NS localhost.\n"
    b"example.org IN CNAME .\n*.example.org CNAME .\n; comment\n",
    "cidr": b"192.0.2.0/24\n198.51.100.0/24\n2001:db8::/32\n",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_formats_are_recognised_and_give_no_rules(name: str) -> None:
    parsed = parse(FOREIGN[name])
    assert parsed.format == name
    assert parsed.rules == ()
    assert list(parsed.skipped) == [f"not in this version: {name}"]
    assert sum(parsed.skipped.values()) >= 3


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("told", ["domains", "hosts"])
def test_other_formats_give_no_rules_whatever_the_config_says(name: str, told: str) -> None:
    assert parse(FOREIGN[name], format=told).rules == ()


def test_the_format_is_the_majoritys() -> None:
    hosts = b"0.0.0.0 a.example\n0.0.0.0 b.example\n(^|\\.)c\\.example$\n"
    assert parse(hosts).format == "hosts"
    assert texts(parse(hosts)) == ["a.example", "b.example"]
    domains = b"a.example\nb.example\n0.0.0.0 c.example\n"
    assert parse(domains).format == "domains"
    assert texts(parse(domains)) == ["a.example", "b.example"]


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# nothing yet\n", b"\xef\xbb\xbf"])
def test_an_empty_list_is_no_fault(text: bytes) -> None:
    assert parse(text) == Parsed("domains", (), {}, ())


def test_an_error_page_gives_no_rules() -> None:
    page = b"<!DOCTYPE html>\n<html><head>\n<title>404</title>\n</head>\n<p>Not found\n</html>\n"
    parsed = parse(page)
    assert parsed.rules == ()
    assert sum(parsed.skipped.values()) == 6


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
    expected = dict.fromkeys((names.from_text(name), kind) for name, (_, kind) in entries)
    assert parsed.rules == tuple(expected)
    assert parsed.skipped == {}


@given(st.lists(name_text.filter(lambda name: name not in {"local", "localhost"}), max_size=30))
def test_fast_and_careful_path_agree(found: list[str]) -> None:
    fast = parse("\n".join(f"0.0.0.0 {name}" for name in found).encode(), format="hosts")
    slow = parse("\n".join(f"192.0.2.9 {name.upper()}" for name in found).encode(), format="hosts")
    assert fast == slow


bytes_like_a_list = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"0.0.0.0 ", b"*.", b".*", b"=", b"a.example", b"||", b"\n", b"\r", b"#"]),
        st.text(max_size=10).map(lambda text: text.encode("utf-8", "surrogatepass")),
    ),
    max_size=40,
).map(b"".join)


@given(bytes_like_a_list, st.sampled_from(["auto", "domains", "hosts", "adblock"]))
def test_any_bytes_give_rules_or_reasons(text: bytes, told: str) -> None:
    parsed = parse(text, format=told)
    for rule in parsed.rules:
        assert names.from_text(names.to_text(rule.name)) == rule.name
    assert len(set(parsed.rules)) == len(parsed.rules)
    assert len(parsed.skipped) <= 20
    for number, reason in parsed.samples:
        assert 1 <= number <= text.count(b"\n") + 1
        assert reason.isascii()
        assert reason.isprintable()


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
