import unicodedata

import dns.edns
import pytest

from dnsguard.core.edns import KEEPALIVE_OPTION, blocked_option, ede_option, failure_option
from dnsguard.core.protocol import Ede

OWN = [
    Ede.OTHER,
    Ede.STALE_ANSWER,
    Ede.CACHED_ERROR,
    Ede.NOT_READY,
    Ede.PROHIBITED,
    Ede.STALE_NXDOMAIN_ANSWER,
    Ede.NOT_AUTHORITATIVE,
    Ede.NOT_SUPPORTED,
    Ede.NO_REACHABLE_AUTHORITY,
    Ede.NETWORK_ERROR,
]
"""The errors that dnsguard finds itself."""


def read(option: bytes) -> tuple[int, str | None]:
    code, size = int.from_bytes(option[:2], "big"), int.from_bytes(option[2:4], "big")
    assert size == len(option) - 4
    found = dns.edns.option_from_wire(dns.edns.OptionType(code), option, 4, size)
    assert isinstance(found, dns.edns.EDEOption)
    return int(found.code), found.text


@pytest.mark.parametrize("code", OWN)
def test_an_error_of_our_own_is_told_in_both_languages(code: Ede) -> None:
    number, text = read(ede_option(code))
    assert number == code
    french, english = (text or "").split(" / ")
    assert french != english
    for letter in french + english:
        assert unicodedata.category(letter)[0] in "LPZN"
    assert len(ede_option(code)) < 120


OF_UPSTREAMS = [
    code
    for code in range(64)
    if code not in (Ede.OTHER, Ede.NO_REACHABLE_AUTHORITY, Ede.NETWORK_ERROR)
]


@pytest.mark.parametrize("code", OF_UPSTREAMS)
def test_what_an_upstream_says_is_passed_on_as_a_number(code: int) -> None:
    # Our text for Prohibited would tell a client that it is not admitted here.
    assert read(failure_option(code)) == (code, None)


@pytest.mark.parametrize("code", [Ede.OTHER, Ede.NO_REACHABLE_AUTHORITY, Ede.NETWORK_ERROR])
def test_what_we_saw_of_upstreams_has_our_text(code: Ede) -> None:
    assert failure_option(code) == ede_option(code)


def test_a_block_names_its_policy() -> None:
    said = read(blocked_option("tiktok-ban"))
    assert said == (Ede.BLOCKED, "Bloqué / Blocked: tiktok-ban")


def test_the_idle_time_is_told_in_tenths_of_a_second() -> None:
    assert KEEPALIVE_OPTION == b"\x00\x0b\x00\x02\x00\x64"
