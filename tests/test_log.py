"""The log: what happens to lines that nobody takes."""

import fcntl
import logging
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from dnsguard.log import MAX_WAITING, Log
from tests.support.loops import DEADLINE, wait_for

_LINE = "x" * 99  # 100 octets with its end
_SAYS_AND_ENDS = """\
import logging, os, sys
from dnsguard import log
log.start("it says: %(message)s", lambda: None)
"""


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
        self.log.handle(logging.LogRecord("it", logging.INFO, "", 0, text, None, None))

    def read_lines(self, last: str) -> list[str]:
        """Return the lines up to one, which must come."""
        lines: list[str] = []
        with os.fdopen(os.dup(self.reading), encoding="utf-8") as stream:
            for line in stream:
                lines.append(line.rstrip("\n"))
                if lines[-1] == last:
                    return lines
        raise AssertionError(lines)

    def fill(self) -> int:
        """Say the same line until some are lost; return how often."""
        said = 0
        while not self.dropped:
            self.say(_LINE)
            said += 1
        return said


@pytest.fixture
def piped() -> Iterator[Piped]:
    reading, writing = os.pipe()
    yield Piped(reading, writing)
    os.close(reading)  # lets go of a thread that still writes


def test_lines_come_in_the_order_they_were_said(piped: Piped) -> None:
    for number in range(200):
        piped.say(f"line {number}")
    assert piped.read_lines("line 199") == [f"line {number}" for number in range(200)]
    assert piped.dropped == 0


def test_who_logs_into_a_full_pipe_does_not_wait_and_the_reader_is_told(piped: Piped) -> None:
    said = piped.fill() + 50
    for _ in range(50):
        piped.say(_LINE)
    lost = piped.dropped
    assert lost
    assert said - lost >= MAX_WAITING
    wait_for(lambda: _is_full(piped.writing), "the pipe is full")
    taken = os.read(piped.reading, 1 << 20)  # there is room again
    wait_for(lambda: not piped.log._waiting.full(), "lines are taken again")
    piped.say("the end")
    lines = taken.decode().splitlines() + piped.read_lines("the end")
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


def run(script: str, stderr: int = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-c", _SAYS_AND_ENDS + script],
        stderr=stderr,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("logging.info('it ends')", "it says: it ends\n"),
        ("logging.info('at once'); logging.shutdown(); os._exit(0)", "it says: at once\n"),
        ("raise ValueError('sorry')", "it says: the process ends by a fault\nTraceback"),
        (
            "class Odd:\n def __del__(self): 1 / 0\nOdd()",
            "it says: a fault where nothing can be raised: ignored in <function Odd",
        ),
    ],
    ids=["at its end", "at an abrupt end", "uncaught", "unraisable"],
)
def test_the_last_lines_are_written(script: str, says: str) -> None:
    assert run(script).stderr.startswith(says)


@pytest.mark.parametrize("script", ["", "raise ValueError('sorry')"], ids=["end", "fault"])
def test_a_full_pipe_does_not_hold_up_the_end(script: str) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, bytes(fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ)))
        ended = run(f"logging.info('nobody reads this')\n{script}", writing)
        assert ended.returncode == bool(script)
    finally:
        os.close(reading)
        os.close(writing)


def _is_full(writing: int) -> bool:
    return not select.select([], [writing], [], 0)[1]
