"""One question on its way: when it is asked again, and what a fault of ours does to it."""

from dataclasses import replace
from itertools import pairwise
from time import monotonic

import dns.edns
import dns.message
import dns.rcode
import pytest

from dnsguard.core import counters, retry
from dnsguard.core.protocol import Ede
from dnsguard.core.wheel import TICK
from tests.support.gateway import extended_errors
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import TRUE, Peer, Replies, ScriptedUpstream, respond, silent, telling
from tests.support.shell import Shell, addresses, make_query


class TestTime:
    def test_a_silent_upstream_is_asked_again_when_it_is_time_and_never_before(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        times: list[float] = []

        def script(query: bytes, transport: str, peer: Peer) -> Replies:
            times.append(monotonic())
            return [] if len(times) < 3 else telling()(query, transport, peer)

        monkeypatch.setattr(retry, "TIMEOUTS", (0.1, 0.2))
        upstream.script = script
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert addresses(shell.ask("www.example.org")) == [TRUE]
        first, second = (later - earlier for earlier, later in pairwise(times))
        assert first >= 0.1 - TICK
        assert second >= 0.2 - TICK

    def test_a_late_answer_of_the_first_attempt_is_taken(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retry, "TIMEOUTS", (0.05, 5.0))
        upstream.script = lambda query, *_: (
            [(0.15, respond(query, f"@ 60 A {TRUE}"))] if len(upstream.received) == 1 else []
        )
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            assert addresses(shell.ask("www.example.org")) == [TRUE]
            assert len(upstream.names) == 2

    def test_nothing_is_left_when_all_have_their_answer(self, upstream: ScriptedUpstream) -> None:
        with Shell(Setup(upstreams=[upstream.url])) as shell, shell.datagrams() as client:
            for number in range(200):
                client.send(make_query(f"n{number}.example.org"))
            for _ in range(200):
                assert addresses(dns.message.from_wire(client.recv(4096))) == [TRUE]
            assert (shell.upstreams.pending, shell.upstreams.waiting) == (0, 0)
            wait_for(lambda: not shell.upstreams.ticking, "the timer stops")


class TestFaults:
    """What is wrong in dnsguard itself costs the question that met it, and is told."""

    def test_in_asking(self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            with monkeypatch.context() as patched:
                patched.setattr(retry, "TIMEOUTS", ())
                require_failure(shell, "www.example.org")
            assert addresses(shell.ask("www.example.org")) == [TRUE]

    def test_in_taking_a_response(self, upstream: ScriptedUpstream) -> None:
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            server, known = shell.upstreams.servers[0], shell.upstreams.generation.upstreams[0]
            shell.thread.call(lambda: server.configure(replace(known, counter=1 << 30)))
            require_failure(shell, "www.example.org")
            shell.thread.call(lambda: server.configure(known))
            assert addresses(shell.ask("www.example.org")) == [TRUE]

    def test_in_asking_on(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retry, "TIMEOUTS", (0.05,))
        upstream.script = silent
        with Shell(Setup(upstreams=[upstream.url])) as shell:
            server, known = shell.upstreams.servers[0], shell.upstreams.generation.upstreams[0]
            shell.thread.call(lambda: server.configure(replace(known, counter=1 << 30)))
            require_failure(shell, "www.example.org")
            shell.thread.call(lambda: server.configure(known))
            upstream.script = telling()
            assert addresses(shell.ask("www.example.org")) == [TRUE]


def require_failure(shell: Shell, name: str) -> None:
    """Require that a question fails by one fault, which leaves nothing behind."""
    answer = shell.ask(name)
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert extended_errors(answer) == [Ede.OTHER]
    assert shell.page[counters.INTERNAL_ERRORS] == 1
    shell.page[counters.INTERNAL_ERRORS] = 0
    assert (shell.upstreams.pending, shell.upstreams.waiting) == (0, 0)
