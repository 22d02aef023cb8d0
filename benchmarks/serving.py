"""A server under test while it runs: started, checked, and what it has cost so far."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks import accounting
from benchmarks.cores import on_cores, server_cores
from benchmarks.peers.kind import Kind, Setting
from benchmarks.upstream import ADDRESS, ZONE, Upstream
from benchmarks.waiting import ask, wait_for_answer

TRIES = 10


@dataclass(frozen=True)
class Serving:
    """A server that answers, and how many seconds that took from its start."""

    kind: Kind
    port: int
    pid: int
    start_seconds: float

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its processes and threads."""
        return accounting.cpu_seconds(accounting.tree(self.pid))

    def memory(self) -> float:
        """Return the memory of all its processes, in MB."""
        return accounting.memory(accounting.tree(self.pid))


@contextmanager
def serving(kind: Kind, setting: Setting, cores: int = 1) -> Iterator[Serving]:
    """Run a server on cores of its own for the length of a block, from its first blocked answer."""
    setting.folder.mkdir(parents=True, exist_ok=True)
    launch = kind.prepare(setting)
    log = setting.folder / "log"
    command = on_cores(server_cores(cores), launch.command)
    with log.open("ab") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, **launch.environ}
        )
    try:
        wait_for_answer(process, setting.port, setting.blocked[-1], kind.blocks, log)
        yield Serving(kind, setting.port, process.pid, time.monotonic() - started)
    finally:
        process.terminate()
        process.wait()


def check(server: Serving, setting: Setting, upstream: Upstream) -> None:
    """End the run unless a server blocks, resolves and caches; its load then measures just that."""
    if server.kind.echoes:
        return
    blocked, fresh = server.kind.blocks, f"check{server.port}"
    _expect(server, setting.blocked[0], blocked)
    _expect(server, f"a.b.{setting.blocked[1]}", blocked)
    before = upstream.queries()
    _expect(server, f"{fresh}.miss.{ZONE}", ADDRESS)
    _expect(server, f"{fresh}.cached.{ZONE}", ADDRESS)
    asked = upstream.queries()
    if asked < before + 2:
        raise SystemExit(f"{server.kind.name} knows {fresh}.miss.{ZONE} without its upstream")
    for _ in range(TRIES):
        _expect(server, f"{fresh}.cached.{ZONE}", ADDRESS)
    if upstream.queries() >= asked + TRIES:
        raise SystemExit(f"{server.kind.name} does not cache {fresh}.cached.{ZONE}")


def _expect(server: Serving, name: str, answer: str) -> None:
    got = ask(server.port, name)
    if got != answer:
        raise SystemExit(f"{server.kind.name} answers {got} for {name}, not {answer}")
