"""Asking upstreams: the questions in flight, and the exchange that answers each.

Identical questions share an exchange. What to send, what to believe and when to give up is
`core.retry`'s to say, who may wait `core.pending`'s; the sockets are those of `pool`.
"""

import asyncio
import secrets
from time import monotonic
from typing import Any, Protocol

from dnsguard.core import counters
from dnsguard.core.answer import Answer
from dnsguard.core.generation import Generation, Upstream
from dnsguard.core.pending import Count, Pending
from dnsguard.core.protocol import Ede
from dnsguard.core.randomness import Randomness
from dnsguard.core.resolver import Forward, Resolver
from dnsguard.core.retry import Attempt, Route, Step, start
from dnsguard.core.wheel import TICK, Wheel
from dnsguard.core.wire import Query, parse_query
from dnsguard.net import datagrams
from dnsguard.net.faults import Faults
from dnsguard.net.pool import PooledSocket, Receiver
from dnsguard.net.server import Server

MAX_WAITING = 20_000  # queries of all clients waiting in one worker, identical ones included

_DONE = int(Step.DONE)  # upstream.pxd types what is defined here, not what is imported
_WAIT = int(Step.WAIT)

_PROBE = parse_query(b"\0\0\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1")


class Listener(Protocol):
    """Where forwards come from."""

    def reply(self, forward: Forward, response: bytes | None) -> None:
        """Send the response to a forward, None for nothing; called once for each."""


_Waiter = tuple[Forward, Listener, Count]


class Exchange(Receiver):
    """One question on its way to some upstreams, and everyone who waits: nobody for a probe."""

    __slots__ = ("_retry", "_servers", "_slot", "_upstreams", "key", "table", "waiters", "zone")

    key: bytes
    zone: Count
    table: "dict[bytes, Exchange]"
    waiters: list[_Waiter]
    _slot: set[Any] | None

    def start(self, upstreams: "Upstreams", query: Query, route: Route, now: float) -> None:
        """Send the first message."""
        self._upstreams = upstreams
        self._servers = upstreams.servers
        self._retry = start(query, route, upstreams.randomness, now)
        self._slot = None
        self._advance(now)

    def received(self, attempt: Attempt, data: bytes, now: float) -> bool:
        """Take a message for an attempt; tell whether it answers it."""
        if attempt.carrier is None:
            return True
        step = self._retry.result(attempt, data)
        server = self._servers[attempt.upstream]
        response = self._retry.response
        if response is not None:
            server.responded(response, now - attempt.sent, now)
        if step == _WAIT:
            return False
        if step == _DONE:
            self._finish(now)
        else:
            self._release(attempt)
            self._advance(now)
        return True

    def failed(self, attempt: Attempt, error: OSError | None) -> None:
        """Take notice of a network error of an attempt."""
        if attempt.carrier is None:
            return
        now = monotonic()
        self._servers[attempt.upstream].failed(error, attempt.sent, now)
        self._retry.failed(attempt)
        self._release(attempt)
        self._advance(now)

    def distrusted(self, attempt: Attempt) -> None:
        """Go on over TCP."""
        if attempt.carrier is None:
            return
        self._retry.distrust(attempt)
        self._release(attempt)
        self._advance(monotonic())

    def timed_out(self, now: float) -> None:
        """Ask on, or give up when it is time."""
        self._slot = None
        attempt = self._retry.latest
        while attempt is not None:
            if attempt.carrier is not None and not attempt.reported:
                attempt.reported = True
                self._servers[attempt.upstream].silent(attempt.sent, now)
            attempt = attempt.earlier
        if now >= self._retry.deadline:
            self._finish(now)
        else:
            self._advance(now)

    def _advance(self, now: float) -> None:
        """Send the next message; without one, wait for those under way or give up."""
        while True:
            attempt = self._retry.next()
            if attempt is None:
                break
            attempt.receiver = self
            attempt.sent = now
            server = self._servers[attempt.upstream]
            try:
                server.send(attempt)
            except OSError as error:
                server.failed(error, now, now)
                self._retry.failed(attempt)
                continue
            self._wait_until(min(now + attempt.timeout, self._retry.deadline), now)
            return
        if self._is_waiting():
            self._wait_until(self._retry.deadline, now)
        else:
            self._finish(now)

    def _wait_until(self, when: float, now: float) -> None:
        self._stop_waiting()
        self._slot = self._upstreams.wait(self, when, now)

    def _stop_waiting(self) -> None:
        if self._slot is not None:
            self._upstreams.wheel.remove(self, self._slot)
            self._slot = None

    def _is_waiting(self) -> bool:
        attempt = self._retry.latest
        while attempt is not None:
            if attempt.carrier is not None:
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
        self._upstreams.finished(self, self._retry.answer, self._retry.ede, now)


class Upstreams:
    """The upstreams of one worker, and what is being asked of them."""

    def __init__(
        self, resolver: Resolver, loop: asyncio.AbstractEventLoop, generation: Generation
    ) -> None:
        self.faults = Faults(resolver.page)
        self.randomness = Randomness(secrets.token_bytes)
        self.wheel = Wheel(monotonic())
        self.servers: list[Server] = []
        self._resolver = resolver
        self._page = resolver.page
        self._loop = loop
        self._inbox = datagrams.Inbox(clients=False)
        self._pending = Pending()
        self._exchanges: dict[bytes, Exchange] = {}
        self._routes: dict[int, Route] = {}
        self._known: dict[str, Server] = {}
        self._ticking = False
        self._max_pending = 0
        self.generation = generation
        self.configure(generation)

    @property
    def pending(self) -> int:
        """How many questions are under way."""
        return self.wheel.size

    @property
    def waiting(self) -> int:
        """How many queries wait for them."""
        return self._pending.waiting

    def configure(self, generation: Generation) -> None:
        """Ask the upstreams of a generation from now on; what is known of their health stays.

        An exchange under way ends as it began.
        """
        if generation.settings.routing != self.generation.settings.routing:
            self._exchanges = {}  # who comes later asks others
        self.generation = generation
        limits = generation.limits
        self._max_pending = limits.pending
        self._pending.configure(limits.pending, limits.pending_per_client, limits.exempt)
        known = {upstream.url: self._server(upstream) for upstream in generation.upstreams}
        for url in self._known.keys() - known.keys():
            self._known[url].pool.close()
        self._known = known
        self.servers = [known[upstream.url] for upstream in generation.upstreams]
        self._routes = {}
        self.show_health()

    def _server(self, upstream: Upstream) -> Server:
        server = self._known.get(upstream.url)
        if server is None:
            return Server(
                upstream,
                self._page,
                self._loop,
                self._inbox,
                self.randomness,
                self._forget_routes,
            )
        server.configure(upstream)
        return server

    def forward(self, forward: Forward, listener: Listener) -> None:
        """Ask the question of a forward; the listener has the reply, now or later."""
        pending = self._pending
        client = pending.enter(forward.address)
        if client is None:
            self._refuse(forward, listener, "pending_per_client")
            return
        key = forward.query.key
        exchange = self._exchanges.get(key)
        full = pending.waiting > MAX_WAITING
        if full or (exchange is None and self.wheel.size >= self._max_pending):
            pending.leave(client)
            self._refuse(forward, listener, "pending")
            return
        if exchange is not None:
            exchange.waiters.append((forward, listener, client))
            return
        zone = pending.open(key)
        if zone is None:
            pending.leave(client)
            self._refuse(forward, listener, "pending_per_zone")
            return
        exchange = Exchange.__new__(Exchange)
        exchange.key = key
        exchange.zone = zone
        exchange.table = self._exchanges
        exchange.waiters = [(forward, listener, client)]
        self._exchanges[key] = exchange
        exchange.start(self, forward.query, self._route(forward.zone), forward.received)

    def wait(self, exchange: Exchange, when: float, now: float) -> set[Any]:
        """Have an exchange told when it is time."""
        if not self._ticking:
            self._ticking = True
            self._loop.call_later(TICK, self._tick)
        return self.wheel.add(exchange, when, now)

    def _tick(self) -> None:
        now = monotonic()
        for exchange in self.wheel.due(now):
            try:
                exchange.timed_out(now)
            except Exception:  # noqa: BLE001 - a fault of ours costs one question, not the others
                self.faults.report("asking on")
        self._ticking = self.wheel.size > 0
        if self._ticking:
            self._loop.call_later(TICK, self._tick)

    def probe(self) -> None:
        """Probe the upstreams of which there is no news; to be called every second."""
        now = monotonic()
        for number, server in enumerate(self.servers):
            server.pool.retire_idle(now)
            if server.health.probe_due(now) and _PROBE is not None:
                exchange = Exchange.__new__(Exchange)
                exchange.waiters = []
                exchange.start(self, _PROBE, self._route_to((number,)), now)
        self._page[counters.PENDING] = self.pending
        self.show_health()

    def close(self) -> None:
        """Stop asking; whoever waits is not answered."""
        for exchange in self.wheel.things():
            exchange.close()
        for server in self.servers:
            server.pool.close()

    def finished(self, exchange: Exchange, answer: Answer | None, ede: int, now: float) -> None:
        """Answer everyone who waits for an exchange: nobody when it was a probe."""
        if not exchange.waiters:
            return
        del exchange.table[exchange.key]
        self._pending.close(exchange.zone)
        for forward, listener, client in exchange.waiters:
            self._pending.leave(client)
            try:
                if answer is not None:
                    response = self._resolver.response(forward, answer, now)
                else:
                    response = self._resolver.failure(forward, ede, now)
                listener.reply(forward, response)
            except Exception:  # noqa: BLE001 - a fault of ours costs one query, not the others
                self.faults.report("passing an answer on")

    def _route(self, zone: int) -> Route:
        route = self._routes.get(zone)
        if route is None:
            route = self._routes[zone] = self._route_to(self.generation.upstream_sets[zone])
        return route

    def _route_to(self, numbers: tuple[int, ...]) -> Route:
        """Return the route to some upstreams in the order of the config, those down last."""
        upstreams = self.generation.upstreams
        ordered = sorted(numbers, key=lambda number: not self.servers[number].health.up)
        return Route(
            tuple(ordered),
            self.generation.ttl_bounds,
            tcp_only=frozenset(number for number in numbers if upstreams[number].tcp),
            trusted=frozenset(number for number in numbers if upstreams[number].trusted),
            all_down=not any(self.servers[number].health.up for number in numbers),
        )

    def _forget_routes(self) -> None:
        self._routes = {}

    def _refuse(self, forward: Forward, listener: Listener, limit: str) -> None:
        self._page[counters.LIMITED + counters.LIMITS.index(limit)] += 1
        listener.reply(forward, self._resolver.failure(forward, Ede.OTHER, forward.received))

    def show_health(self) -> None:
        """Show in the page which upstreams are up."""
        for server in self.servers:
            server.show_health()
