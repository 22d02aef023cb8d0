"""Counters: one page of shared memory for each worker slot, and who owns which range of it.

Pages outlive workers and ranges are never taken back, so counters go on over worker deaths
and reloads alike. A scrape reads memory; it costs a worker nothing.
"""

import os
from array import array

from dnsguard.core import counters


class Ranges:
    """Hands out ranges of counters by what they count; the same key gets the same range."""

    def __init__(self) -> None:
        self._bases: dict[tuple[str, ...], int] = {}
        self._end = counters.FIRST_FREE

    def copy(self) -> "Ranges":
        """Return ranges that start as these are and go their own way."""
        copied = Ranges()
        copied._bases = dict(self._bases)
        copied._end = self._end
        return copied

    @property
    def end(self) -> int:
        """The first index that is not in use."""
        return self._end

    def base(self, kind: str, *labels: str) -> int:
        """Return the start of the range of a key. Raises ValueError when the page is full."""
        key = (kind, *labels)
        base = self._bases.get(key)
        if base is None:
            size = _SIZES[kind]
            if self._end + size > counters.PAGE_SIZE:
                raise ValueError(
                    "too many combinations of groups, policies and lists to count: "
                    "give fewer lists to each policy, or restart dnsguard to start counting anew"
                )
            base = self._bases[key] = self._end
            self._end += size
        return base

    def items(self, kind: str) -> list[tuple[tuple[str, ...], int]]:
        """Return (labels, base) of every range of a kind."""
        return [(key[1:], base) for key, base in self._bases.items() if key[0] == kind]


_SIZES = {
    "group": counters.GROUP_SIZE,
    "blocked": counters.HITS_SIZE,
    "shadow": counters.HITS_SIZE,
    "upstream": counters.UPSTREAM_SIZE,
}


class Page:
    """The page of one worker slot; `descriptor` is handed to whichever worker fills it."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("dnsguard-counters", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, counters.PAGE_SIZE * 8)

    def read(self, end: int) -> "array[int]":
        """Return the counters up to an index.

        By read(2), for unlike a mapping that leaves the holes of the page unallocated.
        """
        return array("Q", os.pread(self.descriptor, end * 8, 0))

    def close(self) -> None:
        """Give the page up."""
        os.close(self.descriptor)
