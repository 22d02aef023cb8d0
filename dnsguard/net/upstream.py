"""Asking upstreams: the questions in flight, and the exchange that answers each.

Identical questions share an exchange. What to send, what to believe and when to give up is
`core.retry`'s to say; here are the sockets and the timers.
"""

import asyncio
import errno
import secrets
from collections.abc import Callable
from time import monotonic

from dnsguard.core import counters
from dnsguard.core.answer import Answer
from dnsguard.core.generation import Generation, Upstream
from dnsguard.core.protocol import Ede
from dnsguard.core.resolver import Forward, Resolver
from dnsguard.core.response import Response, Status
from dnsguard.core.retry import Attempt, Retry, Step
from dnsguard.core.wire import Query, parse_query
from dnsguard.net.attempt import DatagramAttempt, StreamAttempt
from dnsguard.net.client_counts import ClientCounts
from dnsguard.net.faults import Faults
from dnsguard.net.health import Health

Reply = Callable[[bytes | None], None]
"""Sends the bytes to the client that asked; None sends nothing."""

_Asked = tuple[str, int, bytes]
"""Routing, zone and question: what those have in common who share an exchange."""

MAX_WAITING = 20_000  # queries of all clients waiting in one worker, identical ones included

_PROBE = parse_query(b"\0\0\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1")

_ERROR_REASONS = {
    Status.MISMATCH: "mismatch",
    Status.CASE_MISMATCH: "mismatch",
    Status.MALFORMED: "malformed",
    Status.TRUNCATED: "truncated",
}
_RCODE_REASONS = {2: "servfail", 5: "refused"}

# What we ran out of is no news of an upstream.
_OUR_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Upstreams:
    """The upstreams of one worker, and what is being asked of them."""

    def __init__(
        self, resolver: Resolver, loop: asyncio.AbstractEventLoop, generation: Generation
    ) -> None:
        self._resolver = resolver
        self._loop = loop
        self.faults = Faults(resolver.page)
        self._exchanges: dict[_Asked, Exchange] = {}
        self._under_way: set[Exchange] = set()
        self._waiting = ClientCounts()
        self._health: dict[str, Health] = {}
        self.generation = generation
        self.configure(generation)

    @property
    def pending(self) -> int:
        """How many questions are under way."""
        return len(self._under_way)

    def configure(self, generation: Generation) -> None:
        """Ask the upstreams of a generation from now on; what is known of their health stays.

        An exchange under way ends as it began.
        """
        self.generation = generation
        self.trusted = frozenset(n for n, u in enumerate(generation.upstreams) if u.trusted)
        self.tcp_only = frozenset(n for n, u in enumerate(generation.upstreams) if u.tcp)
        now = monotonic()
        self._health = {
            upstream.url: self._health.get(upstream.url) or Health(now)
            for upstream in generation.upstreams
        }
        self._show_health()

    def forward(self, forward: Forward, reply: Reply) -> None:
        """Ask the question of a forward; `reply` is called once, now or later."""
        limits = self.generation.limits
        address = forward.address
        over = self._waiting.of(address) >= limits.pending_per_client
        if over and limits.exempt.find(address) is None:
            self._refuse(forward, reply, "pending_per_client")
            return
        asked_for = forward.routing, forward.zone, forward.key
        exchange = self._exchanges.get(asked_for)
        full = self._waiting.total >= MAX_WAITING
        if full or (exchange is None and self.pending >= limits.pending):
            self._refuse(forward, reply, "pending")
            return
        self._waiting.add(address)
        if exchange is not None:
            exchange.waiters.append((forward, reply))
            return
        exchange = Exchange(self, forward.query, self._order(forward.zone), asked_for)
        exchange.waiters.append((forward, reply))
        self._exchanges[asked_for] = exchange
        self._start(exchange)

    def probe(self) -> None:
        """Probe the upstreams of which there is no news; to be called every second."""
        now = monotonic()
        for number, upstream in enumerate(self.generation.upstreams):
            if self._health[upstream.url].probe_due(now) and _PROBE is not None:
                self._start(Exchange(self, _PROBE, [number]))
        self._resolver.page[counters.PENDING] = self.pending
        self._show_health()

    def close(self) -> None:
        """Stop asking; whoever waits is not answered."""
        for exchange in self._under_way:
            exchange.close()
        self._under_way.clear()

    def _start(self, exchange: "Exchange") -> None:
        self._under_way.add(exchange)
        exchange.start()

    def finished(self, exchange: "Exchange", answer: Answer | None, ede: int) -> None:
        """Answer everyone who waits for an exchange: nobody when it was a probe."""
        self._under_way.discard(exchange)
        if exchange.asked_for is not None:
            del self._exchanges[exchange.asked_for]
        for forward, reply in exchange.waiters:
            self._waiting.remove(forward.address)
            try:
                self._answer(forward, reply, answer, ede)
            except Exception:  # noqa: BLE001 - a fault of ours costs one query, not the others
                self.faults.report("passing an answer on")

    def _answer(self, forward: Forward, reply: Reply, answer: Answer | None, ede: int) -> None:
        now = monotonic()
        if answer is not None:
            reply(self._resolver.response(forward, answer, now))
        else:
            reply(self._resolver.failure(forward, ede, now))

    def responded(self, upstream: Upstream, seconds: float, response: Response) -> None:
        """Count a message from an upstream; forged or not, only a matching one is news of it."""
        page = self._resolver.page
        reason = _ERROR_REASONS.get(response.status)
        if response.status == Status.FAILURE:
            reason = _RCODE_REASONS.get(response.rcode, "other_rcode")
        if reason is not None:
            self._count_error(upstream, reason)
        if response.status == Status.MISMATCH:
            return
        counters.observe(page, upstream.counter + counters.UPSTREAM_SECONDS, seconds)
        self._health_of(upstream).responded(monotonic())

    def silent(self, upstream: Upstream, sent: float) -> None:
        """Count a message that was not responded to in time."""
        self._count_error(upstream, "timeout")
        self._health_of(upstream).failed(sent, monotonic())

    def failed(self, upstream: Upstream, error: OSError | None, sent: float) -> None:
        """Count an error of the network on the way to an upstream, or of our own."""
        self._count_error(upstream, "network")
        if error is None or error.errno not in _OUR_ERRORS:
            self._health_of(upstream).failed(sent, monotonic())

    def _count_error(self, upstream: Upstream, reason: str) -> None:
        index = counters.UPSTREAM_ERRORS.index(reason)
        self._resolver.page[upstream.counter + index] += 1

    def _health_of(self, upstream: Upstream) -> Health:
        # An exchange may outlive the generation it began in.
        return self._health.get(upstream.url) or Health(monotonic())

    def all_down(self, numbers: list[int]) -> bool:
        """Tell whether none of these upstreams is known to be up."""
        upstreams = self.generation.upstreams
        return not any(self._health[upstreams[number].url].up for number in numbers)

    def _order(self, zone: int) -> list[int]:
        """Return the upstreams of a zone in the order of the config, those that are down last."""
        upstreams = self.generation.upstreams
        numbers = self.generation.upstream_sets[zone]
        return sorted(numbers, key=lambda number: not self._health[upstreams[number].url].up)

    def _refuse(self, forward: Forward, reply: Reply, limit: str) -> None:
        self._resolver.page[counters.LIMITED + counters.LIMITS.index(limit)] += 1
        reply(self._resolver.failure(forward, Ede.OTHER, monotonic()))

    def _show_health(self) -> None:
        page = self._resolver.page
        for upstream in self.generation.upstreams:
            up = self._health[upstream.url].up
            page[upstream.counter + counters.UPSTREAM_UP] = 1 if up else 2


class Exchange:
    """One question on its way to some upstreams, and everyone who waits: nobody for a probe."""

    def __init__(
        self,
        upstreams: Upstreams,
        query: Query,
        order: list[int],
        asked_for: _Asked | None = None,
    ) -> None:
        self.asked_for = asked_for
        self.waiters: list[tuple[Forward, Reply]] = []
        self._upstreams = upstreams
        self._loop = asyncio.get_running_loop()
        self._servers = upstreams.generation.upstreams
        self._retry = Retry(
            query,
            order,
            secrets.token_bytes,
            upstreams.generation.ttl_bounds,
            monotonic(),
            tcp_only=upstreams.tcp_only,
            trusted=upstreams.trusted,
            all_down=upstreams.all_down(order),
        )
        self._open: dict[Attempt, DatagramAttempt | StreamAttempt] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Send the first message."""
        self._advance()

    def received(self, attempt: Attempt, data: bytes) -> None:
        """Take a message for an attempt."""
        io = self._open.get(attempt)
        if io is None:
            return
        step, response = self._retry.result(attempt, data)
        upstream = self._servers[attempt.upstream]
        self._upstreams.responded(upstream, monotonic() - io.sent, response)
        if step == Step.DONE:
            self._finish()
        elif step == Step.NEXT:
            self._close(attempt)
            self._advance()

    def failed(self, attempt: Attempt, error: OSError | None) -> None:
        """Take notice of a network error of an attempt."""
        io = self._open.get(attempt)
        if io is None:
            return
        self._upstreams.failed(self._servers[attempt.upstream], error, io.sent)
        self._retry.failed(attempt)
        self._close(attempt)
        self._advance()

    def _advance(self) -> None:
        """Send the next message; without one, wait for those under way or give up."""
        while True:
            attempt = self._retry.next()
            if attempt is None:
                break
            upstream = self._servers[attempt.upstream]
            now = monotonic()
            try:
                make = StreamAttempt if attempt.tcp else DatagramAttempt
                self._open[attempt] = make(self, attempt, upstream, self._loop)
            except OSError as error:
                self._upstreams.failed(upstream, error, now)
                self._retry.failed(attempt)
                continue
            self._set_timer(min(now + attempt.timeout, self._retry.deadline))
            return
        if not self._open:
            self._finish()
        else:
            self._set_timer(self._retry.deadline)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._timed_out)

    def _timed_out(self) -> None:
        for attempt, io in self._open.items():
            if not io.reported:
                io.reported = True
                self._upstreams.silent(self._servers[attempt.upstream], io.sent)
        if monotonic() >= self._retry.deadline:
            self._finish()
        else:
            self._advance()

    def _close(self, attempt: Attempt) -> None:
        self._open.pop(attempt).close()

    def close(self) -> None:
        """Give up."""
        if self._timer is not None:
            self._timer.cancel()
        for io in self._open.values():
            io.close()
        self._open.clear()

    def _finish(self) -> None:
        self.close()
        self._upstreams.finished(self, self._retry.answer, self._retry.ede)
