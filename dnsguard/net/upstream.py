"""Asking upstreams: who may wait for which question.

Identical questions share an exchange. Who may wait is `core.pending`'s to say, whom to ask
`net.routes`'s.
"""

import asyncio
import secrets
from math import inf
from time import monotonic

from dnsguard.core import counters
from dnsguard.core.answer import Answer
from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation
from dnsguard.core.loops import LoopNames
from dnsguard.core.pending import Count, Pending, places
from dnsguard.core.protocol import Ede
from dnsguard.core.resolver import Resolver
from dnsguard.core.route import Route
from dnsguard.core.wire import parse_query
from dnsguard.net.exchange import Alike, Exchange, Exchanges, Listener, Waiter
from dnsguard.net.health import Probe
from dnsguard.net.routes import Routes
from dnsguard.net.server import Server

MAX_WAITING = 20_000  # queries of all clients waiting in one worker, identical ones included
LATE = 1.9  # seconds after which many replies make no pulse (Unbound's discard-timeout)
GIVES_WAY = 0.2  # seconds after which an exchange may give way to a newer one

_LATE = LATE  # upstream.pxd types what is defined here, not what is imported
_GIVES_WAY = GIVES_WAY
_LATE_INDEX = counters.limit_index("late")
_STAYING_SHARE = 2  # half of what is under way gives way to nothing: a slow upstream answers it
# Of what is under way a quarter is left to those that ask other upstreams, where there are any:
# a dead server of an internal zone takes no place of public names, nor a dead uplink all of them.
_OTHERS_SHARE = 4
_REFRESH_SHARE = 2  # what nobody waits for takes half of what may be under way, not more

_PROBE = parse_query(b"\0\0\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1")


class Upstreams(Exchanges):
    """The upstreams of one worker, and what is being asked of them."""

    def __init__(
        self, resolver: Resolver, loop: asyncio.AbstractEventLoop, generation: Generation
    ) -> None:
        super().__init__(loop, resolver.page)
        self.routes = Routes(resolver.page, loop, self.randomness, self.precedence)
        self._resolver = resolver
        self._page = resolver.page
        self._pending = Pending()
        self._asked: dict[bytes, Exchange] = {}
        self._giving_way = 0
        self._loops = LoopNames(b"")
        self._max_pending = self._max_alike = 0
        self._alike: list[Alike] = []
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
            self._asked = {}  # who comes later asks others
        self.generation = generation
        shared = generation.settings.cookie_secrets
        self._loops = LoopNames(shared[0] if shared else secrets.token_bytes(16))
        limits = generation.limits
        self._max_pending = limits.pending
        self._max_alike = 0  # for no bound, as there are no others
        if len(generation.upstream_sets) > 1:
            self._max_alike = limits.pending - limits.pending // _OTHERS_SHARE
        self._alike = [Alike() for _ in generation.upstream_sets]
        self._pending.configure(limits.pending, limits.pending_per_client, limits.exempt)
        self._resolver.replies.amplification.configure(limits.exempt)
        self.routes.configure(generation)
        self.servers = self.routes.servers

    def forward(self, forward: Forward, listener: Listener) -> None:
        """Ask the question of a forward; the listener has the reply, now or later."""
        if self._came_back(forward):
            ede = Ede.NO_REACHABLE_AUTHORITY
            listener.reply(forward, self._resolver.failure(forward, ede, forward.received))
            return
        pending = self._pending
        query = forward.query
        now = forward.received
        client = pending.enter(query)
        if client is None:
            self._refuse(forward, listener, client, "pending_per_client", now)
            return
        if pending.waiting > places(MAX_WAITING, query):
            self._refuse(forward, listener, client, "pending", now)
            return
        key = query.key
        exchange = self._asked.get(key)
        if exchange is not None:
            if query.verified:
                self._stay(exchange)
            exchange.join(forward, listener, client)
            return
        zone = pending.open(query)
        if zone is None:
            self._refuse(forward, listener, client, "pending_per_zone", now)
            return
        limit = self._make_room(forward, now)  # asked last: another may have given way for it
        if limit:
            pending.close(zone)
            self._refuse(forward, listener, client, limit, now)
            return
        route = self.routes.route(forward.zone)
        self._start(forward, listener, client, zone, route)
        staying = self.wheel.size - self._giving_way
        if not query.verified and staying > self._max_pending // _STAYING_SHARE:
            exchange = self._asked.get(key)
            if exchange is not None:
                exchange.alike.giving_way[exchange] = True
                self._giving_way += 1

    def _stay(self, exchange: Exchange) -> None:
        """Have an exchange give way to nothing."""
        if exchange.alike.giving_way.pop(exchange, False):
            self._giving_way -= 1

    def _make_room(self, forward: Forward, now: float) -> str:
        """Return the limit that has no place for one more question, "" where there is room.

        An old question may give way to it: one to the same upstreams where these have their
        share, else the oldest of all.
        """
        query = forward.query
        alike = self._alike[forward.zone]
        if self._max_alike and alike.number >= places(self._max_alike, query):
            limit = "pending_per_upstream"
            oldest = self._oldest([alike])
        elif self.wheel.size >= places(self._max_pending, query):
            limit = "pending"
            oldest = self._oldest(self._alike)
        else:
            return ""
        if oldest is None or oldest.first is None or now - oldest.first.received < _GIVES_WAY:
            return limit
        self._give_way(oldest, limit, now)
        return ""

    def _oldest(self, groups: list[Alike]) -> Exchange | None:
        """Return the oldest exchange of some groups that gives way."""
        oldest: Exchange | None = None
        since = inf
        for alike in groups:
            for exchange in alike.giving_way:
                if exchange.first is not None and exchange.first.received < since:
                    oldest = exchange
                    since = exchange.first.received
                break
        return oldest

    def _give_way(self, exchange: Exchange, limit: str, now: float) -> None:
        """End an exchange in favour of another; whoever waits for it is sent to TCP."""
        first, listener, client = exchange.first, exchange.listener, exchange.client
        exchange.close()
        self._end(exchange)
        waiting = [] if exchange.joined is None else exchange.joined
        if first is not None and listener is not None and client is not None:
            waiting = [(first, listener, client), *waiting]
        for forward, asking, counted in waiting:
            self._refuse(forward, asking, counted, limit, now)

    def refresh(self) -> None:
        """Ask anew what the resolver would have fresh, as far as there is room for it."""
        forwards = self._resolver.refreshes
        self._resolver.refreshes = []
        for forward in forwards:
            key = forward.query.key
            if key in self._asked or self.wheel.size >= self._max_pending // _REFRESH_SHARE:
                continue
            route = self.routes.route(forward.zone)
            zone = self._pending.open(forward.query)
            if zone is not None:
                self._start(forward, None, None, zone, route)

    def _start(
        self,
        forward: Forward,
        listener: Listener | None,
        client: Count | None,
        zone: Count,
        route: Route,
    ) -> None:
        exchange = Exchange.__new__(Exchange)
        exchange.key = forward.query.key
        exchange.zone = zone
        exchange.alike = self._alike[forward.zone]
        exchange.alike.number += 1
        exchange.table = self._asked
        exchange.first = forward
        exchange.listener = listener
        exchange.client = client
        exchange.patience = forward.patience
        exchange.extra = False
        exchange.joined = None
        self._asked[exchange.key] = exchange
        try:
            exchange.start(self, forward.query, route, forward.received)
        except Exception:  # noqa: BLE001 - nobody must wait for what was never asked
            self.give_up(exchange, forward.received)

    def retire_idle(self) -> None:
        """Close the ports that nothing is asked from any more; to be called often."""
        now = monotonic()
        for server in self.servers:
            server.pool.retire_idle(now)

    def probe(self) -> None:
        """Probe the upstreams of which there is no news; to be called every second."""
        now = monotonic()
        for number, server in enumerate(self.servers):
            probe = server.health.probe_due(now)
            if probe != Probe.NONE:
                self._probe(number, now, routine=probe == Probe.ROUTINE, extra=False)
        self._page[counters.PENDING] = self.pending
        self.routes.forget()  # how soon upstreams answer changes, and loops end
        self.routes.show_health()

    def probe_suspects(self, now: float) -> None:
        """Probe the upstreams that fall silent: perhaps what they are asked comes back to us."""
        for number, server in enumerate(self.servers):
            if server.health.is_suspect(now):
                self._probe(number, now, routine=False, extra=True)

    def _probe(self, number: int, now: float, *, routine: bool, extra: bool) -> None:
        query = self._loops.make(self.generation.upstreams[number].counter)
        if routine and _PROBE is not None:
            query = _PROBE
        exchange = Exchange.__new__(Exchange)
        exchange.first = None
        exchange.patience = 0.0
        exchange.extra = extra
        exchange.start(self, query, self.routes.route_to((number,), now, probing=True), now)

    def _came_back(self, forward: Forward) -> bool:
        """Tell whether a query is a probe of ours, and if so, which upstream sent it back."""
        counter = self._loops.find(forward.query.key)
        if counter < 0:
            return False
        for server in self.servers:
            if server.looped(counter, forward.received):
                self._avoid(server, forward.received)
        return True

    def _avoid(self, server: Server, now: float) -> None:
        """Have whoever waits for an upstream that sends everything back wait no more."""
        for exchange in self.wheel.things():
            if exchange.first is not None:
                try:
                    exchange.avoid(server, now)
                except Exception:  # noqa: BLE001 - it costs one question, not the others
                    self.give_up(exchange, now)

    def close(self) -> None:
        """Stop asking; whoever waits is not answered."""
        for exchange in self.wheel.things():
            exchange.close()
        self.routes.close()

    def finished(self, exchange: Exchange, answer: Answer | None, ede: int, now: float) -> None:
        """Answer everyone who waits for an exchange: nobody when it was a probe."""
        first = exchange.first
        if first is None:
            return
        self._end(exchange)
        if exchange.listener is not None and exchange.client is not None:
            self._reply(first, exchange.listener, exchange.client, answer, ede, now)
        elif answer is not None:
            self._keep(first, answer, now)
        if exchange.joined is not None:
            for forward, listener, client in exchange.joined:
                self._reply(forward, listener, client, answer, ede, now)

    def _end(self, exchange: Exchange) -> None:
        """Forget an exchange that is over."""
        exchange.first = None
        exchange.alike.number -= 1
        self._stay(exchange)
        del exchange.table[exchange.key]
        self._pending.close(exchange.zone)

    def overdue(self, exchange: Exchange, now: float) -> None:
        """Give those who have waited long enough what is stale, if there is anything."""
        waiting = [] if exchange.joined is None else exchange.joined
        exchange.joined = [waiter for waiter in waiting if not self._give_stale(waiter, now)]
        if exchange.first is None or exchange.listener is None or exchange.client is None:
            return
        if self._give_stale((exchange.first, exchange.listener, exchange.client), now):
            exchange.listener = exchange.client = None

    def _give_stale(self, waiter: Waiter, now: float) -> bool:
        """Answer one who waits by what is stale; tell whether there was anything."""
        forward, listener, client = waiter
        try:
            response = self._resolver.stale(forward, now)
            if response is None:
                return False
            listener.reply(forward, response)
        except Exception:  # noqa: BLE001 - a fault of ours costs one query, not the others
            self.faults.report("giving a stale answer")
        self._pending.leave(client)
        return True

    def _keep(self, forward: Forward, answer: Answer, now: float) -> None:
        try:
            self._resolver.refreshed(forward, answer, now)
        except Exception:  # noqa: BLE001 - a fault of ours costs one answer, not the others
            self.faults.report("keeping an answer")

    def _reply(
        self,
        forward: Forward,
        listener: Listener,
        client: Count,
        answer: Answer | None,
        ede: int,
        now: float,
    ) -> None:
        """Reply to one who waits; one of many late ones, which leave at once, is sent to TCP.

        A failure is told all the same: it is hardly larger than its query.
        """
        late = now - forward.received > _LATE and not forward.query.verified
        many = late and self._pending.has_many(client)
        self._pending.leave(client)
        try:
            if answer is None:
                response = self._resolver.failure(forward, ede, now)
            elif many:
                self._page[_LATE_INDEX] += 1
                self._resolver.refreshed(forward, answer, now)
                response = self._resolver.replies.send_to_tcp(forward.query)
            else:
                response = self._resolver.response(forward, answer, now)
            listener.reply(forward, response)
        except Exception:  # noqa: BLE001 - a fault of ours costs one query, not the others
            self.faults.report("passing an answer on")

    def _refuse(
        self,
        forward: Forward,
        listener: Listener,
        client: Count | None,
        limit: str,
        now: float,
    ) -> None:
        """Count and answer a forward for which there is no room, its client if counted in."""
        if client is not None:
            self._pending.leave(client)
        self._page[counters.limit_index(limit)] += 1
        try:
            listener.reply(forward, self._resolver.refuse(forward, now))
        except Exception:  # noqa: BLE001 - a fault of ours costs one query, not the others
            self.faults.report("refusing a query")
