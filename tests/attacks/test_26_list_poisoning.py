"""A poisoned list: what no list may block is dropped, in every format, and the rest serves on."""

import pytest

from dnsguard.core import names
from dnsguard.lists.errors import Refused
from dnsguard.lists.versions import check_change, examine
from tests.support.gateway import Gateway
from tests.support.generations import generation

STAFF = "10.20.0.7"
FORMS = {
    "domains": "{}",
    "hosts": "0.0.0.0 {}",
    "adblock": "||{}^",
    "rpz": "{} CNAME .",
    "dnsmasq": "address=/{}/#",
    "unbound": 'local-zone: "{}" always_nxdomain',
}
GOOD = [f"name{number}.listed.example" for number in range(300)]
POISON = {
    "top-level": ["com", "fr", "arpa", "localhost", "local", "xn--p1ai"],
    "public-suffix": ["co.uk", "gouv.fr", "home.arpa", "in-addr.arpa"],
    "shared-zone": ["akamai.net"],
    "never-block": ["city.example", "www.city.example", "gateway.city.example"],
    "safety": ["windowsupdate.com", "www.windowsupdate.com", "google.com", "apple.com"],
}
BELOW = ("google.com", "apple.com")
"""These are protected from entries for all below them, not from those for the name alone."""

CITY = [names.from_text("city.example")]


def listed(form: str, *entries: str) -> bytes:
    return "".join(f"{FORMS[form].format(entry)}\n" for entry in (*GOOD, *entries)).encode()


@pytest.mark.parametrize(
    ("form", "reason", "entry"),
    [
        (form, reason, entry)
        for form in FORMS
        for reason, some in POISON.items()
        for entry in some
        if form not in ("hosts", "rpz") or entry not in BELOW
    ],
)
def test_what_no_list_may_block_is_dropped_and_told(form: str, reason: str, entry: str) -> None:
    found = examine(listed(form, entry), format=form, never_block=CITY)
    assert found.name_count == len(GOOD)
    if form == "hosts" and entry.startswith("local"):  # every such file has it
        assert sum(found.passed_over.values()) == 1
        return
    assert found.dropped == {reason: 1}
    assert entry in found.notes[0]
    assert reason in found.notes[0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("entry", [".", "*", "*.", "*.*", "::1", ""])
def test_nor_does_an_entry_for_everything(form: str, entry: str) -> None:
    found = examine(listed(form, entry), format=form)
    assert found.name_count == len(GOOD)
    kept = {name for some in found.names.values() for name in some}
    assert kept == {names.from_text(name) for name in GOOD}


@pytest.mark.parametrize("form", ["domains", "adblock"])
@pytest.mark.parametrize("entry", ["*.com", "*.co.uk", "*.city.example"])
def test_nor_one_for_all_below(form: str, entry: str) -> None:
    assert examine(listed(form, entry), format=form, never_block=CITY).name_count == len(GOOD)


def test_a_list_of_all_that_people_use_is_refused() -> None:
    popular = [f"www.popular{number}.example" for number in range(1_000)]
    found = examine(listed("domains", *popular))
    with pytest.raises(Refused) as caught:
        check_change(found.name_count, len(GOOD), max_shrink=30, max_growth=300)
    assert caught.value.reason == "growth"


def test_a_list_of_little_else_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        examine(listed("domains", *POISON["top-level"]))
    assert caught.value.reason == "forbidden"


@pytest.mark.parametrize(
    "homograph", ["g\u043e\u043egle.com", "xn--ggle-55da.com", "payp\u0430l.com"]
)
def test_a_name_that_looks_like_another_is_another(homograph: str) -> None:
    found = examine(listed("domains", homograph))
    assert found.name_count == len(GOOD) + 1
    gateway = Gateway(generation(lists={"list": [homograph.encode("idna").decode()]}))
    for name in ("google.com", "www.paypal.com"):
        assert gateway.say(STAFF, f"{name} A") == "192.0.2.1"


def test_a_listed_resolver_arpa_is_answered_as_ever() -> None:
    poisoned = generation(lists={"list": ["resolver.arpa", "_dns.resolver.arpa"]})
    for text in ("_dns.resolver.arpa SVCB", "resolver.arpa A"):
        assert Gateway(poisoned).say(STAFF, text) == Gateway(generation()).say(STAFF, text)


def test_off_switches_and_the_citys_own_names_are_answered_as_ever() -> None:
    listing = ["use-application-dns.net", "city.example", "x.city.example"]
    gateway = Gateway(generation(lists={"list": listing}, never_block=["city.example"]))
    assert gateway.say(STAFF, "use-application-dns.net A") == "NXDOMAIN"
    assert gateway.say(STAFF, "www.city.example A") == "192.0.2.1"
    assert gateway.say(STAFF, "x.city.example A") == "192.0.2.1"
