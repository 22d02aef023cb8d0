"""A worker process: the data plane. It touches neither disk nor the admin's HTTP.

Started by the control plane with descriptors for the channel, its page of counters and its
sockets. It serves from the first generation it is sent until the channel ends.
"""

import argparse
import asyncio
import gc
import logging
import mmap
import os
import resource
import signal
import socket
import sys
from typing import Any

import uvloop

from dnsguard.core import counters
from dnsguard.core.generation import Generation, parse_generation
from dnsguard.core.resolver import Resolver
from dnsguard.net import channel
from dnsguard.net.stream import Connections, StreamConnection
from dnsguard.net.udp import DatagramListener
from dnsguard.net.upstream import Upstreams

_log = logging.getLogger(__name__)


class Worker:
    """One worker's shells around one resolver."""

    def __init__(
        self, control: socket.socket, page: memoryview, sockets: list[socket.socket]
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

    async def run(self) -> None:
        """Serve until the channel ends or SIGTERM comes."""
        self._loop.add_signal_handler(signal.SIGTERM, self._stopped.set)
        self._loop.add_reader(self._control, self._take_messages)
        self._loop.call_later(1.0, self._tick)
        await self._stopped.wait()

    def _take_messages(self) -> None:
        while True:
            try:
                received = channel.receive(self._control)
            except BlockingIOError:
                return
            if received is None:
                self._stopped.set()
                return
            message, descriptors = received
            try:
                self._load(map_generation(descriptors[0]), message)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)

    def _load(self, generation: Generation, message: dict[str, Any]) -> None:
        """Swap a generation in: one assignment each, nothing that can fail half-way."""
        if self._resolver is None:
            self._resolver = Resolver(generation.policy, generation.settings, self._page)
            self._upstreams = Upstreams(self._resolver, self._loop, generation)
            self._loop.create_task(self._listen()).add_done_callback(self._listening)
        else:
            self._resolver.swap(generation.policy, generation.settings)
            self._upstreams.configure(generation)
        channel.send(self._control, {"serving": generation.number})

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
        task.result()
        self._upstreams.probe()
        channel.send(self._control, {"listening": os.getpid()})

    def _tick(self) -> None:
        self._loop.call_later(1.0, self._tick)
        if self._resolver is not None:
            self._page[counters.CACHE_ENTRIES] = len(self._resolver.cache)
            self._page[counters.CACHE_BYTES] = self._resolver.cache.bytes
            self._upstreams.probe()


def map_generation(descriptor: int) -> Generation:
    """Map the generation in a file and parse it; the file may be closed after."""
    mapped = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
    return parse_generation(memoryview(mapped))


def map_page(descriptor: int) -> memoryview:
    """Map a page of counters."""
    return memoryview(mmap.mmap(descriptor, counters.PAGE_SIZE * 8)).cast("Q")


def main() -> None:
    """Run a worker; what it needs is on the command line as descriptor numbers."""
    parser = argparse.ArgumentParser(prog="dnsguard worker")
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--page", type=int, required=True)
    parser.add_argument("--sockets", type=int, nargs="*", default=[])
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="worker: %(message)s")
    # The terminal's Ctrl-C and hang-up reach the control plane, which ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    control = socket.socket(fileno=arguments.channel)
    control.setblocking(False)
    page = map_page(arguments.page)
    sockets = [socket.socket(fileno=descriptor) for descriptor in arguments.sockets]

    async def serve() -> None:
        await Worker(control, page, sockets).run()

    gc.freeze()
    uvloop.run(serve())
    os._exit(0)  # the sockets and the page stay with their owner: nothing to tidy up


if __name__ == "__main__":
    main()
