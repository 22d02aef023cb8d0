"""Decisions read off octets: what a fuzzer changes then stands for what happens."""

from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


class Reader:
    """Octets from the first to the last; behind the last all that is asked for is 0 or empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def left(self) -> int:
        """How many octets there still are."""
        return len(self._data) - self._position

    def octet(self) -> int:
        """Return one octet as a number."""
        return int.from_bytes(self.octets(1), "big")

    def number(self) -> int:
        """Return two octets as a number."""
        return int.from_bytes(self.octets(2), "big")

    def octets(self, count: int) -> bytes:
        """Return so many octets, or those that are left."""
        taken = self._data[self._position : self._position + count]
        self._position += len(taken)
        return taken

    def sized(self) -> bytes:
        """Return as many octets as the next two say."""
        return self.octets(self.number())

    def choose(self, choices: Sequence[_T]) -> _T:
        """Return one of at most 256 things."""
        return choices[self.octet() % len(choices)]

    def rest(self) -> bytes:
        """Return all octets that are left."""
        return self.octets(self.left)


def sized(octets: bytes) -> bytes:
    """Return octets as `Reader.sized` reads them."""
    return len(octets).to_bytes(2, "big") + octets
