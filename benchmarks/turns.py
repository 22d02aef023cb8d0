"""Servers that are up at once and take turns under the same loads."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import loads
from benchmarks.listed import listed_names
from benchmarks.measuring import WARM, Measured, measure, warm_up
from benchmarks.peers.kind import Kind, Setting
from benchmarks.programs import compile_program
from benchmarks.serving import Serving, check, serving
from benchmarks.upstream import running_upstream
from tests.support.dns_server import free_port

LISTED = 100_000
RATE = 100_000  # queries a second of the steady load
LOADS = ("cached", "blocked", "mixed", "miss", "steady")
_POPULAR_IN = {
    "cached": ["cached"],
    "blocked": ["blocked"],
    "mixed": ["cached", "blocked"],
    "miss": [],
    "steady": ["cached"],
}


class Turns:
    """Servers started and checked for the length of a stack, and the loads for them."""

    def __init__(
        self, folder: Path, stack: ExitStack, kinds: Sequence[Kind], seconds: float
    ) -> None:
        self._folder = folder
        self._seconds = seconds
        self._listed = listed_names(LISTED)
        self._program = compile_program("steady", folder)
        self._upstream = stack.enter_context(running_upstream(folder / "upstream"))
        self._servers = [stack.enter_context(serving(kind, self._setting(kind))) for kind in kinds]
        for server in self._servers:
            check(server, self._setting(server.kind, server.port), self._upstream)
        cached = loads.write_queries(folder / "cached", loads.cached_names())
        blocked = loads.write_queries(folder / "blocked", loads.blocked_names(self._listed))
        self._queries = {"cached": cached, "blocked": blocked, "steady": cached}

    def round(self, number: int, load: str) -> Iterator[tuple[str, Measured]]:
        """Give a load to every server, each round in another order; yield name and figures."""
        if load in ("mixed", "miss"):
            self._write_fresh(load, number)
        first = number % len(self._servers)
        for server in [*self._servers[first:], *self._servers[:first]]:
            yield server.kind.name, self._measure(server, load)

    def _measure(self, server: Serving, load: str) -> Measured:
        for popular in _POPULAR_IN[load]:
            warm_up(self._program, server, self._upstream, self._queries[popular])
        measured = self._run(server, load, self._seconds)
        if not server.kind.echoes:
            _check_upstream(server, load, measured)
        return measured

    def _run(self, server: Serving, load: str, seconds: float) -> Measured:
        rate = RATE if load == "steady" else None
        queries = self._queries[load]
        return measure(self._program, server, self._upstream, queries, seconds, rate)

    def _write_fresh(self, load: str, number: int) -> None:
        path, tag = self._folder / load, f"r{number}{load}"
        if load == "mixed":
            count = int(self._seconds * loads.FASTEST)
            loads.write_queries(path, loads.mixed_names(tag, self._listed, count))
        else:
            loads.write_queries(
                path, loads.fresh_names(tag, int(self._seconds * loads.FASTEST_MISS))
            )
        self._queries[load] = path

    def _setting(self, kind: Kind, port: int = 0) -> Setting:
        folder = self._folder / kind.name
        return Setting(folder, port or free_port(), self._upstream.port, self._listed)


def _check_upstream(server: Serving, load: str, measured: Measured) -> None:
    """End the run if a load was not what it is called, by the upstream's own count."""
    least, most = {"miss": (0.99, 1.2), "mixed": (0.08, 0.15)}.get(load, (0.0, WARM))
    if not least <= measured.upstream <= most:
        raise SystemExit(
            f"{server.kind.name} sent {measured.upstream:.3f} queries upstream for each answer to "
            f"the {load} load: it should be {least} to {most}"
        )
    if measured.failed > 0.001:
        raise SystemExit(f"{server.kind.name} failed at {measured.failed:.1%} of the {load} load")
