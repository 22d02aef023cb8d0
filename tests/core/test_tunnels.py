import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core import counters
from dnsguard.core.names import from_text
from dnsguard.core.tunnels import LONG, MAX_DOMAINS, MOST, WINDOW, Tunnels
from tests.support.gateway import Gateway
from tests.support.generations import generation

STAFF, OTHER = "10.20.0.7", "192.168.1.5"
_random = random.Random(16)


def key(name: str) -> bytes:
    return from_text(name) + b"\0\x10\0\1\0"


def carrier(octets: int = 100, domain: str = "t.example") -> str:
    """Return a name as iodine makes them: data in base32 below a domain of its own."""
    data = base64.b32encode(_random.randbytes(octets)).decode().strip("=").lower()
    labels = [data[start : start + 57] for start in range(0, len(data), 57)]
    return ".".join([*labels, domain])


def noted(tunnels: Tunnels, names: list[str], now: float = 0.0) -> int:
    """Return for how many names it is a sign."""
    return sum(tunnels.note(key(name), now) for name in names)


def test_long_new_names_below_one_domain_are_a_sign() -> None:
    names = [carrier() for _ in range(100)]
    size = len(from_text(names[0]))
    assert noted(Tunnels(), names) == 100 - MOST // size


def test_short_names_are_none() -> None:
    short = f"{'a' * (LONG - 12)}.t.example"
    assert len(from_text(short)) == LONG
    assert noted(Tunnels(), [short] * 10_000) == 0


def test_long_names_of_many_domains_are_none() -> None:
    names = [carrier(domain=f"d{number}.example") for number in range(2_000)]
    assert noted(Tunnels(), names) == 0


def test_a_few_at_a_time_are_none() -> None:
    tunnels = Tunnels()
    assert sum(tunnels.note(key(carrier()), WINDOW * n / 20) for n in range(2_000)) == 0


def test_a_flood_of_domains_is_bounded() -> None:
    tunnels = Tunnels()
    for number in range(2 * MAX_DOMAINS + 1):
        tunnels.note(key(carrier(domain=f"d{number}.example")), 0.0)
    assert noted(tunnels, [carrier()] * 100) > 0


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=3), st.integers(60, 63))
def test_any_octets(labels: list[bytes], size: int) -> None:
    name = b"".join(bytes([len(label)]) + label for label in [*labels, b"x" * size])
    tunnels = Tunnels()
    for _ in range(200):
        tunnels.note(name + b"\0\0\1\0\1\0", 0.0)


def signals(gateway: Gateway, group: str) -> int:
    view = next(view for view in gateway.generation.policy.views if view.group == group)
    return gateway.page[view.counter + counters.GROUP_SIGNALS]


@pytest.mark.parametrize("rdatatype", ["TXT", "TYPE10", "CNAME", "A", "MX"])
def test_they_are_counted_for_the_group_that_asks(rdatatype: str) -> None:
    gateway = Gateway(generation())
    for _ in range(100):
        gateway.say(STAFF, f"{carrier()} {rdatatype}")
    assert signals(gateway, "staff") > 0
    assert signals(gateway, "unregistered") == 0


def test_what_was_answered_before_is_no_sign() -> None:
    gateway = Gateway(generation())
    names = [carrier() for _ in range(40)]
    for _ in range(10):
        for name in names:
            gateway.say(OTHER, f"{name} A")
        gateway.now += 301  # their TTL, in as many windows
    assert signals(gateway, "unregistered") == 0
