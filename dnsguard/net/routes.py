"""The upstreams of one worker, and which of them a question is put to."""

import asyncio
from time import monotonic

from dnsguard.core import counters
from dnsguard.core.generation import Generation, Upstream
from dnsguard.core.randomness import Randomness
from dnsguard.core.route import Route
from dnsguard.net import datagrams
from dnsguard.net.precedence import Precedence
from dnsguard.net.server import Server


class Routes:
    """The upstreams of the generation in force; `servers` is by their number in it."""

    def __init__(
        self,
        page: counters.Page,
        loop: asyncio.AbstractEventLoop,
        randomness: Randomness,
        precedence: Precedence,
    ) -> None:
        self.servers: list[Server] = []
        self._page = page
        self._loop = loop
        self._randomness = randomness
        self._precedence = precedence
        self._inbox = datagrams.Inbox(clients=False)
        self._known: dict[str, Server] = {}
        self._routes: list[Route | None] = []

    def configure(self, generation: Generation) -> None:
        """Go by another generation; what is known of an upstream's health stays."""
        self._generation = generation
        known = {upstream.url: self._server(upstream) for upstream in generation.upstreams}
        for url in self._known.keys() - known.keys():
            self._known[url].pool.close()
        self._known = known
        self.servers = [known[upstream.url] for upstream in generation.upstreams]
        self.forget()
        self.show_health()

    def _server(self, upstream: Upstream) -> Server:
        server = self._known.get(upstream.url)
        if server is None:
            return Server(
                upstream,
                self._page,
                self._loop,
                self._inbox,
                self._randomness,
                self._precedence,
                self.forget,
            )
        server.configure(upstream)
        return server

    def route(self, zone: int) -> Route:
        """Return the route for the names of a forward zone."""
        route = self._routes[zone]
        if route is None:
            numbers = self._generation.upstream_sets[zone]
            route = self._routes[zone] = self.route_to(numbers, monotonic())
        return route

    def route_to(self, numbers: tuple[int, ...], now: float, *, probing: bool = False) -> Route:
        """Return the route to some upstreams in the order of the config, those down last.

        Those that send everything back are left out, but for probing.
        """
        upstreams = self._generation.upstreams
        healths = {number: self.servers[number].health for number in numbers}
        ordered = [number for number in numbers if probing or not healths[number].loops(now)]
        ordered.sort(key=lambda number: not healths[number].up)
        return Route(
            tuple(ordered),
            self._generation.ttl_bounds,
            tcp_only=frozenset(number for number in numbers if upstreams[number].tcp),
            trusted=frozenset(number for number in numbers if upstreams[number].trusted),
            all_down=not any(health.up for health in healths.values()),
            patience=healths[ordered[0]].patience() if ordered else 0.0,
        )

    def forget(self) -> None:
        """Have routes be made anew: what they were made from has changed."""
        self._routes = [None] * len(self._generation.upstream_sets)

    def show_health(self) -> None:
        """Show in the page which upstreams are up."""
        now = monotonic()
        for server in self.servers:
            server.show_health(now)

    def close(self) -> None:
        """Close the sockets to all upstreams."""
        for server in self.servers:
            server.pool.close()
