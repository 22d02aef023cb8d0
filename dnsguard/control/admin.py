"""What the API and the commands ask of the control plane."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from dnsguard.control import list_documents, status
from dnsguard.control.inquiry import inquire
from dnsguard.control.metrics import MetricsCollector, Snapshot
from dnsguard.control.plane import ControlPlane
from dnsguard.control.results import ReloadResult
from dnsguard.control.rollback import release, roll_back
from dnsguard.control.socket_options import dropped
from dnsguard.control.updater import Updater


class Administration:
    """The control plane as the API sees it: one way to change it, and what can be told of it."""

    def __init__(self, plane: ControlPlane, updater: Updater) -> None:
        self._plane = plane
        self._updater = updater
        self._updates: set[asyncio.Task[None]] = set()
        self._metrics = MetricsCollector(plane.pages, plane.events)

    async def reload(self, actor: str, reason: str) -> ReloadResult:
        """Read the config and file lists again; return when in force, or refused."""
        return await self._plane.reload(actor, reason)

    def ready(self) -> list[str]:
        """Return the reasons why not every query is answered as configured; empty when ready."""
        return status.ready(self._plane)

    def status(self) -> dict[str, Any]:
        """Return the state as one document."""
        return status.describe(self._plane)

    def lists(self) -> list[dict[str, Any]]:
        """Return the lists in use as documents."""
        plane = self._plane
        return [
            list_documents.describe(found, plane.current.config, plane.records)
            for found in plane.current.lists.loaded
        ]

    def list_details(self, name: str) -> dict[str, Any]:
        """Return all about one list. Raises KeyError."""
        plane = self._plane
        for found in plane.current.lists.loaded:
            if found.name == name:
                return list_documents.describe_whole(found, plane.current.config, plane.records)
        raise KeyError(name)

    def update_lists(
        self, names: list[str], actor: str, reason: str, *, dry_run: bool
    ) -> AsyncIterator[dict[str, Any]]:
        """Update lists, all that are not bundled without `names`; the events tell how it goes.

        It goes on whether or not anyone listens. Raises KeyError.
        """
        loaded = {found.name: found for found in self._plane.current.lists.loaded}
        for name in names:
            loaded[name]
        names = names or [found.name for found in loaded.values() if found.kind != "builtin"]
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        update = self._updater.update(names, actor, reason, events.put_nowait, dry_run=dry_run)
        task = asyncio.create_task(update)
        self._updates.add(task)
        task.add_done_callback(lambda _: events.put_nowait(None))
        task.add_done_callback(self._updates.discard)
        return _tell(events, task)

    async def rollback_list(
        self, name: str, generation: int | None, actor: str, reason: str
    ) -> dict[str, Any]:
        """Put a kept generation in force, None the one before, and hold it. Raises KeyError."""
        return await roll_back(self._plane, name, generation, actor, reason)

    async def release_list(self, name: str, actor: str, reason: str) -> dict[str, Any]:
        """Let the newest generation and updates in again. Raises KeyError."""
        return await release(self._plane, name, actor, reason)

    async def why(self, name: str, client: str, rdatatype: str) -> dict[str, Any]:
        """Return what decides on a name for a client, and the answer. Raises ValueError."""
        return await inquire(self._plane.generation, name, client, rdatatype)

    def metrics(self) -> bytes:
        """Return the metrics in the Prometheus text format."""
        plane = self._plane
        self._metrics.snapshot = Snapshot(
            config=plane.current.config,
            lists=plane.current.lists,
            ranges=plane.ranges,
            generation=plane.current.number,
            enforcing=status.enforcing(plane),
            restarts=[worker.restarts for worker in plane.workers],
            config_current=not plane.fallback,
            list_ages={
                found.name: list_documents.age(found, plane.records)
                for found in plane.current.lists.loaded
            },
            udp_dropped=sum(map(dropped, plane.datagram_sockets)),
        )
        return self._metrics.render()


async def _tell(
    events: "asyncio.Queue[dict[str, Any] | None]", task: "asyncio.Task[None]"
) -> AsyncIterator[dict[str, Any]]:
    while (event := await events.get()) is not None:
        yield event
    await task
