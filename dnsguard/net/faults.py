"""Faults of dnsguard's own: each costs one query or connection, is counted, and is told.

Told at most once in a while: what a client can provoke must not fill the log.
"""

import logging
import time

from dnsguard.core import counters

TELL_EVERY = 10.0  # seconds

_log = logging.getLogger(__name__)


class Faults:
    """Where a worker's shells report an exception that should not have been; call from `except`."""

    def __init__(self, page: counters.Page) -> None:
        self._page = page
        self._told = -TELL_EVERY

    def report(self, doing: str) -> None:
        """Count the exception being handled and log it, unless another was logged just now."""
        self._page[counters.INTERNAL_ERRORS] += 1
        now = time.monotonic()
        if now - self._told >= TELL_EVERY:
            self._told = now
            _log.exception("internal error while %s; please report this", doing)
