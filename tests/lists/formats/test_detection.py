import pytest

from dnsguard.lists.formats import FORMATS, parse
from tests.lists.formats.wording import rules

TEXTS = {
    "adblock": b"[Adblock Plus]\n! Title: x\n||example.org^\n||example.net^$image\n@@||a.test^\n",
    "dnsmasq": b"# x\naddress=/example.org/\nlocal=/example.net/\nserver=/example.com/\n",
    "unbound": b'server:\n  local-zone: "example.org" static\n  local-data: "a. A 192.0.2.1"\n',
    "rpz": b"$TTL 60\n@ IN SOA localhost. root. (\n 1\n 2 )\n IN NS localhost.\n"
    b"example.org IN CNAME .\n*.example.org CNAME .\n; comment\n",
    "cidr": b"192.0.2.0/24\n198.51.100.0/24\n2001:db8::/32\n",
    "hosts": b"# example.org\n0.0.0.0 a.example\n:: b.example\n",
    "domains": b"a.example\n*.b.example\n=c.example\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_formats_are_recognised(name: str) -> None:
    parsed = parse(TEXTS[name])
    assert parsed.format == name
    assert parsed.name_count + parsed.address_count > 1
    assert parsed == parse(TEXTS[name], format=name)
    assert parsed == parse(b"\xef\xbb\xbf" + TEXTS[name].replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in {"domains", "hosts"}])
@pytest.mark.parametrize("told", ["domains", "hosts"])
def test_another_format_gives_no_rules_where_the_config_says_so(name: str, told: str) -> None:
    parsed = parse(TEXTS[name], format=told)
    assert parsed.format == told
    assert rules(parsed) == []
    assert parsed.bad


def test_the_format_is_the_majoritys() -> None:
    hosts = parse(b"0.0.0.0 a.example\n0.0.0.0 b.example\n(^|\\.)c\\.example$\n")
    assert hosts.format == "hosts"
    assert rules(hosts) == ["exact a.example", "exact b.example"]
    domains = parse(b"a.example\nb.example\n0.0.0.0 c.example\n")
    assert domains.format == "domains"
    assert rules(domains) == ["suffix a.example", "suffix b.example"]


@pytest.mark.parametrize("name", ["ad-ad.de", "a-b.cafe", "0.-0", "1-2.3-4.example", "10-20.fade"])
def test_a_name_is_not_taken_for_a_range(name: str) -> None:
    parsed = parse(name.encode())
    assert rules(parsed) == [f"suffix {name}"]


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# nothing yet\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("told", ["auto", *FORMATS])
def test_an_empty_list_is_no_fault(text: bytes, told: str) -> None:
    parsed = parse(text, format=told)
    assert parsed.format == ("domains" if told == "auto" else told)
    assert bool(parsed.bad) == (told == "rpz" and b"#" in text)  # in zone files it is no comment
    assert not parsed.names


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html>\n<html><head>\n<title>404</title>\n</head>\n<p>Not found\n</html>\n",
        b"\n\n  <html>\n0.0.0.0 example.org\n",
        b"\xef\xbb\xbf<!-- gone -->\nexample.org\n",
        b"<?xml version='1.0'?><html/>",
    ],
)
@pytest.mark.parametrize("told", ["auto", "domains", "adblock", "rpz"])
def test_a_page_is_no_list_whatever_the_config_says(page: bytes, told: str) -> None:
    parsed = parse(page, format=told)
    assert parsed.format == "html"
    assert not parsed.names
    assert not parsed.addresses
    assert parsed.bad == {"an HTML page where a list should be": 1}
