"""The faults of the soak that come from the upstreams, and floods of those who ask for them."""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.soak.answers import SERVFAIL, STALE, TRUNCATED
from tests.soak.city import City
from tests.soak.faults import STALE_AFTER, Fault, Injector
from tests.soak.oracle import ENFORCE, OFF
from tests.soak.truth import truthful
from tests.standards import wire
from tests.support.scripted import (
    LIES,
    Peer,
    Replies,
    Script,
    hanging_up,
    lying,
    silent,
    truncating,
)

SLOW = (0.2, 0.8)
FLOOD_CLIENT = "127.0.0.7"
FLOOD_RATE = 1_000
FLOOD_ZONES = 20
BURST = 3_000  # queries: a third of what the sockets hold

_OPEN_LIES = ("SERVFAIL", "REFUSED")
_BACK = 8.0  # seconds until everything is asked again once the upstreams are back
_FAILING = {SERVFAIL: _BACK, STALE: STALE_AFTER}
_SILENT = {**_FAILING, TRUNCATED: _BACK}
"""Answers are late when the upstreams are back, and those of many queries do not leave at once."""


@contextmanager
def _following(city: City, script: Script, *numbers: int) -> Iterator[None]:
    for number in numbers:
        city.upstreams[number].script = script
    try:
        yield
    finally:
        for number in numbers:
            city.upstreams[number].script = truthful


@contextmanager
def _closed(city: City, *numbers: int) -> Iterator[None]:
    """Have nobody listen at an upstream's port, so that the kernel refuses."""
    with ExitStack() as stack:
        for number in numbers:
            stack.enter_context(city.upstreams[number].stopped())
        yield


def _one(script: Script) -> Injector:
    def inject(city: City, chance: random.Random, seconds: float) -> None:
        with _following(city, script, chance.randrange(2)):
            city.hold(seconds)

    return inject


def _both(script: Script) -> Injector:
    def inject(city: City, _chance: random.Random, seconds: float) -> None:
        with _following(city, script, 0, 1):
            city.hold(seconds)

    return inject


def _refuse_one(city: City, chance: random.Random, seconds: float) -> None:
    with _closed(city, chance.randrange(2)):
        city.hold(seconds)


def _refuse_both(city: City, _chance: random.Random, seconds: float) -> None:
    with _closed(city, 0, 1):
        city.hold(seconds)


def _switch_while_silent(city: City, _chance: random.Random, seconds: float) -> None:
    """Switch the policy while nobody answers: what is blocked from then on beats what is stale."""
    with _following(city, silent, 0, 1):
        city.hold(seconds / 3)
        for stage in (OFF, ENFORCE):
            city.switch(stage)
            city.hold(seconds / 3)


def _slow(chance: random.Random) -> Script:
    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        delay = chance.uniform(*SLOW)
        replies = [(delay, reply) for _, reply in truthful(query, transport, peer)]
        return replies * chance.choice((1, 1, 2))  # some arrive twice

    return script


def _slow_one(city: City, chance: random.Random, seconds: float) -> None:
    with _following(city, _slow(chance), chance.randrange(2)):
        city.hold(seconds)


def _slow_both(city: City, chance: random.Random, seconds: float) -> None:
    with _following(city, _slow(chance), 0, 1):
        city.hold(seconds)


def _lie_over_udp(lie: str) -> Script:
    """Return a script that lies over UDP, where anyone could, and tells the truth after it."""
    lie_first = lying(lie, (0.05, truthful))

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        return (lie_first if transport == "udp" else truthful)(query, transport, peer)

    return script


def _forgery(city: City, chance: random.Random, seconds: float) -> None:
    forgeries = sorted(LIES.keys() - set(_OPEN_LIES) - {"FORMERR", "CNAME loop", "another name"})
    for lie in chance.sample(forgeries, 3):
        with _following(city, _lie_over_udp(lie), 0, 1):
            city.hold(seconds / 3)


def _one_lies(city: City, chance: random.Random, seconds: float) -> None:
    with _following(city, lying(chance.choice(_OPEN_LIES)), chance.randrange(2)):
        city.hold(seconds)


def _both_fail(city: City, chance: random.Random, seconds: float) -> None:
    with _following(city, lying(chance.choice(_OPEN_LIES)), 0, 1):
        city.hold(seconds)


def _flood(city: City, chance: random.Random, seconds: float) -> None:
    """Ask for random names of a few zones, as a botnet does, and read no answer."""
    silence = chance.random() < 0.5

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        torture = b"\x07torture" in query.lower()
        return [] if silence and torture else truthful(query, transport, peer)

    with ExitStack() as stack:
        stack.enter_context(_following(city, script, 0, 1))
        clients = [stack.enter_context(_flooding(city)) for _ in range(8)]
        begin, sent = time.monotonic(), 0
        while (elapsed := time.monotonic() - begin) < seconds:
            while sent < elapsed * FLOOD_RATE:
                label = f"{chance.getrandbits(64):x}"
                name = f"{label}.z{chance.randrange(FLOOD_ZONES)}.torture.example"
                clients[sent % len(clients)].send(wire.query(name))
                sent += 1
            city.hold(0.01)


def _burst(city: City, chance: random.Random, seconds: float) -> None:
    """Have thousands of queries come in at once, more than is answered in a blink."""
    queries = [wire.query(f"c{number}.cached.example") for number in range(200)]
    with ExitStack() as stack:
        clients = [stack.enter_context(_flooding(city)) for _ in range(8)]
        for _ in range(3):
            for number in range(BURST):
                clients[number % len(clients)].send(chance.choice(queries))
            city.hold(seconds / 3)


def _flooding(city: City) -> socket.socket:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind((FLOOD_CLIENT, 0))
    client.connect(("127.0.0.1", city.server.port))
    return client


UPSTREAM_FAULTS = (
    Fault("one upstream silent", _one(silent)),
    Fault("both upstreams silent", _both(silent), _SILENT),
    Fault("both upstreams silent, policy switched", _switch_while_silent, _SILENT),
    Fault("one upstream refuses (ICMP)", _refuse_one),
    Fault("both upstreams refuse (ICMP)", _refuse_both, _FAILING),
    Fault("one upstream slow, some twice", _slow_one),
    Fault("both upstreams slow, some twice", _slow_both),
    Fault("forged messages before the true ones", _forgery),
    Fault("one upstream says SERVFAIL or REFUSED", _one_lies),
    Fault("both upstreams say SERVFAIL or REFUSED", _both_fail, _FAILING),
    Fault("both upstreams truncate", _both(truncating(truthful))),
    Fault("one upstream truncates, TCP hung up", _one(truncating(hanging_up))),
    Fault("flood of random names", _flood),
    Fault("bursts of 3,000 queries", _burst),
)
