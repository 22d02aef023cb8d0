"""Forwarders that ask each other, or themselves: found by a probe that comes back."""

from collections.abc import Iterator

import dns.message
import dns.rcode
import pytest

from dnsguard.core import counters, retry
from dnsguard.core.protocol import Ede
from tests.support.gateway import extended_errors
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import PROBED, TRUE, ScriptedUpstream, silent, telling
from tests.support.shell import Shell, addresses, make_query

NAME = "www.example.org"


def url(shell: Shell) -> str:
    """Return a shell as an upstream."""
    return f"udp://127.0.0.1:{shell.port}"


def probe_until_found(shell: Shell) -> None:
    """Probe the first upstream until what it was asked has come back."""
    shell.probe()
    wait_for(lambda: states(shell)[0] == counters.LOOPING, "the loop is found")


def states(shell: Shell) -> list[int]:
    """Return the state of each upstream as a worker shows it."""
    shell.thread.call(shell.upstreams.routes.show_health)
    upstreams = shell.upstreams.generation.upstreams
    return [shell.page[upstream.counter + counters.UPSTREAM_STATE] for upstream in upstreams]


def errors(shell: Shell, reason: str) -> int:
    """Return how often the first upstream erred for a reason."""
    counter = shell.upstreams.generation.upstreams[0].counter
    return shell.page[counter + counters.UPSTREAM_ERRORS.index(reason)]


@pytest.fixture
def shell() -> Iterator[Shell]:
    """One that asks itself."""
    with Shell(Setup()) as running:
        running.swap(Setup(upstreams=[url(running)]))
        yield running


def test_one_that_asks_itself_is_found(shell: Shell) -> None:
    probe_until_found(shell)
    assert errors(shell, "loop") == 1
    answer = shell.ask(NAME)
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert extended_errors(answer)[0] == Ede.NO_REACHABLE_AUTHORITY
    assert errors(shell, "timeout") == 0, "it was not even asked"


def test_what_is_under_way_ends_with_the_finding(shell: Shell) -> None:
    answer = shell.ask(NAME)
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert extended_errors(answer)[0] == Ede.NO_REACHABLE_AUTHORITY
    assert states(shell) == [counters.LOOPING], "it was probed as it fell silent"
    assert errors(shell, "timeout") == 1, "it was not waited for any more"
    wait_for(lambda: not shell.upstreams.waiting, "nobody waits")


def test_what_is_under_way_goes_on_elsewhere(shell: Shell, upstream: ScriptedUpstream) -> None:
    zones = {"elsewhere.example": [upstream.url]}
    upstream.script = silent
    setup = Setup(upstreams=[url(shell)], forward_zones=zones)
    shell.swap(setup)
    with shell.datagrams() as client:
        client.send(make_query("www.elsewhere.example"))
        wait_for(lambda: upstream.names, "it is asked")
        assert shell.ask(NAME).rcode() == dns.rcode.SERVFAIL
        upstream.script = telling()
        assert addresses(dns.message.from_wire(client.recv(4096))) == [TRUE]


def test_an_upstream_that_falls_silent_is_probed_at_once_and_that_is_no_second_failure(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "TIMEOUTS", (0.1, retry.DEADLINE))
    upstream.script = silent
    with Shell(Setup(upstreams=[upstream.url])) as shell, shell.datagrams() as client:
        client.send(make_query(NAME))
        wait_for(lambda: probes(upstream) == 2, "it is probed, and once more")
        assert errors(shell, "timeout") == 1
        assert states(shell) == [counters.UP]


def probes(upstream: ScriptedUpstream) -> int:
    """Return how often an upstream was asked for the name of a probe."""
    return sum(received.name.endswith(PROBED) for received in upstream.received)


def test_another_upstream_is_asked_instead(shell: Shell, upstream: ScriptedUpstream) -> None:
    shell.swap(Setup(upstreams=[url(shell), upstream.url]))
    probe_until_found(shell)
    assert addresses(shell.ask(NAME)) == [TRUE]
    assert states(shell)[1] == counters.UP
    assert errors(shell, "timeout") == errors(shell, "late") == 0


def test_two_that_ask_each_other_are_found(upstream: ScriptedUpstream) -> None:
    with Shell(Setup()) as one, Shell(Setup(upstreams=[url(one)], cookie_secrets=())) as two:
        one.swap(Setup(upstreams=[url(two), upstream.url]))
        probe_until_found(one)
        assert addresses(one.ask(NAME)) == [TRUE]
        assert addresses(two.ask(f"other.{NAME}")) == [TRUE]
        assert states(two)[0] == counters.UP, "whom it asks has another upstream"


def test_a_loop_that_ends_is_asked_again(shell: Shell, upstream: ScriptedUpstream) -> None:
    with Shell(Setup(upstreams=[url(shell)], cookie_secrets=())) as between:
        shell.swap(Setup(upstreams=[url(between)]))
        probe_until_found(shell)
        between.swap(Setup(upstreams=[upstream.url], cookie_secrets=()))
        shell.upstreams.servers[0].health.looped(0.0)  # as if a while had passed
        shell.thread.call(shell.upstreams.routes.forget)
        assert addresses(shell.ask(NAME)) == [TRUE]
        assert states(shell)[0] == counters.UP


def test_a_name_of_another_dnsguard_is_forwarded_like_any_other(
    upstream: ScriptedUpstream,
) -> None:
    with (
        Shell(Setup(upstreams=[upstream.url])) as shell,
        Shell(Setup(upstreams=[url(shell)], cookie_secrets=())) as other,
    ):
        other.probe()
        wait_for(lambda: other.upstreams.pending == 0, "the probe ends")
        wait_for(lambda: len(upstream.received) == 1, "the probe is passed on")
        assert states(shell) != [counters.LOOPING]
        assert states(other) == [counters.UP]
