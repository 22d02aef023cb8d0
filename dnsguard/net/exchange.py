"""One question asked of some upstreams, from its first message to the answer of all who wait.

What to send, what to believe and when to give up is `core.retry`'s to say; here it is done.
"""

import asyncio
import secrets
from time import monotonic
from typing import Any, Protocol

from dnsguard.core import counters
from dnsguard.core.answer import Answer
from dnsguard.core.forward import Forward
from dnsguard.core.pending import Count
from dnsguard.core.protocol import Ede
from dnsguard.core.randomness import Randomness
from dnsguard.core.response import Status
from dnsguard.core.retry import Step, start
from dnsguard.core.route import Attempt, Route
from dnsguard.core.wheel import TICK, Wheel
from dnsguard.core.wire import Query
from dnsguard.net.faults import Faults
from dnsguard.net.pool import PooledSocket, Receiver
from dnsguard.net.precedence import Precedence
from dnsguard.net.server import Server

HEDGE_SHARE = 0.1  # of what is asked may be asked of another upstream as well for being late
HEDGE_BURST = 10  # so many at once, should nothing have been late before

_DONE = int(Step.DONE)  # exchange.pxd types what is defined here, not what is imported
_WAIT = int(Step.WAIT)
_DOUBT = int(Step.DOUBT)
_MISMATCH = int(Status.MISMATCH)
_OTHER = int(Ede.OTHER)
_HEDGE_SHARE = HEDGE_SHARE
_HEDGE_BURST = HEDGE_BURST


class Listener(Protocol):
    """Where forwards come from."""

    def reply(self, forward: Forward, response: bytes | None) -> None:
        """Send the response to a forward, None for nothing; called once for each."""


Waiter = tuple[Forward, Listener, Count]


class Alike:
    """How much is under way to the same upstreams, and what of it gives way, oldest first."""

    __slots__ = ("giving_way", "number")

    def __init__(self) -> None:
        self.number = 0
        self.giving_way: dict[Exchange, bool] = {}


class Exchange(Receiver):
    """One question on its way to some upstreams, and everyone who waits.

    `table` is where those find it who ask the same; who asked first needs no list; `alike` is
    where it counts. Nobody has asked first for a probe; without a `listener` whoever did waits no
    more, if ever. At `patience`, if it is not 0, those who wait may be given something else. An
    `extra` one does not count if it meets silence.
    """

    __slots__ = (
        "_exchanges",
        "_retry",
        "_servers",
        "_slot",
        "_when",
        "alike",
        "client",
        "extra",
        "first",
        "joined",
        "key",
        "listener",
        "patience",
        "table",
        "zone",
    )

    key: bytes
    zone: Count
    alike: Alike
    table: "dict[bytes, Exchange]"
    first: Forward | None
    listener: Listener | None
    client: Count | None
    patience: float
    extra: bool
    joined: list[Waiter] | None
    _slot: set[Any] | None

    def start(self, exchanges: "Exchanges", query: Query, route: Route, now: float) -> None:
        """Send the first message."""
        self._exchanges = exchanges
        self._servers = exchanges.servers
        self._retry = start(query, route, exchanges.randomness, now)
        exchanges.earn_hedge()
        self._slot = None
        self._advance(now)

    def join(self, forward: Forward, listener: Listener, client: Count) -> None:
        """Have one more wait."""
        if not self.patience:  # who asked first may have had a fresh answer
            self.patience = forward.patience
        if self.joined is None:
            self.joined = []
        self.joined.append((forward, listener, client))

    def received(self, attempt: Attempt, data: bytes, now: float) -> bool:
        """Take a message for an attempt; tell whether it answers it."""
        try:
            answered = attempt.carrier is None or self._take(attempt, data, now)
        except Exception:  # noqa: BLE001 - a fault of ours costs one question, not the others
            self._exchanges.give_up(self, now)
            answered = True
        self._exchanges.precedence.give()
        return answered

    def _take(self, attempt: Attempt, data: bytes, now: float) -> bool:
        step = self._retry.result(attempt, data)
        server = self._servers[attempt.upstream]
        if step == _WAIT:
            server.mismatched()
            return False
        response = self._retry.response
        if response is not None:
            server.responded(response, now - attempt.sent, now)
        if step == _DONE:
            self._finish(now)
            return True
        forged = response is not None and response.status == _MISMATCH
        if step != _DOUBT:
            self._release(attempt)
        elif not forged:
            attempt.reported = True  # it was not silent
        self._advance(now)
        return not forged

    def failed(self, attempt: Attempt, error: OSError | None) -> None:
        """Take notice of a network error of an attempt."""
        if attempt.carrier is None:
            return
        now = monotonic()
        ours = self._servers[attempt.upstream].failed(error, attempt.sent, now)
        self._retry.failed(attempt, by_us=ours)
        self._release(attempt)
        self._advance(now)

    def distrusted(self, attempt: Attempt) -> None:
        """Go on over TCP."""
        if attempt.carrier is None:
            return
        self._retry.distrust(attempt)
        self._release(attempt)
        self._advance(monotonic())

    def avoid(self, server: Server, now: float) -> None:
        """Wait no more for what was asked of an upstream, and ask it no more."""
        waited = False
        attempt = self._retry.latest
        while attempt is not None:
            if attempt.carrier is not None and self._servers[attempt.upstream] is server:
                waited = True
                self._retry.give_up(attempt)
                self._release(attempt)
            attempt = attempt.earlier
        if waited:
            self._advance(now)

    def timed_out(self, now: float) -> None:
        """Ask on, or give up when it is time."""
        if self._slot is None:
            return  # it was closed while others were told that it is time
        self._slot = None
        if self.patience and now >= self.patience:
            self.patience = 0.0
            self._exchanges.overdue(self, now)
        if now >= self._when:
            self._ask_on(now)
        elif self._is_over(now):
            self._finish(now)
        else:
            self._wait_until(self._when, now)

    def _ask_on(self, now: float) -> None:
        attempt = self._retry.latest
        if attempt is not None and attempt.patience and attempt.carrier is not None:
            late = now < attempt.sent + attempt.timeout
            if late:
                self._hedge(attempt, now)
                return
        while attempt is not None:
            silent = now >= min(attempt.sent + attempt.timeout, self._retry.deadline)
            if silent and attempt.carrier is not None and not attempt.reported:
                attempt.reported = True
                if not self.extra:
                    self._servers[attempt.upstream].silent(attempt.sent, now)
                    self._exchanges.probe_suspects(now)
            attempt = attempt.earlier
        if self._is_over(now):
            self._finish(now)
        else:
            self._advance(now)

    def _is_over(self, now: float) -> bool:
        if now >= self._retry.deadline:
            return True
        return now >= self._retry.deadline_all_silent and self._all_silent()

    def _hedge(self, attempt: Attempt, now: float) -> None:
        """Ask another upstream as well, or go on waiting where that was done too often."""
        if self._exchanges.spend_hedge():
            self._servers[attempt.upstream].late()
            self._advance(now)
        else:
            self._wait_until(attempt.sent + attempt.timeout, now)

    def _advance(self, now: float) -> None:
        """Send the next message; without one, wait for those under way or give up."""
        while True:
            attempt = self._retry.next(now)
            if attempt is None:
                break
            attempt.receiver = self
            attempt.sent = now
            server = self._servers[attempt.upstream]
            try:
                server.send(attempt)
            except OSError as error:
                self._retry.failed(attempt, by_us=server.failed(error, now, now))
                continue
            patience = attempt.patience or attempt.timeout
            self._wait_until(min(now + patience, self._retry.deadline), now)
            return
        if self._retry.answer is not None:
            self._finish(now)
        elif self._retry.resume:
            self._wait_until(min(self._retry.resume, self._retry.deadline), now)
        elif self._is_waiting():
            self._wait_until(self._retry.deadline, now)
        else:
            self._finish(now)

    def _wait_until(self, when: float, now: float) -> None:
        self._stop_waiting()
        self._when = when
        if self.patience:
            when = min(when, self.patience)
        if now < self._retry.deadline_all_silent:
            when = min(when, self._retry.deadline_all_silent)
        self._slot = self._exchanges.wait(self, when, now)

    def _all_silent(self) -> bool:
        for upstream in self._retry.route.upstreams:
            server = self._servers[upstream]
            if not server.health.is_silent(self._retry.began):
                return False
        return True

    def _stop_waiting(self) -> None:
        if self._slot is not None:
            self._exchanges.wheel.remove(self, self._slot)
            self._slot = None

    def _is_waiting(self) -> bool:
        attempt = self._retry.latest
        while attempt is not None:
            if attempt.carrier is not None and not attempt.doubted:
                return True
            attempt = attempt.earlier
        return False

    def _release(self, attempt: Attempt) -> None:
        if attempt.tcp:
            attempt.carrier.release(attempt)
        else:
            pooled: PooledSocket = attempt.carrier
            pooled.release(attempt)
        attempt.carrier = None

    def close(self) -> None:
        """Give up."""
        self._stop_waiting()
        attempt = self._retry.latest
        while attempt is not None:
            if attempt.carrier is not None:
                self._release(attempt)
            attempt.receiver = None
            attempt = attempt.earlier

    def _finish(self, now: float) -> None:
        self.close()
        self._exchanges.finished(self, self._retry.answer, self._retry.ede, now)


class Exchanges:
    """The exchanges of one worker: whom they ask, one timer for all, and who is told of the end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, page: counters.Page) -> None:
        self.faults = Faults(page)
        self.precedence = Precedence()
        self.randomness = Randomness(secrets.token_bytes)
        self.wheel = Wheel(monotonic())
        self.servers: list[Server] = []
        self._loop = loop
        self._hedges = float(HEDGE_BURST)
        self.ticking = False

    def finished(self, exchange: Exchange, answer: Answer | None, ede: int, now: float) -> None:
        """Answer everyone who waits for an exchange; without an answer `ede` says why."""
        raise NotImplementedError

    def overdue(self, exchange: Exchange, now: float) -> None:
        """Give those who have waited long enough something else, if there is anything."""
        raise NotImplementedError

    def probe_suspects(self, now: float) -> None:
        """Probe the upstreams that fall silent."""
        raise NotImplementedError

    def earn_hedge(self) -> None:
        """Take notice that something is asked: a share of that may be asked twice."""
        if self._hedges < _HEDGE_BURST:
            self._hedges += _HEDGE_SHARE

    def spend_hedge(self) -> bool:
        """Tell whether another upstream may be asked because the first is late."""
        if self._hedges < 1:
            return False
        self._hedges -= 1
        return True

    def wait(self, exchange: Exchange, when: float, now: float) -> set[Any]:
        """Have an exchange told when it is time."""
        if not self.ticking:
            self.ticking = True
            self._loop.call_later(TICK, self._tick)
        return self.wheel.add(exchange, when, now)

    def _tick(self) -> None:
        now = monotonic()
        for exchange in self.wheel.due(now):
            try:
                exchange.timed_out(now)
            except Exception:  # noqa: BLE001 - a fault of ours costs one question, not the others
                self.give_up(exchange, now)
            self.precedence.give()
        self.ticking = self.wheel.size > 0
        if self.ticking:
            self._loop.call_later(TICK, self._tick)

    def give_up(self, exchange: Exchange, now: float) -> None:
        """End an exchange that met the exception being handled."""
        self.faults.report("asking an upstream")
        exchange.close()
        self.finished(exchange, None, _OTHER, now)
