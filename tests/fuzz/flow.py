"""Queries on their way through the core and back, on a clock of the test's own.

What `net/upstream` and `net/exchange` do with sockets is done here with lists, by the same
parts of the core: who may wait (`pending`), what to ask and believe (`retry`), when (`wheel`).
The test says what upstreams say. What must hold of every reply is required here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from dnsguard.core.answer import Answer
from dnsguard.core.clients import AddressTable
from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation, parse_generation
from dnsguard.core.pending import Count, Pending
from dnsguard.core.randomness import Randomness
from dnsguard.core.retry import DEADLINE, MAX_ATTEMPTS, MAX_TRIES, Retry, Step, start
from dnsguard.core.route import Attempt, Route
from dnsguard.core.wheel import TICK, Wheel
from tests.support.gateway import Gateway, packed
from tests.support.generations import Setup

MAX_PENDING = 24  # questions under way
MAX_PER_CLIENT = 6  # queries of one client that wait
_PATIENCE = 0.1  # seconds until another upstream is asked as well
_STEP = 0.05  # seconds between two looks at the wheel
_LATEST = DEADLINE + 2 * (TICK + _STEP)

Check = Callable[[Setup, "Asked", bytes | Forward | None, int], None]
"""What is required of an outcome, and of the reply to a forward; last where it came from."""


@dataclass(frozen=True)
class Asked:
    """A message of a client."""

    client: str
    transport: int
    data: bytes


@dataclass(eq=False)
class Exchange:
    """One question on its way, and who waits; nobody does when an answer is refreshed."""

    forward: Forward
    retry: Retry
    zone: Count
    began: float
    waiting: list[tuple[Forward, Asked, Count]]
    patience: float
    table: "dict[bytes, Exchange]"
    open: list[Attempt] = field(default_factory=list)
    slot: set[Any] | None = None
    when: float = 0.0


class Flow:
    """A worker's core. Setups are told apart by their numbers.

    `exchanges` are under way, `unreachable` the upstreams that nothing can be sent to; `latest`
    is what was asked last.
    """

    def __init__(self, setup: Setup, check: Check) -> None:
        self.exchanges: list[Exchange] = []
        self.unreachable: set[int] = set()
        self.latest: Asked | None = None
        self._setup = setup
        self._check = check
        self._gateway = Gateway(_generation(setup))
        self._wheel = Wheel(self._gateway.now)
        self._randomness = Randomness(Random(6).randbytes)
        self._pending = Pending()
        self._pending.configure(MAX_PENDING, MAX_PER_CLIENT, AddressTable([]))
        self._asked: dict[bytes, Exchange] = {}
        self._cached = 0

    @property
    def now(self) -> float:
        """The time."""
        return self._gateway.now

    def swap(self, setup: Setup) -> None:
        """Serve by another setup."""
        routing = self._gateway.generation.settings.routing
        self._setup = setup
        self._gateway.swap(_generation(setup))
        if self._gateway.generation.settings.routing != routing:
            self._asked = {}

    def ask(self, asked: Asked) -> None:
        """Take a message of a client."""
        self.latest = asked
        resolver = self._gateway.resolver
        outcome = resolver.query(asked.data, packed(asked.client), asked.transport, self.now)
        self._check(self._setup, asked, outcome, int(resolver.replies.source))
        if isinstance(outcome, Forward) and not self._wait(outcome, asked):
            reply = resolver.refuse(outcome, self.now)
            self._check(self._setup, asked, reply, int(resolver.replies.source))

    def _wait(self, forward: Forward, asked: Asked) -> bool:
        """Have a forward wait for an exchange; tell whether there was room."""
        client = self._pending.enter(forward.query)
        if client is None:
            return False
        assert client.number <= MAX_PER_CLIENT
        exchange = self._asked.get(forward.key)
        if exchange is None:
            exchange = self._start(forward, forward.patience)
        elif not exchange.patience:
            exchange.patience = forward.patience
        if exchange is None:
            self._pending.leave(client)
            return False
        exchange.waiting.append((forward, asked, client))
        if not exchange.open:
            self._advance(exchange)
        return True

    def refresh(self) -> None:
        """Ask anew what the resolver would have fresh."""
        forwards, self._gateway.resolver.refreshes = self._gateway.resolver.refreshes, []
        for forward in forwards:
            if forward.key not in self._asked:
                exchange = self._start(forward, 0.0)
                if exchange is not None:
                    self._advance(exchange)

    def _start(self, forward: Forward, patience: float) -> Exchange | None:
        zone = self._pending.open(forward.query) if len(self.exchanges) < MAX_PENDING else None
        if zone is None:
            return None
        generation = self._gateway.generation
        numbers = generation.upstream_sets[forward.zone]
        route = Route(
            numbers,
            generation.ttl_bounds,
            tcp_only=frozenset(n for n in numbers if generation.upstreams[n].tcp),
            trusted=frozenset(n for n in numbers if generation.upstreams[n].trusted),
            all_down=len(self.unreachable) == len(generation.upstreams),
            patience=_PATIENCE,
        )
        retry = start(forward.query, route, self._randomness, self.now)
        exchange = Exchange(forward, retry, zone, self.now, [], patience, self._asked)
        self._asked[forward.key] = exchange
        self.exchanges.append(exchange)
        return exchange

    def hear(self, exchange: Exchange, attempt: Attempt, message: bytes) -> None:
        """Take what an upstream sent for an attempt that is open."""
        step = exchange.retry.result(attempt, message)
        assert step in set(Step)
        if step == Step.DONE:
            assert exchange.retry.answer is not None
            self._finish(exchange)
        elif step == Step.NEXT:
            self._go_on(exchange, attempt)
        elif step == Step.DOUBT:
            self._advance(exchange)
            over = self.now >= min(attempt.sent + attempt.timeout, exchange.retry.deadline)
            assert over or exchange in self.exchanges, "what may be forged ended a question"

    def fail(self, exchange: Exchange, attempt: Attempt) -> None:
        """Take a network error of an attempt that is open."""
        exchange.retry.failed(attempt)
        self._go_on(exchange, attempt)

    def distrust(self, exchange: Exchange, attempt: Attempt) -> None:
        """Take it that an attempt over UDP meets forgers."""
        if not attempt.tcp:
            exchange.retry.distrust(attempt)
            self._go_on(exchange, attempt)

    def _go_on(self, exchange: Exchange, attempt: Attempt) -> None:
        exchange.open.remove(attempt)
        attempt.carrier = None
        self._advance(exchange)

    def _advance(self, exchange: Exchange) -> None:
        retry = exchange.retry
        while (attempt := retry.next(self.now)) is not None:
            _check_attempt(exchange, attempt)
            attempt.sent = self.now
            if attempt.upstream in self.unreachable:
                retry.failed(attempt)
                continue
            attempt.carrier = self
            exchange.open.append(attempt)
            patience = attempt.patience or attempt.timeout
            self._wait_until(exchange, min(self.now + patience, retry.deadline))
            return
        if retry.answer is None and retry.resume:
            self._wait_until(exchange, min(retry.resume, retry.deadline))
        elif retry.answer is None and any(not attempt.doubted for attempt in exchange.open):
            self._wait_until(exchange, retry.deadline)
        else:
            self._finish(exchange)

    def _wait_until(self, exchange: Exchange, when: float) -> None:
        if exchange.slot is not None:
            self._wheel.remove(exchange, exchange.slot)
        exchange.when = when
        until = min(when, exchange.patience) if exchange.patience else when
        exchange.slot = self._wheel.add(exchange, until, self.now)

    def advance(self, seconds: float) -> None:
        """Let time pass, in steps as long as anything waits for it."""
        end = self.now + seconds
        while self._wheel.size and self.now < end:
            self._gateway.now = min(self.now + _STEP, end)
            for exchange in self._wheel.due(self.now):
                exchange.slot = None
                self._time_out(exchange)
        self._gateway.now = end
        for exchange in self.exchanges:
            assert self.now - exchange.began <= _LATEST, "nobody told the client in time"

    def _time_out(self, exchange: Exchange) -> None:
        if exchange.patience and self.now >= exchange.patience:
            exchange.patience = 0.0
            exchange.waiting = [known for known in exchange.waiting if not self._give_stale(*known)]
        if self.now < exchange.when:
            self._wait_until(exchange, exchange.when)
        elif self.now >= exchange.retry.deadline:
            self._finish(exchange)
        else:
            self._advance(exchange)

    def _give_stale(self, forward: Forward, asked: Asked, client: Count) -> bool:
        resolver = self._gateway.resolver
        reply = resolver.stale(forward, self.now)
        if reply is None:
            return False
        self._check(self._setup, asked, reply, int(resolver.replies.source))
        self._pending.leave(client)
        return True

    def _finish(self, exchange: Exchange) -> None:
        if exchange.slot is not None:
            self._wheel.remove(exchange, exchange.slot)
        exchange.slot = None
        exchange.open.clear()
        self.exchanges.remove(exchange)
        del exchange.table[exchange.forward.key]
        self._pending.close(exchange.zone)
        answer, ede = exchange.retry.answer, exchange.retry.ede
        if not exchange.waiting and answer is not None:
            self._gateway.resolver.refreshed(exchange.forward, answer, self.now)
        for forward, asked, client in exchange.waiting:
            self._pending.leave(client)
            self._reply((forward, asked), answer, ede)

    def _reply(self, waiter: tuple[Forward, Asked], answer: Answer | None, ede: int) -> None:
        forward, asked = waiter
        resolver = self._gateway.resolver
        if answer is None:
            reply = resolver.failure(forward, ede, self.now)
        else:
            reply = resolver.response(forward, answer, self.now)
        self._check(self._setup, asked, reply, int(resolver.replies.source))

    def check_counts(self) -> None:
        """Require that what is counted is what there is."""
        assert self._wheel.size == len(self.exchanges) <= MAX_PENDING
        assert self._pending.waiting == sum(len(known.waiting) for known in self.exchanges)
        cache = self._gateway.resolver.cache
        # A smaller bound holds with the next addition.
        assert cache.bytes <= max(cache.size, self._cached)
        self._cached = cache.bytes

    def check_end(self) -> None:
        """Require that after the longest time nothing waits any more."""
        self.advance(_LATEST)
        self.check_counts()
        assert (self.exchanges, self._pending.waiting, len(self._pending)) == ([], 0, 0)


_buffers: dict[int, tuple[bytes, bytes]] = {}


def _generation(setup: Setup) -> Generation:
    if setup.number not in _buffers:
        _buffers[setup.number] = setup.buffers()
    return parse_generation(*_buffers[setup.number])


def _check_attempt(exchange: Exchange, attempt: Attempt) -> None:
    query = exchange.forward.query
    question = query.key[:-1]
    message = attempt.message
    assert attempt.question[:-4].lower() + attempt.question[-4:] == question
    assert message == message[:12] + attempt.question + message[12 + len(question) :]
    assert message[4:10] == b"\0\1\0\0\0\0"
    assert int.from_bytes(message[:2], "big") == attempt.query_id
    assert (message[11] == 1) == (len(message) > 12 + len(question)) == attempt.edns
    attempts = 0
    same = 0
    earlier: Attempt | None = attempt
    while earlier is not None:
        attempts += 1
        same += (earlier.upstream, earlier.tcp) == (attempt.upstream, attempt.tcp)
        earlier = earlier.earlier
    assert attempts <= MAX_ATTEMPTS
    assert same <= MAX_TRIES + 1, "more often over one transport than a fallback explains"
