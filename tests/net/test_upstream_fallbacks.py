"""Stale answers for who has waited long enough, and refreshing for which nobody waits."""

from collections.abc import Callable

import dns.message
import pytest

from dnsguard.core import counters
from dnsguard.core.cache import POPULAR, Entry
from dnsguard.core.protocol import Ede, Source
from dnsguard.core.resolver import PATIENCE
from tests.support.gateway import extended_errors
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import (
    TRUE,
    Peer,
    Replies,
    Script,
    ScriptedUpstream,
    probed,
    silent,
    telling,
)
from tests.support.shell import Shell, addresses, framed, make_query, read_message

NAME = "www.example.org"
FRESH = "192.0.2.90"


def change_entries(shell: Shell, change: Callable[[Entry], None]) -> None:
    """Change what is cached, in the loop that serves."""

    def change_all() -> None:
        for entry in shell.resolver.cache:
            change(entry)

    shell.thread.call(change_all)


def expire(entry: Entry) -> None:
    entry.expires = entry.stored


def in_the_end(seconds: float) -> Script:
    """Return a script that tells another address, but late."""
    return probed(telling(FRESH, delay=seconds))


@pytest.mark.parametrize("tcp", [False, True])
def test_whoever_waits_is_given_what_is_stale(upstream: ScriptedUpstream, tcp: bool) -> None:
    with Shell(Setup(upstreams=[upstream.url], serve_stale=3600)) as shell:
        assert addresses(shell.ask(NAME)) == [TRUE]
        upstream.script = in_the_end(PATIENCE + 0.5)
        change_entries(shell, expire)
        answer = shell.ask(NAME, tcp=tcp)
        assert addresses(answer) == [TRUE]
        assert extended_errors(answer) == [Ede.STALE_ANSWER]
        asked = len(upstream.received)
        again = shell.ask(NAME, tcp=tcp)
        assert addresses(again) == [TRUE], "while the upstreams are still being asked"
        wait_for(lambda: shell.upstreams.pending == 0, "the upstream's answer")
        assert addresses(shell.ask(NAME, tcp=tcp)) == [FRESH], "and their answer is kept"
        assert shell.upstreams.waiting == 0
        assert len(upstream.received) >= asked


def test_all_who_wait_are_given_it(upstream: ScriptedUpstream) -> None:
    with Shell(Setup(upstreams=[upstream.url], serve_stale=3600)) as shell:
        shell.ask(NAME)
        upstream.script = silent
        change_entries(shell, expire)
        with shell.stream() as stream:
            stream.sendall(framed(*(make_query(NAME, id=number) for number in range(5))))
            answers = [dns.message.from_wire(read_message(stream)) for _ in range(5)]
        assert sorted(answer.id for answer in answers) == [0, 1, 2, 3, 4]
        assert all(addresses(answer) == [TRUE] for answer in answers)
        assert shell.upstreams.waiting == 0
        assert shell.page[counters.response_index(Source.STALE, 0)] == 5


def test_what_is_not_stale_is_waited_for(upstream: ScriptedUpstream) -> None:
    upstream.script = in_the_end(PATIENCE + 0.3)
    with Shell(Setup(upstreams=[upstream.url], serve_stale=3600)) as shell:
        assert addresses(shell.ask(NAME)) == [FRESH]


def make_popular(entry: Entry) -> None:
    entry.hits = POPULAR
    entry.refresh = entry.stored


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("tcp", [False, True])
def test_nobody_waits_for_refreshing(upstream: ScriptedUpstream, tcp: bool) -> None:
    with Shell(Setup(upstreams=[upstream.url])) as shell:
        shell.ask(NAME)
        change_entries(shell, make_popular)
        upstream.script = in_the_end(0.2)
        assert addresses(shell.ask(NAME, tcp=tcp)) == [TRUE]
        assert shell.upstreams.waiting == 0
        wait_for(
            lambda: len(upstream.received) == 2 and shell.upstreams.pending == 0,
            "the refreshed answer",
        )
        assert addresses(shell.ask(NAME, tcp=tcp)) == [FRESH]
        assert len(upstream.received) == 2


@pytest.mark.usefixtures("once")
def test_what_is_refreshed_may_be_waited_for(upstream: ScriptedUpstream) -> None:
    with Shell(Setup(upstreams=[upstream.url])) as shell:
        shell.ask(NAME)
        change_entries(shell, make_popular)
        upstream.script = in_the_end(0.3)
        shell.ask(NAME)
        wait_for(lambda: len(upstream.received) == 2, "the question")
        change_entries(shell, expire)
        assert addresses(shell.ask(NAME)) == [FRESH]
        assert len(upstream.received) == 2
        assert shell.upstreams.waiting == 0


def test_who_waits_for_refreshing_is_given_what_is_stale(upstream: ScriptedUpstream) -> None:
    with Shell(Setup(upstreams=[upstream.url], serve_stale=3600)) as shell:
        shell.ask(NAME)
        change_entries(shell, make_popular)
        upstream.script = silent
        shell.ask(NAME)
        wait_for(lambda: len(upstream.received) == 2, "the question")
        change_entries(shell, expire)
        answer = shell.ask(NAME)
        assert extended_errors(answer) == [Ede.STALE_ANSWER]
        assert shell.upstreams.pending, "the upstream has not been given up yet"


def knowing_one_name(query: bytes, transport: str, peer: Peer) -> Replies:
    """Say nothing to other questions than for NAME."""
    known = str(dns.message.from_wire(query).question[0].name).lower() == f"{NAME}."
    return telling()(query, transport, peer) if known else []


def test_refreshing_takes_half_of_the_places_at_most(upstream: ScriptedUpstream) -> None:
    upstream.script = knowing_one_name
    with Shell(Setup(upstreams=[upstream.url], pending=2)) as shell, shell.datagrams() as client:
        shell.ask(NAME)
        change_entries(shell, make_popular)
        client.send(make_query("slow.example.org"))
        wait_for(lambda: shell.upstreams.pending == 1, "the slow question")
        assert addresses(shell.ask(NAME)) == [TRUE]
        wait_for(lambda: not shell.resolver.refreshes, "the end of the round that answered")
        assert upstream.names.count(f"{NAME}.") == 1
