"""The log: how a record is written, and what happens to lines that nobody takes."""

import fcntl
import json
import logging
import os
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from dnsguard.log import CONTROL_PLANE, MAX_TEXT, MAX_WAITING, JsonLines, Log, TextLines
from tests.support.loops import DEADLINE, wait_for

_LINE = "x" * 99  # 100 octets with its end
_SAYS_AND_ENDS = """\
import logging, os, sys
from dnsguard import log
log.start("it", lambda: None, as_json="--json" in sys.argv)
"""
_HOSTILE = "a\né\r\x1b[31m\x85\u2028\u202e\ud800\0'\"}\\"
_SHOWN = r"a\né\r\x1b[31m\x85\u2028\u202e\ud800\x00" + "'\"}\\"


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("it", logging.INFO, "", 0, text, None, None)


@pytest.mark.parametrize("formatter", [TextLines("it"), JsonLines("it")])
def test_what_is_too_long_keeps_its_ends(formatter: logging.Formatter) -> None:
    whole = f"begin{'x' * (MAX_TEXT // 2)}end"
    assert whole in formatter.format(record(whole))
    longer = record(f"begin{'x' * 10 * MAX_TEXT}end")
    try:
        raise ValueError(f"begin{'y' * 10 * MAX_TEXT}the very end")
    except ValueError:
        longer.exc_info = sys.exc_info()
    line = formatter.format(longer)
    assert len(line) < 3 * MAX_TEXT
    for part in ("begin", "xend", "Traceback", "ythe very end", " characters more "):
        assert part in line, part


@dataclass
class Piped:
    """A log into a pipe of one page, and how many lines it says it dropped."""

    reading: int
    writing: int
    dropped: int = 0
    log: Log = field(init=False)

    def __post_init__(self) -> None:
        self.log = Log(self._count, self.writing)

    def _count(self) -> None:
        self.dropped += 1

    def say(self, text: str) -> None:
        self.log.handle(record(text))

    def read_lines(self, last: str) -> list[str]:
        """Return the lines up to one, which must come."""
        lines: list[str] = []
        with os.fdopen(os.dup(self.reading), encoding="utf-8") as stream:
            for line in stream:
                lines.append(line.rstrip("\n"))
                if last in lines[-1]:
                    return lines
        raise AssertionError(lines)

    def fill(self) -> int:
        """Say the same line until the pipe is full and then one is lost; return how often."""
        octets = len(self.log.format(record(_LINE))) + 1
        fitting = fcntl.fcntl(self.writing, fcntl.F_GETPIPE_SZ) // octets
        for _ in range(fitting + 1):  # the thread has one in hand
            self.say(_LINE)
        wait_for(
            lambda: self.log._waiting.empty() and _octets_in(self.reading) == fitting * octets,
            "the pipe is full",
        )
        said = fitting + 1
        while not self.dropped:
            self.say(_LINE)
            said += 1
        return said


@pytest.fixture
def piped() -> Iterator[Piped]:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield Piped(reading, writing)
    os.close(reading)  # lets go of a thread that still writes


def test_lines_come_in_the_order_they_were_said(piped: Piped) -> None:
    for number in range(200):
        piped.say(f"line {number}")
    assert piped.read_lines("line 199") == [f"line {number}" for number in range(200)]
    assert piped.dropped == 0


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_who_logs_into_a_full_pipe_does_not_wait_and_the_reader_is_told(
    piped: Piped, *, as_json: bool
) -> None:
    if as_json:
        piped.log.setFormatter(JsonLines("it"))
    said = piped.fill() + 50
    for _ in range(50):
        piped.say(_LINE)
    lost = piped.dropped
    assert lost == 51
    assert said - lost >= MAX_WAITING
    taken = os.read(piped.reading, 1 << 20)  # there is room again
    wait_for(lambda: piped.log._waiting.qsize() <= MAX_WAITING - 2, "lines are taken again")
    piped.say("the end")
    lines = taken.decode().splitlines() + piped.read_lines("the end")
    if as_json:
        lines = [json.loads(line)["message"] for line in lines]
    told = f"{lost} lines of the log are lost: nobody took them in time"
    assert lines == [_LINE] * (said - lost) + [told, "the end"]


def test_a_pipe_that_nobody_reads_any_more_costs_its_lines(piped: Piped) -> None:
    reading = os.dup(piped.reading)
    other = Piped(reading, os.dup(piped.writing))
    os.close(reading)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, piped.reading)
    os.close(nothing)
    other.say("one")
    other.say("another")
    other.log.flush()
    assert other.dropped == 2


def test_a_descriptor_that_does_not_block_is_waited_for(piped: Piped) -> None:
    os.set_blocking(piped.writing, False)
    for number in range(MAX_WAITING):
        piped.say(f"{number} {_LINE}")
    last = f"{MAX_WAITING - 1} {_LINE}"
    assert piped.read_lines(last) == [f"{number} {_LINE}" for number in range(MAX_WAITING)]


def run(
    script: str, *options: str, stderr: int = subprocess.PIPE
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-c", _SAYS_AND_ENDS + script, *options],
        stderr=stderr,
        env={**os.environ, "JOURNAL_STREAM": "1:2"},
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def failing(text: str) -> logging.LogRecord:
    """Return a record that says a text, of a fault that says it too."""
    fault = (ValueError, ValueError(text), None)
    failed = logging.LogRecord("it", logging.ERROR, "", 0, "%s", (text,), fault)
    failed.created, failed.msecs = 1.0625, 62.0
    return failed


def test_json_is_one_line_of_ascii_whose_strings_are_printable() -> None:
    line = JsonLines("worker 1").format(failing(_HOSTILE))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:01.062+00:00",
        "level": "ERROR",
        "process": "worker 1",
        "message": _SHOWN,
        "traceback": f"ValueError: {_SHOWN}".replace(r"\n", "\n"),
    }


@pytest.mark.parametrize(
    ("process", "journal", "head"),
    [
        (CONTROL_PLANE, True, ""),
        ("worker 1", True, "worker 1: "),
        (CONTROL_PLANE, False, "1970-01-01 00:00:01,062 "),
        ("worker 1", False, "1970-01-01 00:00:01,062 worker 1: "),
    ],
)
def test_text_has_one_line_that_is_not_indented(
    monkeypatch: pytest.MonkeyPatch, process: str, head: str, *, journal: bool
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    if journal:
        monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    lines = TextLines(process)
    lines.converter = time.gmtime
    fault = f"ValueError: {_SHOWN}".split(r"\n")
    assert lines.format(failing(_HOSTILE)).split("\n") == [
        f"{head}{_SHOWN}",
        *(f"  {line}" for line in fault),
    ]


@pytest.mark.parametrize(
    ("script", "says", "fault"),
    [
        ("logging.info('it ends')", "it ends", ""),
        ("logging.info('at once'); logging.shutdown(); os._exit(0)", "at once", ""),
        (f"raise ValueError({_HOSTILE!a})", "the process ends by a fault", "ValueError: a"),
        (
            "class Odd:\n def __del__(self): 1 / 0\nOdd()",
            "a fault where nothing can be raised: ignored in <function Odd",
            "ZeroDivisionError: division by zero",
        ),
        (
            "import threading as t\nx = t.Thread(target=lambda: 1 / 0)\nx.start(); x.join()",
            "a thread ends by a fault",
            "ZeroDivisionError: division by zero",
        ),
        (f"import warnings; warnings.warn({_HOSTILE!a})", "<string>:4: UserWarning: a", ""),
        (
            (
                "import uvloop\nx = uvloop.new_event_loop()\n"
                "x.call_soon(lambda: 1 / 0); x.call_soon(x.stop); x.run_forever()"
            ),
            "Exception in callback ",
            "ZeroDivisionError: division by zero",
        ),
    ],
    ids=["end", "abrupt end", "uncaught", "unraisable", "thread", "warning", "asyncio"],
)
def test_whatever_is_written_is_a_record(script: str, says: str, fault: str) -> None:
    first, *more = run(script).stderr.splitlines()
    assert first.startswith(f"it: {says}")
    assert all(line.startswith("  ") for line in more)
    assert f"  {fault}" in more if fault else not more
    (line,) = run(script, "--json").stderr.splitlines()
    told = json.loads(line)
    assert told["process"] == "it"
    assert told["message"].startswith(says)
    assert fault in told.get("traceback", "").split("\n") if fault else "traceback" not in told


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_processes_of_its_own_are_started_alike(options: list[str]) -> None:
    script = "logging.info(log.options())"
    assert f"{options}" in run(script, *options).stderr


@pytest.mark.parametrize("script", ["", "raise ValueError('sorry')"], ids=["end", "fault"])
def test_a_full_pipe_does_not_hold_up_the_end(script: str) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, bytes(fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ)))
        ended = run(f"logging.info('nobody reads this')\n{script}", stderr=writing)
        assert ended.returncode == bool(script)
    finally:
        os.close(reading)
        os.close(writing)


def _octets_in(reading: int) -> int:
    count: int = struct.unpack("i", fcntl.ioctl(reading, termios.FIONREAD, bytes(4)))[0]
    return count
