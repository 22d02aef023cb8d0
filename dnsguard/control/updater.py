"""Keeping lists fresh: when each is asked for, and what becomes of it."""

import asyncio
import logging
import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from dnsguard.config import ConfigError
from dnsguard.control import list_documents
from dnsguard.control.candidate import Candidate
from dnsguard.control.loading import LoadedList, OfferRefused
from dnsguard.control.mirrors import Mirrors, Unchanged
from dnsguard.control.plane import ControlPlane
from dnsguard.control.selection import Offer
from dnsguard.lists.errors import ListError, Reason, Refused
from dnsguard.lists.fetched import FetchError
from dnsguard.lists.records import LastResult, Result

FIRST_DELAY = 30.0  # seconds after the first failure; each further one doubles it
REFUSED_DELAY = 600.0  # the same where a version was had: publishers mend theirs in hours
JITTER = 0.1  # of an interval, either way: gateways that start together part ways
MAX_SLEEP = 60.0  # seconds the wall clock is trusted for: it may be set
MAX_AT_ONCE = 4

Report = Callable[[dict[str, Any]], None]
"""Is told how an update goes: the events of `dnsguard lists update`."""

_log = logging.getLogger(__name__)


class Updater:
    """Updates the lists that are in use; one update of a list at a time."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._mirrors = Mirrors()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    async def run(self) -> None:
        """Update each list that is fetched when it is due, until cancelled."""
        under_way: dict[str, asyncio.Task[Any]] = {}
        try:
            while True:
                self._plane.changed.clear()
                try:
                    self._start_due(under_way)
                    await self._sleep()
                except Exception:  # noqa: BLE001 - one fault must not end all updates
                    _log.exception("internal error in the updater of lists; please report this")
                    await asyncio.sleep(MAX_SLEEP)
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)
            self._mirrors.close()

    def _start_due(self, under_way: dict[str, asyncio.Task[Any]]) -> None:
        for found in self._fetched():
            task = under_way.get(found.name)
            if (task is None or task.done()) and self._due(found) <= time.time():
                under_way[found.name] = asyncio.create_task(self._update_quietly(found))

    async def update(
        self, names: Sequence[str], actor: str, reason: str, report: Report, *, dry_run: bool
    ) -> None:
        """Update lists now, whenever they were due; `report` has a result for each.

        With `dry_run` what would change is found out, and nothing changes.
        """
        loaded = {found.name: found for found in self._plane.current.lists.loaded}
        chosen = [loaded[name] for name in names if name in loaded]

        async def update(found: LoadedList) -> None:
            report(await self._update(found, actor, reason, report, dry_run=dry_run))

        async with asyncio.TaskGroup() as tasks:
            for found in chosen:
                tasks.create_task(update(found))
        report({"event": "done", "generation": self._plane.current.number})

    def _fetched(self) -> list[LoadedList]:
        """Return the lists that are fetched; while a rollback holds one it is not."""
        return [
            found
            for found in self._plane.current.lists.loaded
            if found.kind == "url" and self._plane.records.get(found.name).hold is None
        ]

    def _due(self, found: LoadedList) -> float:
        """Return when a list is to be asked for, in epoch seconds."""
        record = self._plane.records.get(found.name)
        latest = time.time() + found.settings.refresh * (1 + JITTER)
        if record.next_try is None or record.next_try > latest:
            return 0.0  # written by a clock that was wrong, or with a longer interval
        return record.next_try

    async def _sleep(self) -> None:
        due = min((self._due(found) for found in self._fetched()), default=float("inf"))
        seconds = min(max(due - time.time(), 1.0), MAX_SLEEP)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._plane.changed.wait(), seconds)

    async def _update_quietly(self, found: LoadedList) -> None:
        result = await self._update(
            found, "updater", f"list {found.name} was due", lambda _: None, dry_run=False
        )
        if result["result"] in {"refused", "failed"}:
            _log.error("list %s: %s: %s", found.name, result["result"], result["message"])

    async def _update(
        self, found: LoadedList, actor: str, reason: str, report: Report, *, dry_run: bool
    ) -> dict[str, Any]:
        async with self._locks[found.name], self._slots:
            try:
                if found.kind == "builtin":
                    result = {"result": "unchanged"}
                elif found.kind == "file":
                    result = await self._reread(found, actor, reason, dry_run=dry_run)
                elif self._plane.records.get(found.name).hold is not None:
                    result = {
                        "result": "held",
                        "message": "a rollback holds it: release it with "
                        f"`dnsguard lists rollback {found.name} --release`",
                    }
                else:
                    self._mirrors.configure(self._plane.current.config)
                    result = await self._ask_mirrors(found, actor, reason, report, dry_run=dry_run)
            except Exception as error:  # noqa: BLE001 - the version in force stays, and the next try
                _log.exception(
                    "internal error while updating list %s; please report this", found.name
                )
                message = f"internal error ({type(error).__name__}): the log says more; report it"
                result = await self._fail(found, "failed", "", message, "", dry_run=dry_run)
            if not dry_run and result["result"] != "held" and found.kind != "builtin":
                self._plane.events.list_updates[found.name, result["result"]] += 1
            return self._describe(found, result)

    async def _ask_mirrors(
        self, found: LoadedList, actor: str, reason: str, report: Report, *, dry_run: bool
    ) -> dict[str, Any]:
        """Ask one mirror after the other until one has a version that goes live."""
        record = self._plane.records.get(found.name)
        failures: list[tuple[str, ListError]] = []
        for url in found.settings.source:
            shown = list_documents.show_source(url)

            def progress(received: int, total: int | None, source: str = shown) -> None:
                report(
                    {
                        "event": "progress",
                        "list": found.name,
                        "source": source,
                        "received": received,
                        "total": total,
                    }
                )

            report({"event": "stage", "list": found.name, "stage": "fetching"})
            try:
                answer = await self._mirrors.ask(found.settings, url, record, progress)
                if isinstance(answer, Unchanged):
                    if not dry_run:
                        await self._confirm(found, shown, answer)
                    return {"result": "unchanged", "source": shown}
                report({"event": "stage", "list": found.name, "stage": "compiling"})
                candidate = await self._take(found, answer, actor, reason, dry_run=dry_run)
            except ListError as error:
                failures.append((shown, error))
                if isinstance(error, Refused) and not dry_run:
                    self._plane.events.list_refused[found.name, error.reason] += 1
                continue
            return {
                "result": "would-change" if dry_run else "ok",
                "source": answer.source,
                **_change(candidate, found.name),
            }
        message = "; ".join(_with_source(source, failure) for source, failure in failures)
        for source, failure in failures:
            if isinstance(failure, Refused):
                result = await self._fail(
                    found, "refused", failure.reason, message, source, dry_run=dry_run
                )
                difference = failure.difference if isinstance(failure, OfferRefused) else None
                return {**result, **(difference or {})}
        return await self._fail(found, "failed", "", message, failures[-1][0], dry_run=dry_run)

    async def _take(
        self, found: LoadedList, offer: Offer, actor: str, reason: str, *, dry_run: bool
    ) -> Candidate:
        offer = replace(offer, next_try=self._next_try(found))
        try:
            return await self._plane.change_lists(
                {found.name: offer}, actor, reason or f"list {found.name}", dry_run=dry_run
            )
        except ConfigError as error:
            raise FetchError("; ".join(problem.message for problem in error.problems)) from None
        finally:
            os.close(offer.descriptor)

    async def _confirm(self, found: LoadedList, source: str, answer: Unchanged) -> None:
        await asyncio.to_thread(
            self._plane.records.confirm,
            found.name,
            source,
            time.time(),
            validators=answer.validators,
            next_try=self._next_try(found),
        )

    async def _fail(
        self,
        found: LoadedList,
        result: Result,
        reason: Reason | Literal[""],
        message: str,
        source: str,
        *,
        dry_run: bool,
    ) -> dict[str, Any]:
        """Note an update that came to nothing; return its result."""
        if not dry_run and found.kind == "url":
            failures = self._plane.records.get(found.name).failures
            first = REFUSED_DELAY if result == "refused" else FIRST_DELAY
            delay = min(first * 2 ** min(failures, 20), float(found.settings.refresh))
            await asyncio.to_thread(
                self._plane.records.note_failure,
                found.name,
                LastResult(time.time(), result, reason, message, source),
                next_try=time.time() + _spread(delay),
            )
        return {"result": result, "reason": reason, "message": message, "source": source}

    async def _reread(
        self, found: LoadedList, actor: str, reason: str, *, dry_run: bool
    ) -> dict[str, Any]:
        candidate = await self._plane.change_lists(
            {}, actor, reason or f"list {found.name}", reread={found.name}, dry_run=dry_run
        )
        now = next(each for each in candidate.lists.loaded if each.name == found.name)
        if now.problem:
            result = "refused" if now.refused else "failed"
            if now.refused and not dry_run:
                self._plane.events.list_refused[found.name, now.refused] += 1
            return {"result": result, "reason": now.refused, "message": now.problem}
        before = found.compiled.key.sha256 if found.compiled else None
        if now.compiled is None or now.compiled.key.sha256 == before:
            return {"result": "unchanged"}
        return {
            "result": "would-change" if dry_run else "ok",
            **_change(candidate, found.name),
        }

    def _next_try(self, found: LoadedList) -> float:
        return time.time() + _spread(float(found.settings.refresh))

    def _describe(self, found: LoadedList, result: dict[str, Any]) -> dict[str, Any]:
        plane = self._plane
        in_force = next(
            (each for each in plane.current.lists.loaded if each.name == found.name), found
        )
        document = list_documents.describe(in_force, plane.current.config, plane.records)
        told = ("generation", "names", "dropped", "policies", "groups")
        last = document["last"] if result["result"] == "ok" else None
        return {
            "event": "result",
            "list": found.name,
            "source": list_documents.show_source(found.settings.source[0]),
            "reason": "",
            "message": last["message"] if last else "",
            **{key: document[key] for key in told},
            **result,
        }


def _change(candidate: Candidate, name: str) -> dict[str, Any]:
    """Return what a candidate changes in a list."""
    accepted = next((each for each in candidate.lists.accepted if each.name == name), None)
    if accepted is None:
        return {}
    version = accepted.compiled.version
    return {
        "names": version["names"],
        "dropped": version["dropped"],
        **(accepted.difference or {"added": version["names"] + version["addresses"], "removed": 0}),
    }


def _with_source(source: str, error: ListError) -> str:
    text = str(error)
    return text if source in text else f"{source}: {text}"


def _spread(seconds: float) -> float:
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
