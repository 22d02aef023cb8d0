"""Pauses of the machine: while the upstreams of the soak stand still, they are slow upstreams."""

import time

from tests.soak.answers import STALE
from tests.soak.faults import STALE_AFTER
from tests.soak.oracle import Oracle, Window
from tests.support.background import InThread

TICK = 0.1
NOTICED = 1.0  # seconds of standstill, of the 1.8 after which a stale answer is given
PAUSE = "pause of the machine"


class Pauses(InThread):
    """Watches, within a `with` block, whether this process runs, and tells when it did not.

    A stale answer is then explained; nothing else is.
    """

    def __init__(self, oracle: Oracle) -> None:
        super().__init__()
        self._oracle = oracle

    def run(self) -> None:
        """Watch."""
        before = time.monotonic()
        while not self.stopping.wait(TICK):
            now = time.monotonic()
            if now - before > TICK + NOTICED:
                pause = Window(PAUSE, {STALE: STALE_AFTER}, before, now)
                self._oracle.add(pause)
            before = now
