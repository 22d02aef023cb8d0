"""One message to one upstream: sockets, and what is reported of them."""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator

import pytest
import uvloop

from dnsguard.core.generation import Upstream
from dnsguard.core.retry import Attempt
from dnsguard.net.attempt import DatagramAttempt, StreamAttempt
from tests.support.loops import LoopThread, wait_for
from tests.support.nsd import free_port
from tests.support.scripted import FromElsewhere, ScriptedUpstream, hanging_up, respond, silent
from tests.support.shell import make_query

LOOPS = [uvloop.new_event_loop, asyncio.new_event_loop]
QUERY = make_query("www.example.org", id=4711)
KINDS = [DatagramAttempt, StreamAttempt]


class Report:
    """Takes down what an attempt reports."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.errors: list[OSError | None] = []

    def received(self, attempt: Attempt, data: bytes) -> None:
        self.messages.append(data)

    def failed(self, attempt: Attempt, error: OSError | None) -> None:
        self.errors.append(error)


@pytest.fixture(params=LOOPS, ids=["uvloop", "asyncio"])
def thread(request: pytest.FixtureRequest) -> Iterator[LoopThread]:
    running = LoopThread(request.param)
    yield running
    running.close()
    assert not running.errors


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(lambda query, *_: [(0.0, respond(query))]) as running:
        yield running


def start(
    thread: LoopThread, kind: type, port: int, address: str = "127.0.0.1"
) -> tuple[Report, DatagramAttempt | StreamAttempt]:
    tcp = kind is StreamAttempt
    server = Upstream("", address, port, tcp, trusted=False, counter=0)
    attempt = Attempt(0, tcp, 4711, QUERY, b"", 1.0)
    report = Report()
    make: Callable[[], DatagramAttempt | StreamAttempt]
    make = lambda: kind(report, attempt, server, thread.loop)  # noqa: E731 - runs in the loop
    return report, thread.call(make)


@pytest.mark.parametrize("kind", KINDS)
def test_reports_the_response(thread: LoopThread, upstream: ScriptedUpstream, kind: type) -> None:
    report, attempt = start(thread, kind, upstream.port)
    wait_for(lambda: report.messages, "the response is reported")
    thread.call(attempt.close)
    assert report.messages == [respond(QUERY)]
    assert report.errors == []
    assert upstream.received[0].query == QUERY


def test_a_datagram_from_another_port_is_not_received(
    thread: LoopThread, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda query, *_: [
        (0.0, FromElsewhere(b"forged")),
        (0.05, respond(query)),
    ]
    report, attempt = start(thread, DatagramAttempt, upstream.port)
    wait_for(lambda: report.messages, "the response is reported")
    thread.call(attempt.close)
    assert report.messages == [respond(QUERY)]


def test_every_datagram_is_reported_an_empty_one_too(
    thread: LoopThread, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda *_: [(0.0, b""), (0.02, b"x" * 65_000), (0.04, b"last")]
    report, attempt = start(thread, DatagramAttempt, upstream.port)
    wait_for(lambda: len(report.messages) == 3, "all are reported")
    thread.call(attempt.close)
    assert report.messages == [b"", b"x" * 65_000, b"last"]


@pytest.mark.parametrize("kind", KINDS)
def test_reports_a_refusal(thread: LoopThread, kind: type) -> None:
    report, attempt = start(thread, kind, free_port())
    wait_for(lambda: report.errors, "the refusal is reported")
    thread.call(attempt.close)
    assert [error and error.errno for error in report.errors] == [errno.ECONNREFUSED]


@pytest.mark.parametrize("kind", KINDS)
def test_reports_nothing_after_it_was_closed(
    thread: LoopThread, upstream: ScriptedUpstream, kind: type
) -> None:
    upstream.script = lambda query, *_: [(0.03, respond(query)), (0.03, None)]
    report, attempt = start(thread, kind, upstream.port)
    wait_for(lambda: upstream.received, "the query arrives")
    thread.call(attempt.close)
    other, second = start(thread, kind, upstream.port)
    wait_for(lambda: other.messages, "the response of another attempt arrives")
    thread.call(second.close)
    assert (report.messages, report.errors) == ([], [])


@pytest.mark.parametrize("kind", KINDS)
def test_closed_before_it_is_connected(
    thread: LoopThread, upstream: ScriptedUpstream, kind: type
) -> None:
    server = Upstream("", "127.0.0.1", upstream.port, True, trusted=False, counter=0)
    report = Report()
    attempt = Attempt(0, True, 4711, QUERY, b"", 1.0)
    thread.call(lambda: kind(report, attempt, server, thread.loop).close())
    wait_for(lambda: len(thread.call(asyncio.all_tasks)) <= 1, "the task ends")
    assert (report.messages, report.errors) == ([], [])


def test_a_stream_is_read_however_it_is_cut(thread: LoopThread) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        report, attempt = start(thread, StreamAttempt, server.getsockname()[1])
        connection, _ = server.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for octet in b"\0\5hello":
                connection.send(bytes([octet]))
            wait_for(lambda: report.messages, "the response is reported")
            thread.call(attempt.close)
    assert report.messages == [b"hello"]


def test_a_stream_that_ends_too_early_is_reported(
    thread: LoopThread, upstream: ScriptedUpstream
) -> None:
    upstream.script = hanging_up
    report, attempt = start(thread, StreamAttempt, upstream.port)
    wait_for(lambda: report.errors, "the end is reported")
    thread.call(attempt.close)
    assert report.errors == [None]


@pytest.mark.parametrize("kind", KINDS)
def test_ipv6(thread: LoopThread, kind: type) -> None:
    with ScriptedUpstream(lambda query, *_: [(0.0, respond(query))], "::1") as upstream:
        report, attempt = start(thread, kind, upstream.port, "::1")
        wait_for(lambda: report.messages, "the response is reported")
        thread.call(attempt.close)


def test_without_descriptors_the_error_is_raised_and_nothing_leaks(
    thread: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("dnsguard.net.attempt.socket.socket", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        start(thread, DatagramAttempt, 9)


def test_an_upstream_out_of_reach_is_raised_and_nothing_leaks(thread: LoopThread) -> None:
    with pytest.raises(OSError, match=r"Invalid argument|Permission denied|unreachable"):
        start(thread, DatagramAttempt, 53, "255.255.255.255")


def test_ports_are_drawn_from_the_whole_range(
    thread: LoopThread, upstream: ScriptedUpstream
) -> None:
    upstream.script = silent
    for _ in range(300):
        thread.call(start(thread, DatagramAttempt, upstream.port)[1].close)
    wait_for(lambda: len(upstream.received) == 300, "all queries arrive")
    ports = {received.peer[1] for received in upstream.received}
    assert len(ports) > 280
    assert min(ports) < 12_000
    assert max(ports) > 55_000
