"""Random numbers: each octet of the source is used, and used once."""

import secrets

import pytest

from dnsguard.core.randomness import Randomness


def test_numbers_are_the_octets_of_the_source_in_their_order() -> None:
    given = [secrets.token_bytes(4096) for _ in range(3)]
    left = list(given)
    randomness = Randomness(lambda _: left.pop(0))
    drawn = b"".join(randomness.draw().to_bytes(8, "big") for _ in range(3 * 512))
    assert drawn == b"".join(given)


def test_a_source_that_runs_dry_is_an_error() -> None:
    randomness = Randomness(lambda size: bytes(size - 1))
    for _ in range(2):
        with pytest.raises(ValueError, match="ran dry"):
            randomness.draw()
