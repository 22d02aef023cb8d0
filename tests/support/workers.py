"""A worker process, with the test in the place of the control plane."""

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from select import select
from types import TracebackType
from typing import Any, Self

import dns.message
import dns.query

from dnsguard.control.counting import Page
from dnsguard.control.sockets import open_sockets
from dnsguard.core import counters
from dnsguard.net import channel
from tests.support.loops import DEADLINE

LOOPBACK = IPv4Address("127.0.0.1")


@dataclass(frozen=True)
class Endpoint:
    """Where to listen; the system picks the port."""

    address: IPv4Address | IPv6Address = LOOPBACK
    port: int = 0


class WorkerProcess:
    """A worker on loopback until the end of a `with` block; `more` are sockets beside its own."""

    def __init__(self, more: Sequence[socket.socket] = ()) -> None:
        self._more = more

    def __enter__(self) -> Self:
        self.page = Page()
        self._sockets = open_sockets([Endpoint()], 1, [])
        self.port = self._sockets[0].port
        self.channel, theirs = channel.pair()
        serving = [*(listening.socket for listening in self._sockets), *self._more]
        descriptors = [one.fileno() for one in serving]
        with theirs:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "dnsguard.net.worker", "--number", "0"),
                    *("--channel", str(theirs.fileno()), "--page", str(self.page.descriptor)),
                    *("--sockets", *map(str, descriptors)),
                ],
                pass_fds=[theirs.fileno(), self.page.descriptor, *descriptors],
                stderr=subprocess.PIPE,
                text=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.channel.close()
        self.process.kill()
        self.log = self.process.communicate()[1]
        self.page.close()
        for listening in self._sockets:
            listening.socket.close()

    def send(self, buffers: Sequence[bytes]) -> None:
        """Send a generation and the image of its lists as the control plane does."""
        descriptors = [memory_file(buffer) for buffer in buffers]
        channel.send(self.channel, {}, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)

    def receive(self) -> dict[str, Any]:
        """Return the next message."""
        assert select([self.channel], [], [], DEADLINE)[0], "the worker says nothing"
        received = channel.receive(self.channel)
        assert received is not None, "the worker ended"
        return received[0]

    def start(self, buffers: Sequence[bytes]) -> None:
        """Send the first generation and wait until the worker listens."""
        self.send(buffers)
        assert "serving" in self.receive()
        assert self.receive() == {"listening": self.process.pid}

    def ask(
        self, name: str, *, source: str = "127.0.0.1", tcp: bool = False
    ) -> dns.message.Message:
        """Ask for an address."""
        send = dns.query.tcp if tcp else dns.query.udp
        query = dns.message.make_query(name, "A")
        return send(query, "127.0.0.1", DEADLINE, self.port, source=source)

    def counter(self, index: int) -> int:
        """Return a counter of the worker's page."""
        return self.page.read(counters.PAGE_SIZE)[index]

    def limit_descriptors(self, limit: int) -> None:
        """Leave the worker no more than so many open files."""
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (limit, limit))

    def signal(self, *numbers: signal.Signals) -> None:
        """Send signals."""
        for number in numbers:
            self.process.send_signal(number)


def memory_file(buffer: bytes) -> int:
    """Return a descriptor of a file in memory."""
    descriptor = os.memfd_create("test")
    os.write(descriptor, buffer)
    return descriptor
