"""A steady load of queries whose right answers are known, and a note of what came of each.

with SteadyLoad(server.places["127.0.0.1"], KINDS, rate=200) as load:
    ...
load.seen
"""

import selectors
import socket
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from types import TracebackType
from typing import NamedTuple, Self

import dns.exception
import dns.message

from tests.scenarios.client import compose
from tests.support.background import InThread
from tests.support.gateway import extended_errors, said
from tests.support.port import Port
from tests.support.shell import is_sent_to_tcp
from tests.support.truth import address_of

PATIENCE = 8.0  # seconds until a query is lost: longer than an upstream is ever waited for
SOCKETS = 8  # of each client address, so that every worker is asked
STALE = 3  # EDE (RFC 8914)
_CATCH_UP = 0.2  # seconds of load at most that are made up for after a pause of the machine

Place = tuple[str, int]
MakeSocket = Callable[[int, int], socket.socket]


class Outcome(StrEnum):
    """What came of a query."""

    RIGHT = "right"
    STALE = "stale"
    FAILED = "failed"
    SENT_TO_TCP = "sent to TCP"
    LOST = "lost"
    WRONG = "wrong"


class Kind(NamedTuple):
    """What clients of one sort ask and what they must be told, None for the truth.

    `name_of` gives what is asked the nth time.
    """

    name: str
    source: str
    name_of: Callable[[int], str]
    address: str | None = None


class Seen(NamedTuple):
    """A query and what came of it; `sent` is of the monotonic clock, `said` the answer's gist."""

    kind: str
    name: str
    sent: float
    seconds: float
    outcome: Outcome
    said: str
    ede: tuple[int, ...]


class SteadyLoad(InThread):
    """Asks the kinds in turn, so many queries a second, until the end of a `with` block.

    At its end everything is answered or lost, and `seen` complete.
    """

    def __init__(
        self,
        place: Place,
        kinds: Sequence[Kind],
        rate: float,
        make_socket: MakeSocket = socket.socket,
    ) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        """What came of the queries so far; new ones are appended by another thread."""
        self._place, self._kinds, self._interval = place, kinds, 1 / rate
        self._make_socket = make_socket
        self._clients: dict[str, list[_Client]] = {}
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        for source in dict.fromkeys(kind.source for kind in self._kinds):
            self._clients[source] = [self._open(source) for _ in range(SOCKETS)]
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, traceback)
        for clients in self._clients.values():
            for client in clients:
                client.socket.close()
        self._selector.close()

    def oldest(self) -> float:
        """Return when the oldest query was sent that is not answered nor lost, else now."""
        now = time.monotonic()
        waiting = [client.oldest() for clients in self._clients.values() for client in clients]
        return min([now, *waiting])

    def _open(self, source: str) -> "_Client":
        opened = self._make_socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((source, 0))
        opened.connect(self._place)
        client = _Client(opened, self.seen)
        self._selector.register(opened, selectors.EVENT_READ, client)
        return client

    def run(self) -> None:
        """Ask, and wait for what is under way in the end."""
        turn = 0
        due = time.monotonic()
        while not self.stopping.is_set():
            now = time.monotonic()
            due = max(due, now - _CATCH_UP)
            while due <= now:
                self._send(turn)
                turn += 1
                due += self._interval
            self._receive(due)
        while any(client.waiting for some in self._clients.values() for client in some):
            self._receive(time.monotonic() + 0.02)

    def _send(self, turn: int) -> None:
        round_, index = divmod(turn, len(self._kinds))
        kind = self._kinds[index]
        clients = self._clients[kind.source]
        name = kind.name_of(round_)
        query = compose(name)[2:]
        clients[turn % len(clients)].send(
            (kind, name), lambda number: number.to_bytes(2, "big") + query
        )

    def _receive(self, until: float) -> None:
        for key, _ in self._selector.select(max(0.0, until - time.monotonic())):
            key.data.receive()
        lost_before = time.monotonic() - PATIENCE
        for clients in self._clients.values():
            for client in clients:
                client.expire(lost_before)


class _Client(Port[tuple[Kind, str]]):
    """Notes what comes of the queries of one socket."""

    def __init__(self, opened: socket.socket, seen: list[Seen]) -> None:
        super().__init__(opened)
        self._seen = seen

    def answered(self, asked: tuple[Kind, str], query: bytes, answer: bytes, sent: float) -> None:
        took = time.monotonic() - sent
        kind, name = asked
        outcome, gist, ede = judge(kind, name, answer)
        self._seen.append(Seen(kind.name, name, sent, took, outcome, gist, ede))

    def lost(self, asked: tuple[Kind, str], sent: float, why: str) -> None:
        kind, name = asked
        took = time.monotonic() - sent
        self._seen.append(Seen(kind.name, name, sent, took, Outcome.LOST, why, ()))

    def adrift(self, answer: bytes) -> None:
        gist = f"answered twice: {answer.hex()}"
        self._seen.append(Seen("twice", "", time.monotonic(), 0.0, Outcome.WRONG, gist, ()))


def judge(kind: Kind, name: str, data: bytes) -> tuple[Outcome, str, tuple[int, ...]]:
    """Return what an answer to a name of a kind is, its gist and its extended errors."""
    try:
        message = dns.message.from_wire(data)
    except dns.exception.DNSException as error:
        return Outcome.WRONG, f"{error!r}: {data.hex()}", ()
    gist = said(message)
    ede = tuple(extended_errors(message))
    if str(message.question[0].name).rstrip(".") != name:
        return Outcome.WRONG, f"the answer to {message.question[0]}", ede
    if gist == "SERVFAIL":
        return Outcome.FAILED, gist, ede
    if is_sent_to_tcp(message):
        return Outcome.SENT_TO_TCP, gist, ede
    if gist != (kind.address or address_of(name)):
        return Outcome.WRONG, gist, ede
    return Outcome.STALE if STALE in ede else Outcome.RIGHT, gist, ede
