"""What is known is answered before what takes longer goes on, whatever that is."""

import socket
import threading
import time
from collections.abc import Callable
from itertools import pairwise

import dns.message
import pytest

from dnsguard.core import retry
from dnsguard.net.precedence import EVERY, Precedence
from dnsguard.net.udp import MAX_LEFT
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import Peer, Replies, Script, ScriptedUpstream, silent, telling
from tests.support.shell import Shell, make_query

KNOWN = "known.city.internal"
KNOWN_ID = 60_000
BATCH = 64  # datagrams that are received at a time
_SO_RCVBUFFORCE = 33  # linux/socket.h; the socket module has no name for it
ASKED = 40  # questions that the upstream is asked meanwhile


def local(count: int) -> list[str]:
    """Return records of names that are answered at once, but are not known until asked for."""
    records = [f"n{number}.city.internal. 300 IN A 10.1.0.1" for number in range(count)]
    return [f"{KNOWN}. 300 IN A 10.0.0.9", *records]


Act = Callable[[socket.socket], None]


def order(shell: Shell, act: Act, count: int, before: Act = lambda _: None) -> list[int]:
    """Return the IDs of so many answers, in order, to what is sent while the loop stands still."""
    shell.ask(KNOWN)
    ours, theirs = socket.socketpair()
    with shell.datagrams() as client, ours, theirs:
        client.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
        before(client)
        loop = shell.thread.loop

        def readable() -> None:  # after this a loop looks for what is due, then for what has come
            loop.remove_reader(ours)
            act(client)

        shell.thread.call(lambda: loop.add_reader(ours, readable))
        theirs.send(b"now")
        return [dns.message.from_wire(client.recv(4096)).id for _ in range(count)]


def ask_known(client: socket.socket) -> None:
    client.send(make_query(KNOWN, id=KNOWN_ID))


def test_every_look_is_taken_until_it_is_removed() -> None:
    precedence, looks = Precedence(every=0.0), list[str]()

    def first() -> None:
        looks.append("first")

    def second() -> None:
        looks.append("second")

    precedence.add(first)
    precedence.add(second)
    precedence.give()
    precedence.give()
    precedence.remove(first)
    precedence.give()
    assert looks == ["first", "second", "first", "second", "second"]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_looks_have_some_time_between_them(count: int) -> None:
    precedence, looks = Precedence(), list[float]()

    def look() -> None:
        looks.append(time.monotonic())

    precedence.add(look)
    for _ in range(count - 1):
        precedence.add(lambda: None)
    for _ in range(20_000):
        precedence.give()
    assert all(later - earlier >= count * EVERY for earlier, later in pairwise(looks))
    assert len(looks) > 1


def test_what_is_known_leaves_before_what_came_with_it() -> None:
    def act(client: socket.socket) -> None:
        for number in range(BATCH - 1):
            client.send(make_query(f"n{number}.city.internal", id=number))
        ask_known(client)

    with Shell(Setup(local_records=local(BATCH))) as shell:
        answered = order(shell, act, BATCH)
    assert answered == [KNOWN_ID, *range(BATCH - 1)]


def test_what_comes_meanwhile_goes_before_what_was_left() -> None:
    def act(client: socket.socket) -> None:
        for number in range(BATCH):
            client.send(make_query(f"n{number}.city.internal", id=number))
        ask_known(client)  # which no longer fits into the batch

    with Shell(Setup(local_records=local(BATCH))) as shell:
        answered = order(shell, act, BATCH + 1)
    assert answered == [KNOWN_ID, *range(BATCH)]


def test_no_more_is_received_than_may_be_left() -> None:
    count = 3 * MAX_LEFT

    def act(client: socket.socket) -> None:
        for number in range(count):
            client.send(make_query(f"n{number}.city.internal", id=number))
        ask_known(client)

    with Shell(Setup(local_records=local(count), cache_size=8 << 20)) as shell:
        answered = order(shell, act, count + 1)
    assert sorted(answered) == [*range(count), KNOWN_ID]
    assert answered.index(KNOWN_ID) > MAX_LEFT


def test_it_goes_before_responses_of_upstreams(upstream: ScriptedUpstream) -> None:
    told, gate = list[bytes](), threading.Event()

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        gate.wait()
        told.append(query)
        return telling()(query, transport, peer)

    def act(client: socket.socket) -> None:
        gate.set()
        wait_for(lambda: len(told) >= ASKED, "the upstream has responded")
        ask_known(client)

    check_it_goes_first(upstream, script, act)


@pytest.mark.usefixtures("once")
def test_it_goes_before_what_is_due(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "DEADLINE", 0.5)

    def act(client: socket.socket) -> None:
        time.sleep(0.6)  # the loop stands still until all are overdue
        ask_known(client)

    check_it_goes_first(upstream, silent, act)


def check_it_goes_first(upstream: ScriptedUpstream, script: Script, act: Act) -> None:
    """Check that the known name is answered first of all when upstreams have been asked others."""

    def ask_upstream(client: socket.socket) -> None:
        for number in range(ASKED):
            client.send(make_query(f"www.n{number}.example{number}", id=number))
        wait_for(lambda: shell.upstreams.waiting == ASKED, "all of them wait")

    with Shell(Setup(upstreams=[upstream.url], local_records=local(0))) as shell:
        upstream.script = script
        answered = order(shell, act, ASKED + 1, ask_upstream)
    assert answered[0] == KNOWN_ID
    assert sorted(answered) == [*range(ASKED), KNOWN_ID]
