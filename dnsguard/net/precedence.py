"""Who is answered first: whoever can be at once, before what takes longer goes on.

To ask an upstream, or to take its response, costs many times what a cached answer does. Floods
of names that nobody has asked for come by the batch, and a cached answer would wait for all of it.
"""

from collections.abc import Callable
from time import monotonic

EVERY = 0.000025  # seconds for each look, until all are taken again: one is a system call or more


class Precedence:
    """The looks for what can be answered at once, each `every` so many seconds if there is time.

    With more of them all are taken less often, so that looking stays a small part of the work.
    A look changes nothing that longer work may be in the middle of, and does not raise.
    """

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._looks: list[Callable[[], object]] = []
        self._next = 0.0

    def add(self, look: Callable[[], object]) -> None:
        """Have one more look taken."""
        self._looks.append(look)

    def remove(self, look: Callable[[], object]) -> None:
        """Take a look no more."""
        self._looks.remove(look)

    def give(self) -> None:
        """Take all looks if it is time: to be called between two pieces of longer work."""
        if monotonic() >= self._next:
            for look in self._looks:
                look()
            self._next = monotonic() + self._every * len(self._looks)
