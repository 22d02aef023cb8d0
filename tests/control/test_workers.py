"""Worker slots with real worker processes in them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import dns.asyncquery
import dns.message
import pytest
import uvloop

from dnsguard.control import workers
from dnsguard.control.counting import Page
from dnsguard.control.sockets import open_sockets
from dnsguard.control.workers import Worker
from dnsguard.core import counters
from tests.support.generations import Setup
from tests.support.loops import DEADLINE
from tests.support.shell import addresses
from tests.support.workers import Endpoint, memory_file

PRINTER = "printer.city.internal"
Scenario = Callable[["Slot"], Awaitable[None]]


class Slot:
    """One worker slot, with the generation that it is told to serve by."""

    def __init__(self) -> None:
        self.number = 0
        self.descriptors: list[int] = []
        self.page = Page()
        self.sockets = open_sockets([Endpoint()], 1, [])
        self.change(1)
        fds = [listening.socket.fileno() for listening in self.sockets]
        self.worker = Worker(
            0, self.page, fds, lambda: (self.descriptors, self.number), dict(os.environ)
        )

    def change(self, number: int) -> None:
        """Set the generation; its number is in the answer."""
        self._close_generation()
        self.number = number
        record = f"{PRINTER}. 300 IN A 10.0.0.{number}"
        setup = Setup(local_records=[record], upstreams=["udp://127.0.0.1:9"], number=number)
        self.descriptors = [memory_file(buffer) for buffer in setup.buffers()]

    async def ask(self) -> int:
        """Return which generation answers."""
        query = dns.message.make_query(PRINTER, "A")
        port = self.sockets[0].port
        answer = await dns.asyncquery.udp(query, "127.0.0.1", DEADLINE, port)
        return int(addresses(answer)[0].rpartition(".")[2])

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds."""
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await asyncio.sleep(0.005)

    def close(self) -> None:
        """Close what the slot was given."""
        self._close_generation()
        self.page.close()
        for listening in self.sockets:
            listening.socket.close()

    def _close_generation(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


@asynccontextmanager
async def filled() -> AsyncIterator[Slot]:
    slot = Slot()
    task = asyncio.create_task(slot.worker.run())
    try:
        async with asyncio.timeout(DEADLINE):
            await slot.worker.listening.wait()
        yield slot
    finally:
        slot.worker.kill()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        process = slot.worker._process
        if process is not None:
            await process.wait()
        slot.close()


def run(scenario: Scenario) -> None:
    async def play() -> None:
        async with filled() as slot:
            await scenario(slot)

    uvloop.run(play())


def test_starts_with_the_generation_in_force() -> None:
    async def scenario(slot: Slot) -> None:
        assert slot.worker.serving == 1
        assert slot.worker.pid is not None
        assert await slot.ask() == 1

    run(scenario)


def test_once_a_swap_has_returned_none_answers_by_the_old() -> None:
    async def scenario(slot: Slot) -> None:
        for number in range(2, 40):
            slot.change(number)
            await slot.worker.swap()
            assert await slot.ask() == number

    run(scenario)


def test_a_killed_worker_is_replaced_and_no_query_is_lost() -> None:
    async def scenario(slot: Slot) -> None:
        first = slot.worker.pid
        assert first is not None
        await slot.ask()
        answers = counters.response_index(4, 0)
        assert slot.page.read(counters.PAGE_SIZE)[answers] == 1
        os.kill(first, signal.SIGKILL)
        assert await slot.ask() == 1  # waits in the socket until the next one takes it
        await slot.until(slot.worker.listening.is_set)
        assert slot.worker.pid != first
        assert slot.worker.restarts == 1
        assert slot.page.read(counters.PAGE_SIZE)[answers] == 2

    run(scenario)


def test_a_worker_that_stands_still_is_replaced_at_a_swap(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(workers, "SWAP_TIMEOUT", 0.2)

    async def scenario(slot: Slot) -> None:
        first = slot.worker.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        slot.change(2)
        await slot.worker.swap()
        assert await slot.ask() == 2
        assert slot.worker.pid != first

    run(scenario)
    assert "does not take generation 2" in caplog.text


def test_a_worker_that_stands_still_is_replaced_unasked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(workers, "MISSED_BEATS", 3)

    async def scenario(slot: Slot) -> None:
        await slot.until(lambda: slot.page.read(counters.FIRST_FREE)[counters.BEATS] >= 2)
        first = slot.worker.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        assert await slot.ask() == 1  # waits in the socket until the next one takes it
        assert slot.worker.pid != first
        assert slot.worker.restarts == 1

    run(scenario)
    assert "worker 0 stands still: killing it" in caplog.text


def test_a_swap_while_nobody_fills_the_slot_returns_and_the_next_starts_with_it() -> None:
    async def scenario(slot: Slot) -> None:
        assert slot.worker.pid is not None
        os.kill(slot.worker.pid, signal.SIGKILL)
        await slot.until(lambda: slot.worker.pid is None)
        slot.change(2)
        async with asyncio.timeout(DEADLINE):
            await slot.worker.swap()
        assert await slot.ask() == 2

    run(scenario)


def test_a_worker_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(slot: Slot) -> None:
        assert slot.worker.pid is not None
        with monkeypatch.context() as patched:
            patched.setattr("sys.executable", "/nowhere/python")
            os.kill(slot.worker.pid, signal.SIGKILL)
            await slot.until(lambda: slot.worker.restarts >= 2)
        assert await slot.ask() == 1

    run(scenario)
    assert "cannot be started" in caplog.text


def test_a_worker_that_ends_in_good_order_is_replaced_too() -> None:
    async def scenario(slot: Slot) -> None:
        for _ in range(3):
            assert slot.worker.pid is not None
            os.kill(slot.worker.pid, signal.SIGTERM)
            await slot.until(lambda: slot.worker.pid is None)
            await slot.until(slot.worker.listening.is_set)
        assert slot.worker.restarts == 3
        assert await slot.ask() == 1

    run(scenario)
