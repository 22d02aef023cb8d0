"""One message over TCP, and what is reported of it."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from dnsguard.core.generation import Upstream
from dnsguard.core.route import Attempt
from dnsguard.net.attempt import SEGMENT, StreamAttempt
from tests.support.dns_server import free_port
from tests.support.loops import LoopThread, wait_for
from tests.support.receiving import Report
from tests.support.scripted import ScriptedUpstream, hanging_up, respond
from tests.support.shell import make_query

LOOPS = [uvloop.new_event_loop, asyncio.new_event_loop]
QUERY = make_query("www.example.org", id=4711)


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
    thread: LoopThread, port: int, address: str = "127.0.0.1"
) -> tuple[Report, StreamAttempt]:
    server = Upstream("", address, port, tcp=True, trusted=False, counter=0)
    attempt = Attempt(0, QUERY, tcp=True)
    attempt.receiver = report = Report()
    return report, thread.call(lambda: StreamAttempt(attempt, server, thread.loop, set()))


def release(thread: LoopThread, stream: StreamAttempt) -> None:
    thread.call(lambda: stream.release(stream._attempt))


def test_reports_the_response(thread: LoopThread, upstream: ScriptedUpstream) -> None:
    report, stream = start(thread, upstream.port)
    wait_for(lambda: report.messages, "the response is reported")
    release(thread, stream)
    assert report.messages == [respond(QUERY)]
    assert report.errors == []
    assert upstream.received[0].query == QUERY


def test_reports_a_refusal(thread: LoopThread) -> None:
    report, stream = start(thread, free_port())
    wait_for(lambda: report.errors, "the refusal is reported")
    release(thread, stream)
    assert [error and error.errno for error in report.errors] == [errno.ECONNREFUSED]


def test_reports_nothing_after_it_was_released(
    thread: LoopThread, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda query, *_: [(0.03, respond(query)), (0.03, None)]
    report, stream = start(thread, upstream.port)
    wait_for(lambda: upstream.received, "the query arrives")
    release(thread, stream)
    other, second = start(thread, upstream.port)
    wait_for(lambda: other.messages, "the response of another attempt arrives")
    release(thread, second)
    assert (report.messages, report.errors) == ([], [])


def test_released_before_it_is_connected(thread: LoopThread, upstream: ScriptedUpstream) -> None:
    server = Upstream("", "127.0.0.1", upstream.port, tcp=True, trusted=False, counter=0)
    attempt = Attempt(0, QUERY, tcp=True)
    attempt.receiver = report = Report()
    thread.call(lambda: StreamAttempt(attempt, server, thread.loop, set()).release(attempt))
    wait_for(lambda: len(thread.call(asyncio.all_tasks)) <= 1, "the task ends")
    assert (report.messages, report.errors) == ([], [])


def test_released_at_any_time_it_leaves_nothing_open(
    thread: LoopThread, upstream: ScriptedUpstream
) -> None:
    before = open_sockets()
    for steps in range(12):  # of the loop: it connects, sends and waits meanwhile
        thread.run(release_after(steps, upstream.port))
        report, stream = start(thread, upstream.port)
        wait_for(lambda report=report: report.messages, "the loop goes on")  # type: ignore[misc]
        release(thread, stream)
    wait_for(lambda: len(thread.call(asyncio.all_tasks)) <= 1, "the tasks end")
    wait_for(lambda: open_sockets() == before, "all are closed at both ends")


def test_released_while_the_upstream_does_not_take_the_connection(thread: LoopThread) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        place = full.getsockname()
        with socket.create_connection(place):  # it fills the queue: who comes now is not heard
            before = open_sockets()
            report, stream = start(thread, place[1])
            wait_for(lambda: open_sockets() > before, "it connects")
            release(thread, stream)
            wait_for(lambda: open_sockets() == before, "its socket is closed")
    assert (report.messages, report.errors) == ([], [])


def test_segments_of_the_upstream_pass_any_link(thread: LoopThread) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        _, stream = start(thread, server.getsockname()[1])
        with server.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= SEGMENT
        release(thread, stream)


def open_sockets() -> int:
    """Return how many sockets this process has open."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += str(descriptor.readlink()).startswith("socket:")
        except FileNotFoundError:  # closed meanwhile
            continue
    return count


async def release_after(steps: int, port: int) -> None:
    """Start an attempt and release it after so many steps of the loop."""
    server = Upstream("", "127.0.0.1", port, tcp=True, trusted=False, counter=0)
    attempt = Attempt(0, QUERY, tcp=True)
    attempt.receiver = Report()
    stream = StreamAttempt(attempt, server, asyncio.get_running_loop(), set())
    for _ in range(steps):
        await asyncio.sleep(0)
    stream.release(attempt)


def test_is_read_however_it_is_cut(thread: LoopThread) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        report, stream = start(thread, server.getsockname()[1])
        connection, _ = server.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for octet in b"\0\5hello":
                connection.send(bytes([octet]))
            wait_for(lambda: report.messages, "the response is reported")
            release(thread, stream)
    assert report.messages == [b"hello"]


def test_an_end_too_early_is_reported(thread: LoopThread, upstream: ScriptedUpstream) -> None:
    upstream.script = hanging_up
    report, stream = start(thread, upstream.port)
    wait_for(lambda: report.errors, "the end is reported")
    release(thread, stream)
    assert report.errors == [None]


def test_ipv6(thread: LoopThread) -> None:
    with ScriptedUpstream(lambda query, *_: [(0.0, respond(query))], "::1") as upstream:
        report, stream = start(thread, upstream.port, "::1")
        wait_for(lambda: report.messages, "the response is reported")
        release(thread, stream)
