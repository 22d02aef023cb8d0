"""One upstream as a worker knows it: its sockets, its health, its counters."""

import asyncio
import errno
from collections.abc import Callable
from time import monotonic

from dnsguard.core import counters
from dnsguard.core.generation import Upstream
from dnsguard.core.randomness import Randomness
from dnsguard.core.response import Response, Status
from dnsguard.core.retry import Attempt
from dnsguard.net.attempt import StreamAttempt
from dnsguard.net.datagrams import Inbox
from dnsguard.net.health import Health
from dnsguard.net.pool import Pool

_ANSWER = int(Status.ANSWER)  # server.pxd types what is defined here, not what is imported
_MISMATCH = int(Status.MISMATCH)
_UPSTREAM_SECONDS = counters.UPSTREAM_SECONDS

_ERROR_REASONS = {
    Status.MISMATCH: "mismatch",
    Status.CASE_MISMATCH: "mismatch",
    Status.MALFORMED: "malformed",
    Status.TRUNCATED: "truncated",
}
_RCODE_REASONS = {2: "servfail", 5: "refused"}

# What we ran out of is no news of an upstream.
_OUR_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Server:
    """One upstream; `changed` is called when it goes down or comes up."""

    def __init__(
        self,
        upstream: Upstream,
        page: counters.Page,
        loop: asyncio.AbstractEventLoop,
        inbox: Inbox,
        randomness: Randomness,
        changed: Callable[[], None],
    ) -> None:
        self.health = Health(monotonic())
        self.pool = Pool(upstream, loop, inbox, randomness, self._count_mismatch)
        self._page = page
        self._loop = loop
        self._changed = changed
        self.configure(upstream)

    def configure(self, upstream: Upstream) -> None:
        """Go by what another generation says of the same upstream."""
        self._upstream = upstream
        self._counter = upstream.counter

    def send(self, attempt: Attempt) -> None:
        """Send an attempt, now or before the loop waits again. Raises OSError."""
        if attempt.tcp:
            attempt.carrier = StreamAttempt(attempt, self._upstream, self._loop)
        else:
            self.pool.send(attempt)

    def responded(self, response: Response, seconds: float, now: float) -> None:
        """Count a message from it; forged or not, only a matching one is news of it."""
        if response.status != _ANSWER:
            self._count_error(_reason(response))
            if response.status == _MISMATCH:
                return
        counters.observe(self._page, self._counter + _UPSTREAM_SECONDS, seconds)
        if not self.health.up:
            self._changed()
        self.health.responded(now)

    def silent(self, sent: float, now: float) -> None:
        """Count a message that was not responded to in time."""
        self._count_error("timeout")
        self._note_failure(sent, now)

    def failed(self, error: OSError | None, sent: float, now: float) -> None:
        """Count an error of the network on the way to it, or of our own."""
        self._count_error("network")
        if error is None or error.errno not in _OUR_ERRORS:
            self._note_failure(sent, now)

    def _note_failure(self, sent: float, now: float) -> None:
        was_up = self.health.up
        self.health.failed(sent, now)
        if was_up and not self.health.up:
            self._changed()

    def _count_mismatch(self) -> None:
        self._count_error("mismatch")

    def _count_error(self, reason: str) -> None:
        self._page[self._counter + counters.UPSTREAM_ERRORS.index(reason)] += 1

    def show_health(self) -> None:
        """Show in the page whether it is up."""
        self._page[self._counter + counters.UPSTREAM_UP] = 1 if self.health.up else 2


def _reason(response: Response) -> str:
    if response.status == Status.FAILURE:
        return _RCODE_REASONS.get(response.rcode, "other_rcode")
    return _ERROR_REASONS[Status(response.status)]
