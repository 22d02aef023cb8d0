import pytest

from dnsguard.core.names import from_text
from dnsguard.core.zones import ForwardZones

ZONES = ForwardZones(
    {from_text("city.test"): 1, from_text("vpn.city.test"): 2, from_text("10.in-addr.arpa"): 3}
)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("city.test", 1),
        ("www.city.test", 1),
        ("vpn.city.test", 2),
        ("a.b.vpn.city.test", 2),
        ("xcity.test", 0),
        ("test", 0),
        ("example.org", 0),
        (".", 0),
    ],
)
def test_the_longest_suffix_wins(name: str, number: int) -> None:
    assert ZONES.find(from_text(name)) == number


def test_the_root_zone_holds_every_name() -> None:
    everything = ForwardZones({from_text("."): 1, from_text("city.test"): 2})
    assert everything.find(from_text("example.org")) == 1
    assert everything.find(from_text("www.city.test")) == 2


@pytest.mark.parametrize(
    ("name", "apex", "covered"),
    [
        ("www.city.test", "test", True),
        ("city.test", "test", True),
        ("www.city.test", "city.test", True),
        ("other.test", "test", False),
        ("test", "test", False),
        ("www.city.test", "www.city.test", False),
        ("1.10.in-addr.arpa", "10.in-addr.arpa", True),
        ("example.org", ".", False),
    ],
)
def test_a_zone_covers_at_or_below_an_apex(name: str, apex: str, covered: bool) -> None:
    assert ZONES.covers(from_text(name), from_text(apex)) is covered


def test_no_zones() -> None:
    none = ForwardZones({})
    assert none.find(from_text("example.org")) == 0
    assert not none.covers(from_text("a.test"), from_text("test"))


def test_a_zone_above_a_special_one_does_not_cover_it() -> None:
    root = ForwardZones({from_text("."): 1})
    assert not root.covers(from_text("a.test"), from_text("test"))


def test_a_name_is_above_a_zone() -> None:
    zones = ForwardZones({from_text("corp.test"): 1})
    assert zones.is_above(from_text("test"))
    assert not zones.is_above(from_text("corp.test"))
    assert not zones.is_above(from_text("other.test"))
