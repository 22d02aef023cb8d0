"""A worker process: the data plane. It touches neither disk nor the admin's HTTP.

Started by the control plane with descriptors for the channel, its page of counters and its
sockets. It serves from the first generation it is sent until the channel ends.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import mmap
import os
import resource
import signal
import socket
from time import monotonic, time
from typing import cast

import uvloop

from dnsguard import log
from dnsguard.core import counters
from dnsguard.core.generation import Generation, parse_generation
from dnsguard.core.resolver import Resolver
from dnsguard.net import channel
from dnsguard.net.pool import PORT_IDLE_SECONDS
from dnsguard.net.stream import Connections, StreamConnection
from dnsguard.net.udp import DatagramListener
from dnsguard.net.upstream import Upstreams

GARBAGE_THRESHOLD = 50_000  # objects more than were freed, until the collector looks at them

_log = logging.getLogger(__name__)


class Worker:
    """One worker's shells around one resolver."""

    def __init__(
        self, control: socket.socket, page: counters.Page, sockets: list[socket.socket]
    ) -> None:
        self._control = control
        self._page = page
        self._sockets = sockets
        self._loop = asyncio.get_running_loop()
        self._resolver: Resolver | None = None
        self._upstreams: Upstreams
        self._listeners: list[DatagramListener] = []
        self._servers: list[asyncio.Server] = []
        self._stopped = asyncio.Event()
        self._exit_code = 0

    async def run(self) -> int:
        """Serve until the channel ends or SIGTERM comes; return the exit code."""
        self._loop.add_signal_handler(signal.SIGTERM, self._stopped.set)
        self._loop.add_reader(self._control, self._take_messages)
        self._loop.call_later(1.0, self._tick)
        self._loop.call_later(PORT_IDLE_SECONDS / 2, self._retire_idle)
        await self._stopped.wait()
        return self._exit_code

    def _take_messages(self) -> None:
        while True:
            try:
                received = channel.receive(self._control)
                if received is None:
                    self._stopped.set()
                    return
                generation = _take_generation(received[1])
            except BlockingIOError:
                return
            except (ValueError, OSError):
                # Not acknowledged, so that the control plane knows; the one before goes on.
                self._page[counters.INTERNAL_ERRORS] += 1
                _log.exception("a generation cannot be loaded; please report this")
                return
            self._load(generation)

    def _load(self, generation: Generation) -> None:
        """Swap a generation in: one assignment each, nothing that can fail half-way."""
        if self._resolver is None:
            self._resolver = Resolver(generation.policy, generation.settings, self._page)
            self._resolver.replies.cookies.set_clock(time(), monotonic())
            self._upstreams = Upstreams(self._resolver, self._loop, generation)
            self._loop.create_task(self._listen()).add_done_callback(self._listening)
        else:
            self._resolver.swap(generation.policy, generation.settings)
            self._upstreams.configure(generation)
        self._tell({"serving": generation.number})

    def _tell(self, message: dict[str, int]) -> None:
        # Without the control plane the channel ends; if it takes nothing, it replaces us.
        with contextlib.suppress(OSError):
            channel.send(self._control, message)

    async def _listen(self) -> None:
        assert self._resolver is not None  # noqa: S101 - set just before
        connections = Connections(self._resolver, self._upstreams)
        for sock in self._sockets:
            if sock.type == socket.SOCK_DGRAM:
                self._listeners.append(
                    DatagramListener(sock, self._resolver, self._upstreams, self._loop)
                )
            else:
                server = await self._loop.create_server(
                    lambda: StreamConnection(connections, self._loop), sock=sock, backlog=512
                )
                self._servers.append(server)

    def _listening(self, task: "asyncio.Task[None]") -> None:
        if task.exception() is not None:
            _log.error("cannot listen", exc_info=task.exception())
            self._exit_code = 1
            self._stopped.set()
            return
        self._upstreams.probe()
        self._tell({"listening": os.getpid()})

    def _tick(self) -> None:
        self._loop.call_later(1.0, self._tick)
        self._page[counters.BEATS] += 1
        if self._resolver is not None:
            # The wall clock may be set at any time.
            self._resolver.replies.cookies.set_clock(time(), monotonic())
            self._page[counters.CACHE_ENTRIES] = len(self._resolver.cache)
            self._page[counters.CACHE_BYTES] = self._resolver.cache.bytes
            self._upstreams.probe()

    def _retire_idle(self) -> None:
        self._loop.call_later(PORT_IDLE_SECONDS / 2, self._retire_idle)
        if self._resolver is not None:
            self._upstreams.retire_idle()


def _take_generation(descriptors: list[int]) -> Generation:
    """Return the generation in the files of a message, and close the message's descriptors."""
    try:
        if len(descriptors) != 2:
            raise ValueError("a message must bring two descriptors: the generation's, the lists'")
        return map_generation(*descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def map_generation(descriptor: int, lists: int) -> Generation:
    """Map a generation and the image of its lists, and parse them; the files may be closed after.

    Pages are shared: whoever maps the same image adds next to nothing.
    """
    mapped, mapped_lists = (
        mmap.mmap(number, 0, prot=mmap.PROT_READ) for number in (descriptor, lists)
    )
    return parse_generation(memoryview(mapped), memoryview(mapped_lists))


def map_page(descriptor: int) -> counters.Page:
    """Map a page of counters."""
    mapped = mmap.mmap(descriptor, counters.PAGE_SIZE * 8)
    return cast(counters.Page, memoryview(mapped).cast("Q"))  # but for growing, it is one


def main() -> None:
    """Run a worker; what it needs is on the command line, most of it as descriptor numbers."""
    parser = argparse.ArgumentParser(prog="dnsguard worker")
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--page", type=int, required=True)
    parser.add_argument("--sockets", type=int, nargs="*", default=[])
    arguments = parser.parse_args()
    page = map_page(arguments.page)

    def count_dropped() -> None:
        page[counters.LOG_DROPPED] += 1

    log.start(f"worker {arguments.number}", count_dropped, as_json=arguments.json)
    # The terminal's Ctrl-C and hang-up reach the control plane, which ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    control = socket.socket(fileno=arguments.channel)
    control.settimeout(0)
    sockets = [socket.socket(fileno=descriptor) for descriptor in arguments.sockets]

    async def serve() -> int:
        return await Worker(control, page, sockets).run()

    # What answers leave behind is freed by reference counts; nothing that stays is looked at.
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
    exit_code = uvloop.run(serve())
    logging.shutdown()
    os._exit(exit_code)  # the sockets and the page stay with their owner: nothing to tidy up


if __name__ == "__main__":
    main()
