"""What instructions are counted of: so many queries of each kind, each in a process of its own.

    python -P workload.py FOLDER COUNT

The folder holds the two buffers of a generation. The processes fork from one that has everything
ready, so that one which asks differs from the one which asks nothing by its queries alone. Printed
are the kinds and the numbers of their processes.
"""

import asyncio
import gc
import os
import socket
import sys
from array import array
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import monotonic

from dnsguard.core.forward import Forward
from dnsguard.core.generation import parse_generation
from dnsguard.core.resolver import Resolver
from dnsguard.core.response import parse_response
from dnsguard.net import datagrams
from dnsguard.net.udp import DatagramListener
from dnsguard.net.upstream import Upstreams

MOST = 4000  # queries of a kind
NAMES = 100  # that are asked for again and again
BATCH = 64  # datagrams on their way at a time
WARM = 1000  # misses before anything is counted
CLIENT = bytes([127, 0, 0, 1])  # as the datagrams come from there

_HEADER = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"
_QUESTION_END = b"\x07example\x03com\0\0\x01\0\x01"
_OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
_COOKIE = _OPT[:-1] + b"\x0c\0\x0a\0\x08abcdefgh"
_RECORDS = b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x01" * 2
_SAID = b"\x12\x34\x81\x80\0\x01\0\x02\0\0\0\0"


def question(kind: str, number: int) -> bytes:
    """Return the question for one of the names of a kind."""
    label = f"{kind}{number:05}".encode()
    return bytes([len(label)]) + label + _QUESTION_END


class Loop(asyncio.SelectorEventLoop):
    """An event loop that is turned by hand."""

    readable: Callable[[], object]

    def add_reader(self, fd: object, callback: Callable[..., object], *args: object) -> None:
        """Note what to call when there is something to read."""
        self.readable = callback


class Workload:
    """A resolver and messages for it."""

    def __init__(self, folder: Path) -> None:
        buffers = [(folder / name).read_bytes() for name in ("generation", "lists")]
        self._generation = parse_generation(*buffers)
        self._now = monotonic()  # the listener's clock
        page = array("Q", bytes(8 << 15))
        self._resolver = Resolver(self._generation.policy, self._generation.settings, page)
        names = [number % NAMES for number in range(MOST)]
        self._cached = [_HEADER + question("cached", number) + _OPT for number in names]
        self._cookies = [_HEADER + question("cached", number) + _COOKIE for number in names]
        self._blocked = [_HEADER + question("blocked", number) + _OPT for number in names]
        missed = [question("missed", number) for number in range(MOST + WARM)]
        self._missed = [(_HEADER + q + _OPT, q, _SAID + q + _RECORDS) for q in missed]
        self.run_missed(MOST, WARM)  # the cache is full before anything is counted
        cached = [question("cached", number) for number in range(NAMES)]
        for asked in cached:
            self._miss(_HEADER + asked + _OPT, asked, _SAID + asked + _RECORDS)
        self._listen()
        self.run_cached(NAMES)
        self.run_cookies(NAMES)
        self.run_blocked(NAMES)
        self.run_datagrams(NAMES)

    def _listen(self) -> None:
        listening = socket.socket(type=socket.SOCK_DGRAM)
        listening.bind(("127.0.0.1", 0))
        self._client = socket.socket(type=socket.SOCK_DGRAM)
        self._client.connect(listening.getsockname())
        self._inbox = datagrams.Inbox(clients=False)
        self._loop = Loop()
        upstreams = Upstreams(self._resolver, self._loop, self._generation)
        self._listener = DatagramListener(listening, self._resolver, upstreams, self._loop)

    def run_cached(self, count: int) -> None:
        """Ask for what is in the cache."""
        for data in islice(self._cached, count):
            answer = self._resolver.query(data, CLIENT, 0, self._now)
            assert type(answer) is bytes

    def run_cookies(self, count: int) -> None:
        """Ask for what is in the cache, and for a server cookie."""
        for data in islice(self._cookies, count):
            answer = self._resolver.query(data, CLIENT, 0, self._now)
            assert type(answer) is bytes

    def run_blocked(self, count: int) -> None:
        """Ask for what is listed."""
        for data in islice(self._blocked, count):
            answer = self._resolver.query(data, CLIENT, 0, self._now)
            assert type(answer) is bytes

    def run_datagrams(self, count: int) -> None:
        """Ask for what is in the cache over UDP, in batches as large as they come."""
        for first in range(0, count - BATCH + 1, BATCH):
            batch = self._cached[first : first + BATCH]
            assert not datagrams.send(self._client, [(data, None) for data in batch])
            self._loop.readable()
            assert self._inbox.receive(self._client) == BATCH

    def run_missed(self, first: int, count: int) -> None:
        """Ask for what is not in the cache, and have an upstream say two addresses."""
        for data, asked, said in islice(self._missed, first, first + count):
            self._miss(data, asked, said)

    def _miss(self, data: bytes, asked: bytes, said: bytes) -> None:
        forward = self._resolver.query(data, CLIENT, 0, self._now)
        assert isinstance(forward, Forward)
        response = parse_response(said, 0x1234, asked, self._generation.ttl_bounds, trusted=False)
        assert response.answer is not None
        assert self._resolver.response(forward, response.answer, self._now) is not None


def main(folder: str, count: str) -> None:
    """Do what the command line says."""
    workload = Workload(Path(folder))
    run: dict[str, Callable[[int], None]] = {
        "nothing": lambda count: None,
        "cached": workload.run_cached,
        "cookies": workload.run_cookies,
        "blocked": workload.run_blocked,
        "datagrams": workload.run_datagrams,
        "missed": lambda count: workload.run_missed(0, count),
    }
    gc.collect()
    gc.freeze()
    for kind, work in run.items():
        child = os.fork()
        if not child:
            work(int(count))
            os._exit(0)
        assert os.waitpid(child, 0) == (child, 0)
        print(kind, child)


if __name__ == "__main__":
    main(*sys.argv[1:])
