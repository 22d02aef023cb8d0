import pytest
from publicsuffixlist import PublicSuffixList

from dnsguard.core import names
from dnsguard.lists import public_suffixes
from dnsguard.lists.formats import parse
from tests.support.data import needs_shared, read_shared


@pytest.mark.parametrize(
    "text",
    ["com", "co.uk", "ck", "anything.ck", "kobe.jp", "city2.kobe.jp", "xn--p1ai", "k12.ca.us"],
)
def test_registries_suffixes(text: str) -> None:
    assert names.from_text(text) in public_suffixes.icann()


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "example.co.uk",
        "www.ck",
        "a.anything.ck",
        "city.kobe.jp",
        "blogspot.com",
        ".",
    ],
)
def test_no_registries_suffixes(text: str) -> None:
    assert names.from_text(text) not in public_suffixes.icann()


@pytest.mark.parametrize("text", ["blogspot.com", "github.io", "edgekey.net", "s3.amazonaws.com"])
def test_companies_suffixes(text: str) -> None:
    assert names.from_text(text) in public_suffixes.private()
    assert names.from_text(f"example.{text}") not in public_suffixes.private()


def agrees_with_the_package(texts: list[str]) -> None:
    icann = PublicSuffixList(only_icann=True, accept_unknown=False)
    every = PublicSuffixList(accept_unknown=False)
    for text in texts:
        name = names.from_text(text)
        assert (name in public_suffixes.icann()) == icann.is_public(text), text
        either = name in public_suffixes.icann() or name in public_suffixes.private()
        assert either == every.is_public(text), text


def test_every_suffix_agrees_with_the_package() -> None:
    both = (public_suffixes.icann(), public_suffixes.private())
    texts = [names.to_text(name) for section in both for name in section.names]
    exceptions = [names.to_text(name) for section in both for name in section.exceptions]
    assert len(texts) > 9_000
    assert exceptions
    agrees_with_the_package(texts)
    agrees_with_the_package([f"a.{text}" for text in texts])
    agrees_with_the_package([f"b.a.{text}" for text in texts])
    agrees_with_the_package(exceptions)


@needs_shared("lists/union-1m/union-1000000.domains.txt.xz")
def test_every_hundredth_of_a_million_names_agrees_with_the_package() -> None:
    parsed = parse(read_shared("lists/union-1m/union-1000000.domains.txt.xz"))
    found = [name for of_kind in parsed.names.values() for name in of_kind][::100]
    agrees_with_the_package([names.to_text(name) for name in found])
