"""A client that asks as fast as it is answered, in a process of its own, and notes what it saw."""

import selectors
import socket
import time
from array import array
from collections.abc import Sequence
from itertools import cycle, islice
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import NamedTuple

from tests.support.background import SPAWNING, InProcess

OTHERWISE = -1
PATIENCE = 15.0  # seconds until a query without an answer is lost
SOCKETS = 24  # of each client address, one query under way on each

Place = tuple[str, int]


class Question(NamedTuple):
    """What is asked, and from which address; `message` is a query without EDNS."""

    source: str
    message: bytes


class Seen(NamedTuple):
    """One query: the number of its question, when it was sent and when answered, and with what.

    Times are CLOCK_MONOTONIC in ns, the same in all processes; 0 stands for never. `verdict`
    is the number of the address in the answer, or `OTHERWISE`.
    """

    question: int
    sent: int
    received: int
    verdict: int


class Load(InProcess):
    """A client that asks its questions in turn, again and again, within a `with` block."""

    def __init__(
        self, place: Place, questions: Sequence[Question], addresses: Sequence[bytes]
    ) -> None:
        self._count: Synchronized[int] = SPAWNING.Value("q", 0)
        super().__init__(_ask_on, place, questions, addresses, self._count)

    def wait_for(self, more: int) -> None:
        """Wait until that many more queries are answered."""
        goal = self._count.value + more
        end = time.monotonic() + PATIENCE
        while self._count.value < goal:
            assert self.process.is_alive()
            assert time.monotonic() < end, f"{self._count.value} of {goal} queries answered"
            time.sleep(0.0005)

    def stop(self) -> list[Seen]:
        """Stop asking, wait for what is under way, and return what became of every query."""
        self.stopping.set()
        numbers = array("q", self.findings.recv_bytes())
        return [Seen(*numbers[first : first + 4]) for first in range(0, len(numbers), 4)]


class _Client:
    """One socket, and the questions that take turns on it."""

    def __init__(
        self, place: Place, source: str, questions: Sequence[tuple[int, bytes]], first: int
    ) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.connect(place)
        self.waiting = False
        self._turns = islice(cycle(questions), first, None)
        self._number = 0
        self._id = 0
        self._sent = 0

    def send(self) -> None:
        self._number, message = next(self._turns)
        self._id = (self._id + 1) & 0xFFFF
        self.waiting = True
        self._sent = time.monotonic_ns()
        self.socket.send(self._id.to_bytes(2, "big") + message[2:])

    def receive(self, addresses: Sequence[bytes]) -> tuple[int, int, int, int]:
        answer = self.socket.recv(4096)
        received = time.monotonic_ns()
        assert answer[:2] == self._id.to_bytes(2, "big"), "answered twice"
        self.waiting = False
        verdict = OTHERWISE
        if answer[3] & 0x0F == 0 and answer[6:8] == b"\0\1":
            found = (n for n, address in enumerate(addresses) if answer.endswith(address))
            verdict = next(found, OTHERWISE)
        return self._number, self._sent, received, verdict

    def lose(self) -> tuple[int, int, int, int]:
        return self._number, self._sent, 0, OTHERWISE


def _ask_on(
    place: Place,
    questions: Sequence[Question],
    addresses: Sequence[bytes],
    count: "Synchronized[int]",
    stop: Event,
    seen_by: Connection,
) -> None:
    seen = array("q")
    clients = []
    selector = selectors.DefaultSelector()
    for source in dict.fromkeys(question.source for question in questions):
        own = [(n, q.message) for n, q in enumerate(questions) if q.source == source]
        clients += [_Client(place, source, own, number) for number in range(SOCKETS)]
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send()
    end = 0.0
    while any(client.waiting for client in clients) and (not end or time.monotonic() < end):
        if not end and stop.is_set():
            end = time.monotonic() + PATIENCE
        for key, _ in selector.select(0.1):
            seen.extend(key.data.receive(addresses))
            count.value += 1
            if not end:
                key.data.send()
    for client in clients:
        if client.waiting:
            seen.extend(client.lose())
    seen_by.send_bytes(seen.tobytes())
