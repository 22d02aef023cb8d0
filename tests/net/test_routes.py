"""Which upstreams a question is put to, and in which order."""

import os
from array import array
from collections.abc import Iterator

import pytest

from dnsguard.core import counters
from dnsguard.core.generation import Generation, parse_generation
from dnsguard.core.randomness import Randomness
from dnsguard.core.route import Route
from dnsguard.net.health import FAILURES_UNTIL_DOWN, LOOP_SECONDS
from dnsguard.net.precedence import Precedence
from dnsguard.net.routes import Routes
from tests.support.generations import Setup
from tests.support.loops import LoopThread

URLS = ["udp://192.0.2.1:53", "tcp://192.0.2.2:53", "udp://192.0.2.3:53"]
ZONES = {"city.internal": [URLS[2]]}
NOW = 1e9  # later than any time of the machine's clock


class Known:
    """Routes of one generation, and the page they show health in."""

    def __init__(self, thread: LoopThread) -> None:
        self.page = array("Q", bytes(8 * counters.PAGE_SIZE))
        self.routes = Routes(self.page, thread.loop, Randomness(os.urandom), Precedence())
        self._thread = thread
        self.configure(URLS)

    def configure(self, urls: list[str]) -> None:
        """Go by a generation with these upstreams."""
        self.generation = _generation(urls)
        self._thread.call(lambda: self.routes.configure(self.generation))

    def fail(self, number: int) -> None:
        """Have an upstream be down."""
        for _ in range(FAILURES_UNTIL_DOWN):
            self._thread.call(lambda: self.routes.servers[number].silent(NOW - 1, NOW))

    def route(self, zone: int = 0) -> Route:
        """Return a route as it is now."""
        return self._thread.call(lambda: self.routes.route(zone))

    def probed(self, number: int) -> Route:
        """Return the route of a probe."""
        return self._thread.call(lambda: self.routes.route_to((number,), NOW, probing=True))


def _generation(urls: list[str]) -> Generation:
    return parse_generation(*Setup(upstreams=urls, forward_zones=ZONES).buffers())


@pytest.fixture
def known() -> Iterator[Known]:
    """Routes to three upstreams."""
    thread = LoopThread()
    try:
        made = Known(thread)
        yield made
        thread.call(made.routes.close)
    finally:
        thread.close()


def test_a_question_goes_in_the_order_of_the_config(known: Known) -> None:
    route = known.route()
    assert route.upstreams == (0, 1, 2)
    assert (route.tcp_only, route.all_down) == (frozenset({1}), False)


def test_a_forward_zone_has_upstreams_of_its_own(known: Known) -> None:
    assert known.route(1).upstreams == (2,)


def test_those_down_are_asked_last(known: Known) -> None:
    for number, order, all_down in [
        (0, (1, 2, 0), False),
        (1, (2, 0, 1), False),
        (2, (0, 1, 2), True),
    ]:
        known.fail(number)
        assert (known.route().upstreams, known.route().all_down) == (order, all_down)


def test_what_sends_everything_back_is_left_out_but_for_probing(known: Known) -> None:
    server = known.routes.servers[0]
    counter = known.generation.upstreams[0].counter
    assert server.looped(counter, NOW)
    assert known.route().upstreams == (1, 2)
    assert known.probed(0).upstreams == (0,)
    server.health.looped(NOW - 1e9 - LOOP_SECONDS)
    known.routes.forget()
    assert known.route().upstreams == (0, 1, 2)


def test_health_stays_with_the_upstream_whatever_its_number(known: Known) -> None:
    first, *_, last = known.routes.servers
    known.fail(0)
    known.configure([URLS[2], URLS[0]])
    assert known.routes.servers == [last, first]
    assert known.route().upstreams == (0, 1)
    known.configure([URLS[2]])
    known.configure(URLS)
    assert known.routes.servers[0].health.up, "it was forgotten when nobody asked it"


def test_what_is_known_of_them_is_shown(known: Known) -> None:
    known.fail(1)
    assert known.routes.servers[2].looped(known.generation.upstreams[2].counter, NOW)
    known.routes.show_health()
    states = [
        known.page[upstream.counter + counters.UPSTREAM_STATE]
        for upstream in known.generation.upstreams
    ]
    assert states == [counters.UP, counters.DOWN, counters.LOOPING]
