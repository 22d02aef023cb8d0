"""The clients of the soak, in a process of their own: they ask steadily and read every answer.

Each query becomes one `Seen`. Times are CLOCK_MONOTONIC, the same in all processes.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import NamedTuple

import dns.exception
import dns.message
from dns.rdatatype import RdataType

from tests.soak.answers import CUT_OFF, LOST, TRUNCATED, compose, read, server_cookie
from tests.soak.questions import CLIENTS, Draw, Question
from tests.support.background import InProcess
from tests.support.port import Port

PATIENCE = 8.0  # seconds until a query without an answer is lost
SOCKETS = 16  # ports of each client, so that every worker has a share of its queries
REPORT_EVERY = 0.25

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


class Clients(InProcess):
    """Asks within a `with` block, so many queries a second, the same ones for the same seed."""

    def __init__(self, place: Place, rate: float, seed: int) -> None:
        super().__init__(_run, place, rate, seed)

    def read(self, take: Callable[[Report], None]) -> None:
        """Hand over every report until the last one, after `stop`."""
        while True:
            try:
                take(self.findings.recv())
            except EOFError:
                return

    def stop(self) -> None:
        """Ask no more; what is under way is still waited for."""
        self.stopping.set()


class _Port(Port[Question]):
    """Notes what becomes of the questions of one socket, which has a cookie of its own.

    A question that is sent to TCP is handed over to be asked there.
    """

    def __init__(
        self,
        place: Place,
        source: str,
        note: Callable[[Seen], None],
        ask_over_tcp: Callable[[Question], None],
    ) -> None:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((source, 0))
        opened.connect(place)
        super().__init__(opened)
        self._note = note
        self._ask_over_tcp = ask_over_tcp
        self._cookie = b""

    def ask(self, question: Question) -> None:
        self.send(question, lambda number: compose(question, number, self._cookie))

    def answered(self, asked: Question, query: bytes, answer: bytes, sent: float) -> None:
        said = read(asked, query, answer, sent, time.monotonic())
        if asked.cookie:
            self._learn(answer)
        self._note(Seen(asked, sent, time.monotonic(), said))
        if said == TRUNCATED:
            self._ask_over_tcp(asked._replace(transport="tcp"))

    def lost(self, asked: Question, sent: float, why: str) -> None:
        self._note(Seen(asked, sent, time.monotonic(), f"{LOST} ({why})" if why else LOST))

    def adrift(self, answer: bytes) -> None:
        now = time.monotonic()
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
            source: [_Port(place, source, self._seen.append, self._ask) for _ in range(SOCKETS)]
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
        ports[self._turn].ask(question)

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
