"""UDP sockets to one upstream: which port, how many, how long, and what is believed on them."""

import asyncio
import errno
import os
from collections.abc import Iterator

import pytest
import uvloop

from dnsguard.core.generation import Upstream
from dnsguard.core.randomness import Randomness
from dnsguard.core.response import TtlBounds
from dnsguard.core.retry import start
from dnsguard.core.route import Attempt, Route
from dnsguard.core.wire import parse_query
from dnsguard.net import pool as pools
from dnsguard.net.datagrams import Inbox
from dnsguard.net.pool import FRESH_EVERY, MAX_LIVE, MAX_MISMATCHES, PORT_IDLE_SECONDS, Pool
from dnsguard.net.precedence import Precedence
from tests.support.dns_server import free_port
from tests.support.loops import LoopThread, wait_for
from tests.support.receiving import Report
from tests.support.scripted import FromElsewhere, ScriptedUpstream, respond, silent, telling
from tests.support.shell import make_query

APART = 2 * FRESH_EVERY
LOOPS = [uvloop.new_event_loop, asyncio.new_event_loop]


class Setting:
    """A pool in a loop; what it reports of attempts, and how many messages answered nothing."""

    def __init__(self, thread: LoopThread, port: int, address: str = "127.0.0.1") -> None:
        self.thread = thread
        self.report = Report()
        self.mismatches = 0
        self.looks = 0
        self._numbers = iter(range(1 << 16))
        upstream = Upstream("", address, port, tcp=False, trusted=False, counter=0)
        self.pool = Pool(
            upstream,
            thread.loop,
            Inbox(clients=False),
            Randomness(os.urandom),
            self._mismatched,
            self._precedence(),
        )

    def _precedence(self) -> Precedence:
        precedence = Precedence(every=0.0)
        precedence.add(self._look)
        return precedence

    def _look(self) -> None:
        self.looks += 1

    def _mismatched(self) -> None:
        self.mismatches += 1

    def send(
        self, *times: float, query_id: int | None = None, flush: bool = False
    ) -> list[Attempt]:
        """Send a message at each of these times by the pool's clock, all in one wake-up.

        Each has an ID of its own unless it is given.
        """
        attempts = [
            self._attempt(sent, next(self._numbers) if query_id is None else query_id)
            for sent in times
        ]

        def send_all() -> None:
            for attempt in attempts:
                self.pool.send(attempt)
                if flush:
                    self.pool.flush()

        self.thread.call(send_all)
        return attempts

    def _attempt(self, sent: float, query_id: int) -> Attempt:
        query = parse_query(make_query("www.example.org"))
        assert query is not None
        randomness = Randomness(lambda size: query_id.to_bytes(8, "big") * (size // 8))
        attempt = start(query, Route((0,), TtlBounds()), randomness, sent).next(sent)
        assert attempt is not None
        attempt.receiver = self.report
        attempt.sent = sent
        return attempt

    def release(self, *attempts: Attempt) -> None:
        """Let go of attempts."""

        def release_all() -> None:
            for attempt in attempts:
                attempt.carrier.release(attempt)

        self.thread.call(release_all)

    def retire_idle(self, now: float) -> None:
        """Close what has been idle by then."""
        self.thread.call(lambda: self.pool.retire_idle(now))


@pytest.fixture(params=LOOPS, ids=["uvloop", "asyncio"])
def thread(request: pytest.FixtureRequest) -> Iterator[LoopThread]:
    running = LoopThread(request.param)
    yield running
    running.close()
    assert not running.errors


@pytest.fixture(autouse=True)
def _none_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "FRESH_AHEAD", 0.0)


@pytest.fixture
def setting(thread: LoopThread, upstream: ScriptedUpstream) -> Iterator[Setting]:
    """A pool whose upstream tells the truth; nothing of it is left open."""
    made = Setting(thread, upstream.port)
    yield made
    thread.call(made.pool.close)
    assert made.pool.sockets == 0


def ports(upstream: ScriptedUpstream) -> list[int]:
    return [received.peer[1] for received in upstream.received]


def test_reports_responses(setting: Setting, upstream: ScriptedUpstream) -> None:
    attempts = setting.send(*[0.0] * 200)
    wait_for(lambda: len(setting.report.messages) == 200, "all responses are reported")
    setting.release(*attempts)
    asked = [received.query for received in upstream.received]
    assert sorted(asked) == sorted(attempt.message for attempt in attempts)
    answered = {data[:2] for data in setting.report.messages}
    assert answered == {attempt.message[:2] for attempt in attempts}
    assert (setting.report.errors, setting.mismatches) == ([], 0)


def test_over_ipv6(thread: LoopThread) -> None:
    with ScriptedUpstream(telling(), "::1") as upstream:
        setting = Setting(thread, upstream.port, "::1")
        attempts = setting.send(0.0)
        wait_for(lambda: setting.report.messages, "the response is reported")
        setting.release(*attempts)
        thread.call(setting.pool.close)


def test_a_datagram_from_another_port_is_not_received(
    setting: Setting, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda query, *_: [
        (0.0, FromElsewhere(b"forged")),
        (0.05, respond(query)),
    ]
    attempts = setting.send(0.0)
    wait_for(lambda: setting.report.messages, "the response is reported")
    setting.release(*attempts)
    assert setting.report.messages == [respond(attempts[0].message)]
    assert setting.mismatches == 0


def test_what_answers_nothing_is_counted_an_empty_datagram_too(
    setting: Setting, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda query, *_: [
        (0.0, b""),
        (0.02, query[:1]),
        (0.04, bytes([query[0], query[1] ^ 1]) + query[2:]),
        (0.06, query[:2]),
        (0.08, b"\0" * 4),
        (0.10, respond(query)),
    ]
    attempts = setting.send(0.0, query_id=0x0101)
    wait_for(lambda: len(setting.report.messages) == 2, "what has the ID is reported")
    setting.release(*attempts)
    assert setting.report.messages == [attempts[0].message[:2], respond(attempts[0].message)]
    assert setting.mismatches == 4


def test_what_comes_late_or_twice_is_no_forgery(
    setting: Setting, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda query, *_: [(0.05, respond(query)), (0.05, respond(query))]
    late, answered = setting.send(0.0, 0.0)
    setting.release(late)
    wait_for(lambda: setting.report.messages, "the other is reported")
    setting.release(answered)
    again = setting.send(0.0)
    wait_for(lambda: len(setting.report.messages) > 1, "whatever came before has been read")
    setting.release(*again)
    assert setting.mismatches == 0


class TestPorts:
    def test_each_is_fresh_after_a_while(
        self, setting: Setting, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        attempts = setting.send(*(number * APART for number in range(300)), flush=True)
        wait_for(lambda: len(upstream.received) == 300, "all queries arrive")
        setting.release(*attempts)
        drawn = set(ports(upstream))
        assert len(drawn) > 280
        assert min(drawn) < 12_000
        assert max(drawn) > 55_000

    def test_messages_of_one_moment_share_one(
        self, setting: Setting, upstream: ScriptedUpstream
    ) -> None:
        attempts = setting.send(*[0.0] * 150)
        wait_for(lambda: len(setting.report.messages) == 150, "all are answered")
        setting.release(*attempts)
        assert len(set(ports(upstream))) == 1

    def test_when_it_is_early_it_is_one_of_the_latest(
        self, setting: Setting, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        fresh = setting.send(*(number * APART for number in range(100)), flush=True)
        setting.release(*fresh)
        assert setting.pool.sockets == MAX_LIVE
        early = setting.send(*[99 * APART] * 150, flush=True)
        wait_for(lambda: len(upstream.received) == 250, "all queries arrive")
        setting.release(*early)
        drawn = ports(upstream)[100:]
        assert set(drawn) <= set(ports(upstream)[100 - MAX_LIVE : 100])
        assert len(set(drawn)) > MAX_LIVE / 2
        assert all(drawn.count(port) < 25 for port in drawn)

    def test_none_is_used_again_after_renewing(
        self, setting: Setting, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        before = setting.send(*[0.0] * 20, flush=True)
        setting.thread.call(setting.pool.renew)
        after = setting.send(*[0.0] * 20, flush=True)
        wait_for(lambda: len(upstream.received) == 40, "all queries arrive")
        setting.release(*before, *after)
        drawn = ports(upstream)
        assert set(drawn[:20]).isdisjoint(drawn[20:])

    def test_some_may_be_fresh_at_once(
        self, setting: Setting, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upstream.script = silent
        monkeypatch.setattr(pools, "FRESH_AHEAD", 20 * FRESH_EVERY)
        attempts = setting.send(*[0.0] * 100, flush=True)
        wait_for(lambda: len(upstream.received) == 100, "all queries arrive")
        attempts += setting.send(10 * FRESH_EVERY, flush=True)
        wait_for(lambda: len(upstream.received) == 101, "one more arrives")
        setting.release(*attempts)
        drawn = ports(upstream)
        assert len(set(drawn[:20])) == 20
        assert set(drawn[21:100]) <= set(drawn[:21])
        assert drawn[100] not in drawn[:100]

    def test_an_id_that_is_taken_is_sent_from_another(
        self, setting: Setting, upstream: ScriptedUpstream
    ) -> None:
        attempts = setting.send(*[0.0] * 5, query_id=0x0707)
        wait_for(lambda: len(setting.report.messages) == 5, "all are answered")
        setting.release(*attempts)
        assert len(set(ports(upstream))) == 5


def test_all_that_takes_long_gives_precedence(setting: Setting, upstream: ScriptedUpstream) -> None:
    upstream.script = silent
    attempts = setting.send(0.0, flush=True)
    assert setting.looks == 5, "before a port, when bound, connected, listened on; a message sent"
    attempts += setting.send(0.0, 0.0)
    wait_for(lambda: len(upstream.received) == 3, "all queries arrive")
    assert setting.looks == 6, "two were sent at once"
    setting.release(*attempts)
    setting.retire_idle(PORT_IDLE_SECONDS)
    assert setting.looks == 7, "the port was closed"


class TestBounds:
    def test_what_has_done_its_part_closes_with_its_last_attempt(
        self, setting: Setting, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = silent
        count = MAX_LIVE + 10
        attempts = setting.send(*(number * APART for number in range(count)), flush=True)
        assert setting.pool.sockets == count
        setting.release(*attempts)
        assert setting.pool.sockets == MAX_LIVE

    def test_an_idle_pool_is_empty(self, setting: Setting, upstream: ScriptedUpstream) -> None:
        upstream.script = silent
        attempts = setting.send(0.0, 1.0, 2.0, flush=True)
        setting.release(attempts[0], attempts[2])
        setting.retire_idle(1.0 + PORT_IDLE_SECONDS)
        assert setting.pool.sockets == 2
        setting.release(attempts[1])
        setting.retire_idle(2.0 + PORT_IDLE_SECONDS)
        assert setting.pool.sockets == 0

    def test_of_sockets(
        self, setting: Setting, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pools, "MAX_SOCKETS", 4)
        attempts = setting.send(*(number * APART for number in range(50)), flush=True)
        assert setting.pool.sockets == 4
        wait_for(lambda: len(setting.report.messages) == 50, "all are answered")
        setting.release(*attempts)

    def test_of_messages_from_one_port(
        self, setting: Setting, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pools, "MAX_USES", 10)
        attempts = setting.send(*[0.0] * 35, flush=True)
        wait_for(lambda: len(setting.report.messages) == 35, "all are answered")
        setting.release(*attempts)
        assert max(ports(upstream).count(port) for port in ports(upstream)) == 10

    def test_without_descriptors_the_latest_are_used(
        self, setting: Setting, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        first = setting.send(0.0)
        with monkeypatch.context() as patched:
            patched.setattr(pools, "open_socket", refuse)
            more = setting.send(1.0, 2.0, flush=True)
            wait_for(lambda: len(setting.report.messages) == 3, "all are answered")
            setting.release(*first, *more)
            setting.retire_idle(4.0)
            with pytest.raises(OSError, match="Too many open files"):
                setting.send(5.0)
        assert len(set(ports(upstream))) == 1


class TestRefusal:
    def test_fails_all_that_is_on_the_socket(self, thread: LoopThread) -> None:
        setting = Setting(thread, free_port())
        setting.send(0.0, 0.0, 0.0)
        wait_for(lambda: setting.pool.sockets == 0, "nothing is left open")
        errors = [error and error.errno for error in setting.report.errors]
        assert errors == [errno.ECONNREFUSED] * 3

    def test_met_in_sending(self, thread: LoopThread) -> None:
        setting = Setting(thread, free_port())
        setting.send(0.0, 0.0, 0.0, flush=True)
        wait_for(lambda: setting.pool.sockets == 0, "nothing is left open")
        errors = [error and error.errno for error in setting.report.errors]
        assert errors == [errno.ECONNREFUSED] * 3

    def test_out_of_reach(self, thread: LoopThread) -> None:
        setting = Setting(thread, 53, "255.255.255.255")
        with pytest.raises(OSError, match=r"Invalid argument|Permission denied|unreachable"):
            setting.send(0.0)
        assert setting.pool.sockets == 0


class TestMistrust:
    def test_after_so_many_messages_that_answer_nothing(
        self, setting: Setting, upstream: ScriptedUpstream
    ) -> None:
        upstream.script = lambda query, *_: [(0.0, _other_id(query))] * (MAX_MISMATCHES - 1)
        setting.send(0.0)
        wait_for(lambda: setting.mismatches == MAX_MISMATCHES - 1, "all but one have come")
        assert (setting.report.distrust, setting.pool.sockets) == (0, 1)
        upstream.script = lambda query, *_: [(0.0, _other_id(query))]
        setting.send(0.0)
        wait_for(lambda: setting.pool.sockets == 0, "nothing is left open")
        assert setting.report.distrust == 2

    def test_after_so_many_with_the_right_id_and_nothing_more(
        self, setting: Setting, upstream: ScriptedUpstream
    ) -> None:
        setting.report.believing = False
        upstream.script = lambda query, *_: [(0.0, query)] * MAX_MISMATCHES
        setting.send(0.0)
        wait_for(lambda: setting.pool.sockets == 0, "nothing is left open")
        assert setting.report.distrust == 1
        assert len(setting.report.messages) == MAX_MISMATCHES


def test_a_closed_pool_keeps_nothing_open_but_what_is_under_way(
    setting: Setting, upstream: ScriptedUpstream
) -> None:
    upstream.script = telling(delay=0.05)
    before = setting.send(0.0)
    setting.thread.call(setting.pool.close)
    after = setting.send(1.0)
    wait_for(lambda: len(setting.report.messages) == 2, "both are answered")
    assert setting.pool.sockets == 2
    setting.release(*before, *after)
    assert setting.pool.sockets == 0


def _other_id(query: bytes) -> bytes:
    return bytes([query[0] ^ 1]) + query[1:]
