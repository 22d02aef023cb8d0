"""Nobody takes the log: a full pipe costs lines of it, which are counted, and nothing else."""

import fcntl
import functools
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from dnsguard.log import MAX_WAITING
from tests.faults.driver import ALL, config, under_load
from tests.support.customized import customized
from tests.support.metrics import read_samples
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running
from tests.support.truth import truth

LOST = "lines of the log are lost"
# The thread that serves a worker's queries logs more lines than may wait when it gets a signal.
_LOGS_WHEN_TOLD = f"""\
import logging, signal, sys
def log(*_):
    for number in range({2 * MAX_WAITING}):
        logging.getLogger().error("told to log")
if "dnsguard.net.worker" in sys.orig_argv:
    signal.signal(signal.SIGUSR2, log)
"""


class Pipe:
    """The pipe that a server logs to within a `with` block; nobody reads it until `read_into`."""

    def __enter__(self) -> Self:
        self._reading, self._writing = os.pipe()
        fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, 4096)
        self._thread: threading.Thread | None = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._writing)
        if self._thread is not None:
            self._thread.join()
        os.close(self._reading)

    @property
    def prefix(self) -> tuple[str, ...]:
        """What goes before a command to have it log to the pipe, by a descriptor of its own."""
        return ("sh", "-c", f'exec "$@" 2>/proc/{os.getpid()}/fd/{self._writing}', "sh")

    def fill(self) -> None:
        """Leave no room at all."""
        os.set_blocking(self._writing, False)
        with suppress(BlockingIOError):
            while True:
                os.write(self._writing, b"\0")

    def read_into(self, path: Path) -> None:
        """Read what comes into a file from now on, until the server has ended."""

        def read() -> None:
            with path.open("ab") as file:
                while data := os.read(self._reading, 65_536):
                    file.write(data.replace(b"\0", b""))
                    file.flush()

        self._thread = threading.Thread(target=read)
        self._thread.start()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    with Pipe() as pipe:
        yield pipe


@pytest.fixture
def server(pipe: Pipe, tmp_path: Path) -> Iterator[Server]:
    """A server whose log nobody takes."""
    environ = customized(tmp_path, _LOGS_WHEN_TOLD)
    with (
        ScriptedUpstream(truth) as upstream,
        running(tmp_path, config(upstream.url), prefix=pipe.prefix, environ=environ) as server,
    ):
        pipe.fill()
        yield server


def dropped(server: Server) -> float:
    return read_samples(server.metrics())["dnsguard_log_dropped_total"]


def make_control_plane_log(server: Server) -> None:
    """Have reloads refused for more reasons than lines may wait."""
    text = server.config_path.read_text("utf-8")
    server.write({f"no_such_key_{number}": 1 for number in range(MAX_WAITING)})
    for _ in range(3):
        assert server.reload().status_code == 422
    server.write_text(text)
    assert server.reload().status_code == 200


def make_workers_log(server: Server) -> None:
    """Have each worker log more lines than may wait."""
    for worker in server.status()["workers"]:
        before = dropped(server)
        os.kill(worker["pid"], signal.SIGUSR2)
        server.wait_for(lambda: dropped(server) >= before + MAX_WAITING // 2)  # noqa: B023


def test_serving_goes_on_and_lines_that_are_lost_are_counted(pipe: Pipe, server: Server) -> None:
    with under_load(server, same_policy=False) as load:
        for who, act in (("control plane", make_control_plane_log), ("workers", make_workers_log)):
            during = load.during(f"{who} log", functools.partial(act, server))
            during.check_right(*ALL)
            assert dropped(server) >= MAX_WAITING // 2
        pipe.read_into(server.log_path)
        server.wait_for(lambda: "no_such_key_0" in server.log())
        make_control_plane_log(server)
        server.wait_for(lambda: LOST in server.log())
        load.phase("log taken").check_right(*ALL)


def test_no_process_waits_for_a_reader_to_end(server: Server) -> None:
    make_workers_log(server)
    pid = server.status()["workers"][0]["pid"]
    os.kill(pid, signal.SIGTERM)
    server.wait_for(lambda: server.status()["workers"][0]["pid"] not in {pid, None})
    server.wait_for(lambda: not server.unready())
    assert server.stop() == 0
