"""Pauses of the machine: while the upstreams of the soak stand still, they are slow upstreams."""

import threading
import time
from types import TracebackType
from typing import Self

from tests.soak.answers import STALE
from tests.soak.faults import STALE_AFTER
from tests.soak.oracle import Oracle, Window

TICK = 0.1
NOTICED = 1.0  # seconds of standstill, of the 1.8 after which a stale answer is given
PAUSE = "pause of the machine"


class Pauses:
    """Watches, within a `with` block, whether this process runs, and tells when it did not.

    A stale answer is then explained; nothing else is.
    """

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._stop.wait(TICK):
            now = time.monotonic()
            if now - before > TICK + NOTICED:
                pause = Window(PAUSE, {STALE: STALE_AFTER}, before, now)
                self._oracle.add(pause)
            before = now
