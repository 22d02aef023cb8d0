"""A client that asks one question all the time, and must be told the same each time."""

import socket
import threading
from types import TracebackType

import dns.exception

from tests.support.asking import ask_udp
from tests.support.background import InThread
from tests.support.gateway import said

PAUSE = 0.003  # seconds between an answer and the next question: the machine is not the client's
MIN_ANSWERS = 5


class SteadyClient(InThread):
    """Asks within a `with` block; AssertionError when an answer was another or did not come.

    At least `MIN_ANSWERS` come before the block is left.
    """

    def __init__(
        self, place: tuple[str, int], question: str, expected: str, source: str = "127.0.0.2"
    ) -> None:
        super().__init__()
        self._place, self._question, self._expected = place, question, expected
        self._source = source
        self._answers = 0
        self._wrong: list[str] = []
        self._enough = threading.Event()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._enough.wait()
        super().__exit__(kind, error, traceback)
        if kind is None:
            assert not self._wrong, (self._question, self._wrong, self._answers)

    def run(self) -> None:
        """Ask."""
        try:
            while not self.stopping.wait(PAUSE):
                # A socket, hence a port, of its own for each: so that every worker is asked.
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.bind((self._source, 0))
                    told = said(ask_udp(client, self._question, self._place)[0])
                if told != self._expected:
                    self._wrong.append(told)
                self._answers += 1
                if self._answers >= MIN_ANSWERS:
                    self._enough.set()
        except (OSError, dns.exception.DNSException) as error:
            self._wrong.append(f"{type(error).__name__}: {error}")
        finally:
            self._enough.set()
