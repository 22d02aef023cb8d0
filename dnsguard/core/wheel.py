"""One timer for all that waits: things by the tick at which they are due.

A thing that no longer waits is taken out at once, so what is kept is what waits.
"""

from typing import Any

TICK = 0.01  # seconds between ticks, which is how late a thing may be
_SLOTS = 512
HORIZON = TICK * (_SLOTS - 1)  # seconds; what is due later comes out then

_TICKS_PER_SECOND = 1 / TICK


class Wheel:
    """Things by the tick at which they are due; `size` is how many."""

    def __init__(self, now: float) -> None:
        self.size = 0
        self._slots: list[set[Any]] = [set() for _ in range(_SLOTS)]
        self._tick = int(now * _TICKS_PER_SECOND)

    def add(self, thing: object, when: float, now: float) -> set[Any]:
        """Add a thing; what is returned is for `remove`."""
        if not self.size:  # nobody has asked what is due for a while
            self._tick = int(now * _TICKS_PER_SECOND)
        tick = int(when * _TICKS_PER_SECOND) + 1
        if tick <= self._tick:
            tick = self._tick + 1
        elif tick >= self._tick + _SLOTS:
            tick = self._tick + _SLOTS - 1
        slot = self._slots[tick % _SLOTS]
        slot.add(thing)
        self.size += 1
        return slot

    def remove(self, thing: object, slot: set[Any]) -> None:
        """Take a thing out that `add` put there, unless `due` did."""
        before = len(slot)
        slot.discard(thing)
        self.size -= before - len(slot)

    def due(self, now: float) -> list[Any]:
        """Take out and return what is due."""
        things: list[Any] = []
        last = int(now * _TICKS_PER_SECOND)
        while self._tick < last:
            self._tick += 1
            slot = self._slots[self._tick % _SLOTS]
            things += slot
            slot.clear()
            if not self.size - len(things):
                self._tick = last
        self.size -= len(things)
        return things

    def things(self) -> list[Any]:
        """Return what waits."""
        return [thing for slot in self._slots for thing in slot]
