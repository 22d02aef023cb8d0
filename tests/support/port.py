"""One UDP port of a client that has many queries under way, told apart by their IDs."""

import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_REMEMBERED = 4096  # queries of a port whose second answer would be noticed

Asked = TypeVar("Asked")


class Port(Generic[Asked]):
    """A socket, and what is under way on it, the oldest first.

    What becomes of a query is told once, to `answered` or to `lost`; what answers none that is
    under way, to `adrift`. An answer to what was given up is passed over.
    """

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.socket.setblocking(False)
        self.waiting: OrderedDict[int, tuple[Asked, bytes, float]] = OrderedDict()
        self._over: OrderedDict[int, bool] = OrderedDict()
        """Whether it was lost, by ID."""
        self._number = 0

    def answered(self, asked: Asked, query: bytes, answer: bytes, sent: float) -> None:
        """Take the answer to a query, which has come this moment."""
        raise NotImplementedError

    def lost(self, asked: Asked, sent: float, why: str) -> None:
        """Take notice that a query has no answer; `why` if it could not be sent."""
        raise NotImplementedError

    def adrift(self, answer: bytes) -> None:
        """Take what answers a query for the second time, or none at all."""
        raise NotImplementedError

    def oldest(self) -> float:
        """Return when the oldest query was sent, in the far future when there is none."""
        for _, _, sent in list(self.waiting.values()):  # which another thread may change
            return sent
        return float("inf")

    def send(self, asked: Asked, compose: Callable[[int], bytes]) -> None:
        """Send the query that is composed for an ID."""
        self._number = (self._number + 1) & 0xFFFF
        query = compose(self._number)
        self._over.pop(self._number, None)
        self.waiting[self._number] = (asked, query, time.monotonic())
        try:
            self.socket.send(query)
        except OSError as error:  # nobody listens, says an earlier datagram, or there is no way
            self._lose(self._number, str(error.strerror))

    def receive(self) -> None:
        """Take what has come."""
        while True:
            try:
                answer = self.socket.recv(65_535)
            except BlockingIOError:
                return
            except OSError:  # nobody listens: what was sent is lost in its time
                continue
            number = int.from_bytes(answer[:2], "big")
            if number in self.waiting:
                asked, query, sent = self._settle(number, lost=False)
                self.answered(asked, query, answer, sent)
            elif not self._over.get(number):
                self.adrift(answer)

    def expire(self, before: float) -> None:
        """Give up what was sent before a time."""
        while self.waiting:
            number, (_, _, sent) = next(iter(self.waiting.items()))
            if sent >= before:
                return
            self._lose(number, "")

    def _lose(self, number: int, why: str) -> None:
        asked, _, sent = self._settle(number, lost=True)
        self.lost(asked, sent, why)

    def _settle(self, number: int, *, lost: bool) -> tuple[Asked, bytes, float]:
        self._over[number] = lost
        if len(self._over) > _REMEMBERED:
            self._over.popitem(last=False)
        return self.waiting.pop(number)
