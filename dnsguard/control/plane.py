"""The control plane's state and the one way to change it.

Every change - at start, by signal, by command - is told to `ControlPlane.adopt` with
who asks and why: build a whole new generation, which may fail and then changes nothing,
then have every worker swap it in.
"""

import asyncio
import logging
import mmap
import os
import socket
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnsguard.config import ConfigError, Problem, Source, read_sources
from dnsguard.config.load import read_documents
from dnsguard.control.candidate import Candidate, prepare
from dnsguard.control.compiling import anonymous_file, compile_apart
from dnsguard.control.cookie_secrets import CookieSecrets
from dnsguard.control.counting import Page, Ranges
from dnsguard.control.list_records import ListRecords
from dnsguard.control.loading import LoadedList, Shelf, close
from dnsguard.control.metrics import Events
from dnsguard.control.results import ReloadResult
from dnsguard.control.selection import Offer
from dnsguard.control.state import StateDirectory
from dnsguard.control.workers import Worker
from dnsguard.core.generation import Generation, parse_generation
from dnsguard.lists.compiled import Compiled, seal
from dnsguard.lists.errors import ListError

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

    def __init__(
        self,
        config_path: Path,
        state: StateDirectory,
        worker_count: int,
        events: Events | None = None,
    ) -> None:
        self.config_path = config_path
        self.state = state
        self.worker_count = worker_count
        self.started = time.time()
        self.workers: list[Worker] = []
        self.listening: list[str] = []
        self.datagram_sockets: list[socket.socket] = []
        self.admin: str | None = None
        self.fallback: tuple[Problem, ...] = ()
        """Why the config file, when last read, was not put in force; empty when it was."""
        self.current: Candidate
        self.generation: Generation
        self.last_change: LastChange
        self.events = events or Events()
        self.ranges = Ranges()
        self.pages = [Page() for _ in range(worker_count)]
        self.records = ListRecords(state.lists)
        self.cookie_secrets = CookieSecrets(state.path)
        self.changed = asyncio.Event()
        """Set whenever something else is in force."""
        self._compiled: Compiled | None = None
        self._saved: Compiled | None = None
        self._descriptor = -1
        self._lock = asyncio.Lock()

    async def prepare(
        self,
        sources: Sequence[Source],
        offers: Mapping[str, Offer] | None = None,
        stay: Mapping[str, LoadedList] | None = None,
    ) -> Candidate:
        """Build a candidate from the files of a config; changes nothing.

        Lists are those that are offered, those that `stay`, and what their files hold now.
        Raises ConfigError, and ListError when an offer is refused.
        """
        if self._compiled is None:
            self._compiled = self._saved = await asyncio.to_thread(self.state.last_compiled)
        return await prepare(
            sources,
            Shelf(
                self.state.lists,
                compile_apart,
                self._compiled,
                stay or {},
                self.records.unwritten,
            ),
            number=self.current.number + 1 if hasattr(self, "current") else 1,
            ranges=self.ranges,
            workers=self.worker_count,
            cookie_secrets=await asyncio.to_thread(self.cookie_secrets.take, time.time()),
            offers=offers,
        )

    async def adopt(self, candidate: Candidate, actor: str, reason: str) -> None:
        """Put a candidate in force; return when every worker serves by it.

        What can fail comes first and changes nothing.
        """
        compiled = candidate.lists.compiled
        descriptor = -1
        try:
            descriptor = _sealed_file(candidate.buffer)
            self.generation = parse_generation(
                *(
                    memoryview(mmap.mmap(number, 0, prot=mmap.PROT_READ))
                    for number in (descriptor, compiled.descriptor)
                )
            )
        except BaseException:
            if descriptor >= 0:
                os.close(descriptor)
            candidate.discard(self._compiled)
            raise
        self.current = candidate
        self.ranges = candidate.ranges
        earlier, self._descriptor = self._descriptor, descriptor
        earlier_compiled, self._compiled = self._compiled, compiled
        if earlier >= 0:
            os.close(earlier)
        if earlier_compiled is not None and earlier_compiled is not compiled:
            earlier_compiled.close()
        await asyncio.gather(*(worker.swap() for worker in self.workers))
        self.changed.set()
        why = f": {reason}" if reason else ""
        _log.info("generation %d in force (%s%s)", candidate.number, actor, why)

    async def start(self, candidate: Candidate) -> None:
        """Put the first candidate in force."""
        await self.adopt(candidate, "start", str(self.config_path))
        self._note_reload("start", str(self.config_path))

    async def reload(self, actor: str, reason: str) -> ReloadResult:
        """Read config and file lists again and put them in force, or refuse and say why."""
        async with self._lock:
            try:
                sources = await asyncio.to_thread(read_sources, self.config_path)
                candidate = await self.prepare(sources)
                self._refuse_restarts(candidate)
                await self.adopt(candidate, actor, reason)
            except ConfigError as error:
                return self._refuse(error.problems, actor, reason)
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing has changed
                _log.exception("internal error while reloading; please report this")
                text = f"internal error ({type(error).__name__}): the log says more; report it"
                return self._refuse((Problem("", text, str(self.config_path), 0),), actor, reason)
            self._note_reload(actor, reason)
            unwritten = await asyncio.to_thread(self._write_down, candidate)
            self.fallback = ()
            self.events.reloads_ok += 1
            warnings = [Problem("", text, str(self.state.path), 0) for text in unwritten]
            return ReloadResult("ok", candidate.number, (), (*candidate.warnings, *warnings))

    async def change_lists(
        self,
        offers: Mapping[str, Offer],
        actor: str,
        reason: str,
        *,
        reread: Container[str] = (),
        dry_run: bool = False,
    ) -> Candidate:
        """Put offered versions in force, and what the files of `reread` lists hold now.

        The config and all other lists stay as they are. Raises ListError when an offer is
        refused and ConfigError when nothing can be built; then nothing has changed. With
        `dry_run` nothing ever does.
        """
        async with self._lock:
            loaded = {found.name: found for found in self.current.lists.loaded}
            for name, offer in offers.items():
                if name not in loaded or loaded[name].settings != offer.settings:
                    raise ListError("the config of the list changed meanwhile: update it again")
                if self.records.get(name).hold is not None:
                    raise ListError("a rollback came first and holds another generation")
            stay = {name: found for name, found in loaded.items() if name not in reread}
            candidate = await self.prepare(self.current.sources, offers, stay)
            if dry_run:
                candidate.discard(self._compiled)
                return candidate
            await self.adopt(candidate, actor, reason)
            await asyncio.to_thread(self._write_down, candidate)
            return candidate

    def _note_reload(self, actor: str, reason: str) -> None:
        self.events.last_reload = time.time()
        self.last_change = LastChange(time.time(), actor, reason, "ok")
        self.events.count_files(self.current.lists)

    def _refuse(self, problems: tuple[Problem, ...], actor: str, reason: str) -> ReloadResult:
        self.events.reloads_refused += 1
        self.fallback = problems
        self.last_change = LastChange(time.time(), actor, reason, "refused")
        for problem in problems:
            _log.error("reload refused: %s", problem)
        return ReloadResult("refused", self.current.number, problems, ())

    def served_generation(self) -> tuple[tuple[int, int], int]:
        """Return the descriptors of what is in force, its lists' image last, and its number."""
        return (self._descriptor, self.current.lists.compiled.descriptor), self.current.number

    def _refuse_restarts(self, candidate: Candidate) -> None:
        place = read_documents(candidate.sources).place
        problems = []
        for key in _NEEDS_RESTART:
            if getattr(candidate.config, key) != getattr(self.current.config, key):
                where = place((key,))
                problems.append(Problem(key, _RESTART, where.file, where.line))
        if problems:
            candidate.discard(self._compiled)
            raise ConfigError(problems)

    async def write_down(self, candidate: Candidate) -> None:
        """Keep what is in force for the next start.

        Apart from `adopt`, so that a disk that hangs keeps no answer back.
        """
        async with self._lock:
            if candidate is self.current:
                try:
                    await asyncio.to_thread(self._write_down, candidate)
                except Exception:  # noqa: BLE001 - what is in force is served all the same
                    _log.exception("internal error while writing; please report this")
            else:  # what came after it is written already
                close(candidate.lists.accepted)

    def _write_down(self, candidate: Candidate) -> tuple[str, ...]:
        unwritten = []
        lists = candidate.lists
        for accepted in lists.accepted:
            unwritten.append(self.records.accept(accepted))
        close(lists.accepted)
        kept = {accepted.name for accepted in lists.accepted}
        for found in lists.loaded:
            if found.kind == "file" and found.problem is None and found.name not in kept:
                unwritten.append(self._confirm_file(found))
        try:
            self.state.keep_config(candidate.sources)
            if lists.compiled is not self._saved:
                self.state.keep_compiled(lists.compiled)
                self._saved = lists.compiled
        except OSError as error:
            text = (
                f"{self.state.path} cannot be written ({error.strerror}): a restart would fall "
                "back on an older config; check that the disk is not full and who owns it"
            )
            _log.error("%s", text)
            unwritten.append(text)
        unwritten.append(self.cookie_secrets.keep())
        return tuple(text for text in unwritten if text)

    def _confirm_file(self, found: LoadedList) -> str | None:
        """Note when a file was read and is what is kept; at most once for each reading."""
        record = self.records.get(found.name)
        newest = record.generations[0].sha256 if record.generations else None
        read = found.confirmed or 0.0
        if (
            found.compiled
            and newest == found.compiled.key.sha256
            and read > (record.confirmed or 0)
        ):
            return self.records.confirm(found.name, found.settings.source[0], read)
        return None


def _sealed_file(buffer: bytes) -> int:
    """Return a descriptor of a file in memory that nobody can change any more."""
    descriptor = anonymous_file("generation")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(buffer)
        seal(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
