"""One question on its way: when it is asked again, and what a fault of ours does to it."""

import contextlib
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
from dnsguard.net.exchange import HEDGE_BURST, HEDGE_SHARE
from tests.support.dns_server import free_port
from tests.support.gateway import extended_errors
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import (
    TRUE,
    Peer,
    Replies,
    ScriptedUpstream,
    probed,
    respond,
    silent,
    telling,
)
from tests.support.shell import Shell, addresses, make_query


class TestTime:
    def test_a_silent_upstream_is_asked_again_when_it_is_time_and_never_before(
        self, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        times: list[float] = []

        def script(query: bytes, transport: str, peer: Peer) -> Replies:
            if b"loop-check" in query.lower():  # it is probed as well
                return []
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

    @pytest.mark.parametrize("count", [1, 2])
    def test_silence_of_all_is_told_before_one_question_s_own_would_be(
        self, count: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        impatient(monkeypatch)
        with contextlib.ExitStack() as stack:
            mute = [stack.enter_context(ScriptedUpstream(silent)).url for _ in range(count)]
            with Shell(Setup(upstreams=mute)) as shell:
                answer = shell.ask("www.example.org")
                assert extended_errors(answer)[0] == Ede.NO_REACHABLE_AUTHORITY

    def test_silence_of_many_is_told_once_each_was_tried(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        impatient(monkeypatch)
        with contextlib.ExitStack() as stack:
            mute = [stack.enter_context(ScriptedUpstream(silent)) for _ in range(6)]
            with Shell(Setup(upstreams=[upstream.url for upstream in mute])) as shell:
                answer = shell.ask("www.example.org")
                assert extended_errors(answer)[0] == Ede.NO_REACHABLE_AUTHORITY
            assert [len(upstream.names) for upstream in mute] == [1] * 6

    @pytest.mark.parametrize("quick", ["upstream", "other"])
    def test_a_slow_answer_is_waited_for_while_one_upstream_answers_anything(
        self,
        upstream: ScriptedUpstream,
        other: ScriptedUpstream,
        quick: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        impatient(monkeypatch)
        upstream.script = other.script = silent
        {"upstream": upstream, "other": other}[quick].script = probed(telling(delay=1.5))
        with Shell(Setup(upstreams=[upstream.url, other.url])) as shell:
            assert shell.ask("www.example.org").rcode() == dns.rcode.NOERROR

    def test_one_that_was_not_asked_yet_is_not_silent(
        self, other: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        impatient(monkeypatch)
        with contextlib.ExitStack() as stack:
            mute = [stack.enter_context(ScriptedUpstream(silent)).url for _ in range(5)]
            with Shell(Setup(upstreams=[*mute, other.url])) as shell:
                assert shell.ask("www.example.org").rcode() == dns.rcode.NOERROR

    def test_nothing_is_left_when_all_have_their_answer(self, upstream: ScriptedUpstream) -> None:
        with Shell(Setup(upstreams=[upstream.url])) as shell, shell.datagrams() as client:
            for number in range(200):
                client.send(make_query(f"n{number}.example.org"))
            for _ in range(200):
                assert addresses(dns.message.from_wire(client.recv(4096))) == [TRUE]
            assert (shell.upstreams.pending, shell.upstreams.waiting) == (0, 0)
            wait_for(lambda: not shell.upstreams.ticking, "the timer stops")


class TestLate:
    """The first of two upstreams is later than usual."""

    @pytest.mark.usefixtures("once")
    def test_another_is_asked_before_it_has_timed_out(
        self, upstream: ScriptedUpstream, other: ScriptedUpstream
    ) -> None:
        with Shell(Setup(upstreams=[upstream.url, other.url])) as shell:
            know(shell)
            upstream.script = silent
            assert addresses(shell.ask("late.example.org")) == ["192.0.2.81"]
            assert (errors(shell, "late"), errors(shell, "timeout")) == (1, 0)

    @pytest.mark.usefixtures("once")
    def test_its_answer_is_taken_when_it_comes_first_after_all(
        self, upstream: ScriptedUpstream, other: ScriptedUpstream
    ) -> None:
        with Shell(Setup(upstreams=[upstream.url, other.url])) as shell:
            know(shell)
            upstream.script = telling(delay=1.0)
            other.script = silent
            assert addresses(shell.ask("late.example.org")) == [TRUE]
            assert other.names == ["late.example.org."]

    def test_that_is_not_done_for_all(
        self,
        upstream: ScriptedUpstream,
        other: ScriptedUpstream,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(retry, "TIMEOUTS", (1.0,))
        with Shell(Setup(upstreams=[upstream.url, other.url])) as shell, shell.datagrams() as one:
            know(shell)
            upstream.script = silent
            for number in range(40):
                one.send(make_query(f"n{number}.example.org"))
            for _ in range(40):
                assert addresses(dns.message.from_wire(one.recv(4096))) == ["192.0.2.81"]
            assert 1 <= errors(shell, "late") <= HEDGE_BURST + 40 * HEDGE_SHARE
            assert errors(shell, "timeout") == 40 - errors(shell, "late")


def test_an_upstream_that_restarts_is_worth_another_try() -> None:
    port = free_port()
    with Shell(Setup(upstreams=[f"udp://127.0.0.1:{port}"])) as shell, shell.datagrams() as one:
        one.send(make_query("www.example.org"))
        wait_for(lambda: errors(shell, "network") == 1, "it is found closed")
        with ScriptedUpstream(telling(), port=port):
            assert addresses(dns.message.from_wire(one.recv(4096))) == [TRUE]


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the silence of all be told soon, and nothing else be the end of a question."""
    monkeypatch.setattr(retry, "TIMEOUTS", (0.1,))
    monkeypatch.setattr(retry, "DEADLINE_ALL_SILENT", 0.4)
    monkeypatch.setattr(retry, "DEADLINE", 60.0)


def know(shell: Shell) -> None:
    """Have it known how soon the first upstream answers."""
    shell.ask("known.example.org")
    shell.thread.call(shell.upstreams.routes.forget)


def errors(shell: Shell, reason: str) -> int:
    """Return how often the first upstream erred for a reason."""
    counter = shell.upstreams.generation.upstreams[0].counter
    return shell.page[counter + counters.UPSTREAM_ERRORS.index(reason)]


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
