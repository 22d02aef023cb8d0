"""The control plane's state and the one way to change it.

Every change - at start, by signal, by command - is told to `ControlPlane.adopt` with
who asks and why: build a whole new generation, which may fail and then changes nothing,
then have every worker swap it in.
"""

import asyncio
import fcntl
import logging
import mmap
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dnsguard.config import ConfigError, Problem, Source, read_sources
from dnsguard.config.load import read_documents
from dnsguard.control.candidate import Candidate, prepare
from dnsguard.control.counting import Page, Ranges
from dnsguard.control.loading import keep_lists
from dnsguard.control.metrics import Events
from dnsguard.control.results import ReloadResult
from dnsguard.control.state import StateDirectory
from dnsguard.control.workers import Worker
from dnsguard.core.generation import Generation, parse_generation

_log = logging.getLogger(__name__)

# Not "restart", which keeps the sockets of the old `listen`.
_RESTART = "a change of this needs a restart: systemctl stop dnsguard; systemctl start dnsguard"
_NEEDS_RESTART = ("listen", "workers", "directories")


@dataclass(frozen=True)
class LastChange:
    """The latest attempt to change what is in force."""

    at: float
    actor: str
    reason: str
    result: str


class ControlPlane:
    """What is in force, and the workers that serve it."""

    def __init__(self, config_path: Path, state: StateDirectory, worker_count: int) -> None:
        self.config_path = config_path
        self.state = state
        self.worker_count = worker_count
        self.started = time.time()
        self.workers: list[Worker] = []
        self.listening: list[str] = []
        self.admin: str | None = None
        self.fallback: tuple[Problem, ...] = ()
        """Why the config file, when last read, was not put in force; empty when it was."""
        self.current: Candidate
        self.generation: Generation
        self.last_change: LastChange
        self.events = Events()
        self.ranges = Ranges()
        self.pages = [Page() for _ in range(worker_count)]
        self._descriptor = -1
        self._lock = asyncio.Lock()

    def prepare(self, sources: Sequence[Source]) -> Candidate:
        """Build a candidate from the files of a config. Raises ConfigError; changes nothing."""
        number = self.current.number + 1 if hasattr(self, "current") else 1
        return prepare(
            sources, self.state, number=number, ranges=self.ranges, workers=self.worker_count
        )

    async def adopt(self, candidate: Candidate, actor: str, reason: str) -> None:
        """Put a candidate in force; return when every worker serves by it.

        What can fail comes first and changes nothing.
        """
        descriptor = _sealed_file(candidate.buffer)
        mapped = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
        self.generation = parse_generation(memoryview(mapped))
        self.current = candidate
        self.ranges = candidate.ranges
        earlier, self._descriptor = self._descriptor, descriptor
        if earlier >= 0:
            os.close(earlier)
        await asyncio.gather(*(worker.swap() for worker in self.workers))
        self.events.last_reload = time.time()
        self.last_change = LastChange(time.time(), actor, reason, "ok")
        why = f": {reason}" if reason else ""
        _log.info("generation %d in force (%s%s)", candidate.number, actor, why)

    async def reload(self, actor: str, reason: str) -> ReloadResult:
        """Read config and file lists again and put them in force, or refuse and say why."""
        async with self._lock:
            try:
                sources = await asyncio.to_thread(read_sources, self.config_path)
                candidate = await asyncio.to_thread(self.prepare, sources)
                self._refuse_restarts(candidate)
                await self.adopt(candidate, actor, reason)
            except ConfigError as error:
                return self._refuse(error.problems, actor, reason)
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing has changed
                _log.exception("internal error while reloading; please report this")
                text = f"internal error ({type(error).__name__}): the log says more; report it"
                return self._refuse((Problem("", text, str(self.config_path), 0),), actor, reason)
            unwritten = await self.write_down()
            self.fallback = ()
            self.events.reloads_ok += 1
            warnings = [Problem("", text, str(self.state.path), 0) for text in unwritten]
            return ReloadResult("ok", candidate.number, (), (*candidate.warnings, *warnings))

    def _refuse(self, problems: tuple[Problem, ...], actor: str, reason: str) -> ReloadResult:
        self.events.reloads_refused += 1
        self.fallback = problems
        self.last_change = LastChange(time.time(), actor, reason, "refused")
        for problem in problems:
            _log.error("reload refused: %s", problem)
        return ReloadResult("refused", self.current.number, problems, ())

    def served_generation(self) -> tuple[int, int]:
        """Return the descriptor and the number of the generation in force."""
        return self._descriptor, self.current.number

    def _refuse_restarts(self, candidate: Candidate) -> None:
        place = read_documents(candidate.sources).place
        problems = []
        for key in _NEEDS_RESTART:
            if getattr(candidate.config, key) != getattr(self.current.config, key):
                where = place((key,))
                problems.append(Problem(key, _RESTART, where.file, where.line))
        if problems:
            raise ConfigError(problems)

    async def write_down(self) -> tuple[str, ...]:
        """Keep what is in force for the next start; return what could not be written.

        Apart from `adopt`, so that a disk that hangs keeps no answer back.
        """
        return await asyncio.to_thread(self._write_down, self.current)

    def _write_down(self, candidate: Candidate) -> tuple[str, ...]:
        try:
            self.state.keep_config(candidate.sources)
            keep_lists(candidate.lists, self.state)
        except OSError as error:
            text = (
                f"{self.state.path} cannot be written ({error.strerror}): a restart would fall "
                "back on an older config; check that the disk is not full and who owns it"
            )
            _log.error("%s", text)
            return (text,)
        return ()


def _sealed_file(buffer: bytes) -> int:
    """Return a descriptor of a file in memory that nobody can change any more."""
    descriptor = os.memfd_create("dnsguard-generation", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(buffer)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
