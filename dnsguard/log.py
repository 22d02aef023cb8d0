"""The log on standard error, written by a thread of its own: who logs never waits for who reads.

A pipe that is full or a journal that hangs costs lines of the log, never an answer. What was
lost is counted, and told in the log itself once it is read again.
"""

import logging
import os
import select
import sys
import threading
from collections.abc import Callable
from queue import Full, Queue
from types import TracebackType

MAX_WAITING = 1000  # lines, or tracebacks, that are not written yet
LAST_SECONDS = 1.0  # for what is not written yet when the process ends

_log = logging.getLogger(__name__)


class Log(logging.Handler):
    """Writes to a descriptor; `count_dropped` is called for each line that is lost."""

    def __init__(self, count_dropped: Callable[[], None], descriptor: int = 2) -> None:
        super().__init__()
        self._count_dropped = count_dropped
        self._descriptor = descriptor
        self._waiting: Queue[str] = Queue(MAX_WAITING)
        self._dropped = self._told = 0
        self._counting = threading.Lock()
        threading.Thread(target=self._write_on, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a line written, unless too many are waiting; before it, how many were lost."""
        lost = self._dropped - self._told
        try:
            if lost:
                text = f"{lost} lines of the log are lost: nobody took them in time"
                self._waiting.put_nowait(text)
                self._told += lost
            self._waiting.put_nowait(self.format(record))
        except Full:
            self._drop()

    def flush(self) -> None:
        """Wait until all is written, but not for long: also done when the process ends."""
        waiting = self._waiting
        with waiting.all_tasks_done:
            waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, LAST_SECONDS)

    def _drop(self) -> None:
        with self._counting:
            self._dropped += 1
            self._count_dropped()

    def _write_on(self) -> None:
        while True:
            self._write(self._waiting.get())
            self._waiting.task_done()

    def _write(self, line: str) -> None:
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # whoever gave us the descriptor set it so
                select.select([], [self._descriptor], [])
            except OSError:  # nobody reads any more
                self._drop()
                return


def start(line_format: str, count_dropped: Callable[[], None]) -> None:
    """Log everything from INFO on to standard error, and whatever Python itself would write there.

    Call `logging.shutdown()` before an end that skips the interpreter's.
    """
    log = Log(count_dropped)
    log.setFormatter(logging.Formatter(line_format))
    root = logging.getLogger()
    root.addHandler(log)
    root.setLevel(logging.INFO)
    sys.excepthook = _tell_uncaught
    sys.unraisablehook = _tell_unraisable


def _tell_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    _log.critical("the process ends by a fault", exc_info=(kind, error, traceback))


def _tell_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    _log.error(
        "a fault where nothing can be raised: %s in %r",
        unraisable.err_msg or "ignored",
        unraisable.object,
        exc_info=unraisable.exc_value,
    )
