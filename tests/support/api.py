"""The real API on real sockets, with a control plane that says what the test wants."""

import asyncio
import os
import pwd
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from dnsguard.control.api import serve
from dnsguard.control.results import ReloadResult
from dnsguard.control.sockets import SocketError


@dataclass
class FakePlane:
    """A `Plane`; what it is asked is kept in `reloads`, `asked` and `changes`.

    With `release` set, a reload says that it has `entered` and waits to be released; so does an
    update of lists before the last of its `events`. An exception among the events is raised.
    """

    result: ReloadResult = field(default_factory=lambda: ReloadResult("ok", 7))
    reasons: list[str] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    explanation: dict[str, Any] | Exception = field(default_factory=dict)
    reloads: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)
    completed: threading.Event = field(default_factory=threading.Event)
    release: threading.Event | None = None
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any] | Exception] = field(default_factory=list)
    outcome: dict[str, Any] = field(default_factory=lambda: {"result": "ok"})
    changes: list[tuple[Any, ...]] = field(default_factory=list)

    async def reload(self, actor: str, reason: str) -> ReloadResult:
        self.reloads.append((actor, reason))
        self.entered.set()
        if self.release is not None:
            await asyncio.to_thread(self.release.wait)
        self.completed.set()
        return self.result

    def status(self) -> dict[str, Any]:
        return self.document

    async def why(self, name: str, client: str, rdatatype: str) -> dict[str, Any]:
        self.asked.append((name, client, rdatatype))
        if isinstance(self.explanation, Exception):
            raise self.explanation
        return self.explanation

    def ready(self) -> list[str]:
        return self.reasons

    def metrics(self) -> bytes:
        return b"dnsguard_generation 7\n"

    def lists(self) -> list[dict[str, Any]]:
        return list(self.details.values())

    def list_details(self, name: str) -> dict[str, Any]:
        return self.details[name]

    async def update_lists(
        self, names: list[str], actor: str, reason: str, *, dry_run: bool
    ) -> AsyncIterator[dict[str, Any]]:
        self.changes.append(("update", names, actor, reason, dry_run))
        for event in self.events:
            if self.release is not None and event is self.events[-1]:
                self.entered.set()
                await asyncio.to_thread(self.release.wait)
            if isinstance(event, Exception):
                raise event
            yield event

    async def rollback_list(
        self, name: str, generation: int | None, actor: str, reason: str
    ) -> dict[str, Any]:
        self.changes.append(("rollback", name, generation, actor, reason))
        return self.outcome

    async def release_list(self, name: str, actor: str, reason: str) -> dict[str, Any]:
        self.changes.append(("release", name, actor, reason))
        return self.outcome


@dataclass
class Served:
    """Where the API is; `on_stop` is called once it has been told to stop."""

    port: int
    control: Path
    on_stop: Callable[[], None] = lambda: None


@contextmanager
def served(
    plane: FakePlane, *, runtime: Path | None = None, on_uvloop: bool = True
) -> Iterator[Served]:
    """Serve a plane on 127.0.0.1 and a control socket, from a thread of its own."""
    with tempfile.TemporaryDirectory() as directory:
        control = (runtime or Path(directory)) / "control.sock"
        admin = socket.create_server(("127.0.0.1", 0))
        port = admin.getsockname()[1]
        started = threading.Event()
        loop = uvloop.new_event_loop() if on_uvloop else asyncio.new_event_loop()
        stop = asyncio.Event()
        failures: list[SocketError] = []

        async def run() -> None:
            serving = asyncio.create_task(serve(plane, admin, control, stop))
            await asyncio.sleep(0)  # one step, after which both sockets listen
            started.set()
            await serving

        def end() -> None:
            stop.set()
            loop.call_soon(loop.call_soon, where.on_stop)

        def run_loop() -> None:
            try:
                with asyncio.Runner(loop_factory=lambda: loop) as runner:
                    runner.run(run())
            except SocketError as error:
                failures.append(error)
            finally:
                started.set()

        thread = threading.Thread(target=run_loop)
        thread.start()
        where = Served(port, control)
        started.wait()
        try:
            yield where
        finally:
            if not failures:
                loop.call_soon_threadsafe(end)
            thread.join()
            admin.close()
        if failures:
            raise failures[0]


def own_actor() -> str:
    """Return how this process is called when it changes something."""
    uid = os.getuid()
    return f"uid {uid} ({pwd.getpwuid(uid).pw_name}) pid {os.getpid()}"


def exchange(address: tuple[str, int] | str, sent: bytes) -> bytes:
    """Send bytes as they are and return all that comes back; the server may hang up any time."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    received = b""
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.connect(address)
        try:
            connection.sendall(sent)
            with suppress(OSError):  # it is no longer connected
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionError:
            pass
    return received
