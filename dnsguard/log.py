"""The log on standard error, as text or JSON, written by a thread: who logs never waits.

A pipe that is full or a journal that hangs costs lines of the log, never an answer. What was
lost is counted, and told in the log itself once it is read again.

Whatever text of strangers a message or a fault carries, a reader gets it printable, not longer
than there is use for, and can tell where each record begins.
"""

import json
import logging
import os
import select
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from queue import Full, Queue
from types import TracebackType

from dnsguard.text import printable

CONTROL_PLANE = "control plane"
MAX_WAITING = 1000  # lines, or tracebacks, that are not written yet
MAX_TEXT = 8192  # characters of a message or a traceback, escapes counted as one
LAST_SECONDS = 1.0  # for what is not written yet when the process ends

_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

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
                told = logging.LogRecord(__name__, logging.ERROR, "", 0, text, None, None)
                self._waiting.put_nowait(self.format(told))
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


class TextLines(logging.Formatter):
    """A record's first line says when and, but for the control plane, who; the rest is indented."""

    def __init__(self, process: str) -> None:
        time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
        who = "" if process == CONTROL_PLANE else f"{process}: "
        super().__init__(f"{time}{who}%(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the first line."""
        return printable(_shortened(super().formatMessage(record)))

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - logging's name
        """Return the lines of a traceback."""
        return _printable_lines(super().formatException(ei), indent="  ")


class JsonLines(logging.Formatter):
    """A record is one line: a JSON object of strings, in ASCII."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created, UTC)
        document = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": self._process,
            "message": printable(_shortened(record.getMessage())),
        }
        if record.exc_info:
            document["traceback"] = _printable_lines(self.formatException(record.exc_info))
        return json.dumps(document)


def _printable_lines(text: str, indent: str = "") -> str:
    return "\n".join(indent + printable(line) for line in _shortened(text).split("\n"))


def _shortened(text: str) -> str:
    """Return a text without its middle where it is too long: a traceback's end says the most."""
    left_out = len(text) - MAX_TEXT
    if left_out <= 0:
        return text
    half = MAX_TEXT // 2
    return f"{text[:half]} ... {left_out} characters more ... {text[-half:]}"


def start(process: str, count_dropped: Callable[[], None], *, as_json: bool) -> None:
    """Log everything from INFO on to standard error, and whatever Python itself would write there.

    `process` tells those apart that share it. Call `logging.shutdown()` before an end that skips
    the interpreter's.
    """
    log = Log(count_dropped)
    log.setFormatter(JsonLines(process) if as_json else TextLines(process))
    root = logging.getLogger()
    root.addHandler(log)
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    sys.excepthook = _tell_uncaught
    sys.unraisablehook = _tell_unraisable
    threading.excepthook = _tell_uncaught_in_thread


def options() -> list[str]:
    """Return the options by which a process of ours logs in the format of this one."""
    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    return ["--json"] if any(isinstance(one, JsonLines) for one in formatters) else []


def _tell_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    _log.critical("the process ends by a fault", exc_info=(kind, error, traceback))


def _tell_uncaught_in_thread(uncaught: "threading.ExceptHookArgs") -> None:
    if uncaught.exc_type is not SystemExit:
        _log.error("a thread ends by a fault", exc_info=uncaught.exc_value)


def _tell_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    _log.error(
        "a fault where nothing can be raised: %s in %r",
        unraisable.err_msg or "ignored",
        unraisable.object,
        exc_info=unraisable.exc_value,
    )
