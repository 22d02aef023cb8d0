"""Both builds side by side: the same script to each, and the least script on which they differ."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import NamedTuple, Self

from tests.compiled.subject import RAISED

_ONE_BUILD = Path(__file__).with_name("one_build.py")
_PATIENCE = 120.0  # seconds for one script, until a build is taken to hang
_MAX_RUNS = 400  # of both builds, to find the least script


class Fault(NamedTuple):
    """A line of a script, and what became of it in each build."""

    line: str
    compiled: str
    plain: str


class Build:
    """One build in a process of its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._start()

    def _start(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            # -P: the checkout, where tests run, must not come before an installed dnsguard.
            [sys.executable, "-P", _ONE_BUILD, self._name],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def send(self, script: Sequence[str]) -> None:
        """Have a script run."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("\n".join([*script, "", ""]))
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # `results` says why

    def results(self) -> list[str]:
        """Return the results of the script sent last; an end of the process is one."""
        assert self._process.stdout is not None
        results: list[str] = []
        watch = Timer(_PATIENCE, self._process.kill)
        watch.start()
        for line in self._process.stdout:
            if line == "\n":
                watch.cancel()
                return results
            results.append(line.rstrip("\n"))
        watch.cancel()
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="backslashreplace")
        self.close()
        self._start()
        return [*results, f"{RAISED} the end of the process with {code}: {said}"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()


class Builds:
    """The compiled and the plain build, until the end of a `with` block."""

    def __enter__(self) -> Self:
        self._builds = [Build("compiled"), Build("plain")]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for build in self._builds:
            build.close()

    def results(self, script: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return what each build makes of a script."""
        for build in self._builds:
            build.send(script)
        compiled, plain = (build.results() for build in self._builds)
        return compiled, plain

    def fault(self, script: Sequence[str]) -> Fault | None:
        """Return the first line that the builds do differently, or that raises in either."""
        return _fault(script, *self.results(script))

    def least(self, script: Sequence[str]) -> list[str]:
        """Return the lines of a script with a fault that are needed for one."""
        least = list(script)
        size = len(least) // 2
        runs = 0
        while size and runs < _MAX_RUNS:
            start = 0
            while start < len(least) and runs < _MAX_RUNS:
                without = least[:start] + least[start + size :]
                runs += 1
                if self.fault(without):
                    least = without
                else:
                    start += size
            size //= 2
        return least

    def require_same(self, script: Sequence[str]) -> list[str]:
        """Return the results of a script, the same in both builds, the state behind it last.

        A fault fails with the least script that shows it, written as a test.
        """
        compiled, plain = self.results(script)
        if _fault(script, compiled, plain) is None:
            return compiled
        least = self.least(script)
        fault = self.fault(least)
        assert fault is None, (
            f"{fault.line}\n  compiled: {fault.compiled}\n  plain:    {fault.plain}\n"
            "A test of this, for tests/compiled/test_differences.py:\n\n"
            "def test_(builds: Builds) -> None:\n"
            f"    builds.require_same({least!r})\n"
        )
        raise AssertionError("a fault came once and not again: " + repr(list(script)))


def _fault(script: Sequence[str], *results: list[str]) -> Fault | None:
    lines = [*script, "the state at the end"]
    for line, compiled, plain in zip_longest(lines, *results, fillvalue="no result"):
        if compiled != plain or compiled.startswith((RAISED, "no result")):
            return Fault(line, compiled, plain)
    return None
