import pytest

from dnsguard.cli.amounts import (
    show_count,
    show_duration,
    show_moment,
    show_since,
    show_size,
    show_until,
)


def test_counts_have_their_noun() -> None:
    assert show_count(0, "name") == "0 names"
    assert show_count(1, "address") == "1 address"
    assert show_count(12_345, "address") == "12,345 addresses"


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_536, "1.5 KiB"),
        (256 * 2**20, "256 MiB"),
        (2**42, "4096 GiB"),
    ],
)
def test_sizes_have_one_decimal_at_most(octets: int | None, text: str) -> None:
    assert show_size(octets) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (-3.0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (200_000, "2 d 7 h")],
)
def test_durations_have_two_units(seconds: float | None, text: str) -> None:
    assert show_duration(seconds) == text


def test_moments_are_told_from_now() -> None:
    assert show_since(1_000.0, 8_300.0) == "2 h ago"
    assert show_until(8_300.0, 1_000.0) == "in 2 h"
    assert show_until(1_000.0, 8_300.0) == "now"
    assert show_since(None, 0.0) == show_until(None, 0.0) == show_moment(None) == "-"


def test_a_date_says_its_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert show_moment(1_800_000_000.0)[-6] in "+-"
    assert show_moment(1_800_000_000.0)[:4] == "2027"
