"""An upstream over TCP that promises, drips, floods or hangs: the next one is asked."""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import pytest

from dnsguard.core import counters
from tests.support.generations import Setup
from tests.support.loops import LoopThread, wait_for
from tests.support.scripted import FORGED, TRUE, ScriptedUpstream, respond, telling
from tests.support.shell import Shell, addresses

TAKEN = 64 << 20  # octets, most of them in buffers of the kernel
ENDLESS = 1 << 30

Serve = Callable[["Hostile", bytes, asyncio.StreamWriter], Awaitable[None]]


class Hostile:
    """A TCP server that answers each query by octets of its own choice."""

    def __init__(self, serve: Serve) -> None:
        self.serve = serve
        self.queries = 0
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread = LoopThread()
        self._thread.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.call(self._server.close)
        self._thread.close()

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        await writer.drain()
        self.sent += len(data)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            length = await reader.readexactly(2)
            query = await reader.readexactly(int.from_bytes(length, "big"))
            self.queries += 1
            await self.serve(self, query, writer)
            await reader.read()  # until the other end has enough
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


async def promising(server: Hostile, query: bytes, writer: asyncio.StreamWriter) -> None:
    """Announce 65,535 octets, send some and hang."""
    await server.send(writer, b"\xff\xff" + respond(query, f"@ 60 A {FORGED}"))


async def dripping(server: Hostile, query: bytes, writer: asyncio.StreamWriter) -> None:
    """Announce 65,535 octets and send one after another."""
    await server.send(writer, b"\xff\xff")
    while True:
        await server.send(writer, b"x")
        await asyncio.sleep(0.01)


async def half_a_length(server: Hostile, query: bytes, writer: asyncio.StreamWriter) -> None:
    """Send one octet and hang."""
    await server.send(writer, b"\x00")


async def empty(server: Hostile, query: bytes, writer: asyncio.StreamWriter) -> None:
    """Send empty messages without end."""
    while server.sent < ENDLESS:
        await server.send(writer, bytes(65_536))


async def garbage(server: Hostile, query: bytes, writer: asyncio.StreamWriter) -> None:
    """Send the longest messages without end, none of them an answer."""
    while server.sent < ENDLESS:
        await server.send(writer, b"\xff\xff" + query[:2] + bytes(65_533))


async def others(server: Hostile, query: bytes, writer: asyncio.StreamWriter) -> None:
    """Send well-formed answers without end, with IDs that nobody asked with."""
    answer = respond(query, f"@ 60 A {FORGED}")
    wrong = (int.from_bytes(answer[:2], "big") ^ 1).to_bytes(2, "big") + answer[2:]
    while server.sent < ENDLESS:
        await server.send(writer, (struct.pack("!H", len(wrong)) + wrong) * 1_000)


async def hanging(server: Hostile, query: bytes, writer: asyncio.StreamWriter) -> None:
    """Say nothing."""


async def cutting(server: Hostile, query: bytes, writer: asyncio.StreamWriter) -> None:
    """Cut the connection off."""
    writer.transport.abort()


HOSTILE = (promising, dripping, half_a_length, empty, garbage, others, hanging, cutting)


def failures(shell: Shell) -> int:
    """Return how often the first upstream failed."""
    counter = shell.upstreams.generation.upstreams[0].counter
    return sum(shell.page[counter + number] for number in range(len(counters.UPSTREAM_ERRORS)))


def check_next_is_asked(serve: Serve) -> None:
    with (
        ScriptedUpstream(telling()) as honest,
        Hostile(serve) as hostile,
        Shell(Setup(upstreams=[hostile.url, honest.tcp_url])) as shell,
    ):
        assert addresses(shell.ask("www.example.org")) == [TRUE]
        wait_for(lambda: failures(shell) > 0, "the failure of the first upstream is counted")
        assert hostile.queries > 0
        wait_for(lambda: shell.upstreams.pending == 0, "nothing is left")
        assert hostile.sent < TAKEN


@pytest.fixture(scope="module")
def checks() -> Iterator[Mapping[Serve, Future[None]]]:
    """Checks of all hostile upstreams at once, for it takes seconds until the silent are lost."""
    with ThreadPoolExecutor(len(HOSTILE)) as threads:
        yield {serve: threads.submit(check_next_is_asked, serve) for serve in HOSTILE}


@pytest.mark.parametrize("serve", HOSTILE)
def test_the_next_upstream_is_asked_and_little_is_taken(
    checks: Mapping[Serve, Future[None]], serve: Serve
) -> None:
    checks[serve].result()


def test_what_follows_an_answer_is_not_taken() -> None:
    async def more(server: Hostile, query: bytes, writer: asyncio.StreamWriter) -> None:
        answer = respond(query, f"@ 60 A {TRUE}")
        await server.send(writer, struct.pack("!H", len(answer)) + answer)
        while server.sent < ENDLESS:
            await server.send(writer, b"\xff\xff" + bytes(65_535))

    with Hostile(more) as hostile, Shell(Setup(upstreams=[hostile.url])) as shell:
        for number in range(3):
            assert addresses(shell.ask(f"n{number}.example.org")) == [TRUE]
        assert hostile.sent < TAKEN
