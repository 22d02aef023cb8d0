"""What goes on beside a test within a `with` block: in a thread, or in a process of its own."""

import multiprocessing
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

SPAWNING = multiprocessing.get_context("spawn")


class InThread:
    """Runs `run` in a thread until it returns, which it is to do soon once `stopping` is set."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        """Do what goes on beside the test."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._thread.join()


class InProcess:
    """Runs a function in a process: of its arguments, an event that ends it, and a pipe's end.

    What it sends there is received from `findings`; the process is killed at the end of the block.
    """

    def __init__(self, function: Callable[..., None], *arguments: Any) -> None:
        self.stopping = SPAWNING.Event()
        self.findings, theirs = SPAWNING.Pipe(duplex=False)
        self.process = SPAWNING.Process(
            target=function, args=(*arguments, self.stopping, theirs), daemon=True
        )
        self.process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.join()
        self.process.close()
        self.findings.close()
