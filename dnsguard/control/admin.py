"""What the API and the commands ask of the control plane."""

from typing import Any

from dnsguard.control import status
from dnsguard.control.metrics import MetricsCollector, Snapshot
from dnsguard.control.plane import ControlPlane
from dnsguard.control.results import ReloadResult
from dnsguard.evidence.why import explain


class Administration:
    """The control plane as the API sees it: one way to change it, and what can be told of it."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
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

    def why(self, name: str, client: str, rdatatype: str) -> dict[str, Any]:
        """Return what decides on a name for a client. Raises ValueError."""
        return explain(self._plane.generation, name, client, rdatatype)

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
        )
        return self._metrics.render()
