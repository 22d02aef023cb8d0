"""One upstream as a worker knows it: its sockets, its health, its counters."""

import asyncio
import errno
from collections.abc import Callable
from time import monotonic

from dnsguard.core import counters
from dnsguard.core.generation import Upstream
from dnsguard.core.randomness import Randomness
from dnsguard.core.response import Response, Status
from dnsguard.core.route import Attempt
from dnsguard.net.attempt import StreamAttempt
from dnsguard.net.datagrams import Inbox
from dnsguard.net.health import Health
from dnsguard.net.pool import Pool
from dnsguard.net.precedence import Precedence

_ANSWER = int(Status.ANSWER)  # server.pxd types what is defined here, not what is imported
_MISMATCH = int(Status.MISMATCH)
_FAILURE = int(Status.FAILURE)
_UPSTREAM_SECONDS = counters.UPSTREAM_SECONDS

_ERROR_REASONS = {
    Status.MISMATCH: "mismatch",
    Status.CASE_MISMATCH: "mismatch",
    Status.MALFORMED: "malformed",
    Status.TRUNCATED: "truncated",
}
_RCODE_REASONS = {2: "servfail", 5: "refused"}

MAX_STREAMS = 256  # TCP connections to one upstream, so that one without UDP leaves us others

# What we ran out of is no news of an upstream.
_OUR_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EBUSY})


class Server:
    """One upstream; `changed` is called when it goes down, comes up, or turns out to be a loop."""

    def __init__(
        self,
        upstream: Upstream,
        page: counters.Page,
        loop: asyncio.AbstractEventLoop,
        inbox: Inbox,
        randomness: Randomness,
        precedence: Precedence,
        changed: Callable[[], None],
    ) -> None:
        self.health = Health(monotonic())
        self.pool = Pool(upstream, loop, inbox, randomness, self.mismatched, precedence)
        self._streams: set[StreamAttempt] = set()
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
        if not attempt.tcp:
            self.pool.send(attempt)
        elif len(self._streams) < MAX_STREAMS:
            attempt.carrier = StreamAttempt(attempt, self._upstream, self._loop, self._streams)
        else:
            raise OSError(errno.EBUSY, "too many connections to one upstream")

    def responded(self, response: Response, seconds: float, now: float) -> None:
        """Count what it said to a message; what was no response to it is no news of it."""
        if response.status != _ANSWER:
            self._count_error(_reason(response))
            if response.status == _MISMATCH:
                return
            if response.status >= _FAILURE:
                self.health.doubt()
        counters.observe(self._page, self._counter + _UPSTREAM_SECONDS, seconds)
        was_up = self.health.up
        self.health.responded(seconds, now)
        if was_up != self.health.up:
            self._changed()

    def mismatched(self) -> None:
        """Count a message that answers nothing."""
        self._count_error("mismatch")

    def late(self) -> None:
        """Count a message to which another upstream was asked meanwhile."""
        self._count_error("late")
        self.health.doubt()

    def looped(self, counter: int, now: float) -> bool:
        """Take notice that what the upstream with that counter was asked came back.

        Tell whether that is news of this one.
        """
        if counter != self._counter:
            return False
        known = self.health.loops(now)
        self._count_error("loop")
        self.health.looped(now)
        self._changed()
        return not known

    def silent(self, sent: float, now: float) -> None:
        """Count a message that was not responded to in time."""
        self._count_error("timeout")
        self._note_failure(sent, now)

    def failed(self, error: OSError | None, sent: float, now: float) -> bool:
        """Count an error on the way to it; tell whether it is that we ran out of something."""
        self._count_error("network")
        ours = error is not None and error.errno in _OUR_ERRORS
        if not ours:
            self._note_failure(sent, now)
        return ours

    def _note_failure(self, sent: float, now: float) -> None:
        was_up = self.health.up
        self.health.failed(sent, now)
        if was_up and not self.health.up:
            # A port may lead to where we were before our address or the route changed.
            self.pool.renew()
            self._changed()

    def _count_error(self, reason: str) -> None:
        self._page[self._counter + counters.UPSTREAM_ERRORS.index(reason)] += 1

    def show_health(self, now: float) -> None:
        """Show in the page whether it is up."""
        if self.health.loops(now):
            state = counters.LOOPING
        else:
            state = counters.UP if self.health.up else counters.DOWN
        self._page[self._counter + counters.UPSTREAM_STATE] = state


def _reason(response: Response) -> str:
    if response.status in (Status.FAILURE, Status.BARE):
        return _RCODE_REASONS.get(response.rcode, "other_rcode")
    return _ERROR_REASONS[Status(response.status)]
