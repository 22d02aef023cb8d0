"""The clients of the soak, in a process of their own: they ask steadily and read every answer.

Each query becomes one `Seen`. Times are CLOCK_MONOTONIC, the same in all processes.
"""

import asyncio
import multiprocessing
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from types import TracebackType
from typing import NamedTuple, Self

import dns.exception
import dns.message
from dns.rdatatype import RdataType

from tests.soak.answers import CUT_OFF, LOST, compose, read, server_cookie
from tests.soak.questions import CLIENTS, Draw, Question

PATIENCE = 8.0  # seconds until a query without an answer is lost
SOCKETS = 16  # ports of each client, so that every worker has a share of its queries
REPORT_EVERY = 0.25

_REMEMBERED = 4096  # queries of a port whose second answer would be noticed
_ADRIFT = "answered twice, or never asked"

Place = tuple[str, int]


class Seen(NamedTuple):
    """What became of one query; `said` is a word of `answers`, or what was wrong."""

    question: Question
    sent: float
    received: float
    said: str


class Report(NamedTuple):
    """What was seen since the last report, and how long the client itself was held up at most."""

    seen: list[Seen]
    pause: float


class Clients:
    """Asks within a `with` block, so many queries a second, the same ones for the same seed."""

    def __init__(self, place: Place, rate: float, seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self.reports, theirs = context.Pipe(duplex=False)
        arguments = (place, rate, seed, self._stop, theirs)
        self._process = context.Process(target=_run, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self.reports.close()

    def read(self, take: Callable[[Report], None]) -> None:
        """Hand over every report until the last one, after `stop`."""
        while True:
            try:
                take(self.reports.recv())
            except EOFError:
                return

    def stop(self) -> None:
        """Ask no more; what is under way is still waited for."""
        self._stop.set()


class _Port:
    """One UDP socket of a client and what is under way on it."""

    def __init__(self, place: Place, source: str, note: Callable[[Seen], None]) -> None:
        self._note = note
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((source, 0))
        self.socket.connect(place)
        self._number = 0
        self.waiting: OrderedDict[int, tuple[Question, bytes, float]] = OrderedDict()
        self._over: OrderedDict[int, bool] = OrderedDict()
        self._cookie = b""

    def send(self, question: Question) -> None:
        self._number = (self._number + 1) & 0xFFFF
        query = compose(question, self._number, self._cookie)
        self._over.pop(self._number, None)
        self.waiting[self._number] = (question, query, time.monotonic())
        try:
            self.socket.send(query)
        except OSError as error:  # nobody listens, says an earlier datagram
            self._finish(self._number, f"{LOST} ({error.strerror})")

    def receive(self) -> None:
        while True:
            try:
                answer = self.socket.recv(65_535)
            except BlockingIOError:
                return
            except OSError:  # nobody listens: what was sent is lost in its time
                continue
            received = time.monotonic()
            number = int.from_bytes(answer[:2], "big")
            if number not in self.waiting:
                self._drift(number, answer, received)
                continue
            question, query, sent = self.waiting[number]
            if question.cookie:
                self._learn(answer)
            self._finish(number, read(question, query, answer, sent, received))

    def expire(self, before: float) -> None:
        """Count what was sent before a time as lost."""
        while self.waiting:
            number, (_, _, sent) = next(iter(self.waiting.items()))
            if sent >= before:
                return
            self._finish(number, LOST)

    def _finish(self, number: int, said: str) -> None:
        question, _, sent = self.waiting.pop(number)
        self._over[number] = said.startswith(LOST)
        if len(self._over) > _REMEMBERED:
            self._over.popitem(last=False)
        self._note(Seen(question, sent, time.monotonic(), said))

    def _drift(self, number: int, answer: bytes, now: float) -> None:
        if not self._over.get(number):  # what was given up may still be answered
            question = Question("odd", answer.hex(), RdataType.NONE, self.socket.getsockname()[0])
            self._note(Seen(question, now, now, _ADRIFT))

    def _learn(self, answer: bytes) -> None:
        try:
            self._cookie = server_cookie(dns.message.from_wire(answer)) or self._cookie
        except dns.exception.DNSException:
            return  # `read` says so


class _Asking:
    """The loop of the process."""

    def __init__(self, place: Place, rate: float, seed: int, reports: Connection) -> None:
        self._place = place
        self._interval = 1 / rate
        self._draw = Draw(seed)
        self._reports = reports
        self._seen: list[Seen] = []
        self._pause = 0.0
        self._connections: set[asyncio.Task[None]] = set()
        self._ports = {
            source: [_Port(place, source, self._seen.append) for _ in range(SOCKETS)]
            for source in CLIENTS
        }
        self._turn = 0

    async def run(self, stop: Event) -> None:
        loop = asyncio.get_running_loop()
        ports = [port for ports in self._ports.values() for port in ports]
        for port in ports:
            loop.add_reader(port.socket, port.receive)
        due = reported = time.monotonic()
        while not stop.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            self._pause = max(self._pause, now - due)
            due = max(due + self._interval, now - 20 * self._interval)  # no burst after a pause
            self._ask(self._draw())
            if now - reported >= REPORT_EVERY:
                reported = now
                for port in ports:
                    port.expire(now - PATIENCE)
                self._report()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end + 1 and any(port.waiting for port in ports):
            await asyncio.sleep(0.05)
            for port in ports:
                port.expire(time.monotonic() - PATIENCE)
        if self._connections:
            await asyncio.wait(self._connections)
        self._report()

    def _ask(self, question: Question) -> None:
        if question.transport == "tcp":
            task = asyncio.create_task(self._ask_tcp(question))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            return
        ports = self._ports[question.client]
        self._turn = (self._turn + 1) % len(ports)
        ports[self._turn].send(question)

    async def _ask_tcp(self, question: Question) -> None:
        query = compose(question, self._turn & 0xFFFF)
        sent = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._exchange(question, query)
            said = read(question, query, answer, sent, time.monotonic())
        except TimeoutError:
            said = LOST
        except (OSError, asyncio.IncompleteReadError) as error:
            said = f"{CUT_OFF} ({type(error).__name__})"
        self._seen.append(Seen(question, sent, time.monotonic(), said))

    async def _exchange(self, question: Question, query: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(
            *self._place, local_addr=(question.client, 0)
        )
        try:
            writer.write(len(query).to_bytes(2, "big") + query)
            size = int.from_bytes(await reader.readexactly(2), "big")
            return await reader.readexactly(size)
        finally:
            writer.close()

    def _report(self) -> None:
        self._reports.send(Report(list(self._seen), self._pause))
        self._seen.clear()
        self._pause = 0.0


def _run(place: Place, rate: float, seed: int, stop: Event, reports: Connection) -> None:
    asking = _Asking(place, rate, seed, reports)
    asyncio.run(asking.run(stop))
