"""RebirthDay: however a client varies a question, it is under way once, so guessing stays hard."""

from contextlib import ExitStack
from itertools import product

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject
from tests.support.loops import wait_for
from tests.support.metrics import read_samples
from tests.support.scripted import telling
from tests.support.shell import framed

CLIENTS = 200
WORKERS = 2
ECS, COOKIE, PADDING, DEVICE = 8, 10, 12, 65_001
DELAY = 0.3


def subnet(number: int, prefix: int = 24) -> bytes:
    """Return a client subnet option with another network for each number."""
    return wire.option(ECS, bytes([0, 1, prefix, 0, 198, 51, number]))


VARIED = {
    "client subnet": lambda number: wire.opt(subnet(number)),
    "cookie": lambda number: wire.opt(wire.option(COOKIE, number.to_bytes(8, "big"))),
    "padding": lambda number: wire.opt(wire.option(PADDING, bytes(number))),
    "unknown option": lambda number: wire.opt(wire.option(DEVICE, number.to_bytes(2, "big"))),
    "size": lambda number: wire.opt(payload=512 + number),
    "many options": lambda number: wire.opt(subnet(number), wire.option(DEVICE + number)),
    "no option": lambda number: wire.opt() if number % 2 else b"",
}


def query(name: str, extra: bytes, *, flags: int = 0, number: int = 0) -> bytes:
    """Return a query for a name, in letter case by a number."""
    letters = [one.upper() if number >> bit % 8 & 1 else one for bit, one in enumerate(name)]
    additional = (extra,) if extra else ()
    return wire.message(
        wire.question("".join(letters)), flags=wire.RD | flags, additional=additional
    )


def timeouts(subject: Subject) -> float:
    """Return how often dnsguard had to ask again, should the machine have paused."""
    samples = read_samples(subject.server.metrics())
    return sum(number for series, number in samples.items() if 'reason="timeout"' in series)


@pytest.mark.parametrize("varied", VARIED)
def test_it_is_asked_once(subject: Subject, client: Client, varied: str) -> None:
    name = f"{varied.replace(' ', '-')}.rebirthday.example"
    subject.teach(name, telling(delay=DELAY))
    before = timeouts(subject)
    queries = [query(name, VARIED[varied](number), number=number) for number in range(CLIENTS)]
    client.socket(tcp=True).sendall(framed(*queries))  # one connection: one worker
    for _ in queries:
        assert wire.rdata(client.receive(tcp=True), "A") == [bytes([192, 0, 2, 80])]
    asked = subject.asked(name)
    assert 1 <= len(asked) <= 1 + timeouts(subject) - before
    assert wire.options(asked[0].query) == {}, "and what varied is not passed on"


def test_it_is_asked_once_by_each_worker(subject: Subject) -> None:
    name = "many-clients.rebirthday.example"
    subject.teach(name, telling(delay=DELAY))
    before = timeouts(subject)
    with ExitStack() as opened:
        clients = [
            opened.enter_context(subject.client(f"127.0.1.{number}"))
            for number in range(1, CLIENTS + 1)
        ]
        for number, one in enumerate(clients):
            one.send(query(name, wire.opt(subnet(number)), number=number))
        for one in clients:
            assert wire.rdata(one.receive(), "A") == [bytes([192, 0, 2, 80])]
    assert 1 <= len(subject.asked(name)) <= WORKERS + timeouts(subject) - before


def test_do_and_cd_make_four_of_it(subject: Subject, client: Client) -> None:
    name = "four.rebirthday.example"
    subject.teach(name, telling(delay=DELAY))
    before = timeouts(subject)
    flags = list(product((0, wire.DO), (0, wire.CD, wire.AD, wire.CD | wire.AD, wire.Z)))
    queries = [
        query(name, wire.opt(subnet(number), flags=do), flags=bits)
        for number in range(CLIENTS // len(flags))
        for do, bits in flags
    ]
    client.socket(tcp=True).sendall(framed(*queries))
    for _ in queries:
        client.receive(tcp=True)
    wait_for(lambda: len(subject.asked(name)) >= 4, "all four are asked")
    assert len(subject.asked(name)) <= 4 + timeouts(subject) - before
